"""Runs background maintenance: pending showcase posts, recounts, digests, erasures.

One loop in each process. Every task claims its rows, so several processes do everything once.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import structlog

from bot.domain.errors import DatabaseUnavailable
from bot.domain.ports import Clock, WorkerHandle

MaintenanceTask = Callable[[], Awaitable[None]]

GATHER_DELAY_S: Final = 1.0
"""Batches requests: ten votes in a second are one edit."""
MAX_INTERVAL_S: Final = 20.0

_log: Final = structlog.get_logger(__name__)


class MaintenanceLoop:
    """Runs ``tasks`` every ``interval_s`` seconds (at most 20), sooner on ``run_requested``."""

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
        """Run the tasks again and again, until cancelled."""
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
        """Run each task once; one that fails does not stop the others.

        Raises `ExceptionGroup` with all unexpected errors.
        """
        errors: list[Exception] = []
        for task in self._tasks:
            try:
                await task()
            except DatabaseUnavailable as error:
                _log.warning("maintenance.postponed", task=task.__qualname__, error=str(error))
            except Exception as error:
                errors.append(error)
        if errors:
            raise ExceptionGroup("maintenance failed", errors)
