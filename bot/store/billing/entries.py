"""Writes and reads ledger entries and their totals, inside the caller's transaction."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.billing.ledger import EntryKind, LedgerAccount, LedgerEntry, LedgerPosting
from bot.domain.billing.limits import UsageAmount
from bot.domain.billing.money import Micros
from bot.domain.jobs.job import Job
from bot.store.tables.core import ledger_table
from bot.store.tables.row_mapping import ledger_entry_from_row, posting_to_row
from bot.store.tables.sums import ledger_totals_table

_totals = ledger_totals_table.c


async def write_entries(
    connection: AsyncConnection,
    job: Job,
    postings: Sequence[LedgerPosting],
    now: datetime,
    *,
    actor_id: int | None = None,
) -> None:
    """Add ``postings`` for ``job``; they count in the windows of its reservation."""
    if not postings:
        return
    common = {
        "recorded_at": now,
        "window_at": job.created_at,
        "job_id": job.id,
        "guild_id": job.origin.guild_id,
        "user_id": job.origin.user_id,
        "actor_id": actor_id,
    }
    await connection.execute(
        insert(ledger_table), [posting_to_row(posting) | common for posting in postings]
    )


async def load_entries(connection: AsyncConnection, job_id: int) -> list[LedgerEntry]:
    """Return a job's entries, oldest first."""
    query = select(ledger_table).where(ledger_table.c.job_id == job_id).order_by(ledger_table.c.id)
    return [ledger_entry_from_row(row) for row in (await connection.execute(query)).mappings()]


async def load_totals(connection: AsyncConnection) -> list[LedgerPosting]:
    """Return the sum of all entries ever recorded, as one posting for each kind and account."""
    query = select(_totals.kind, _totals.account, _totals.micros, _totals.clips, _totals.seconds)
    return [
        LedgerPosting(
            EntryKind(kind), UsageAmount(Micros(micros), clips, seconds), LedgerAccount(account)
        )
        for kind, account, micros, clips, seconds in await connection.execute(query)
    ]
