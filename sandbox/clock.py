"""The sandbox's only source of time.

Discord's 3-second acknowledgement, 15-minute tokens, rate-limit windows and Google's two-day file
lifetime are all rules about time. Nothing in the sandbox reads the system clock itself, so a test
(or ``POST /control/clock``) can move time forward instead of waiting for it.
"""

import asyncio
import time


class SandboxClock:
    """Real time plus whatever it has been advanced by.

    With ``frozen_at`` (unix seconds) the clock does not run by itself: it moves only when it is
    advanced, which makes a test's arithmetic exact.
    """

    def __init__(self, frozen_at: float | None = None) -> None:
        self._frozen_at = frozen_at
        self._offset = 0.0
        self._sleepers: set[asyncio.Future[None]] = set()

    def now(self) -> float:
        """Unix seconds."""
        base = time.time() if self._frozen_at is None else self._frozen_at
        return base + self._offset

    def monotonic(self) -> float:
        """Seconds that never run backwards; only differences mean anything."""
        base = time.monotonic() if self._frozen_at is None else self._frozen_at
        return base + self._offset

    def advance(self, seconds: float) -> None:
        """Moves time forward and wakes the sleepers whose time has come.

        Raises ValueError for a negative number: no rule here can undo what it has done.
        """
        if seconds < 0:
            msg = f"time does not run backwards: {seconds}"
            raise ValueError(msg)
        self._offset += seconds
        for sleeper in self._sleepers:
            if not sleeper.done():
                sleeper.set_result(None)

    async def sleep(self, seconds: float) -> None:
        """Sleeps by this clock: ends early in real time when the clock is advanced past it."""
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
