"""Limits, budgets and what was spent, for members and admins."""

from datetime import datetime

from bot.domain.billing.ledger import EntryKind, LedgerAccount, LedgerPosting, UsageRow
from bot.domain.billing.limits import (
    NO_SUBJECT,
    NO_LIMITS,
    LimitRow,
    LimitSubject,
    QuotaStatus,
    SpendingPolicy,
    UsageAmount,
    UsageLimits,
)
from bot.domain.billing.money import Micros
from bot.domain.errors import RecordNotFound
from bot.domain.jobs.job import Job, Origin
from bot.domain.ports import Clock
from bot.store.billing.ledger import LedgerStore
from bot.store.jobs.jobs import JobStore


class QuotaService:
    """Who may spend what, and who has."""

    def __init__(
        self, *, jobs: JobStore, ledger: LedgerStore, clock: Clock, policy: SpendingPolicy
    ) -> None:
        self._jobs = jobs
        self._ledger = ledger
        self._clock = clock
        self._policy = policy

    async def get_quota_status(self, origin: Origin) -> QuotaStatus:
        """Return how every limit stands that holds for a person here."""
        return await self._ledger.quota_status(origin, policy=self._policy)

    async def set_limit(
        self,
        guild_id: int,
        subject: LimitSubject,
        subject_id: int,
        limits: UsageLimits | None,
        *,
        actor_id: int,
    ) -> UsageLimits:
        """Set limits of a member, a role or (number 0) everybody, and return all that hold now.

        What ``limits`` leaves out stays as it was set; ``None`` clears them all.
        """
        if limits is not None:
            for row in await self._ledger.list_limits(guild_id):
                if (row.subject, row.subject_id) == (subject, subject_id):
                    limits = limits.with_fallback(row.limits)
        await self._ledger.set_limit(
            guild_id, subject, subject_id, limits, actor_id=actor_id, now=self._clock.now()
        )
        return limits or NO_LIMITS

    async def set_budget(
        self, guild_id: int, limits: UsageLimits | None, *, actor_id: int
    ) -> UsageLimits:
        """Set what the server may spend as a whole; the operator's ceiling still holds."""
        return await self.set_limit(
            guild_id, LimitSubject.GUILD, NO_SUBJECT, limits, actor_id=actor_id
        )

    async def list_limits(self, guild_id: int) -> list[LimitRow]:
        """Return the limits that the server's admins have set."""
        return await self._ledger.list_limits(guild_id)

    async def list_usage(self, guild_id: int, *, since: datetime) -> list[UsageRow]:
        """Return what each member has used, the dearest first."""
        return await self._ledger.list_usage(guild_id, since=since)

    async def grant_extra_quota(
        self,
        guild_id: int,
        *,
        user_id: int,
        actor_id: int,
        micros: Micros | None = None,
        clips: int = 0,
        seconds: int = 0,
        comment: str | None = None,
    ) -> None:
        """Give a member extra room, for as long as the windows last that start now."""
        amount = UsageAmount(micros or Micros(0), clips, seconds)
        if min(amount.micros, amount.clips, amount.seconds) < 0:
            raise ValueError("a grant must not be negative")
        await self._ledger.add_grant(
            guild_id=guild_id,
            user_id=user_id,
            posting=LedgerPosting(EntryKind.GRANT, amount, LedgerAccount.MEMBER),
            actor_id=actor_id,
            comment=comment,
        )

    async def list_unknown_jobs(self, guild_id: int | None) -> list[Job]:
        """Return the server's jobs that wait for a judgement."""
        return await self._jobs.list_unknown(guild_id)

    async def list_all_unknown_jobs(self) -> list[Job]:
        """Return every job that waits for a judgement, for the operator."""
        return await self._jobs.list_all_unknown()

    async def settle_unknown(self, job_id: int, *, charge: bool, actor_id: int) -> Job:
        """Charge or refund an unknown job. Raises `NotFound` when it is not unknown."""
        job = await self._jobs.settle_unknown(
            job_id, charge=charge, actor_id=actor_id, now=self._clock.now()
        )
        if job is None:
            raise RecordNotFound("unknown_job")
        return job
