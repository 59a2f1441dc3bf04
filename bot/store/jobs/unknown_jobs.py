"""Unknown jobs: which to ask Google about, reopening them, settling them."""

from datetime import datetime, timedelta

from sqlalchemy import func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.alerts import UnknownJobsReading
from bot.domain.billing.ledger import build_unknown_settlement
from bot.domain.billing.limits import UsageAmount
from bot.domain.guild import OPERATOR_ID
from bot.domain.jobs.job import GOOGLE_FILE_LIFETIME, Job, JobState
from bot.domain.showcase.post import AuditAction, AuditEntry
from bot.store.billing.entries import load_entries, write_entries
from bot.store.engine.types import DatabaseClock
from bot.store.jobs.transitions import fetch_job, require_transition
from bot.store.showcase.audit_log import write_audit_entry
from bot.store.tables.core import jobs_table
from bot.store.tables.row_mapping import jobs_from_rows

_jobs = jobs_table.c


async def claim_due(
    connection: AsyncConnection, *, interval: timedelta, limit: int, clock: DatabaseClock
) -> list[Job]:
    """Return jobs to ask Google about now, and set when each is due again.

    Jobs of erased members are left out, because nobody could get the clip.
    """
    now = await clock(connection)
    never_asked = _jobs.retry_at.is_(None) & (_jobs.finished_at <= now - interval)
    due = (
        select(_jobs.id)
        .where(
            _jobs.state == JobState.UNKNOWN,
            _jobs.owner.is_(None),
            _jobs.user_id > 0,
            _jobs.submitted_at > now - GOOGLE_FILE_LIFETIME,
            or_(never_asked, _jobs.retry_at <= now),
        )
        .order_by(_jobs.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("due")
    )
    statement = (
        update(jobs_table)
        .where(_jobs.id.in_(select(due.c.id)))
        .values(retry_at=now + interval)
        .returning(*_jobs)
    )
    return jobs_from_rows((await connection.execute(statement)).mappings().all())


async def summarize(connection: AsyncConnection) -> UnknownJobsReading | None:
    """Return how many jobs are unknown and which became so last; `None` if there are none."""
    is_unknown = _jobs.state == JobState.UNKNOWN
    query = select(_jobs.id, _jobs.finished_at, func.count().over().label("job_count"))
    latest_first = query.where(is_unknown, _jobs.finished_at.is_not(None)).order_by(
        _jobs.finished_at.desc(), _jobs.id.desc()
    )
    row = (await connection.execute(latest_first.limit(1))).mappings().one_or_none()
    if row is None:
        return None
    return UnknownJobsReading(row["job_count"], row["id"], row["finished_at"])


async def reopen(connection: AsyncConnection, *, job: Job, owner: str) -> Job | None:
    """Move an unknown job to ``polling``; return `None` if it has changed meanwhile."""
    require_transition(job, JobState.POLLING)
    statement = (
        update(jobs_table)
        .where(
            _jobs.id == job.id,
            _jobs.state == JobState.UNKNOWN,
            _jobs.owner.is_(None),
            _jobs.epoch == job.epoch,
        )
        .values(
            state=JobState.POLLING,
            owner=owner,
            epoch=_jobs.epoch + 1,
            retry_at=None,
            outcome=None,
            detail=None,
        )
        .returning(*_jobs)
    )
    return await fetch_job(connection, statement)


async def settle(
    connection: AsyncConnection, *, job_id: int, charge: bool, actor_id: int, now: datetime
) -> Job | None:
    """Charge or refund an unknown job and end it; return `None` if it is not unknown."""
    job = await fetch_job(
        connection,
        update(jobs_table)
        .where(_jobs.id == job_id, _jobs.state == JobState.UNKNOWN)
        .values(state=JobState.DONE if charge else JobState.FAILED, finished_at=now)
        .returning(*_jobs),
    )
    if job is not None:
        before = [entry.posting for entry in await load_entries(connection, job_id)]
        corrections = build_unknown_settlement(
            before, UsageAmount.from_plan(job.plan), charge=charge
        )
        await write_entries(connection, job, corrections, now, actor_id=actor_id)
        if job.origin.guild_id is not None:
            audit_entry = AuditEntry(
                job.origin.guild_id,
                None if actor_id == OPERATOR_ID else actor_id,
                AuditAction.CHARGE_JOB if charge else AuditAction.REFUND_JOB,
                now,
                target_user_id=job.origin.user_id,
                comment=str(job_id),
            )
            await write_audit_entry(connection, audit_entry)
    return job
