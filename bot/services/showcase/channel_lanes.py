"""Runs the work on messages one after another in each channel; no channel waits for another.

Discord's rate limits apply per channel and may delay an edit for minutes. Such work continues in
the background. What Discord postponed is not retried earlier than Discord said.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import structlog

from bot.domain.backoff import Backoff
from bot.domain.errors import (
    DatabaseUnavailable,
    DeliveryError,
    DiscordUnavailable,
    MediaUnavailable,
)
from bot.domain.ports import Clock

ROUND_TIMEOUT_S: Final = 5.0
"""How long one round waits for its work; what takes longer continues in the background."""
_FIRST_RETRY_S: Final = 10.0
_MAX_RETRY_S: Final = 600.0
_MAX_POSTPONED: Final = 10_000

_log: Final = structlog.get_logger(__name__)

LaneWork = Callable[[int], Awaitable[None]]
"""Does the work of one row, by its id."""


@dataclass(kw_only=True, eq=False)
class ChannelLanes:
    """Runs the work of one kind of row; ``kind`` is its name in the log."""

    kind: str
    clock: Clock
    _tasks: dict[Hashable, asyncio.Task[None]] = field(init=False, default_factory=dict)
    _retries: dict[int, tuple[Backoff, float]] = field(init=False, default_factory=dict)
    _failures: list[Exception] = field(init=False, default_factory=list)

    @property
    def postponed_ids(self) -> list[int]:
        """The ids of rows that must not be tried yet."""
        now = self.clock.monotonic()
        return [row_id for row_id, (_, retry_at) in self._retries.items() if retry_at > now]

    async def run(self, rows_by_channel: Mapping[Hashable, Sequence[int]], work: LaneWork) -> None:
        """Start the work of each idle channel, and wait up to `ROUND_TIMEOUT_S` for its end.

        Raises `ExceptionGroup` with the unexpected errors since the last round.
        """
        for channel, row_ids in rows_by_channel.items():
            if channel not in self._tasks:
                task = asyncio.create_task(
                    self._run_lane(channel, list(row_ids), work), name=f"{self.kind} {channel}"
                )
                self._tasks[channel] = task
        if self._tasks:
            await asyncio.wait(self._tasks.values(), timeout=ROUND_TIMEOUT_S)
        failures, self._failures = self._failures, []
        if failures:
            raise ExceptionGroup(f"{self.kind} failed", failures)

    async def close(self) -> None:
        """Stop all work; unfinished rows are found again."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run_lane(self, channel: Hashable, row_ids: list[int], work: LaneWork) -> None:
        try:
            for row_id in row_ids:
                await self._run_row(row_id, work)
        finally:
            self._tasks.pop(channel, None)

    async def _run_row(self, row_id: int, work: LaneWork) -> None:
        try:
            await work(row_id)
        except DiscordUnavailable as error:
            self._postpone(row_id, error.retry_after_s)
            _log.info(f"{self.kind}.postponed", row=row_id, error=str(error))
        except DeliveryError as error:
            _log.info(f"{self.kind}.failed", row=row_id, error=str(error))
        except MediaUnavailable as error:
            self._postpone(row_id, None)
            _log.warning(f"{self.kind}.postponed", row=row_id, error=str(error))
        except DatabaseUnavailable as error:
            _log.warning(f"{self.kind}.postponed", row=row_id, error=str(error))
        except Exception as error:
            self._postpone(row_id, None)
            self._failures.append(error)
        else:
            self._retries.pop(row_id, None)

    def _postpone(self, row_id: int, retry_after_s: float | None) -> None:
        default = Backoff(initial=_FIRST_RETRY_S, maximum=_MAX_RETRY_S), 0.0
        backoff, _ = self._retries.pop(row_id, default)
        delay_s = backoff.next_delay(retry_after_s)
        self._retries[row_id] = backoff, self.clock.monotonic() + delay_s
        while len(self._retries) > _MAX_POSTPONED:
            del self._retries[next(iter(self._retries))]
