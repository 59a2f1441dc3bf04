"""What has to be done without anybody asking: exhibits left unsettled, doubts, digests, farewells.

One loop in each process. Each part claims what it does, so several processes do everything once.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import structlog

from bot.domain.errors import DatabaseUnavailable
from bot.domain.ports import Clock, WorkerHandle

MaintenanceTask = Callable[[], Awaitable[None]]

GATHER_DELAY_S: Final = 1.0
"""Seconds that news waits for more like it: ten votes in a second are one edit."""
MAX_INTERVAL_S: Final = 20.0

_log: Final = structlog.get_logger(__name__)


class MaintenanceLoop:
    """Runs duties again and again."""

    def __init__(
        self,
        *,
        tasks: Sequence[MaintenanceTask],
        run_requested: asyncio.Event,
        worker: WorkerHandle,
        clock: Clock,
        interval_s: float,
    ) -> None:
        self._tasks = tasks
        self._run_requested = run_requested
        self._worker = worker
        self._clock = clock
        self._interval_s = min(interval_s, MAX_INTERVAL_S)

    async def run(self) -> None:
        """Do every duty now and then, and soon after ``wanted``; for ever."""
        while True:
            self._run_requested.clear()
            if self._worker.is_alive:
                await self.run_once()
            await self._clock.sleep(min(GATHER_DELAY_S, self._interval_s))
            try:
                async with asyncio.timeout(self._interval_s):
                    await self._run_requested.wait()
            except TimeoutError:
                pass

    async def run_once(self) -> None:
        """Do every duty once; one that fails does not keep the others from being done."""
        for duty in self._tasks:
            try:
                await duty()
            except DatabaseUnavailable as fault:
                _log.warning("upkeep waits for the database", error=str(fault))
            except Exception:
                _log.exception("upkeep failed", duty=duty.__qualname__)
