"""Sums over the ledger and counts over jobs: what the pure rules of `bot.domain.billing.limits` decide by.

Nothing is cached: a sum that is computed inside the transaction that adds to it cannot be stale.
"""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select
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
from bot.store.tables.core import jobs, ledger, limits, submits
from bot.store.tables.row_mapping import Row, limit_from_row

COUNTS_FOR_MEMBER = ledger.c.account.in_([each for each in LedgerAccount if each.counts_for_member])
COUNTS_WHEN_ABSORBED = ledger.c.account.in_(
    [each for each in LedgerAccount if each.counts_when_absorbed]
)
IS_COUNTED = ledger.c.kind.in_([EntryKind.RESERVE, EntryKind.REFUND, EntryKind.ADJUST])

_WINDOWS = (("day", DAY), ("month", MONTH))


async def sum_member_usage(
    connection: AsyncConnection, user_ids: Collection[int], now: datetime
) -> dict[tuple[int, int], UsageTotals]:
    """Return the usage of each (server, member) of ``user_ids``, without jobs at once.

    What a member used before they were forgotten counts on.
    """
    whose = {user_id: user_id for user_id in user_ids}
    whose |= {pseudonym_for(user_id): user_id for user_id in user_ids}
    query = (
        _build_usage_query(now, ledger.c.guild_id, ledger.c.user_id)
        .where(ledger.c.user_id.in_(whose), COUNTS_FOR_MEMBER)
        .group_by(ledger.c.guild_id, ledger.c.user_id)
    )
    found: dict[tuple[int, int], UsageTotals] = {}
    for row in (await connection.execute(query)).mappings():
        who, usage = (row["guild_id"], whose[row["user_id"]]), _usage_from_row(row)
        found[who] = _add_usage(found[who], usage) if who in found else usage
    return found


async def sum_guild_usage(
    connection: AsyncConnection, guild_ids: Collection[int], now: datetime
) -> dict[int, UsageTotals]:
    """Return the usage of each server of ``guild_ids``, without jobs at once."""
    query = (
        _build_usage_query(now, ledger.c.guild_id)
        .where(ledger.c.guild_id.in_(guild_ids), COUNTS_WHEN_ABSORBED)
        .group_by(ledger.c.guild_id)
    )
    rows = (await connection.execute(query)).mappings()
    return {row["guild_id"]: _usage_from_row(row) for row in rows}


async def sum_bot_usage(connection: AsyncConnection, now: datetime) -> UsageTotals:
    """Return the usage of the whole bot, without jobs at once; grants do not widen it."""
    query = _build_usage_query(now).where(COUNTS_WHEN_ABSORBED, ledger.c.kind != EntryKind.GRANT)
    return _usage_from_row((await connection.execute(query)).mappings().one())


async def count_active_jobs(connection: AsyncConnection) -> dict[tuple[int, int], int]:
    """Return how many jobs of each (server, member) have not ended."""
    rows = await connection.execute(
        select(jobs.c.guild_id, jobs.c.user_id, func.count())
        .where(jobs.c.state.in_(ACTIVE_STATES))
        .group_by(jobs.c.guild_id, jobs.c.user_id)
    )
    return {(guild_id, user_id): count for guild_id, user_id, count in rows}


async def count_requests_today(
    connection: AsyncConnection, models: Collection[str], now: datetime
) -> dict[str, int]:
    """Return the requests of each model in the last day, with those that wait to be made."""
    made = select(submits.c.model).where(submits.c.model.in_(models), submits.c.at > now - DAY)
    to_make = select(jobs.c.model).where(jobs.c.state == JobState.QUEUED, jobs.c.model.in_(models))
    both = made.union_all(to_make).subquery()
    rows = await connection.execute(select(both.c.model, func.count()).group_by(both.c.model))
    return {row[0]: row[1] for row in rows}


async def load_limits(
    connection: AsyncConnection, guild_ids: Collection[int]
) -> dict[int, list[LimitRow]]:
    """Return the limits that the admins of each server have set."""
    found: dict[int, list[LimitRow]] = {guild_id: [] for guild_id in guild_ids}
    query = select(limits).where(limits.c.guild_id.in_(guild_ids))
    for row in (await connection.execute(query)).mappings():
        found[row["guild_id"]].append(limit_from_row(row))
    return found


async def find_release_time(
    connection: AsyncConnection,
    scope: LimitScope,
    limit: str,
    *,
    guild_id: int,
    user_id: int,
    model: str,
    excess: int,
    now: datetime,
) -> datetime | None:
    """Return when ``excess`` of a limit will have left its window, as `limits.frees_at` does.

    ``None`` for jobs at once: they free when a job ends, which has no fixed time.
    """
    if scope is LimitScope.MODEL:
        query = (
            select(submits.c.at)
            .where(submits.c.model == model, submits.c.at > now - DAY)
            .order_by(submits.c.at)
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
    guild_id: int,
    user_id: int,
    excess: int,
    now: datetime,
) -> Select[tuple[datetime]]:
    whose: ColumnElement[bool]
    match scope:
        case LimitScope.MEMBER:
            member = ledger.c.user_id.in_((user_id, pseudonym_for(user_id)))
            whose = and_(member, ledger.c.guild_id == guild_id, COUNTS_FOR_MEMBER)
        case LimitScope.GUILD:
            whose = and_(ledger.c.guild_id == guild_id, COUNTS_WHEN_ABSORBED)
        case _:
            whose = COUNTS_WHEN_ABSORBED
    part = ledger.c[measure]
    running = (
        select(
            ledger.c.counted_at,
            # peers of one time (a reservation and its refund) come in together
            func.sum(part).over(order_by=ledger.c.counted_at).label("freed"),
        )
        .where(whose, IS_COUNTED, ledger.c.counted_at > now - window)
        .subquery()
    )
    return (
        select(running.c.counted_at)
        .where(running.c.freed >= excess)
        .order_by(running.c.counted_at)
        .limit(1)
    )


def _build_usage_query(now: datetime, *group_columns: ColumnElement[Any]) -> Select[Any]:
    columns = []
    for name, window in _WINDOWS:
        inside = ledger.c.counted_at > now - window
        for measure in LimitMeasure:
            for prefix, of_kind in (("", IS_COUNTED), ("granted_", _IS_GRANT)):
                value = case((and_(inside, of_kind), ledger.c[measure]), else_=0)
                total = func.coalesce(func.sum(value), 0)
                columns.append(total.label(f"{prefix}{name}_{measure}"))
    return select(*group_columns, *columns).where(
        ledger.c.counted_at > now - MONTH, or_(IS_COUNTED, _IS_GRANT)
    )


_IS_GRANT = ledger.c.kind == EntryKind.GRANT


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


def _add_usage(one: UsageTotals, other: UsageTotals) -> UsageTotals:
    return UsageTotals(
        day=one.day + other.day,
        month=one.month + other.month,
        granted_day=one.granted_day + other.granted_day,
        granted_month=one.granted_month + other.granted_month,
    )


def with_active_jobs(usage: UsageTotals, active_jobs: int) -> UsageTotals:
    """Return ``usage`` with the number of jobs that have not ended."""
    return replace(usage, jobs=active_jobs)
