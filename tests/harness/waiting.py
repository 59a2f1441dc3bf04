"""Waiting for a condition instead of for a time.

A test that sleeps is slow when it is lucky and wrong when it is not. These functions look again
and again until the condition holds, and say what they last saw when it does not in time.
"""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, overload

T = TypeVar("T")

DEFAULT_TIMEOUT_S = 60.0
DEFAULT_INTERVAL_S = 0.03


class NotInTime(AssertionError):
    """The condition did not hold in time; the message tells what was last seen."""


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
    """Calls the condition (plain or async) until it answers something true, and answers that.

    An AssertionError raised by the condition counts as "not yet". Raises NotInTime after
    ``timeout`` seconds.
    """
    deadline = time.monotonic() + timeout
    cause: AssertionError | None = None
    seen: object = None
    while True:
        try:
            answer = condition()
            value = await answer if inspect.isawaitable(answer) else answer
        except AssertionError as error:
            cause, seen = error, error
        else:
            if value:
                return value
            cause, seen = None, value
        if time.monotonic() >= deadline:
            name = what or getattr(condition, "__name__", "the condition")
            raise NotInTime(f"{name}: not within {timeout} s; last seen: {seen!r}") from cause
        await asyncio.sleep(interval)
