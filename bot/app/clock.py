"""Time itself, for the running program; tests bring clocks that they turn by hand."""

import asyncio
import time
from datetime import UTC, datetime
from typing import Final

# Linux's monotonic clock stands still while the machine sleeps; leases run out all the same.
_MONOTONIC_CLOCK_ID: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class SystemClock:
    """`bot.domain.ports.Clock` by the machine's clocks."""

    def now(self) -> datetime:
        """Return the time of day in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds that only ever grow."""
        return time.clock_gettime(_MONOTONIC_CLOCK_ID)

    async def sleep(self, seconds: float) -> None:
        """Wait for ``seconds``."""
        await asyncio.sleep(seconds)
