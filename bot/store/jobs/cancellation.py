"""Cancels queued jobs with a refund, inside the caller's transaction."""

from datetime import datetime

from sqlalchemy import ColumnElement, func, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.billing.ledger import Settlement, build_settlement
from bot.domain.billing.limits import UsageAmount
from bot.domain.jobs.job import Job, JobState, Outcome
from bot.store.billing.entries import write_entries
from bot.store.tables.core import jobs_table
from bot.store.tables.row_mapping import jobs_from_rows

_jobs = jobs_table.c


async def cancel_queued_jobs(
    connection: AsyncConnection,
    condition: ColumnElement[bool],
    *,
    owner: str | None,
    now: datetime,
) -> list[Job]:
    """Cancel those jobs with ``condition`` that are still queued; refund and return them.

    A job without a worker gets ``owner``, because otherwise nobody would announce its end.
    """
    statement = (
        update(jobs_table)
        .where(condition, _jobs.state == JobState.QUEUED)
        .values(
            state=JobState.CANCELLED,
            outcome=Outcome.CANCELLED,
            cancel_requested=True,
            finished_at=now,
            owner=func.coalesce(_jobs.owner, owner),
        )
        .returning(*_jobs)
    )
    cancelled = jobs_from_rows((await connection.execute(statement)).mappings().all())
    for job in cancelled:
        refund = build_settlement(UsageAmount.from_plan(job.plan), Settlement.REFUND)
        await write_entries(connection, job, refund, now)
    return cancelled
