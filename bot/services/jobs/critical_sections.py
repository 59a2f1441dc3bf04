"""Steps that must not be torn: shielded from cancellation, and saved until the database holds."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

import structlog

from bot.domain.errors import StoreAway
from bot.domain.ports import Clock

T = TypeVar("T")

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Backoff:
    """Waits that double, with jitter so that jobs do not march in step; in seconds."""

    first: float = 1.0
    most: float = 60.0
    tries: int = 0

    def next(self, told: float | None = None) -> float:
        """Return the next wait, at least what the other side has asked for."""
        wait = min(self.most, self.first * 2.0 ** min(self.tries, 16)) * random.uniform(0.75, 1.25)
        self.tries += 1
        return wait if told is None else max(wait, told + random.uniform(0.0, 0.5))

    def reset(self) -> None:
        """Begin anew after a success."""
        self.tries = 0


class Steady:
    """Runs critical sections and knows which have not ended."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sections: set[asyncio.Task[Any]] = set()

    async def section(self, work: Coroutine[Any, Any, T]) -> T:
        """Run ``work`` to its end even when the caller is cancelled."""
        task = asyncio.create_task(work)
        self._sections.add(task)
        task.add_done_callback(self._ended)
        return await asyncio.shield(task)

    async def hold(self, save: Callable[[], Awaitable[T]], what: str, **facts: object) -> T:
        """Save until it holds, and log what is not yet saved meanwhile.

        `LeaseLost` and mistakes of ours pass at once.
        """
        backoff = Backoff(first=0.2, most=2.0)
        while True:
            try:
                return await save()
            except StoreAway as error:
                _log.warning(
                    "store.away", what=what, tries=backoff.tries + 1, error=str(error), **facts
                )
                await self._clock.sleep(backoff.next())

    async def settle(self, within_s: float) -> None:
        """Wait for the sections under way, at most ``within_s`` seconds."""
        if self._sections:
            await asyncio.wait(self._sections, timeout=within_s)

    async def abandon(self) -> None:
        """Cancel what has not ended: the process is about to go."""
        sections = list(self._sections)
        for task in sections:
            task.cancel()
        await asyncio.gather(*sections, return_exceptions=True)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._sections.discard(task)
        if not task.cancelled():
            task.exception()  # whoever waited has it; after a cancellation nobody does
