"""When usage leaves its window, for refusals and for the state of quotas.

First the day is found from the sums of the days, then the moment among the entries of that day. A
day's sum is never negative, because what is returned has the time of its reservation.
"""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, case, func, literal, select, union_all
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
)
from bot.store.tables.core import ledger_table, submissions_table
from bot.store.tables.sums import NOBODY, daily_usage_table

_ledger = ledger_table.c
_daily = daily_usage_table.c
_submissions = submissions_table.c


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


class WindowUsage:
    """The usage that counts for the limits of one scope in the window that ends now."""

    def __init__(
        self,
        scope: LimitScope,
        window: timedelta,
        *,
        guild_id: int | None,
        user_id: int,
        now: datetime,
    ) -> None:
        self._window = window
        self._start = now - window
        members = (user_id, pseudonym_for(user_id))
        self._group = "budget"
        match scope:
            case LimitScope.MEMBER | LimitScope.EVERYWHERE:
                self._group = "member"
                entries = and_(_ledger.user_id.in_(members), COUNTS_FOR_MEMBER)
                sums = and_(_daily.scope == LimitScope.MEMBER, _daily.user_id.in_(members))
                if scope is LimitScope.MEMBER:
                    entries &= _ledger.guild_id == guild_id
                    sums &= _daily.guild_id == (NOBODY if guild_id is None else guild_id)
            case LimitScope.GUILD:
                entries = and_(_ledger.guild_id == guild_id, COUNTS_WHEN_ABSORBED)
                sums = and_(_daily.scope == LimitScope.GUILD, _daily.guild_id == guild_id)
            case _:
                entries = and_(COUNTS_WHEN_ABSORBED, IS_DETAIL)
                sums = and_(_daily.scope == LimitScope.BOT, _daily.guild_id == NOBODY)
        self._are_entries: ColumnElement[bool] = and_(entries, IS_COUNTED)
        self._are_sums: ColumnElement[bool] = sums

    async def find_releases(
        self, connection: AsyncConnection, excesses: Mapping[LimitMeasure, int]
    ) -> dict[LimitMeasure, datetime | None]:
        """Return for each measure when that much of the usage will have left the window."""
        days = await self._find_days(connection, excesses)
        releases: dict[LimitMeasure, datetime | None] = dict.fromkeys(excesses)
        for day in {on for on, _ in days.values()}:
            rests = {measure: rest for measure, (on, rest) in days.items() if on == day}
            for measure, moment in (await self._find_moments(connection, day, rests)).items():
                releases[measure] = None if moment is None else moment + self._window
        return releases

    async def _find_days(
        self, connection: AsyncConnection, excesses: Mapping[LimitMeasure, int]
    ) -> dict[LimitMeasure, tuple[date, int]]:
        """Return the day on which each excess is reached, and how much of it on that day."""
        first_day, end = find_first_day(self._start)
        first = select(
            literal(first_day).label("day"),
            *(func.sum(_ledger[measure]).label(measure) for measure in excesses),
        ).where(self._are_entries, _ledger.window_at > self._start, _ledger.window_at < end)
        whole = select(
            _daily.day, *(_daily[f"{self._group}_{measure}"].label(measure) for measure in excesses)
        ).where(self._are_sums, _daily.day > first_day)
        parts = union_all(first, whole).subquery()
        totals = (func.coalesce(func.sum(parts.c[measure]), 0) for measure in excesses)
        query = select(parts.c.day, *totals).group_by(parts.c.day).order_by(parts.c.day)
        rests = dict(excesses)
        days: dict[LimitMeasure, tuple[date, int]] = {}
        for day, *amounts in (await connection.execute(query)).all():
            for measure, amount in zip(excesses, amounts, strict=True):
                if measure not in days and amount >= rests[measure]:
                    days[measure] = day, rests[measure]
                rests[measure] -= int(amount)
        return days

    async def _find_moments(
        self, connection: AsyncConnection, day: date, rests: Mapping[LimitMeasure, int]
    ) -> dict[LimitMeasure, datetime | None]:
        """Return the time of the entry on ``day`` with which each of ``rests`` is reached."""
        start = self._start.replace(
            year=day.year, month=day.month, day=day.day, hour=0, minute=0, second=0, microsecond=0
        )
        running = (
            select(
                _ledger.window_at,
                # entries with the same time (a reservation and its refund) are summed together
                *(
                    func.sum(_ledger[measure]).over(order_by=_ledger.window_at).label(measure)
                    for measure in rests
                ),
            )
            .where(
                self._are_entries,
                _ledger.window_at > self._start,
                _ledger.window_at >= start,
                _ledger.window_at < start + DAY,
            )
            .subquery()
        )
        moments: list[ColumnElement[Any]] = [
            func.min(case((running.c[measure] >= rest, running.c.window_at)))
            for measure, rest in rests.items()
        ]
        row = (await connection.execute(select(*moments))).one()
        return dict(zip(rests, row, strict=True))
