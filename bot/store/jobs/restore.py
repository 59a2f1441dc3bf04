"""Repairs the state of a restored backup, because the bot ran on after the backup was made.

Jobs that are unsent in the backup may have been sent, and unused numbers may have been used.
"""

from typing import Final

from sqlalchemy import Table, and_, func, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.jobs.job import JobState
from bot.store.engine.database import Database, DatabaseInUse
from bot.store.engine.types import database_time
from bot.store.tables.core import clips_table, jobs_table, workers_table
from bot.store.tables.showcase import digests_table, showcase_posts_table

NUMBER_GAP: Final = 100_000
"""How many numbers are skipped: more than can have been used since any backup worth restoring."""
_NUMBERED_TABLES: Final = (jobs_table, clips_table, showcase_posts_table, digests_table)
"""Tables whose numbers appear in custom ids, nonces and file names."""


async def mark_pending_as_unknown(database: Database) -> int:
    """Mark every pending job as one whose submit may have been sent; return how many.

    The workers that adopt these jobs search for their results at Google and never submit them.
    Raises `DatabaseInUse` if a process of the bot has a lease (with SQLite, the file is locked).
    """
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
    # their operation may have made nothing, and they may have been submitted again since
    forget_claims = (
        update(jobs_table).where(jobs_table.c.state == JobState.POLLING).values(claimed_epoch=None)
    )

    async def mark_jobs(connection: AsyncConnection) -> int:
        await _require_unused(database, connection)
        await connection.execute(forget_claims)
        return (await connection.execute(statement)).rowcount

    return await database.write(mark_jobs)


async def skip_given_numbers(database: Database) -> int:
    """Let the numbers of new jobs, clips, showcase posts and digests begin `NUMBER_GAP` later.

    Otherwise messages from after the backup would refer to whatever gets the same number next.
    Returns the number after which new clips begin. Raises `DatabaseInUse` as
    `mark_pending_as_unknown` does.
    """

    async def advance_counters(connection: AsyncConnection) -> int:
        await _require_unused(database, connection)
        last_clip_id = 0
        for table in _NUMBERED_TABLES:
            last_id = await _find_last_number(connection, table) + NUMBER_GAP
            await _write_last_number(connection, table.name, last_id)
            if table is clips_table:
                last_clip_id = last_id
        return last_clip_id

    return await database.write(advance_counters)


async def _require_unused(database: Database, connection: AsyncConnection) -> None:
    living = (
        select(workers_table.c.id).where(workers_table.c.lease_until > database_time()).limit(1)
    )
    if database.is_shared and await connection.scalar(living) is not None:
        raise DatabaseInUse("one is still running, or ended less than a lease (LEASE_S) ago")


async def _find_last_number(connection: AsyncConnection, table: Table) -> int:
    """Return the highest number that was used, according to the database."""
    highest = await connection.scalar(select(func.max(table.c.id)))
    if connection.dialect.name == "sqlite":
        query = text("SELECT seq FROM sqlite_sequence WHERE name = :table")
    else:
        query = text(
            "SELECT pg_sequence_last_value(pg_get_serial_sequence(:table, 'id')::regclass)"
        )
    counter = await connection.scalar(query, {"table": table.name})
    return max(highest or 0, counter or 0)


async def _write_last_number(connection: AsyncConnection, table: str, last_id: int) -> None:
    values = {"table": table, "last": last_id}
    if connection.dialect.name != "sqlite":
        statement = text("SELECT setval(pg_get_serial_sequence(:table, 'id')::regclass, :last)")
        await connection.execute(statement, values)
        return
    await connection.execute(text("DELETE FROM sqlite_sequence WHERE name = :table"), values)
    statement = text("INSERT INTO sqlite_sequence (name, seq) VALUES (:table, :last)")
    await connection.execute(statement, values)
