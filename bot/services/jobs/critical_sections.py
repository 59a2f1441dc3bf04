"""Steps that must not be torn: shielded from cancellation, and saved until the database holds."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

import structlog

from bot.domain.errors import DatabaseUnavailable
from bot.domain.ports import Clock

T = TypeVar("T")

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Backoff:
    """Waits that double, with jitter so that jobs do not march in step; in seconds."""

    initial: float = 1.0
    maximum: float = 60.0
    attempts: int = 0

    def next(self, retry_after: float | None = None) -> float:
        """Return the next wait, at least what the other side has asked for."""
        wait = min(self.maximum, self.initial * 2.0 ** min(self.attempts, 16)) * random.uniform(
            0.75, 1.25
        )
        self.attempts += 1
        return wait if retry_after is None else max(wait, retry_after + random.uniform(0.0, 0.5))

    def reset(self) -> None:
        """Begin anew after a success."""
        self.attempts = 0


class CriticalSections:
    """Runs critical sections and knows which have not ended."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sections: set[asyncio.Task[Any]] = set()

    async def run_shielded(self, work: Coroutine[Any, Any, T]) -> T:
        """Run ``work`` to its end even when the caller is cancelled."""
        task = asyncio.create_task(work)
        self._sections.add(task)
        task.add_done_callback(self._discard_section)
        return await asyncio.shield(task)

    async def retry_until_stored(
        self, save: Callable[[], Awaitable[T]], entity: str, **facts: object
    ) -> T:
        """Save until it holds, and log what is not yet saved meanwhile.

        `LeaseLost` and mistakes of ours pass at once.
        """
        backoff = Backoff(initial=0.2, maximum=2.0)
        while True:
            try:
                return await save()
            except DatabaseUnavailable as error:
                _log.warning(
                    "store.away", what=entity, tries=backoff.attempts + 1, error=str(error), **facts
                )
                await self._clock.sleep(backoff.next())

    async def drain(self, timeout_s: float) -> None:
        """Wait for the sections under way, at most ``within_s`` seconds."""
        if self._sections:
            await asyncio.wait(self._sections, timeout=timeout_s)

    async def cancel(self) -> None:
        """Cancel what has not ended: the process is about to go."""
        sections = list(self._sections)
        for task in sections:
            task.cancel()
        await asyncio.gather(*sections, return_exceptions=True)

    def _discard_section(self, task: asyncio.Task[Any]) -> None:
        self._sections.discard(task)
        if not task.cancelled():
            task.exception()  # whoever waited has it; after a cancellation nobody does
