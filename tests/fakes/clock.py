"""Time that runs faster, and can be turned forward."""

import asyncio
import time
from datetime import UTC, datetime, timedelta


class FastClock:
    """`bot.domain.ports.Clock`, ``speed`` times as fast as the wall clock; begins now, or then."""

    def __init__(self, *, speed: float = 200.0, began: datetime | None = None) -> None:
        self._speed = speed
        self._began = began or datetime.now(UTC)
        self._zero = time.monotonic()
        self._skipped = 0.0

    def monotonic(self) -> float:
        """Return fast seconds."""
        return (time.monotonic() - self._zero) * self._speed

    def now(self) -> datetime:
        """Return the fast time of day."""
        return self._began + timedelta(seconds=self.monotonic() + self._skipped)

    async def sleep(self, seconds: float) -> None:
        """Sleep a fraction of ``seconds``."""
        await asyncio.sleep(seconds / self._speed)

    def skip(self, span: timedelta) -> None:
        """Change the time of day, as when the machine was asleep; nobody is woken."""
        self._skipped += span.total_seconds()


class StandingClock(FastClock):
    """Time that passes only while somebody sleeps, which takes none of the test's."""

    def __init__(self, *, began: datetime) -> None:
        super().__init__(began=began)
        self._at = 0.0

    def monotonic(self) -> float:
        """Return the seconds that were slept."""
        return self._at

    async def sleep(self, seconds: float) -> None:
        """Let ``seconds`` pass."""
        self._at += seconds
        await asyncio.sleep(0)
