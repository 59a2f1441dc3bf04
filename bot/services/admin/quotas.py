"""Changes of limits, and settling of jobs whose outcome is unknown, for admins and the operator."""

from bot.domain.billing.limits import NO_LIMITS, LimitSubject, UsageLimits
from bot.domain.errors import RecordNotFound
from bot.domain.jobs.job import Job
from bot.domain.ports import Clock
from bot.store.billing.ledger import LedgerStore
from bot.store.jobs.jobs import JobStore


class QuotaService:
    """Decides who may spend how much."""

    def __init__(self, *, jobs: JobStore, ledger: LedgerStore, clock: Clock) -> None:
        self._jobs = jobs
        self._ledger = ledger
        self._clock = clock

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

        ``subject_id`` is a member's or a role's, and 0 for every member or the server's budget.
        Limits that are not given stay as they are; ``None`` clears all of them.
        """
        if limits is not None:
            for row in await self._ledger.list_limits(guild_id):
                if (row.subject, row.subject_id) == (subject, subject_id):
                    limits = limits.with_fallback(row.limits)
        await self._ledger.set_limit(
            guild_id, subject, subject_id, limits, actor_id=actor_id, now=self._clock.now()
        )
        return limits or NO_LIMITS

    async def settle_unknown(self, job_id: int, *, charge: bool, actor_id: int) -> Job:
        """Charge or refund an unknown job. Raises `RecordNotFound` when it is not unknown."""
        job = await self._jobs.settle_unknown(
            job_id, charge=charge, actor_id=actor_id, now=self._clock.now()
        )
        if job is None:
            raise RecordNotFound("unknown_job")
        return job
