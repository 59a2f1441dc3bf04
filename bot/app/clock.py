"""The real clock. Tests replace it with one that they control."""

import asyncio
import time
from datetime import UTC, datetime
from typing import Final

# Linux's monotonic clock stops while the machine is suspended, but leases still expire.
_MONOTONIC_CLOCK_ID: Final = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class SystemClock:
    """`bot.domain.ports.Clock` from the clocks of the operating system."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.clock_gettime(_MONOTONIC_CLOCK_ID)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
