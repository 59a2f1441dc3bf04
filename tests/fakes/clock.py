"""Clocks that run fast or can be moved forward."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

from bot.domain.ports import Clock


class FastClock(Clock):
    """``speed`` times as fast as the wall clock; begins now, or at ``start``."""

    def __init__(self, *, speed: float = 200.0, start: datetime | None = None) -> None:
        self._speed = speed
        self._start = start or datetime.now(UTC)
        self._real_start = time.monotonic()
        self._skipped_s = 0.0

    def monotonic(self) -> float:
        """Return fast seconds."""
        return (time.monotonic() - self._real_start) * self._speed

    def now(self) -> datetime:
        """Return the fast time of day."""
        return self._start + timedelta(seconds=self.monotonic() + self._skipped_s)

    async def sleep(self, seconds: float) -> None:
        """Sleep a fraction of ``seconds``."""
        await asyncio.sleep(seconds / self._speed)

    def jump(self, duration: timedelta) -> None:
        """Change the time of day, as when the machine was asleep; no sleep ends earlier."""
        self._skipped_s += duration.total_seconds()


class VirtualClock(FastClock):
    """Time that passes only in `sleep`, which returns at once."""

    def __init__(self, *, start: datetime) -> None:
        super().__init__(start=start)
        self._slept_s = 0.0

    def monotonic(self) -> float:
        """Return the seconds that were slept."""
        return self._slept_s

    async def sleep(self, seconds: float) -> None:
        """Let ``seconds`` pass."""
        self._slept_s += seconds
        await asyncio.sleep(0)

    def jump_ahead(self, seconds: float) -> None:
        """Let ``seconds`` pass while nobody sleeps."""
        self._slept_s += seconds
