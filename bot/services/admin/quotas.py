"""Lets admins and the operator change limits and settle unknown jobs."""

from collections.abc import Iterable
from dataclasses import dataclass

from bot.domain.billing.limits import (
    NO_LIMITS,
    LimitRow,
    LimitSubject,
    SpendingPolicy,
    UsageLimits,
    resolve_guild_limits,
)
from bot.domain.errors import RecordNotFound
from bot.domain.jobs.job import Job
from bot.domain.ports import Clock
from bot.store.billing.ledger import LedgerStore
from bot.store.jobs.jobs import JobStore


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaService:
    jobs: JobStore
    ledger: LedgerStore
    clock: Clock
    policy: SpendingPolicy

    @property
    def server_ceiling(self) -> UsageLimits:
        """The most that the operator allows any server to spend."""
        return self.policy.guild

    def resolve_budget(self, rows: Iterable[LimitRow]) -> UsageLimits:
        """Return what a server with these limits may spend: its budget or the operator's."""
        return resolve_guild_limits(rows, policy=self.policy)

    async def set_limit(
        self,
        guild_id: int,
        subject: LimitSubject,
        subject_id: int,
        limits: UsageLimits | None,
        *,
        actor_id: int,
    ) -> UsageLimits:
        """Set limits and return all that the subject now has.

        ``subject_id`` is a member or role, or 0 for all members or the server's budget. Limits that
        are not given stay as they are; `None` clears all of them.
        """
        if limits is not None:
            for row in await self.ledger.list_limits(guild_id):
                if (row.subject, row.subject_id) == (subject, subject_id):
                    limits = limits.with_fallback(row.limits)
        await self.ledger.set_limit(
            guild_id, subject, subject_id, limits, actor_id=actor_id, now=self.clock.now()
        )
        return limits or NO_LIMITS

    async def replace_limit(
        self,
        guild_id: int,
        subject: LimitSubject,
        subject_id: int,
        limits: UsageLimits | None,
        *,
        actor_id: int,
    ) -> None:
        """Set exactly these limits; all others are removed."""
        await self.ledger.set_limit(
            guild_id, subject, subject_id, limits, actor_id=actor_id, now=self.clock.now()
        )

    async def settle_unknown(self, job_id: int, *, charge: bool, actor_id: int) -> Job:
        """Charge or refund an unknown job. Raises `RecordNotFound` if it is not unknown."""
        job = await self.jobs.settle_unknown(
            job_id, charge=charge, actor_id=actor_id, now=self.clock.now()
        )
        if job is None:
            raise RecordNotFound("unknown_job")
        return job
