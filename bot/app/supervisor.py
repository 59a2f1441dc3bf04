"""Keeps the background loops running: a loop that fails is logged, counted and restarted.

Without this, nobody would notice a failed asyncio task until the program ends.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from functools import partial
from typing import Any, Final

import structlog
from prometheus_client import Counter

from bot.domain.backoff import Backoff
from bot.domain.ports import Clock

BackgroundLoop = Callable[[], Coroutine[Any, Any, None]]
"""Starts a loop that runs until it is cancelled."""

INITIAL_PAUSE_S: Final = 1.0
MAXIMUM_PAUSE_S: Final = 60.0

_log: Final = structlog.get_logger(__name__)


class LoopEnded(Exception):
    """A background loop returned, though it should run until it is cancelled."""


def make_readiness_check(check: Callable[[], bool]) -> Callable[[], Awaitable[bool]]:
    """Return ``check`` as an asynchronous readiness check for the web server."""

    async def run_check() -> bool:
        return check()

    return run_check


class BackgroundSupervisor:
    """Runs each of ``loops`` as a task with its name.

    After a restart, a loop counts as healthy only when it has run for as long as the pause before
    the restart. Otherwise a loop that keeps failing would look healthy in between.
    """

    def __init__(
        self, loops: Mapping[str, BackgroundLoop], *, failures: Counter, clock: Clock
    ) -> None:
        self._loops = dict(loops)
        self._failures = failures
        self._clock = clock
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._healthy_from = dict.fromkeys(self._loops, 0.0)
        for name in self._loops:
            failures.labels(name)  # creates the series, so that it starts with 0

    @property
    def checks(self) -> dict[str, Callable[[], Awaitable[bool]]]:
        return {name: make_readiness_check(partial(self.is_healthy, name)) for name in self._loops}

    def start(self, *names: str) -> None:
        """Start the named loops, or all. Loops that already run are not started again."""
        for name in names or self._loops:
            if name not in self._tasks:
                self._tasks[name] = asyncio.create_task(self._keep_running(name), name=name)

    async def stop(self) -> None:
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        self._tasks.clear()

    def is_healthy(self, name: str) -> bool:
        return name in self._tasks and self._clock.monotonic() >= self._healthy_from[name]

    async def _keep_running(self, name: str) -> None:
        backoff = Backoff(initial=INITIAL_PAUSE_S, maximum=MAXIMUM_PAUSE_S)
        while True:
            started_at = self._clock.monotonic()
            try:
                await self._loops[name]()
                raise LoopEnded(name)
            except asyncio.CancelledError as error:
                task = asyncio.current_task()
                if task is None or task.cancelling():
                    raise
                failure: BaseException = error  # something that the loop awaited was cancelled
            except Exception as error:
                failure = error
            if self._clock.monotonic() - started_at > MAXIMUM_PAUSE_S:
                backoff.reset()
            pause = backoff.next_delay()
            self._healthy_from[name] = self._clock.monotonic() + 2 * pause
            self._failures.labels(name).inc()
            _log.error(
                "background_task.failed", task=name, restart_in_s=round(pause, 1), exc_info=failure
            )
            await self._clock.sleep(pause)
