"""The lease under which this process may own jobs, measured by its own monotonic clock.

- A lease is a row per process, by the database's clock. It is renewed after a third of its length.
- A lease that has run out is never renewed, because its jobs may have been adopted.
- A stopped process or a hung network cannot read the database's clock in time. So a process counts
  from before it asked, trusts only 80 % of the lease, and checks it before every step with visible
  effects.
- A process that could not renew in time becomes a new worker once the database answers.
"""

import asyncio
import platform
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final
from uuid import uuid4

import structlog

from bot.domain.backoff import Backoff
from bot.domain.errors import DatabaseUnavailable, LeaseLost
from bot.domain.ports import Clock
from bot.store.jobs.workers import WorkerStore

TRUSTED_FRACTION: Final = 0.8
"""The part of a lease that its holder relies on; the rest is a safety margin."""

_log = structlog.get_logger(__name__)


@dataclass(kw_only=True, eq=False)
class Lease:
    """One worker's lease; a lost lease is replaced, never renewed."""

    worker_id: str
    length: timedelta
    clock: Clock
    _trusted_until: float = field(init=False, default=float("-inf"))

    def mark_renewed(self, asked_at: float) -> None:
        """Count from ``asked_at`` (monotonic), which is earlier than the database's own time."""
        self._trusted_until = asked_at + TRUSTED_FRACTION * self.length.total_seconds()

    def mark_lost(self) -> None:
        self._trusted_until = float("-inf")

    @property
    def remaining_s(self) -> float:
        return max(0.0, self._trusted_until - self.clock.monotonic())

    def require_valid(self) -> None:
        """Raise `LeaseLost` unless the process may act now."""
        if self.remaining_s <= 0:
            raise LeaseLost(f"the lease of worker {self.worker_id} has run out")


@dataclass(kw_only=True, eq=False)
class LeaseKeeper:
    workers: WorkerStore
    clock: Clock
    length: timedelta

    def __post_init__(self) -> None:
        self.lease = self._create_lease()

    async def register(self) -> None:
        """Register the current lease; wait until the database is available."""
        backoff = Backoff(initial=0.5, maximum=5.0)
        while True:
            asked_at = self.clock.monotonic()
            try:
                await self.workers.register(
                    self.lease.worker_id, host=platform.node(), lease=self.length
                )
            except DatabaseUnavailable as error:
                _log.warning("worker.registration_postponed", error=str(error))
                await self.clock.sleep(backoff.next_delay())
            else:
                self.lease.mark_renewed(asked_at)
                _log.info("worker.registered", worker=self.lease.worker_id)
                return

    async def register_as_new(self) -> None:
        self.lease = self._create_lease()
        await self.register()

    async def run_renewal(self, on_lost: Callable[[], Awaitable[None]]) -> None:
        """Renew the lease until canceled; ``on_lost`` must replace a lost one."""
        length_s = self.length.total_seconds()
        delay_s = length_s / 3
        while True:
            await self.clock.sleep(delay_s)
            asked_at, delay_s = self.clock.monotonic(), length_s / 3
            try:
                async with asyncio.timeout(max(0.05, self.lease.remaining_s)):
                    is_held = await self.workers.renew(self.lease.worker_id, lease=self.length)
                if is_held:
                    self.lease.mark_renewed(asked_at)
            except Exception as error:
                remaining_s = self.lease.remaining_s
                if isinstance(error, DatabaseUnavailable | TimeoutError):
                    _log.warning(
                        "lease.renewal_failed", remaining_s=round(remaining_s, 1), error=str(error)
                    )
                else:  # a bug costs at most the lease, not the process
                    _log.exception("lease.renewal_failed")
                delay_s = min(length_s / 15, remaining_s)
                is_held = remaining_s > 0
            if not is_held:
                try:
                    await on_lost()
                except Exception:  # the lease is still lost, so the next round tries again
                    _log.exception("lease.restart_failed")
                    delay_s = length_s / 15

    async def retire(self, timeout_s: float) -> None:
        """Give the lease back; database errors and timeouts are only logged."""
        self.lease.mark_lost()
        try:
            async with asyncio.timeout(timeout_s):
                await self.workers.retire(self.lease.worker_id)
        except (DatabaseUnavailable, TimeoutError) as error:
            _log.warning("lease.retire_failed", error=str(error))

    def _create_lease(self) -> Lease:
        return Lease(worker_id=uuid4().hex, length=self.length, clock=self.clock)
