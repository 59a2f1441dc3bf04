"""Moving queued jobs to ``submitting``: the rows behind `bot.domain.jobs.queue`, under a lock."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Select, and_, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.billing.limits import DAY, SpendingPolicy
from bot.domain.jobs.job import Job, JobState
from bot.domain.jobs.queue import GoogleLoad, MemberActivity, QueuedJob, pick_next
from bot.store.engine.database import take_lock
from bot.store.engine.types import DatabaseClock
from bot.store.tables.core import guilds, jobs, models, submits
from bot.store.tables.row_mapping import jobs_from_rows

CLAIM_LOCK: Final = 0x636C_6170_02

_AT_GOOGLE_STATES: Final = frozenset({JobState.SUBMITTING, JobState.POLLING})
_MEMBER_QUEUE_LIMIT: Final = 100
"""How far into one member's queue the claim looks; they get no more at once anyway."""


async def claim_jobs(
    connection: AsyncConnection,
    *,
    owner: str,
    policy: SpendingPolicy,
    clock: DatabaseClock,
    limit: int,
) -> list[Job]:
    """Start what may be started; see `bot.domain.stores.Jobs.claim`."""
    await take_lock(connection, CLAIM_LOCK)
    now = await clock(connection)
    waiting = await load_waiting_jobs(connection, _is_claimable(now))
    if not waiting:
        return []
    past = await load_served_members(connection, {job.user_id for job in waiting}, now)
    load = await _measure_load(connection, now)
    chosen = [job.id for job in pick_next(waiting, past, load, policy.pace, limit=limit)]
    return await _start_jobs(connection, chosen, owner, now)


def is_queued() -> Any:
    """Return the condition of a job that waits."""
    return jobs.c.state == JobState.QUEUED


def _is_paused() -> Any:
    switched_off = select(guilds.c.id).where(guilds.c.paused)
    everything = select(guilds.c.id).where(guilds.c.paused, guilds.c.id == 0).exists()
    return or_(jobs.c.guild_id.in_(switched_off), everything)


def _is_claimable(now: datetime) -> Any:
    waited = or_(jobs.c.retry_at.is_(None), jobs.c.retry_at <= now)
    return and_(is_queued(), waited, ~_is_paused())


async def load_waiting_jobs(connection: AsyncConnection, condition: Any) -> list[QueuedJob]:
    """Return the jobs that wait under ``condition``, as far as the fair order looks."""
    turn = func.row_number().over(partition_by=jobs.c.user_id, order_by=jobs.c.id)
    facts = (jobs.c.id, jobs.c.user_id, jobs.c.model, jobs.c.owner, _is_paused().label("paused"))
    each = select(*facts, turn.label("turn")).where(condition).subquery()
    rows = await connection.execute(select(each).where(each.c.turn <= _MEMBER_QUEUE_LIMIT))
    return [QueuedJob(row.id, row.user_id, row.model, row.owner, bool(row.paused)) for row in rows]


def queue_place_query(job_id: int, now: datetime) -> Select[tuple[int]]:
    """Return the query for a job's place from 1 in `bot.domain.jobs.queue.order_fairly`.

    The order is a merge of the members' own queues, each of which grows by the key that is sorted
    by here, so that the database can count what is before a job instead of sending the whole queue.
    """
    served = _served_members_query(now).subquery()
    queued = select(
        jobs.c.id,
        _is_paused().label("paused"),
        served.c.last_start,
        (
            func.row_number().over(partition_by=jobs.c.user_id, order_by=jobs.c.id)
            + func.coalesce(served.c.in_flight, 0)
        ).label("turn"),
    ).outerjoin(served, served.c.user_id == jobs.c.user_id)
    waiting = queued.where(is_queued()).subquery()
    fair = (waiting.c.turn, waiting.c.last_start.nulls_first(), waiting.c.id)
    places = (
        select(waiting.c.id, func.row_number().over(order_by=fair).label("place"))
        .where(~waiting.c.paused)
        .subquery()
    )
    return select(places.c.place).where(places.c.id == job_id)


def _served_members_query(now: datetime) -> Select[Any]:
    """Return the query for what each member has had in the last hour."""
    in_flight = func.count().filter(jobs.c.state.in_(_AT_GOOGLE_STATES)).label("in_flight")
    return (
        select(jobs.c.user_id, in_flight, func.max(jobs.c.submitted_at).label("last_start"))
        .where(jobs.c.submitted_at > now - timedelta(hours=1))
        .group_by(jobs.c.user_id)
    )


async def load_served_members(
    connection: AsyncConnection, user_ids: set[int], now: datetime
) -> dict[int, MemberActivity]:
    """Return what each member has had in the last hour."""
    rows = await connection.execute(_served_members_query(now).where(jobs.c.user_id.in_(user_ids)))
    return {user_id: MemberActivity(in_flight, last) for user_id, in_flight, last in rows}


async def _measure_load(connection: AsyncConnection, now: datetime) -> GoogleLoad:
    in_flight = await connection.scalar(
        select(func.count()).select_from(jobs).where(jobs.c.state.in_(_AT_GOOGLE_STATES))
    )
    minute = func.count().filter(submits.c.at > now - timedelta(minutes=1))
    rows = await connection.execute(
        select(submits.c.model, minute, func.count())
        .where(submits.c.at > now - DAY)
        .group_by(submits.c.model)
    )
    counts = [tuple(row) for row in rows]
    held = await connection.scalars(select(models.c.id).where(models.c.held_until > now))
    return GoogleLoad(
        in_flight=in_flight or 0,
        last_minute={model: last_minute for model, last_minute, _ in counts},
        last_day={model: last_day for model, _, last_day in counts},
        rate_limited=frozenset(held),
    )


async def _start_jobs(
    connection: AsyncConnection, chosen: Sequence[int], owner: str, now: datetime
) -> list[Job]:
    if not chosen:
        return []
    rows = await connection.execute(
        update(jobs)
        .where(jobs.c.id.in_(chosen), jobs.c.state == JobState.QUEUED)
        .values(
            state=JobState.SUBMITTING,
            owner=owner,
            epoch=jobs.c.epoch + 1,
            claimed_epoch=jobs.c.epoch + 1,
            unsent=True,
            submitted_at=now,
            retry_at=None,
            outcome=None,
            detail=None,
            attempts=jobs.c.attempts + 1,
        )
        .returning(*jobs.c)
    )
    started = jobs_from_rows(rows.mappings().all())
    if started:
        await connection.execute(
            insert(submits),
            [
                {"job_id": job.id, "attempt": job.attempts, "model": job.plan.model, "at": now}
                for job in started
            ],
        )
    turn = {job_id: place for place, job_id in enumerate(chosen)}
    return sorted(started, key=lambda job: turn[job.id])
