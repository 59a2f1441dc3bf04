"""Sums over the ledger and counts of jobs, for the decisions of `bot.domain.billing.limits`.

A window is the whole days in it, which the database adds up with every entry, and the entries of
the day in which it begins. So a sum is exact to the entry, is never stale in the transaction that
adds to it, and takes no longer after years (docs/decisions/0027-sums-kept-by-the-database.md).

In keys, the server is `None` for direct messages.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import cache
from typing import Any

from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    Date,
    Select,
    and_,
    bindparam,
    case,
    cast,
    func,
    literal_column,
    or_,
    select,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.billing.ledger import EntryKind, LedgerAccount
from bot.domain.billing.limits import (
    DAY,
    MONTH,
    NO_USAGE,
    LimitMeasure,
    LimitRow,
    UsageAmount,
    UsageTotals,
)
from bot.domain.billing.money import Micros
from bot.domain.erasure import pseudonym_for
from bot.domain.errors import LimitScope
from bot.domain.jobs.job import ACTIVE_STATES, JobState, ReviewState
from bot.store.engine.types import UtcTime
from bot.store.tables.core import jobs_table, ledger_table, limits_table, submissions_table
from bot.store.tables.row_mapping import Row, limit_from_row
from bot.store.tables.sums import NOBODY, daily_usage_table

_jobs = jobs_table.c
_ledger = ledger_table.c
_submissions = submissions_table.c
_daily = daily_usage_table.c
COUNTS_FOR_MEMBER = _ledger.account.in_(
    [account for account in LedgerAccount if account.counts_for_member]
)
COUNTS_WHEN_ABSORBED = _ledger.account.in_(
    [account for account in LedgerAccount if account.counts_for_budgets]
)
IS_COUNTED = _ledger.kind.in_([EntryKind.RESERVE, EntryKind.REFUND, EntryKind.ADJUST])

IS_GRANT = _ledger.kind == EntryKind.GRANT
IS_DETAIL = _ledger.rolled_up_entries.is_(None)
"""Needed for the index of ``window_at`` alone. What is rolled up is in no partial day."""

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
    usage = _usage_from_row(rows.mappings().one())
    return replace(usage, granted_day=NO_USAGE, granted_month=NO_USAGE)


async def count_active_jobs(connection: AsyncConnection) -> dict[tuple[int | None, int], int]:
    """Return how many jobs of each (server, member) have not ended."""
    rows = await connection.execute(_ACTIVE_JOBS_QUERY)
    return {(guild_id, user_id): count for guild_id, user_id, count in rows}


async def count_requests_today(
    connection: AsyncConnection, models: Collection[str], now: datetime
) -> dict[str, int]:
    """Return the requests of each model in the last day, including those in the queue."""
    rows = await connection.execute(
        _build_requests_query(), {"models": list(models), "day_ago": now - DAY}
    )
    return {row[0]: row[1] for row in rows}


@cache
def _build_requests_query() -> Select[Any]:
    models: BindParameter[list[str]] = bindparam("models", expanding=True)
    submitted = select(_submissions.model).where(
        _submissions.model.in_(models),
        _submissions.submitted_at > bindparam("day_ago", type_=UtcTime()),
    )
    queued = select(_jobs.model).where(_jobs.state == JobState.QUEUED, _jobs.model.in_(models))
    both = submitted.union_all(queued).subquery()
    return select(both.c.model, func.count()).group_by(both.c.model)


async def load_limits(
    connection: AsyncConnection, guild_ids: Collection[int]
) -> dict[int | None, list[LimitRow]]:
    """Return the limits that the admins of each server have set."""
    limits: dict[int | None, list[LimitRow]] = {guild_id: [] for guild_id in guild_ids}
    parameters = {"guild_ids": list(guild_ids)}
    for row in (await connection.execute(_LIMITS_QUERY, parameters)).mappings():
        limits[row["guild_id"]].append(limit_from_row(row))
    return limits


def build_member_list(guild_id: int, since: datetime) -> Select[Any]:
    """Return the query for what each member used in a server: member, clips, seconds, micros.

    The most expensive come first.
    """
    first_day, end = find_first_day(since)
    first = select(_ledger.user_id, _ledger.clips, _ledger.seconds, _ledger.micros).where(
        _ledger.guild_id == guild_id,
        _ledger.window_at > since,
        _ledger.window_at < end,
        IS_COUNTED,
        COUNTS_WHEN_ABSORBED,
    )
    whole = select(
        func.nullif(_daily.user_id, NOBODY),
        _daily.budget_clips,
        _daily.budget_seconds,
        _daily.budget_micros,
    ).where(_daily.scope == LimitScope.MEMBER, _daily.guild_id == guild_id, _daily.day > first_day)
    parts = union_all(first, whole).subquery().c
    micros = sum_integers(parts.micros)
    return (
        select(parts.user_id, sum_integers(parts.clips), sum_integers(parts.seconds), micros)
        .group_by(parts.user_id)
        .order_by(micros.desc(), parts.user_id)
    )


class _UsageScope:
    """Which rows of sums and which entries count for one kind of limit."""

    def __init__(
        self,
        scope: LimitScope,
        *,
        are_sums: ColumnElement[bool],
        are_entries: ColumnElement[bool],
        sum_keys: Sequence[ColumnElement[Any]] = (),
        entry_keys: Sequence[ColumnElement[Any]] = (),
    ) -> None:
        self._group = "member" if scope is LimitScope.MEMBER else "budget"
        self._are_sums = and_(_daily.scope == scope, are_sums)
        self._are_entries = are_entries
        self._sum_keys, self._entry_keys = sum_keys, entry_keys

    def build_query(self) -> Select[Any]:
        """Return the query for the sums of the windows of ``_compute_window_starts``."""
        parts = union_all(
            self._select_whole_days(),
            *(self._select_first_day(name) for name, _ in _WINDOWS),
        ).subquery()
        names = [key.name for key in self._entry_keys]
        keys = [parts.c[name] for name in names]
        totals = [
            func.coalesce(sum_integers(column), 0).label(name)
            for name, column in parts.c.items()
            if name not in names
        ]
        return select(*keys, *totals).group_by(*keys)

    def _select_whole_days(self) -> Select[Any]:
        amounts = []
        for name, _ in _WINDOWS:
            inside = _daily.day > bindparam(f"{name}_first_day", type_=Date())
            for measure in LimitMeasure:
                for prefix in ("", "granted_"):
                    total = _daily[f"{self._group}_{prefix}{measure}"]
                    value = total if name == "month" else case((inside, total), else_=0)
                    amounts.append(sum_integers(value).label(f"{prefix}{name}_{measure}"))
        return (
            select(*self._sum_keys, *amounts)
            .where(self._are_sums, _daily.day > bindparam("month_first_day", type_=Date()))
            .group_by(*self._sum_keys)
        )

    def _select_first_day(self, window: str) -> Select[Any]:
        """Select the sums of the entries of the day in which a window begins."""
        amounts: list[ColumnElement[Any]] = []
        for name, _ in _WINDOWS:
            for measure in LimitMeasure:
                for prefix, of_kind in (("", IS_COUNTED), ("granted_", IS_GRANT)):
                    value = sum_integers(case((of_kind, _ledger[measure]), else_=0))
                    amount = value if name == window else literal_column("0")
                    amounts.append(amount.label(f"{prefix}{name}_{measure}"))
        return (
            select(*self._entry_keys, *amounts)
            .where(
                self._are_entries,
                or_(IS_COUNTED, IS_GRANT),
                _ledger.window_at > bindparam(f"{window}_start", type_=UtcTime()),
                _ledger.window_at < bindparam(f"{window}_first_day_end", type_=UtcTime()),
            )
            .group_by(*self._entry_keys)
        )


def sum_integers(column: ColumnElement[Any]) -> ColumnElement[int]:
    """Return the sum as an integer; PostgreSQL's own is a decimal, which takes long to read."""
    return cast(func.sum(column), BigInteger())


