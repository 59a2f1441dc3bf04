"""Claims queued jobs under a lock, in the order of `bot.domain.jobs.queue`."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    bindparam,
    false,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.billing.limits import DAY, SpendingPolicy
from bot.domain.guild import WHOLE_BOT_ID
from bot.domain.jobs.job import Job, JobState
from bot.domain.jobs.queue import GoogleLoad, MemberActivity, QueuedJob, pick_next
from bot.store.engine.database import take_lock
from bot.store.engine.types import DatabaseClock, UtcTime
from bot.store.tables.core import guilds_table, jobs_table, model_states_table, submissions_table
from bot.store.tables.row_mapping import jobs_from_rows

_jobs = jobs_table.c
_submissions = submissions_table.c
CLAIM_LOCK: Final = 0x636C_6170_02
_NOW: Final = bindparam("now", type_=UtcTime())

AT_GOOGLE_STATES: Final = frozenset({JobState.SUBMITTING, JobState.POLLING})
"""The states in which a job counts as running at Google."""
_SERVED_WINDOW: Final = timedelta(hours=1)
_MEMBER_QUEUE_LIMIT: Final = 100
"""How many jobs of one member a claim looks at; no member gets more at once anyway."""


async def claim_jobs(
    connection: AsyncConnection,
    *,
    owner: str,
    policy: SpendingPolicy,
    clock: DatabaseClock,
    limit: int,
) -> list[Job]:
    """Move up to ``limit`` queued jobs to ``submitting``, in the fair order, and return them.

    They then belong to the worker ``owner``, under a new epoch, and have not been sent.
    """
    await take_lock(connection, CLAIM_LOCK)
    now = await clock(connection)
    waiting = await load_waiting_jobs(connection, claimable_at=now)
    if not waiting:
        return []
    served = await load_served_members(connection, {job.user_id for job in waiting}, now)
    load = await _measure_load(connection, now)
    job_ids = [job.id for job in pick_next(waiting, served, load, policy.pace, limit=limit)]
    return await _start_jobs(connection, job_ids, owner, now)


def is_queued() -> Any:
    """Return the condition for a queued job."""
    return _jobs.state == JobState.QUEUED


def _is_paused() -> Any:
    # one lookup for each waiting job: with IN, all paused servers would be collected by a scan
    return or_(*(_is_guild_paused(guild_id) for guild_id in (_jobs.guild_id, WHOLE_BOT_ID)))


def _is_guild_paused(guild_id: ColumnElement[int | None] | int) -> ColumnElement[bool]:
    paused = select(guilds_table.c.paused).where(guilds_table.c.id == guild_id)
    # there may be no row, and null could not be negated
    return func.coalesce(paused.correlate(jobs_table).scalar_subquery(), false())


async def load_waiting_jobs(
    connection: AsyncConnection, *, claimable_at: datetime | None = None
) -> list[QueuedJob]:
    """Return the queued jobs, up to `_MEMBER_QUEUE_LIMIT` of each member.

    With ``claimable_at``, only those that may start at that time.
    """
    if claimable_at is None:
        rows = await connection.execute(_build_waiting_query(only_claimable=False))
    else:
        query = _build_waiting_query(only_claimable=True)
        rows = await connection.execute(query, {"now": claimable_at})
    return [QueuedJob(row.id, row.user_id, row.model, row.owner, bool(row.paused)) for row in rows]


@cache
def _build_waiting_query(*, only_claimable: bool) -> Select[Any]:
    condition = is_queued()
    if only_claimable:
        may_retry = or_(_jobs.retry_at.is_(None), _jobs.retry_at <= _NOW)
        condition = and_(condition, may_retry, ~_is_paused())
    turn = func.row_number().over(partition_by=_jobs.user_id, order_by=_jobs.id)
    facts = (_jobs.id, _jobs.user_id, _jobs.model, _jobs.owner, _is_paused().label("paused"))
    ranked = select(*facts, turn.label("turn")).where(condition).subquery()
    return select(ranked).where(ranked.c.turn <= _MEMBER_QUEUE_LIMIT)


async def find_queue_place(connection: AsyncConnection, job_id: int, now: datetime) -> int | None:
    """Return a job's position from 1 in `bot.domain.jobs.queue.order_fairly`."""
    served_since = now - _SERVED_WINDOW
    parameters = {"is_id": job_id, "served_since": served_since}
    place: int | None = await connection.scalar(_build_queue_place_query(), parameters)
    return place


