"""Lets admins and the operator change limits and settle unknown jobs."""

import json
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
from bot.domain.showcase.post import AuditAction, AuditEntry
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
        before = await self._load_limits(guild_id, subject, subject_id)
        if limits is not None:
            limits = limits.with_fallback(before)
        await self._save_limits(
            guild_id, subject, subject_id, limits, actor_id=actor_id, before=before
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
        before = await self._load_limits(guild_id, subject, subject_id)
        await self._save_limits(
            guild_id, subject, subject_id, limits, actor_id=actor_id, before=before
        )

    async def _load_limits(
        self, guild_id: int, subject: LimitSubject, subject_id: int
    ) -> UsageLimits:
        for row in await self.ledger.list_limits(guild_id):
            if (row.subject, row.subject_id) == (subject, subject_id):
                return row.limits
        return NO_LIMITS

    async def _save_limits(
        self,
        guild_id: int,
        subject: LimitSubject,
        subject_id: int,
        limits: UsageLimits | None,
        *,
        actor_id: int,
        before: UsageLimits,
    ) -> None:
        """Write limits, and an audit entry if they are others than ``before``."""
        now, audit_entry = self.clock.now(), None
        is_member = subject is LimitSubject.MEMBER
        if (limits or NO_LIMITS) != before:
            # a member's id is only in a column, where erasing them finds it
            given = {name: value for name, value in limits or NO_LIMITS if value is not None}
            comment = {"subject": subject, "limits": given or None}
            audit_entry = AuditEntry(
                guild_id,
                actor_id,
                AuditAction.CHANGE_LIMITS,
                now,
                target_user_id=subject_id if is_member else None,
                comment=json.dumps(comment if is_member else comment | {"subject_id": subject_id}),
            )
        await self.ledger.set_limit(
            guild_id,
            subject,
            subject_id,
            limits,
            actor_id=actor_id,
            now=now,
            audit_entry=audit_entry,
        )

    async def settle_unknown(self, job_id: int, *, charge: bool, actor_id: int) -> Job:
        """Charge or refund an unknown job. Raises `RecordNotFound` if it is not unknown."""
        job = await self.jobs.settle_unknown(
            job_id, charge=charge, actor_id=actor_id, now=self.clock.now()
        )
        if job is None:
            raise RecordNotFound("unknown_job")
        return job