def find_first_day(start: datetime) -> tuple[date, datetime]:
    """Return the day in which a window begins, in UTC, and the end of that day."""
    start = start.astimezone(UTC)
    return start.date(), start.replace(hour=0, minute=0, second=0, microsecond=0) + DAY


def _compute_window_starts(now: datetime) -> dict[str, Any]:
    """Return the parameters of the usage queries."""
    parameters: dict[str, Any] = {}
    for name, window in _WINDOWS:
        start = now - window
        first_day, end = find_first_day(start)
        parameters[f"{name}_start"] = start
        parameters[f"{name}_first_day"] = first_day
        parameters[f"{name}_first_day_end"] = end
    return parameters


# Built once, because building these costs more than running them.
_USER_IDS: BindParameter[list[int]] = bindparam("user_ids", expanding=True)
_GUILD_IDS: BindParameter[list[int]] = bindparam("guild_ids", expanding=True)
_MEMBER_USAGE_QUERY = _UsageScope(
    LimitScope.MEMBER,
    are_sums=_daily.user_id.in_(_USER_IDS),
    are_entries=and_(_ledger.user_id.in_(_USER_IDS), COUNTS_FOR_MEMBER),
    sum_keys=(func.nullif(_daily.guild_id, NOBODY).label("guild_id"), _daily.user_id),
    entry_keys=(_ledger.guild_id, _ledger.user_id),
).build_query()
_GUILD_USAGE_QUERY = _UsageScope(
    LimitScope.GUILD,
    are_sums=_daily.guild_id.in_(_GUILD_IDS),
    are_entries=and_(_ledger.guild_id.in_(_GUILD_IDS), COUNTS_WHEN_ABSORBED),
    sum_keys=(_daily.guild_id,),
    entry_keys=(_ledger.guild_id,),
).build_query()
_BOT_USAGE_QUERY = _UsageScope(
    LimitScope.BOT,
    are_sums=_daily.guild_id == NOBODY,
    are_entries=and_(COUNTS_WHEN_ABSORBED, IS_DETAIL),
).build_query()
_IDLE_REVIEWS = (ReviewState.WAITING, ReviewState.CHECK)
_ACTIVE_JOBS_QUERY = (
    # the drafts of one request count once
    select(
        _jobs.guild_id,
        _jobs.user_id,
        func.count(func.distinct(func.coalesce(_jobs.takes_key, _jobs.dedupe_key))),
    )
    # a member need not wait for moderators or a check before they can ask for another clip
    .where(_jobs.state.in_(ACTIVE_STATES), func.coalesce(_jobs.review, "").not_in(_IDLE_REVIEWS))
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
