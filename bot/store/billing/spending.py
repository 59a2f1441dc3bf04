"""What the ledger has spent by day and model, to compare it with Google's bill."""

from collections import defaultdict
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Any, Final

from sqlalchemy import Select, and_, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.billing.bill import NO_MODEL, DailySpending, DayRange
from bot.domain.billing.ledger import CHECK_COMMENT, EntryKind
from bot.domain.billing.money import Micros
from bot.store.billing.usage_queries import COUNTS_WHEN_ABSORBED, IS_DETAIL, sum_integers
from bot.store.engine.database import Database
from bot.store.engine.types import UtcTime
from bot.store.tables.core import jobs_table, ledger_table, submissions_table

_jobs = jobs_table.c
_ledger = ledger_table.c
_submissions = submissions_table.c
_DAY: Final = timedelta(days=1)
_LONGEST_WAIT: Final = timedelta(days=8)
"""How long before its submission a job may have been accepted."""
_IS_SPENT: Final = or_(
    _ledger.kind == EntryKind.SETTLE,
    and_(_ledger.kind == EntryKind.ADJUST, COUNTS_WHEN_ABSORBED),
)
_IS_CHECK: Final = and_(_ledger.job_id.is_(None), _ledger.comment.startswith(CHECK_COMMENT))
_CHECK: Final = case((_IS_CHECK, _ledger.comment), else_=None)


async def load_spending(
    database: Database, days: DayRange, time_zone: tzinfo
) -> tuple[DailySpending, ...]:
    """Return what counts for the budgets on each of ``days``, by model.

    A job counts on the day on which it was sent to Google, a check of contents on the day on which
    its text model was asked. Reads one day of entries at a time,
    because PostgreSQL ends statements after 15 seconds. Raises `DatabaseUnavailable`.
    """

    async def add_up(connection: AsyncConnection) -> dict[tuple[date, str], int]:
        sums: dict[tuple[date, str], int] = defaultdict(int)
        start = datetime.combine(days.first, time.min, time_zone) - _LONGEST_WAIT
        end = datetime.combine(days.last + _DAY, time.min, time_zone)
        while start < end:
            query = _build_query(start, min(start + _DAY, end))
            for window_at, submitted_at, model, check, micros in await connection.execute(query):
                day = (submitted_at or window_at).astimezone(time_zone).date()
                asked_model = None if check is None else check.removeprefix(CHECK_COMMENT)
                if days.first <= day <= days.last:
                    sums[day, model or asked_model or NO_MODEL] += int(micros)
            start += _DAY
        return sums

    found = await database.read(add_up)
    return tuple(
        DailySpending(day, model, Micros(micros))
        for (day, model), micros in sorted(found.items())
        if micros
    )


async def count_old_sums(database: Database, days: DayRange, time_zone: tzinfo) -> int:
    """Return how many entries have been replaced by sums of months that ``days`` touch."""
    first = datetime.combine(days.first.replace(day=1), time.min, time_zone)
    query = select(func.coalesce(func.sum(_ledger.rolled_up_entries), 0)).where(
        _ledger.rolled_up_entries.is_not(None),
        _ledger.window_at >= first - _DAY,
        _ledger.window_at < datetime.combine(days.last + _DAY, time.min, time_zone),
    )

    async def count(connection: AsyncConnection) -> int:
        return int(await connection.scalar(query) or 0)

    return await database.read(count)


def _build_query(start: datetime, end: datetime) -> Select[Any]:
    """Return the query for the sums of jobs and checks whose entries are of that time.

    The claims of a job keep its model after the job was deleted.
    """
    of_time = (
        select(_ledger.window_at, _ledger.job_id, _ledger.micros, _CHECK.label("check_comment"))
        .where(_ledger.window_at >= start, _ledger.window_at < end, IS_DETAIL, _IS_SPENT)
        .subquery()
    )
    keys = (of_time.c.window_at, of_time.c.job_id, of_time.c.check_comment)
    entries = (
        select(*keys, sum_integers(of_time.c.micros).label("micros")).group_by(*keys).subquery()
    )
    model, submitted_at = (
        select(func.max(column)).where(_submissions.job_id == entries.c.job_id).scalar_subquery()
        for column in (_submissions.model, _submissions.submitted_at)
    )
    return select(
        entries.c.window_at,
        func.coalesce(_jobs.submitted_at, submitted_at, type_=UtcTime()),
        func.coalesce(_jobs.model, model),
        entries.c.check_comment,
        entries.c.micros,
    ).select_from(entries.outerjoin(jobs_table, _jobs.id == entries.c.job_id))
