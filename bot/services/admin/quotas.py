"""Limits, budgets and what was spent, for members and admins."""

from datetime import datetime

from bot.domain.billing.ledger import Account, EntryKind, Posting
from bot.domain.billing.limits import NO_LIMITS, Amount, LimitRow, Limits, Policy, Standing, Subject
from bot.domain.billing.money import Micros
from bot.domain.errors import NotFound
from bot.domain.jobs.job import Job, Origin
from bot.domain.ports import Clock
from bot.domain.stores import UsageRow
from bot.store.billing.ledger import LedgerStore
from bot.store.jobs.jobs import JobStore


class Quotas:
    """Who may spend what, and who has."""

    def __init__(
        self, *, jobs: JobStore, ledger: LedgerStore, clock: Clock, policy: Policy
    ) -> None:
        self._jobs = jobs
        self._ledger = ledger
        self._clock = clock
        self._policy = policy

    async def standing(self, origin: Origin) -> Standing:
        """Return how every limit stands that holds for a person here."""
        return await self._ledger.standing(origin, policy=self._policy)

    async def set_limit(
        self,
        guild_id: int,
        subject: Subject,
        subject_id: int,
        limits: Limits | None,
        *,
        by: int,
    ) -> Limits:
        """Set limits of a member, a role or (number 0) everybody, and return all that hold now.

        What ``limits`` leaves out stays as it was set; ``None`` clears them all.
        """
        if limits is not None:
            for row in await self._ledger.limits(guild_id):
                if (row.subject, row.subject_id) == (subject, subject_id):
                    limits = limits.or_else(row.limits)
        await self._ledger.set_limit(
            guild_id, subject, subject_id, limits, by=by, now=self._clock.now()
        )
        return limits or NO_LIMITS

    async def set_budget(self, guild_id: int, limits: Limits | None, *, by: int) -> Limits:
        """Set what the server may spend as a whole; the operator's ceiling still holds."""
        return await self.set_limit(guild_id, Subject.GUILD, 0, limits, by=by)

    async def list_limits(self, guild_id: int) -> list[LimitRow]:
        """Return the limits that the server's admins have set."""
        return await self._ledger.limits(guild_id)

    async def usage(self, guild_id: int, *, since: datetime) -> list[UsageRow]:
        """Return what each member has used, the dearest first."""
        return await self._ledger.usage(guild_id, since=since)

    async def grant(
        self,
        guild_id: int,
        *,
        user_id: int,
        by: int,
        micros: Micros | None = None,
        clips: int = 0,
        seconds: int = 0,
        note: str | None = None,
    ) -> None:
        """Give a member extra room, for as long as the windows last that start now."""
        amount = Amount(micros or Micros(0), clips, seconds)
        if min(amount.micros, amount.clips, amount.seconds) < 0:
            raise ValueError("a grant must not be negative")
        await self._ledger.grant(
            guild_id=guild_id,
            user_id=user_id,
            posting=Posting(EntryKind.GRANT, amount, Account.MEMBER),
            by=by,
            note=note,
        )

    async def unknown(self, guild_id: int | None) -> list[Job]:
        """Return the server's jobs that wait for a judgement."""
        return await self._jobs.unknown(guild_id)

    async def unknown_anywhere(self) -> list[Job]:
        """Return every job that waits for a judgement, for the operator."""
        return await self._jobs.unknown_anywhere()

    async def judge(self, job_id: int, *, charge: bool, by: int) -> Job:
        """Charge or refund an unknown job. Raises `NotFound` when it is not unknown."""
        job = await self._jobs.judge(job_id, charge=charge, by=by, now=self._clock.now())
        if job is None:
            raise NotFound("unknown_job")
        return job
