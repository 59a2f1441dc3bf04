"""The running program's clock; tests bring clocks that they move by hand."""

import asyncio
import time
from datetime import UTC, datetime
from typing import Final

# Linux's monotonic clock stops while the machine is suspended; leases expire all the same.
_MONOTONIC_CLOCK_ID: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class SystemClock:
    """`bot.domain.ports.Clock` on the machine's clocks."""

    def now(self) -> datetime:
        """Return the current time in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds from an arbitrary start; they never go back."""
        return time.clock_gettime(_MONOTONIC_CLOCK_ID)

    async def sleep(self, seconds: float) -> None:
        """Wait for ``seconds``."""
        await asyncio.sleep(seconds)
