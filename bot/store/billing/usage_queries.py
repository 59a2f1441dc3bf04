"""Sums over the ledger and counts of jobs, for the decisions of `bot.domain.billing.limits`.

Nothing is cached, so that a sum cannot be stale in the transaction that adds to it. In keys, the
server is `None` for direct messages.
"""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, bindparam, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.billing.ledger import EntryKind, LedgerAccount
from bot.domain.billing.limits import (
    DAY,
    LIMIT_RULES_BY_NAME,
    MONTH,
    LimitMeasure,
    LimitRow,
    UsageAmount,
    UsageTotals,
)
from bot.domain.billing.money import Micros
from bot.domain.erasure import pseudonym_for
from bot.domain.errors import LimitScope
from bot.domain.jobs.job import ACTIVE_STATES, JobState
from bot.store.engine.types import UtcTime
from bot.store.tables.core import jobs_table, ledger_table, limits_table, submissions_table
from bot.store.tables.row_mapping import Row, limit_from_row

_jobs = jobs_table.c
_ledger = ledger_table.c
_submissions = submissions_table.c
COUNTS_FOR_MEMBER = _ledger.account.in_(
    [account for account in LedgerAccount if account.counts_for_member]
)
COUNTS_WHEN_ABSORBED = _ledger.account.in_(
    [account for account in LedgerAccount if account.counts_for_budgets]
)
IS_COUNTED = _ledger.kind.in_([EntryKind.RESERVE, EntryKind.REFUND, EntryKind.ADJUST])

_WINDOWS = (("day", DAY), ("month", MONTH))


async def sum_member_usage(
    connection: AsyncConnection, user_ids: Collection[int], now: datetime
) -> dict[tuple[int | None, int], UsageTotals]:
    """Return the usage of each (server, member) of ``user_ids``, without running jobs.

    What members used before an erasure still counts for them.
    """
    members = {user_id: user_id for user_id in user_ids}
    members |= {pseudonym_for(user_id): user_id for user_id in user_ids}
    parameters = _compute_window_starts(now) | {"user_ids": list(members)}
    usages: dict[tuple[int | None, int], UsageTotals] = {}
    for row in (await connection.execute(_MEMBER_USAGE_QUERY, parameters)).mappings():
        key, usage = (row["guild_id"], members[row["user_id"]]), _usage_from_row(row)
        usages[key] = usages[key] + usage if key in usages else usage
    return usages


def sum_everywhere(
    members: Mapping[tuple[int | None, int], UsageTotals],
    active: Mapping[tuple[int | None, int], int],
    user_id: int,
) -> UsageTotals:
    """Return one member's usage in all places, from `sum_member_usage` and `count_active_jobs`."""
    used = (usage for (_, member_id), usage in members.items() if member_id == user_id)
    jobs = sum(count for (_, member_id), count in active.items() if member_id == user_id)
    return replace(sum(used, UsageTotals()), jobs=jobs)


async def sum_guild_usage(
    connection: AsyncConnection, guild_ids: Collection[int], now: datetime
) -> dict[int | None, UsageTotals]:
    """Return the usage of each server of ``guild_ids``, without running jobs."""
    parameters = _compute_window_starts(now) | {"guild_ids": list(guild_ids)}
    rows = (await connection.execute(_GUILD_USAGE_QUERY, parameters)).mappings()
    return {row["guild_id"]: _usage_from_row(row) for row in rows}


async def sum_bot_usage(connection: AsyncConnection, now: datetime) -> UsageTotals:
    """Return the usage of the whole bot, without running jobs; grants do not raise its budget."""
    rows = await connection.execute(_BOT_USAGE_QUERY, _compute_window_starts(now))
    return _usage_from_row(rows.mappings().one())


async def count_active_jobs(connection: AsyncConnection) -> dict[tuple[int | None, int], int]:
    """Return how many jobs of each (server, member) have not ended."""
    rows = await connection.execute(_ACTIVE_JOBS_QUERY)
    return {(guild_id, user_id): count for guild_id, user_id, count in rows}


async def count_requests_today(
    connection: AsyncConnection, models: Collection[str], now: datetime
) -> dict[str, int]:
    """Return the requests of each model in the last day, including those in the queue."""
    submitted = select(_submissions.model).where(
        _submissions.model.in_(models), _submissions.submitted_at > now - DAY
    )
    queued = select(_jobs.model).where(_jobs.state == JobState.QUEUED, _jobs.model.in_(models))
    both = submitted.union_all(queued).subquery()
    rows = await connection.execute(select(both.c.model, func.count()).group_by(both.c.model))
    return {row[0]: row[1] for row in rows}


async def load_limits(
    connection: AsyncConnection, guild_ids: Collection[int]
) -> dict[int | None, list[LimitRow]]:
    """Return the limits that the admins of each server have set."""
    limits: dict[int | None, list[LimitRow]] = {guild_id: [] for guild_id in guild_ids}
    parameters = {"guild_ids": list(guild_ids)}
    for row in (await connection.execute(_LIMITS_QUERY, parameters)).mappings():
        limits[row["guild_id"]].append(limit_from_row(row))
    return limits


