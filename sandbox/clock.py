"""The sandbox's only source of time, so that tests can advance it instead of waiting.

Acknowledgement deadlines, token lifetimes, rate-limit windows and Google's file lifetime are all
read from here.
"""

import asyncio
import time


class SandboxClock:
    """Real time plus the seconds it was advanced by; from ``frozen_at`` (unix s) only those."""

    def __init__(self, frozen_at: float | None = None) -> None:
        self._frozen_at = frozen_at
        self._offset = 0.0
        self._sleepers: set[asyncio.Future[None]] = set()

    def now(self) -> float:
        """Return the time in unix seconds."""
        base = time.time() if self._frozen_at is None else self._frozen_at
        return base + self._offset

    def monotonic(self) -> float:
        """Return seconds that never decrease. Only differences between them have a meaning."""
        base = time.monotonic() if self._frozen_at is None else self._frozen_at
        return base + self._offset

    def advance(self, seconds: float) -> None:
        """Move time forward and wake sleepers. Raises ValueError for a negative number."""
        if seconds < 0:
            raise ValueError(f"time does not run backwards: {seconds}")
        self._offset += seconds
        for sleeper in self._sleepers:
            if not sleeper.done():
                sleeper.set_result(None)

    async def sleep(self, seconds: float) -> None:
        """Sleep by this clock, and return early in real time when it is advanced far enough."""
        deadline = self.monotonic() + seconds
        while (left := deadline - self.monotonic()) > 0:
            moved: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._sleepers.add(moved)
            try:
                await asyncio.wait([moved], timeout=left if self._frozen_at is None else None)
            finally:
                self._sleepers.discard(moved)
                moved.cancel()
        await asyncio.sleep(0)
