"""Lets urgent work pass, and spreads bursts of other work over passes of the event loop.

Discord waits only three seconds for an acknowledgement. In one pass the event loop runs everything
that is ready, and looks for new events only afterwards. So the work of sixty accepted requests that
are ready at once would run before the next gateway event is even read.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

MAXIMUM_WAIT_S: Final = 3.0
"""Longer than this nobody waits for urgent work, so that a busy or broken Discord stops nothing."""


class LoopTurns:
    """Lets one caller continue in each pass of the event loop while nothing urgent is under way."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._urgent_count = 0
        self._nothing_urgent = asyncio.Event()
        self._nothing_urgent.set()

    @contextmanager
    def let_pass(self) -> Iterator[None]:
        """Treat the body as urgent: callers of `take_turn` wait for its end."""
        self._urgent_count += 1
        self._nothing_urgent.clear()
        try:
            yield
        finally:
            self._urgent_count -= 1
            if self._urgent_count == 0:
                self._nothing_urgent.set()

    async def take_turn(self) -> None:
        """Wait for urgent work, and for those who called earlier; at most `MAXIMUM_WAIT_S`.

        No two calls return in the same pass of the event loop.
        """
        give_up_at = asyncio.get_running_loop().time() + MAXIMUM_WAIT_S
        async with self._lock:
            await asyncio.sleep(0)
            if self._nothing_urgent.is_set():
                return
            with suppress(TimeoutError):
                async with asyncio.timeout_at(give_up_at):
                    await self._nothing_urgent.wait()