async def find_release_time(
    connection: AsyncConnection,
    scope: LimitScope,
    limit: str,
    *,
    guild_id: int | None,
    user_id: int,
    model: str,
    excess: int,
    now: datetime,
) -> datetime | None:
    """Return when ``excess`` of a limit's usage will have left its window.

    `None` for the limit of jobs at once, because the end of a job is not known.
    """
    if scope is LimitScope.MODEL:
        query = (
            select(_submissions.submitted_at)
            .where(_submissions.model == model, _submissions.submitted_at > now - DAY)
            .order_by(_submissions.submitted_at)
            .offset(excess - 1)
            .limit(1)
        )
        at: datetime | None = await connection.scalar(query)
        return None if at is None else at + DAY
    rule = LIMIT_RULES_BY_NAME[limit]
    if rule.window is None or rule.measure is None:
        return None
    at = await connection.scalar(
        _build_release_query(rule.measure, rule.window, scope, guild_id, user_id, excess, now)
    )
    return None if at is None else at + rule.window


def _build_release_query(
    measure: LimitMeasure,
    window: timedelta,
    scope: LimitScope,
    guild_id: int | None,
    user_id: int,
    excess: int,
    now: datetime,
) -> Select[tuple[datetime]]:
    is_counted: ColumnElement[bool]
    match scope:
        case LimitScope.MEMBER:
            member = _ledger.user_id.in_((user_id, pseudonym_for(user_id)))
            is_counted = and_(member, _ledger.guild_id == guild_id, COUNTS_FOR_MEMBER)
        case LimitScope.EVERYWHERE:
            member = _ledger.user_id.in_((user_id, pseudonym_for(user_id)))
            is_counted = and_(member, COUNTS_FOR_MEMBER)
        case LimitScope.GUILD:
            is_counted = and_(_ledger.guild_id == guild_id, COUNTS_WHEN_ABSORBED)
        case _:
            is_counted = COUNTS_WHEN_ABSORBED
    amount = _ledger[measure]
    running = (
        select(
            _ledger.window_at,
            # entries with the same time (a reservation and its refund) are summed together
            func.sum(amount).over(order_by=_ledger.window_at).label("freed"),
        )
        .where(is_counted, IS_COUNTED, _ledger.window_at > now - window)
        .subquery()
    )
    return (
        select(running.c.window_at)
        .where(running.c.freed >= excess)
        .order_by(running.c.window_at)
        .limit(1)
    )


def _build_usage_query(*group_columns: ColumnElement[Any]) -> Select[Any]:
    """Return the query for the sums since ``_compute_window_starts``."""
    columns = []
    for name, _ in _WINDOWS:
        inside = _ledger.window_at > _WINDOW_STARTS[name]
        for measure in LimitMeasure:
            for prefix, of_kind in (("", IS_COUNTED), ("granted_", _IS_GRANT)):
                value = case((and_(inside, of_kind), _ledger[measure]), else_=0)
                total = func.coalesce(func.sum(value), 0)
                columns.append(total.label(f"{prefix}{name}_{measure}"))
    return (
        select(*group_columns, *columns)
        .where(_ledger.window_at > _WINDOW_STARTS["month"], or_(IS_COUNTED, _IS_GRANT))
        .group_by(*group_columns)
    )


def _compute_window_starts(now: datetime) -> dict[str, Any]:
    """Return the parameters of the usage queries."""
    return {f"{name}_start": now - window for name, window in _WINDOWS}


_IS_GRANT = _ledger.kind == EntryKind.GRANT
_WINDOW_STARTS = {name: bindparam(f"{name}_start", type_=UtcTime()) for name, _ in _WINDOWS}
_IS_MEMBER = _ledger.user_id.in_(bindparam("user_ids", expanding=True))
_IS_GUILD = _ledger.guild_id.in_(bindparam("guild_ids", expanding=True))

# Built once, because building these costs more than running them.
_MEMBER_USAGE_QUERY = _build_usage_query(_ledger.guild_id, _ledger.user_id).where(
    _IS_MEMBER, COUNTS_FOR_MEMBER
)
_GUILD_USAGE_QUERY = _build_usage_query(_ledger.guild_id).where(_IS_GUILD, COUNTS_WHEN_ABSORBED)
_BOT_USAGE_QUERY = _build_usage_query().where(COUNTS_WHEN_ABSORBED, ~_IS_GRANT)
_ACTIVE_JOBS_QUERY = (
    select(_jobs.guild_id, _jobs.user_id, func.count())
    .where(_jobs.state.in_(ACTIVE_STATES))
    .group_by(_jobs.guild_id, _jobs.user_id)
)
_LIMITS_QUERY = select(limits_table).where(
    limits_table.c.guild_id.in_(bindparam("guild_ids", expanding=True))
)


def _usage_from_row(row: Row) -> UsageTotals:
    def read_amount(name: str) -> UsageAmount:
        return UsageAmount(
            Micros(int(row[f"{name}_micros"])),
            int(row[f"{name}_clips"]),
            int(row[f"{name}_seconds"]),
        )

    return UsageTotals(
        day=read_amount("day"),
        month=read_amount("month"),
        granted_day=read_amount("granted_day"),
        granted_month=read_amount("granted_month"),
    )
