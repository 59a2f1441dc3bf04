"""What has to be done without anybody asking: exhibits left unsettled, doubts, digests, farewells.

One loop in each process. Each part claims what it does, so several processes do everything once.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import structlog

from bot.domain.errors import StoreAway
from bot.domain.ports import Clock
from bot.domain.showcase.ports import Desk

Duty = Callable[[], Awaitable[None]]

GATHER_S: Final = 1.0
"""Seconds that news waits for more like it: ten votes in a second are one edit."""
LONGEST_S: Final = 20.0

_log: Final = structlog.get_logger(__name__)


class Upkeep:
    """Runs duties again and again."""

    def __init__(
        self,
        *,
        duties: Sequence[Duty],
        wanted: asyncio.Event,
        desk: Desk,
        clock: Clock,
        every_s: float,
    ) -> None:
        self._duties = duties
        self._wanted = wanted
        self._desk = desk
        self._clock = clock
        self._every_s = min(every_s, LONGEST_S)

    async def run(self) -> None:
        """Do every duty now and then, and soon after ``wanted``; for ever."""
        while True:
            self._wanted.clear()
            if self._desk.alive:
                await self.round()
            await self._clock.sleep(min(GATHER_S, self._every_s))
            try:
                async with asyncio.timeout(self._every_s):
                    await self._wanted.wait()
            except TimeoutError:
                pass

    async def round(self) -> None:
        """Do every duty once; one that fails does not keep the others from being done."""
        for duty in self._duties:
            try:
                await duty()
            except StoreAway as fault:
                _log.warning("upkeep waits for the database", error=str(fault))
            except Exception:
                _log.exception("upkeep failed", duty=duty.__qualname__)