@cache
def _build_queue_place_query() -> Select[tuple[int]]:
    """Return the query for the place of the job ``is_id``.

    The fair order merges the members' queues by a key that grows within each queue. So the database
    can sort by that key, and need not send the whole queue.
    """
    queued_members = select(_jobs.user_id).where(is_queued())
    served = _build_served_members_query().where(_jobs.user_id.in_(queued_members)).subquery()
    queued = select(
        _jobs.id,
        _is_paused().label("paused"),
        served.c.last_start,
        (
            func.row_number().over(partition_by=_jobs.user_id, order_by=_jobs.id)
            + func.coalesce(served.c.in_flight, 0)
        ).label("turn"),
    ).outerjoin(served, served.c.user_id == _jobs.user_id)
    waiting = queued.where(is_queued()).subquery()
    fair = (waiting.c.turn, waiting.c.last_start.nulls_first(), waiting.c.id)
    places = (
        select(waiting.c.id, func.row_number().over(order_by=fair).label("place"))
        .where(~waiting.c.paused)
        .subquery()
    )
    return select(places.c.place).where(places.c.id == bindparam("is_id"))


def _build_served_members_query() -> Select[Any]:
    """Return the query for each member's activity since ``served_since``."""
    in_flight = func.count().filter(_jobs.state.in_(AT_GOOGLE_STATES)).label("in_flight")
    return (
        select(_jobs.user_id, in_flight, func.max(_jobs.submitted_at).label("last_start"))
        .where(_jobs.submitted_at > bindparam("served_since", type_=UtcTime()))
        .group_by(_jobs.user_id)
    )


async def load_served_members(
    connection: AsyncConnection, user_ids: set[int], now: datetime
) -> dict[int, MemberActivity]:
    """Return how many jobs of each member run at Google, and the last start in the last hour."""
    rows = await connection.execute(
        _SERVED_MEMBERS_QUERY,
        {"served_since": now - _SERVED_WINDOW, "user_ids": list(user_ids)},
    )
    return {user_id: MemberActivity(count, last) for user_id, count, last in rows}


async def _measure_load(connection: AsyncConnection, now: datetime) -> GoogleLoad:
    in_flight = await connection.scalar(_IN_FLIGHT_QUERY)
    rows = await connection.execute(
        _SUBMISSIONS_QUERY, {"minute_ago": now - timedelta(minutes=1), "day_ago": now - DAY}
    )
    counts = [tuple(row) for row in rows]
    rate_limited = await connection.scalars(_RATE_LIMITED_QUERY, {"now": now})
    return GoogleLoad(
        in_flight=in_flight or 0,
        last_minute={model: last_minute for model, last_minute, _ in counts},
        last_day={model: last_day for model, _, last_day in counts},
        rate_limited=frozenset(rate_limited),
    )


async def _start_jobs(
    connection: AsyncConnection, job_ids: Sequence[int], owner: str, now: datetime
) -> list[Job]:
    if not job_ids:
        return []
    rows = await connection.execute(
        _START_UPDATE, {"job_ids": job_ids, "to_owner": owner, "now": now}
    )
    started = jobs_from_rows(rows.mappings().all())
    if started:
        await connection.execute(
            _SUBMISSION_INSERT,
            [
                {
                    "job_id": job.id,
                    "attempt": job.attempts,
                    "model": job.plan.model,
                    "submitted_at": now,
                }
                for job in started
            ],
        )
    return sorted(started, key=lambda job: job_ids.index(job.id))


# Built once, because building these costs more than running them.
_SERVED_MEMBERS_QUERY = _build_served_members_query().where(
    _jobs.user_id.in_(bindparam("user_ids", expanding=True))
)
_IN_FLIGHT_QUERY = (
    select(func.count()).select_from(jobs_table).where(_jobs.state.in_(AT_GOOGLE_STATES))
)
_IN_LAST_MINUTE = _submissions.submitted_at > bindparam("minute_ago", type_=UtcTime())
_SUBMISSIONS_QUERY = (
    select(_submissions.model, func.count().filter(_IN_LAST_MINUTE), func.count())
    .where(_submissions.submitted_at > bindparam("day_ago", type_=UtcTime()))
    .group_by(_submissions.model)
)
_RATE_LIMITED_QUERY = select(model_states_table.c.id).where(
    model_states_table.c.rate_limited_until > _NOW
)
_START_UPDATE = (
    update(jobs_table)
    .where(_jobs.id.in_(bindparam("job_ids", expanding=True)), _jobs.state == JobState.QUEUED)
    .values(
        state=JobState.SUBMITTING,
        owner=bindparam("to_owner"),
        epoch=_jobs.epoch + 1,
        claimed_epoch=_jobs.epoch + 1,
        unsent=True,
        submitted_at=_NOW,
        retry_at=None,
        outcome=None,
        detail=None,
        attempts=_jobs.attempts + 1,
    )
    .returning(*_jobs)
)
_SUBMISSION_INSERT = insert(submissions_table)
