"""Proves the sums that the database keeps against the ledger's entries and the jobs.

It reads everything, in batches, on one state of the database. So the bot may run meanwhile.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from operator import add
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Select,
    Table,
    and_,
    case,
    func,
    literal,
    literal_column,
    select,
    true,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.billing.ledger import EntryKind
from bot.domain.billing.limits import LimitMeasure
from bot.domain.errors import LimitScope
from bot.domain.jobs.job import ENDED_STATES
from bot.store.billing.usage_queries import (
    COUNTS_FOR_MEMBER,
    COUNTS_WHEN_ABSORBED,
    IS_COUNTED,
    IS_GRANT,
)
from bot.store.engine.database import Database
from bot.store.engine.types import utc_day
from bot.store.tables.core import jobs_table, ledger_table
from bot.store.tables.sums import (
    NOBODY,
    daily_usage_table,
    ended_job_counts_table,
    ledger_totals_table,
)

_jobs = jobs_table.c
_ledger = ledger_table.c
_daily = daily_usage_table.c
_MEASURES: Final = (LimitMeasure.MICROS, LimitMeasure.CLIPS, LimitMeasure.SECONDS)
_BATCH: Final = 50_000
"""About how many rows a statement reads, because PostgreSQL ends statements after 15 seconds."""

Sums = dict[tuple[Any, ...], tuple[int, ...]]
"""Rows of a table of sums: the columns of its key, and the others in their order."""


@dataclass(frozen=True, slots=True)
class SumMismatch:
    """A sum that is not what its rows add up to; ``key`` identifies it in its ``table``."""

    table: str
    key: tuple[Any, ...]
    column: str
    kept: int
    actual: int


@dataclass(frozen=True, slots=True)
class LedgerVerification:
    """How many entries and jobs were added up, and every sum that differs."""

    entries: int
    jobs: int
    mismatches: tuple[SumMismatch, ...]


async def verify_ledger(database: Database) -> LedgerVerification:
    """Compare every sum with what its rows add up to. Raises `DatabaseUnavailable`."""
    return await database.read(_verify)


async def _verify(connection: AsyncConnection) -> LedgerVerification:
    if connection.dialect.name == "postgresql":  # a transaction of SQLite always reads one state
        await connection.execution_options(isolation_level="REPEATABLE READ")
    totals: Sums = {}
    days: Sums = {}
    for batch in await _list_batches(connection, ledger_table):
        await _add_rows(connection, _select_totals(batch), ledger_totals_table, totals)
        await _add_rows(connection, _select_bot_days(batch), daily_usage_table, days)
    counts: Sums = {}
    for batch in await _list_batches(connection, jobs_table):
        await _add_rows(connection, _select_job_counts(batch), ended_job_counts_table, counts)
    is_bot = _daily.scope == LimitScope.BOT
    mismatches = [
        *await _find_mismatches(connection, ledger_totals_table, totals, true()),
        *await _find_mismatches(connection, ended_job_counts_table, counts, true()),
        *await _find_mismatches(connection, daily_usage_table, days, is_bot),
    ]
    for entries, sums in await _list_guild_ranges(connection):
        places: Sums = {}
        for query in _select_places(entries):
            await _add_rows(connection, query, daily_usage_table, places)
        mismatches += await _find_mismatches(connection, daily_usage_table, places, ~is_bot & sums)
    return LedgerVerification(
        entries=await connection.scalar(select(func.count()).select_from(ledger_table)) or 0,
        jobs=await connection.scalar(select(func.count()).select_from(jobs_table)) or 0,
        mismatches=tuple(mismatches),
    )


async def _add_rows(
    connection: AsyncConnection, query: Select[Any], table: Table, sums: Sums
) -> None:
    """Add the rows of ``query``, which have the columns of ``table``, to ``sums``."""
    key_columns = len(table.primary_key)
    for row in await connection.execute(query):
        key, amounts = tuple(row[:key_columns]), tuple(map(int, row[key_columns:]))
        before = sums.get(key)
        sums[key] = amounts if before is None else tuple(map(add, before, amounts))


async def _find_mismatches(
    connection: AsyncConnection, table: Table, actual: Sums, condition: ColumnElement[bool]
) -> list[SumMismatch]:
    kept: Sums = {}
    await _add_rows(connection, select(table).where(condition), table, kept)
    names = [column.name for column in table.columns if not column.primary_key]
    nothing = (0,) * len(names)
    return [
        SumMismatch(table.name, key, name, is_kept, is_actual)
        for key in {**kept, **actual}
        for name, is_kept, is_actual in zip(
            names, kept.get(key, nothing), actual.get(key, nothing), strict=True
        )
        if is_kept != is_actual
    ]


async def _list_batches(connection: AsyncConnection, table: Table) -> list[ColumnElement[bool]]:
    """Return conditions that split the rows by their ids."""
    query = select(func.min(table.c.id), func.max(table.c.id))
    first, last = (await connection.execute(query)).one()
    if first is None:
        return []
    return [table.c.id.between(id_, id_ + _BATCH - 1) for id_ in range(first, last + 1, _BATCH)]


async def _list_guild_ranges(
    connection: AsyncConnection,
) -> list[tuple[ColumnElement[bool], ColumnElement[bool]]]:
    """Return conditions that split entries, and their sums, by servers."""
    counts = await connection.execute(
        select(_ledger.guild_id, func.count())
        .where(_ledger.guild_id.is_not(None))
        .group_by(_ledger.guild_id)
        .order_by(_ledger.guild_id)
    )
    ranges = [(_ledger.guild_id.is_(None), _daily.guild_id == NOBODY)]
    first, entries = NOBODY, 0
    for guild_id, count in counts.all():
        entries += count
        if entries >= _BATCH:
            ranges.append(
                (
                    _ledger.guild_id.between(first + 1, guild_id),
                    _daily.guild_id.between(first + 1, guild_id),
                )
            )
            first, entries = guild_id, 0
    return [*ranges, (_ledger.guild_id > first, _daily.guild_id > first)]


def _select_totals(batch: ColumnElement[bool]) -> Select[Any]:
    amounts = (func.sum(_ledger[measure]) for measure in _MEASURES)
    count = func.sum(func.coalesce(_ledger.rolled_up_entries, 1))
    key = _ledger.kind, _ledger.account
    return select(*key, *amounts, count).where(batch).group_by(*key)


def _select_job_counts(batch: ColumnElement[bool]) -> Select[Any]:
    key = _jobs.state, _jobs.model, func.coalesce(_jobs.outcome, literal_column("''"))
    return select(*key, func.count()).where(batch, _jobs.state.in_(ENDED_STATES)).group_by(*key)


def _select_bot_days(batch: ColumnElement[bool]) -> Select[Any]:
    return _select_days(LimitScope.BOT, batch)


def _select_places(entries: ColumnElement[bool]) -> Iterator[Select[Any]]:
    """Yield the queries for the sums of servers, and of their members."""
    guild_id, user_id = (
        func.coalesce(column, literal_column(str(NOBODY)))
        for column in (_ledger.guild_id, _ledger.user_id)
    )
    in_guilds = entries & _ledger.guild_id.is_not(None)
    yield _select_days(LimitScope.GUILD, in_guilds, guild_id=guild_id)
    yield _select_days(LimitScope.MEMBER, entries, guild_id=guild_id, user_id=user_id)


def _select_days(
    scope: LimitScope,
    condition: ColumnElement[bool],
    *,
    guild_id: ColumnElement[int] | None = None,
    user_id: ColumnElement[int] | None = None,
) -> Select[Any]:
    """Return the query for rows like those of ``daily_usage``."""
    day = utc_day(_ledger.window_at)
    amounts = (
        func.sum(case((and_(counts, of_kind), _ledger[measure]), else_=0))
        for counts in (COUNTS_FOR_MEMBER, COUNTS_WHEN_ABSORBED)
        for of_kind in (IS_COUNTED, IS_GRANT)
        for measure in _MEASURES
    )
    nobody = literal(NOBODY)
    key: list[ColumnElement[Any]] = [
        literal(scope),
        nobody if guild_id is None else guild_id,
        day,
        nobody if user_id is None else user_id,
    ]
    query: Select[Any] = select(*key, *amounts, func.count())
    return query.where(condition, _ledger.kind != EntryKind.SETTLE).group_by(
        *(column for column in (guild_id, day, user_id) if column is not None)
    )
