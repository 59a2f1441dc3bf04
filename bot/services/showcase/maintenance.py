"""Runs background maintenance: pending showcase posts, recounts, digests, erasures.

Each process has one loop. Every task claims its rows, so nothing is done by two processes.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import structlog

from bot.domain.errors import DatabaseUnavailable, MediaUnavailable
from bot.domain.ports import Clock, WorkerHandle
from bot.services.showcase.channel_lanes import ChannelLanes

MaintenanceTask = Callable[[], Awaitable[None]]

GATHER_DELAY_S: Final = 1.0  # so that ten votes in a second lead to one edit
MAX_INTERVAL_S: Final = 20.0

_log: Final = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class MaintenanceLoop:
    """Runs ``tasks`` every ``interval_s`` seconds (at most 20), sooner on ``run_requested``."""

    tasks: Sequence[MaintenanceTask]
    run_requested: asyncio.Event
    worker: WorkerHandle
    clock: Clock
    interval_s: float
    lanes: Sequence[ChannelLanes] = ()
    """Background work that the tasks start; it is stopped with the loop."""

    async def run(self) -> None:
        interval_s = min(self.interval_s, MAX_INTERVAL_S)
        try:
            while True:
                self.run_requested.clear()
                if self.worker.is_alive:
                    await self.run_once()
                await self.clock.sleep(min(GATHER_DELAY_S, interval_s))
                with suppress(TimeoutError):
                    async with asyncio.timeout(interval_s):
                        await self.run_requested.wait()
        finally:
            for lanes in self.lanes:
                await lanes.close()

    async def run_once(self) -> None:
        """Run each task once; a failure does not stop the others.

        Raises `ExceptionGroup` with all unexpected errors.
        """
        errors: list[Exception] = []
        for task in self.tasks:
            try:
                await task()
            except (DatabaseUnavailable, MediaUnavailable) as error:
                _log.warning("maintenance.postponed", task=task.__qualname__, error=str(error))
            except Exception as error:
                errors.append(error)
        if errors:
            raise ExceptionGroup("maintenance failed", errors)
