"""The wait before a job's next poll, and what ends it early."""

from bot.domain.ports import Clock
from bot.services.jobs.stages.event_trust import EventTrust
from bot.services.jobs.stages.interruptible_sleep import InterruptibleSleep


class PollWakeup:
    """Ends the wait of one job when it is canceled or a webhook event announces its end."""

    __slots__ = ("_clock", "_sleep", "_trust", "was_announced")

    def __init__(self, clock: Clock, trust: EventTrust | None) -> None:
        """Without a ``trust``, no events are expected."""
        self._clock = clock
        self._trust = trust
        self._sleep = InterruptibleSleep(clock)
        self.was_announced = False
        """Whether an event came; its poll may be too early, so the next ones are not seldom."""

    def announce(self) -> None:
        """Poll now, because an event says that the operation has ended."""
        self.was_announced = True
        self._sleep.interrupt()

    def wake(self) -> None:
        """End the current wait, or the next one at once."""
        self._sleep.interrupt()

    async def wait(self, usual_s: float, *, seldom_s: float) -> None:
        """Wait for ``usual_s``, or for ``seldom_s`` as long as events are trusted to come."""
        started_at = self._clock.monotonic()
        trust = self._trust
        if trust is not None and seldom_s > usual_s and trust.is_trusted and not self.was_announced:
            await self._sleep.sleep(seldom_s, trust.lost)
            usual_s -= self._clock.monotonic() - started_at
        if usual_s > 0:
            await self._sleep.sleep(usual_s)
        self._sleep.clear()
