"""Sums over the ledger and counts over jobs: what the pure rules of `bot.domain.billing.limits` decide by.

Nothing is cached: a sum that is computed inside the transaction that adds to it cannot be stale.
"""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.billing.ledger import Account, EntryKind
from bot.domain.billing.limits import DAY, MONTH, RULE_OF, Amount, LimitRow, Measure, Usage
from bot.domain.billing.money import Micros
from bot.domain.erasure import stand_in
from bot.domain.errors import Scope
from bot.domain.jobs.job import ACTIVE, JobState
from bot.store.tables.core import jobs, ledger, limits, submits
from bot.store.tables.row_mapping import Row, limit_from_row

FOR_MEMBER = ledger.c.account.in_([each for each in Account if each.counts_for_member])
FOR_HOUSE = ledger.c.account.in_([each for each in Account if each.counts_for_house])
COUNTED = ledger.c.kind.in_([EntryKind.RESERVE, EntryKind.REFUND, EntryKind.ADJUST])

_WINDOWS = (("day", DAY), ("month", MONTH))


async def members_usage(
    connection: AsyncConnection, user_ids: Collection[int], now: datetime
) -> dict[tuple[int, int], Usage]:
    """Return the usage of each (server, member) of ``user_ids``, without jobs at once.

    What a member used before they were forgotten counts on.
    """
    whose = {user_id: user_id for user_id in user_ids}
    whose |= {stand_in(user_id): user_id for user_id in user_ids}
    query = (
        _sums(now, ledger.c.guild_id, ledger.c.user_id)
        .where(ledger.c.user_id.in_(whose), FOR_MEMBER)
        .group_by(ledger.c.guild_id, ledger.c.user_id)
    )
    found: dict[tuple[int, int], Usage] = {}
    for row in (await connection.execute(query)).mappings():
        who, usage = (row["guild_id"], whose[row["user_id"]]), _usage(row)
        found[who] = _together(found[who], usage) if who in found else usage
    return found


async def guilds_usage(
    connection: AsyncConnection, guild_ids: Collection[int], now: datetime
) -> dict[int, Usage]:
    """Return the usage of each server of ``guild_ids``, without jobs at once."""
    query = (
        _sums(now, ledger.c.guild_id)
        .where(ledger.c.guild_id.in_(guild_ids), FOR_HOUSE)
        .group_by(ledger.c.guild_id)
    )
    rows = (await connection.execute(query)).mappings()
    return {row["guild_id"]: _usage(row) for row in rows}


async def bot_usage(connection: AsyncConnection, now: datetime) -> Usage:
    """Return the usage of the whole bot, without jobs at once; grants do not widen it."""
    query = _sums(now).where(FOR_HOUSE, ledger.c.kind != EntryKind.GRANT)
    return _usage((await connection.execute(query)).mappings().one())


async def active_jobs(connection: AsyncConnection) -> dict[tuple[int, int], int]:
    """Return how many jobs of each (server, member) have not ended."""
    rows = await connection.execute(
        select(jobs.c.guild_id, jobs.c.user_id, func.count())
        .where(jobs.c.state.in_(ACTIVE))
        .group_by(jobs.c.guild_id, jobs.c.user_id)
    )
    return {(guild_id, user_id): count for guild_id, user_id, count in rows}


async def requests_today(
    connection: AsyncConnection, models: Collection[str], now: datetime
) -> dict[str, int]:
    """Return the requests of each model in the last day, with those that wait to be made."""
    made = select(submits.c.model).where(submits.c.model.in_(models), submits.c.at > now - DAY)
    to_make = select(jobs.c.model).where(jobs.c.state == JobState.QUEUED, jobs.c.model.in_(models))
    both = made.union_all(to_make).subquery()
    rows = await connection.execute(select(both.c.model, func.count()).group_by(both.c.model))
    return {row[0]: row[1] for row in rows}


async def limit_rows(
    connection: AsyncConnection, guild_ids: Collection[int]
) -> dict[int, list[LimitRow]]:
    """Return the limits that the admins of each server have set."""
    found: dict[int, list[LimitRow]] = {guild_id: [] for guild_id in guild_ids}
    query = select(limits).where(limits.c.guild_id.in_(guild_ids))
    for row in (await connection.execute(query)).mappings():
        found[row["guild_id"]].append(limit_from_row(row))
    return found


async def frees_at(
    connection: AsyncConnection,
    scope: Scope,
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
    if scope is Scope.MODEL:
        query = (
            select(submits.c.at)
            .where(submits.c.model == model, submits.c.at > now - DAY)
            .order_by(submits.c.at)
            .offset(excess - 1)
            .limit(1)
        )
        at: datetime | None = await connection.scalar(query)
        return None if at is None else at + DAY
    rule = RULE_OF[limit]
    if rule.window is None or rule.measure is None:
        return None
    at = await connection.scalar(
        _freed(rule.measure, rule.window, scope, guild_id, user_id, excess, now)
    )
    return None if at is None else at + rule.window


def _freed(
    measure: Measure,
    window: timedelta,
    scope: Scope,
    guild_id: int,
    user_id: int,
    excess: int,
    now: datetime,
) -> Select[tuple[datetime]]:
    whose: ColumnElement[bool]
    match scope:
        case Scope.MEMBER:
            member = ledger.c.user_id.in_((user_id, stand_in(user_id)))
            whose = and_(member, ledger.c.guild_id == guild_id, FOR_MEMBER)
        case Scope.GUILD:
            whose = and_(ledger.c.guild_id == guild_id, FOR_HOUSE)
        case _:
            whose = FOR_HOUSE
    part = ledger.c[measure]
    running = (
        select(
            ledger.c.counted_at,
            # peers of one time (a reservation and its refund) come in together
            func.sum(part).over(order_by=ledger.c.counted_at).label("freed"),
        )
        .where(whose, COUNTED, ledger.c.counted_at > now - window)
        .subquery()
    )
    return (
        select(running.c.counted_at)
        .where(running.c.freed >= excess)
        .order_by(running.c.counted_at)
        .limit(1)
    )


def _sums(now: datetime, *by: ColumnElement[Any]) -> Select[Any]:
    columns = []
    for name, window in _WINDOWS:
        inside = ledger.c.counted_at > now - window
        for measure in Measure:
            for prefix, of_kind in (("", COUNTED), ("granted_", _GRANTED)):
                value = case((and_(inside, of_kind), ledger.c[measure]), else_=0)
                total = func.coalesce(func.sum(value), 0)
                columns.append(total.label(f"{prefix}{name}_{measure}"))
    return select(*by, *columns).where(ledger.c.counted_at > now - MONTH, or_(COUNTED, _GRANTED))


_GRANTED = ledger.c.kind == EntryKind.GRANT


def _usage(row: Row) -> Usage:
    def amount(name: str) -> Amount:
        return Amount(
            Micros(int(row[f"{name}_micros"])),
            int(row[f"{name}_clips"]),
            int(row[f"{name}_seconds"]),
        )

    return Usage(
        day=amount("day"),
        month=amount("month"),
        granted_day=amount("granted_day"),
        granted_month=amount("granted_month"),
    )


def _together(one: Usage, other: Usage) -> Usage:
    return Usage(
        day=one.day + other.day,
        month=one.month + other.month,
        granted_day=one.granted_day + other.granted_day,
        granted_month=one.granted_month + other.granted_month,
    )


def with_jobs(usage: Usage, jobs_now: int) -> Usage:
    """Return ``usage`` with the number of jobs that have not ended."""
    return replace(usage, jobs=jobs_now)
