"""When usage leaves its window, for refusals and for the state of quotas.

First the day is found from the sums of the days, then the moment among the entries of that day. A
day's sum is never negative, because what is returned has the time of its reservation.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import groupby
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    Date,
    Integer,
    Row,
    Select,
    and_,
    bindparam,
    func,
    select,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.billing.limits import DAY, LIMIT_RULES_BY_NAME, LimitMeasure
from bot.domain.erasure import pseudonym_for
from bot.domain.errors import LimitScope
from bot.store.billing.usage_queries import (
    COUNTS_FOR_MEMBER,
    COUNTS_WHEN_ABSORBED,
    IS_COUNTED,
    IS_DETAIL,
    find_first_day,
    sum_integers,
)
from bot.store.engine.types import UtcTime
from bot.store.tables.core import ledger_table, submissions_table
from bot.store.tables.sums import NOBODY, daily_usage_table

_ledger = ledger_table.c
_daily = daily_usage_table.c
_submissions = submissions_table.c
_FIRST_ROWS: Final = 100
"""Usually enough of a day's entries, because a quota shows when the first of them leaves."""
_ALL_ROWS: Final = 2**31 - 1
_MEMBER_SCOPES: Final = (LimitScope.MEMBER, LimitScope.EVERYWHERE)


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
    usage = WindowUsage(scope, rule.window, guild_id=guild_id, user_id=user_id, now=now)
    return (await usage.find_releases(connection, {rule.measure: excess}))[rule.measure]


@dataclass(frozen=True, slots=True)
class WindowUsage:
    """The usage that counts for the limits of one scope in the window that ends now."""

    scope: LimitScope
    window: timedelta
    guild_id: int | None
    user_id: int
    now: datetime

    async def find_releases(
        self, connection: AsyncConnection, excesses: Mapping[LimitMeasure, int]
    ) -> dict[LimitMeasure, datetime | None]:
        """Return for each measure when that much of the usage will have left the window."""
        parameters = self._build_parameters()
        days = await self._find_days(connection, excesses, parameters)
        releases: dict[LimitMeasure, datetime | None] = dict.fromkeys(excesses)
        for day in {on for on, _ in days.values()}:
            rests = {measure: rest for measure, (on, rest) in days.items() if on == day}
            moments = await self._find_moments(connection, day, rests, parameters)
            releases |= {measure: moment + self.window for measure, moment in moments.items()}
        return releases

    async def _find_days(
        self,
        connection: AsyncConnection,
        excesses: Mapping[LimitMeasure, int],
        parameters: dict[str, Any],
    ) -> dict[LimitMeasure, tuple[date, int]]:
        """Return the day on which each excess is reached, and how much of it on that day."""
        query = _build_days_query(self.scope, self.guild_id is not None, tuple(excesses))
        rests = dict(excesses)
        days: dict[LimitMeasure, tuple[date, int]] = {}
        for day, *amounts in await connection.execute(query, parameters):
            for measure, amount in zip(excesses, amounts, strict=True):
                if measure not in days and amount >= rests[measure]:
                    days[measure] = day, rests[measure]
                rests[measure] -= int(amount)
        return days

    async def _find_moments(
        self,
        connection: AsyncConnection,
        day: date,
        rests: Mapping[LimitMeasure, int],
        parameters: dict[str, Any],
    ) -> dict[LimitMeasure, datetime]:
        """Return the time of the entry on ``day`` with which each of ``rests`` is reached."""
        query = _build_moments_query(self.scope, self.guild_id is not None, tuple(rests))
        start = datetime.combine(day, time.min, UTC)
        parameters = parameters | {
            "first_at": max(start, self.now - self.window + timedelta(microseconds=1)),
            "day_end": start + DAY,
        }
        found: dict[LimitMeasure, datetime] = {}
        for limit in (_FIRST_ROWS, _ALL_ROWS):
            rows = (await connection.execute(query, parameters | {"row_limit": limit})).all()
            found = _find_reached(rows, rests, is_cut=len(rows) == limit)
            if len(found) == len(rests):
                break
        return found

    def _build_parameters(self) -> dict[str, Any]:
        start = self.now - self.window
        first_day, end = find_first_day(start)
        parameters: dict[str, Any] = {
            "window_start": start,
            "first_day": first_day,
            "first_day_end": end,
        }
        if self.scope in _MEMBER_SCOPES:
            parameters["user_ids"] = [self.user_id, pseudonym_for(self.user_id)]
        if self.scope in (LimitScope.MEMBER, LimitScope.GUILD) and self.guild_id is not None:
            parameters["guild_id"] = self.guild_id
        return parameters


