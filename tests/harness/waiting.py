"""Waits for a condition, because sleeping for a fixed time makes tests slow or flaky."""

import asyncio
import inspect
import os
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, overload

T = TypeVar("T")

DEFAULT_TIMEOUT_S = 60.0
DEFAULT_INTERVAL_S = 0.03
_MAX_STRETCH = 10.0


def stretch_timeout(seconds: float) -> float:
    """Return how long a machine as busy as this one needs for what a quiet one does in ``seconds``.

    The load is the number of processes that share the processors.
    """
    load = os.getloadavg()[0] / (os.cpu_count() or 1)
    return seconds * min(max(1.0, load), _MAX_STRETCH)


class NotInTime(AssertionError):
    """The condition did not hold in time; the message holds the last value."""


@overload
async def eventually(
    condition: Callable[[], Awaitable[T]],
    *,
    timeout: float = DEFAULT_TIMEOUT_S,
    interval: float = DEFAULT_INTERVAL_S,
    what: str = "",
) -> T: ...
@overload
async def eventually(
    condition: Callable[[], T],
    *,
    timeout: float = DEFAULT_TIMEOUT_S,
    interval: float = DEFAULT_INTERVAL_S,
    what: str = "",
) -> T: ...
async def eventually(
    condition: Callable[[], Any],
    *,
    timeout: float = DEFAULT_TIMEOUT_S,
    interval: float = DEFAULT_INTERVAL_S,
    what: str = "",
) -> Any:
    """Call the condition (sync or async) until it returns a true value, and return that.

    An `AssertionError` of the condition counts as false. Raises `NotInTime` after ``timeout``
    seconds, or later on a busy machine; ``what`` names the condition in its message.
    """
    started_at = time.monotonic()
    cause: AssertionError | None = None
    last: object = None
    while True:
        try:
            answer = condition()
            value = await answer if inspect.isawaitable(answer) else answer
        except AssertionError as error:
            cause, last = error, error
        else:
            if value:
                return value
            cause, last = None, value
        waited_s = time.monotonic() - started_at
        if waited_s >= stretch_timeout(timeout):
            name = what or getattr(condition, "__name__", "the condition")
            raise NotInTime(f"{name}: not within {waited_s:.0f} s; last value: {last!r}") from cause
        await asyncio.sleep(interval)
