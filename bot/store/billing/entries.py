"""Writing and reading the ledger's entries of one job, inside the transaction of its event."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.billing.ledger import LedgerEntry, LedgerPosting
from bot.domain.jobs.job import Job
from bot.store.tables.core import ledger
from bot.store.tables.row_mapping import guild_id_to_column, ledger_entry_from_row, posting_to_row


async def write_entries(
    connection: AsyncConnection,
    job: Job,
    postings: Sequence[LedgerPosting],
    now: datetime,
    *,
    actor_id: int | None = None,
) -> None:
    """Add ``postings`` for ``job``; windows count them by the time of its reservation."""
    if not postings:
        return
    about = {
        "at": now,
        "counted_at": job.created_at,
        "job_id": job.id,
        "guild_id": guild_id_to_column(job.origin.guild_id),
        "user_id": job.origin.user_id,
        "by": actor_id,
    }
    await connection.execute(insert(ledger), [posting_to_row(each) | about for each in postings])


async def load_entries(connection: AsyncConnection, job_id: int) -> list[LedgerEntry]:
    """Return a job's entries, oldest first."""
    query = select(ledger).where(ledger.c.job_id == job_id).order_by(ledger.c.id)
    return [ledger_entry_from_row(row) for row in (await connection.execute(query)).mappings()]
