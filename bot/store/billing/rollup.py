"""Replaces old ledger entries by one for each month, server, member, kind and account.

A batch is one transaction, so an interruption loses nothing, and the next batch goes on. A lock
lets one process at a time do it, and no erasure meanwhile, which would miss the new entry.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final

from sqlalchemy import ColumnElement, and_, bindparam, delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.billing.months import find_month
from bot.domain.jobs.job import ACTIVE_STATES, JobState
from bot.store.engine.database import Store, take_lock
from bot.store.tables.core import jobs_table, ledger_table
from bot.store.tables.row_mapping import Row

LEDGER_LOCK: Final = 0x636C_6170_10
"""Held by what removes or erases entries."""
_BATCH_ENTRIES: Final = 200
_ledger = ledger_table.c
_jobs = jobs_table.c
_COLUMNS: Final = (
    _ledger.id,
    _ledger.recorded_at,
    _ledger.window_at,
    _ledger.kind,
    _ledger.account,
    _ledger.guild_id,
    _ledger.user_id,
    _ledger.micros,
    _ledger.clips,
    _ledger.seconds,
    _ledger.rolled_up_entries,
)
_GROUP: Final = ("guild_id", "user_id", "kind", "account")
_MARK_REPLACED: Final = (
    update(ledger_table)
    .where(_ledger.id == bindparam("replaced_id"))
    .values(rollup_id=bindparam("new_id"))
)


class RollupStore(Store):
    """Rolls up old entries of the ledger."""

    async def roll_up_batch(self, *, before: datetime, limit: int = _BATCH_ENTRIES) -> int:
        """Replace some of the oldest entries from before a time; return how many were replaced.

        Entries of jobs that are running or unknown stay, because corrections are computed from
        them. So do entries that were added later than ``before``. Raises `DatabaseUnavailable`.
        """
        return await self._db.write(partial(replace_entries, before=before, limit=limit))


async def replace_entries(
    connection: AsyncConnection, *, before: datetime, limit: int = _BATCH_ENTRIES
) -> int:
    """Roll up a batch, as `RollupStore.roll_up_batch` says."""
    await take_lock(connection, LEDGER_LOCK)
    old = await _load_oldest(connection, before, limit)
    if not old:
        return 0
    rows = [*old, *await _load_earlier_rollups(connection, old)]
    groups: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in rows:
        groups[tuple(row[name] for name in _GROUP)].append(row)
    statement = insert(ledger_table).returning(_ledger.id, sort_by_parameter_order=True)
    new = [_add_up(group) for group in groups.values()]
    new_ids = (await connection.scalars(statement, new)).all()
    replaced = [
        {"replaced_id": row["id"], "new_id": new_id}
        for new_id, group in zip(new_ids, groups.values(), strict=True)
        for row in group
    ]
    await connection.execute(_MARK_REPLACED, replaced)
    ids = [row["id"] for row in rows]
    await connection.execute(delete(ledger_table).where(_ledger.id.in_(ids)))
    return len(old)


async def _load_oldest(connection: AsyncConnection, before: datetime, limit: int) -> list[Row]:
    """Return the oldest entries of one month that may be rolled up."""
    is_final = (
        ~select(_jobs.id)
        .where(_jobs.id == _ledger.job_id, _jobs.state.in_([*ACTIVE_STATES, JobState.UNKNOWN]))
        .exists()
    )
    query = (
        select(*_COLUMNS)
        .where(
            _ledger.rolled_up_entries.is_(None),
            _ledger.window_at < before,
            _ledger.recorded_at < before,
            is_final,
        )
        .order_by(_ledger.window_at)
        .limit(limit)
    )
    rows: Sequence[Row] = (await connection.execute(query)).mappings().all()
    return [row for row in rows if find_month(row["window_at"]) == find_month(rows[0]["window_at"])]


async def _load_earlier_rollups(connection: AsyncConnection, rows: Sequence[Row]) -> list[Row]:
    """Return what earlier batches put in the place of entries of the same groups."""
    groups = {tuple(row[name] for name in _GROUP) for row in rows}
    guild_ids = {guild_id for guild_id, *_ in groups}
    known = _ledger.guild_id.in_([each for each in guild_ids if each is not None])
    in_guilds: ColumnElement[bool] = (
        or_(known, _ledger.guild_id.is_(None)) if None in guild_ids else known
    )
    query = select(*_COLUMNS).where(
        and_(_ledger.window_at == find_month(rows[0]["window_at"]), in_guilds),
        _ledger.rolled_up_entries.is_not(None),
    )
    found: Sequence[Row] = (await connection.execute(query)).mappings().all()
    return [row for row in found if tuple(row[name] for name in _GROUP) in groups]


def _add_up(rows: Sequence[Row]) -> Mapping[str, Any]:
    """Return the entry that replaces ``rows``, which are of one group and month."""
    sums = {name: sum(row[name] for row in rows) for name in ("micros", "clips", "seconds")}
    return {
        **{name: rows[0][name] for name in _GROUP},
        **sums,
        "recorded_at": max(row["recorded_at"] for row in rows),
        "window_at": find_month(rows[0]["window_at"]),
        "rolled_up_entries": sum(row["rolled_up_entries"] or 1 for row in rows),
    }
