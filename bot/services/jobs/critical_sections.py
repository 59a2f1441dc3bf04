"""Critical sections: shielded from cancellation, with writes that are retried until stored."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import structlog

from bot.domain.backoff import Backoff
from bot.domain.errors import DatabaseUnavailable
from bot.domain.ports import Clock

T = TypeVar("T")

_log = structlog.get_logger(__name__)


class CriticalSections:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sections: set[asyncio.Task[Any]] = set()
        self._is_closed = False

    def close(self) -> None:
        """Mark that the process stops, so that no section begins what it cannot undo."""
        self._is_closed = True

    @property
    def is_closed(self) -> bool:
        return self._is_closed

    @property
    def running_count(self) -> int:
        return len(self._sections)

    async def run_shielded(self, work: Coroutine[Any, Any, T]) -> T:
        """Run ``work`` to its end even if the caller is canceled."""
        task = asyncio.create_task(work)
        self._sections.add(task)
        task.add_done_callback(self._discard_section)
        return await asyncio.shield(task)

    async def retry_until_stored(
        self, access: Callable[[], Awaitable[T]], **log_facts: object
    ) -> T:
        """Call ``access`` until the database is available; other errors are raised at once."""
        backoff = Backoff(initial=0.2, maximum=2.0)
        while True:
            try:
                return await access()
            except DatabaseUnavailable as error:
                delay_s = backoff.next_delay()
                _log.warning(
                    "save.postponed", attempts=backoff.attempts, error=str(error), **log_facts
                )
                await self._clock.sleep(delay_s)

    async def drain(self, timeout_s: float) -> None:
        if self._sections:
            await asyncio.wait(self._sections, timeout=timeout_s)

    async def cancel(self) -> None:
        sections = list(self._sections)
        for task in sections:
            task.cancel()
        await asyncio.gather(*sections, return_exceptions=True)

    def _discard_section(self, task: asyncio.Task[Any]) -> None:
        self._sections.discard(task)
        if not task.cancelled():
            task.exception()  # retrieved here, because a canceled caller no longer does