def _find_entries(scope: LimitScope, *, in_guild: bool) -> ColumnElement[bool]:
    guild_id: BindParameter[int] = bindparam("guild_id", type_=BigInteger())
    user_ids: BindParameter[list[int]] = bindparam("user_ids", expanding=True)
    is_here = _ledger.guild_id == guild_id if in_guild else _ledger.guild_id.is_(None)
    match scope:
        case LimitScope.MEMBER:
            found = and_(_ledger.user_id.in_(user_ids), is_here, COUNTS_FOR_MEMBER)
        case LimitScope.EVERYWHERE:
            found = and_(_ledger.user_id.in_(user_ids), COUNTS_FOR_MEMBER)
        case LimitScope.GUILD:
            found = and_(is_here, COUNTS_WHEN_ABSORBED)
        case _:
            found = and_(COUNTS_WHEN_ABSORBED, IS_DETAIL)
    return and_(found, IS_COUNTED)


def _find_sums(scope: LimitScope, *, in_guild: bool) -> ColumnElement[bool]:
    guild_id: BindParameter[int] = bindparam("guild_id", type_=BigInteger())
    user_ids: BindParameter[list[int]] = bindparam("user_ids", expanding=True)
    is_here = _daily.guild_id == (guild_id if in_guild else NOBODY)
    match scope:
        case LimitScope.MEMBER:
            return and_(_daily.scope == LimitScope.MEMBER, _daily.user_id.in_(user_ids), is_here)
        case LimitScope.EVERYWHERE:
            return and_(_daily.scope == LimitScope.MEMBER, _daily.user_id.in_(user_ids))
        case LimitScope.GUILD:
            return and_(_daily.scope == LimitScope.GUILD, is_here)
        case _:
            return and_(_daily.scope == LimitScope.BOT, _daily.guild_id == NOBODY)


@cache
def _build_days_query(
    scope: LimitScope, in_guild: bool, measures: tuple[LimitMeasure, ...]
) -> Select[Any]:
    """Return the query for a window's days, whose building costs more than their reading."""
    first_day = bindparam("first_day", type_=Date())
    first = select(
        first_day.label("day"),
        *(sum_integers(_ledger[measure]).label(measure) for measure in measures),
    ).where(
        _find_entries(scope, in_guild=in_guild),
        _ledger.window_at > bindparam("window_start", type_=UtcTime()),
        _ledger.window_at < bindparam("first_day_end", type_=UtcTime()),
    )
    group = "member" if scope in _MEMBER_SCOPES else "budget"
    whole = select(
        _daily.day, *(_daily[f"{group}_{measure}"].label(measure) for measure in measures)
    ).where(_find_sums(scope, in_guild=in_guild), _daily.day > first_day)
    parts = union_all(first, whole).subquery()
    totals = (func.coalesce(sum_integers(parts.c[measure]), 0) for measure in measures)
    return select(parts.c.day, *totals).group_by(parts.c.day).order_by(parts.c.day)


@cache
def _build_moments_query(
    scope: LimitScope, in_guild: bool, measures: tuple[LimitMeasure, ...]
) -> Select[Any]:
    """Return the query for the entries of a part of a day, in the order of their time."""
    return (
        select(_ledger.window_at, *(_ledger[measure] for measure in measures))
        .where(
            _find_entries(scope, in_guild=in_guild),
            _ledger.window_at >= bindparam("first_at", type_=UtcTime()),
            _ledger.window_at < bindparam("day_end", type_=UtcTime()),
        )
        .order_by(_ledger.window_at)
        .limit(bindparam("row_limit", type_=Integer()))
    )


def _find_reached(
    rows: Sequence[Row[Any]], rests: Mapping[LimitMeasure, int], *, is_cut: bool
) -> dict[LimitMeasure, datetime]:
    """Return when the sums of ``rows`` reach ``rests``, for those that they reach.

    Entries with the same time (a reservation and its refund) are summed together. So the last time
    of rows that are cut off says nothing.
    """
    sums = dict.fromkeys(rests, 0)
    found: dict[LimitMeasure, datetime] = {}
    for moment, group in groupby(rows, key=lambda row: row.window_at):
        if is_cut and moment == rows[-1].window_at:
            break
        for row in group:
            for measure in rests:
                sums[measure] += row._mapping[measure]
        for measure, rest in rests.items():
            if sums[measure] >= rest:
                found.setdefault(measure, moment)
    return found
