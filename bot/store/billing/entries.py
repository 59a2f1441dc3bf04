"""Writing and reading the ledger's entries of one job, inside the transaction of its event."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.billing.ledger import Entry, Posting
from bot.domain.jobs.job import Job
from bot.store.tables.core import ledger
from bot.store.tables.row_mapping import entry_from_row, no_guild, posting_to_row


async def write_entries(
    connection: AsyncConnection,
    job: Job,
    postings: Sequence[Posting],
    now: datetime,
    *,
    by: int | None = None,
) -> None:
    """Add ``postings`` for ``job``; windows count them by the time of its reservation."""
    if not postings:
        return
    about = {
        "at": now,
        "counted_at": job.created_at,
        "job_id": job.id,
        "guild_id": no_guild(job.origin.guild_id),
        "user_id": job.origin.user_id,
        "by": by,
    }
    await connection.execute(insert(ledger), [posting_to_row(each) | about for each in postings])


async def entries_of(connection: AsyncConnection, job_id: int) -> list[Entry]:
    """Return a job's entries, oldest first."""
    query = select(ledger).where(ledger.c.job_id == job_id).order_by(ledger.c.id)
    return [entry_from_row(row) for row in (await connection.execute(query)).mappings()]
