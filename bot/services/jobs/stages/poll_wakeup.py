"""The wait before a job's next poll, and what ends it early."""

import asyncio

from bot.domain.ports import Clock
from bot.services.jobs.stages.event_trust import EventTrust


class PollWakeup:
    """Ends the wait of one job when it is canceled or a webhook event announces its end."""

    def __init__(self, clock: Clock, trust: EventTrust | None) -> None:
        """Without a ``trust``, no events are expected."""
        self._clock = clock
        self._trust = trust
        self._requested = asyncio.Event()
        self.was_announced = False
        """Whether an event came; its poll may be too early, so the next ones are not seldom."""

    def announce(self) -> None:
        """Poll now, because an event says that the operation has ended."""
        self.was_announced = True
        self._requested.set()

    def wake(self) -> None:
        """End the current wait, or the next one at once."""
        self._requested.set()

    async def wait(self, usual_s: float, *, seldom_s: float) -> None:
        """Wait for ``usual_s``, or for ``seldom_s`` as long as events are trusted to come."""
        started_at = self._clock.monotonic()
        trust = self._trust
        if trust is not None and seldom_s > usual_s and trust.is_trusted and not self.was_announced:
            await self._wait_for(seldom_s, trust.lost)
            usual_s -= self._clock.monotonic() - started_at
        if usual_s > 0 and not self._requested.is_set():
            await self._wait_for(usual_s)
        self._requested.clear()

    async def _wait_for(self, seconds: float, *also: asyncio.Event) -> None:
        waits: list[asyncio.Task[object]] = [
            asyncio.create_task(self._clock.sleep(seconds)),
            *(asyncio.create_task(event.wait()) for event in (self._requested, *also)),
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waits:
                task.cancel()
