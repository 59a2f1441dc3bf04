"""After restoring a backup: jobs that it holds as not yet sent may have been sent since."""

from sqlalchemy import and_, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.jobs.job import JobState
from bot.store.engine.database import Database, DatabaseInUse
from bot.store.engine.types import database_time
from bot.store.tables.core import jobs_table, workers_table


async def mark_pending_as_unknown(database: Database) -> int:
    """Mark every pending job as one whose submit has an unknown result; return how many.

    The workers that adopt them search for them at Google and never submit them. Raises
    `DatabaseInUse` while a process of the bot holds a lease; SQLite's file is locked then.
    """
    living = (
        select(workers_table.c.id).where(workers_table.c.lease_until > database_time()).limit(1)
    )
    unsent = and_(jobs_table.c.state == JobState.SUBMITTING, jobs_table.c.unsent)
    statement = (
        update(jobs_table)
        .where(or_(jobs_table.c.state == JobState.QUEUED, unsent))
        .values(
            state=JobState.SUBMITTING,
            unsent=False,
            owner=None,
            epoch=jobs_table.c.epoch + 1,
            submitted_at=func.coalesce(jobs_table.c.submitted_at, jobs_table.c.created_at),
            retry_at=None,
            outcome=None,
            detail=None,
        )
    )

    async def mark_jobs(connection: AsyncConnection) -> int:
        if database.is_shared and await connection.scalar(living) is not None:
            raise DatabaseInUse("a process holds a lease")
        return (await connection.execute(statement)).rowcount

    return await database.write(mark_jobs)
