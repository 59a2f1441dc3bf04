"""Moving queued jobs to ``submitting``: the rows behind `bot.domain.jobs.queue`, under a lock."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import and_, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.billing.limits import DAY, Policy
from bot.domain.jobs.job import Job, JobState
from bot.domain.jobs.queue import Load, Served, Waiting, pick
from bot.store.engine.database import take_lock
from bot.store.engine.types import Now
from bot.store.tables.core import guilds, jobs, models, submits
from bot.store.tables.row_mapping import jobs_from_rows

CLAIM_LOCK: Final = 0x636C_6170_02

_AT_GOOGLE: Final = frozenset({JobState.SUBMITTING, JobState.POLLING})
_MOST_PER_MEMBER: Final = 100
"""How far into one member's queue the claim looks; they get no more at once anyway."""


async def claim(
    connection: AsyncConnection, *, owner: str, policy: Policy, clock: Now, most: int
) -> list[Job]:
    """Start what may be started; see `bot.domain.stores.Jobs.claim`."""
    await take_lock(connection, CLAIM_LOCK)
    now = await clock(connection)
    waiting = await queue(connection, _claimable(now))
    if not waiting:
        return []
    past = await served(connection, {job.user_id for job in waiting}, now)
    load = await _load(connection, now)
    chosen = [job.id for job in pick(waiting, past, load, policy.pace, most=most)]
    return await _start(connection, chosen, owner, now)


def in_queue() -> Any:
    """Return the condition of a job that waits."""
    return jobs.c.state == JobState.QUEUED


def _paused() -> Any:
    switched_off = select(guilds.c.id).where(guilds.c.paused)
    everything = select(guilds.c.id).where(guilds.c.paused, guilds.c.id == 0).exists()
    return or_(jobs.c.guild_id.in_(switched_off), everything)


def _claimable(now: datetime) -> Any:
    waited = or_(jobs.c.retry_at.is_(None), jobs.c.retry_at <= now)
    return and_(in_queue(), waited, ~_paused())


async def queue(connection: AsyncConnection, condition: Any) -> list[Waiting]:
    """Return the jobs that wait under ``condition``, as far as the fair order looks."""
    turn = func.row_number().over(partition_by=jobs.c.user_id, order_by=jobs.c.id)
    facts = (jobs.c.id, jobs.c.user_id, jobs.c.model, jobs.c.owner, _paused().label("paused"))
    each = select(*facts, turn.label("turn")).where(condition).subquery()
    rows = await connection.execute(select(each).where(each.c.turn <= _MOST_PER_MEMBER))
    return [Waiting(row.id, row.user_id, row.model, row.owner, bool(row.paused)) for row in rows]


async def served(
    connection: AsyncConnection, user_ids: set[int], now: datetime
) -> dict[int, Served]:
    """Return what each member has had in the last hour."""
    flying = func.count().filter(jobs.c.state.in_(_AT_GOOGLE))
    rows = await connection.execute(
        select(jobs.c.user_id, flying, func.max(jobs.c.submitted_at))
        .where(jobs.c.user_id.in_(user_ids), jobs.c.submitted_at > now - timedelta(hours=1))
        .group_by(jobs.c.user_id)
    )
    return {user_id: Served(in_flight, last) for user_id, in_flight, last in rows}


async def _load(connection: AsyncConnection, now: datetime) -> Load:
    in_flight = await connection.scalar(
        select(func.count()).select_from(jobs).where(jobs.c.state.in_(_AT_GOOGLE))
    )
    minute = func.count().filter(submits.c.at > now - timedelta(minutes=1))
    rows = await connection.execute(
        select(submits.c.model, minute, func.count())
        .where(submits.c.at > now - DAY)
        .group_by(submits.c.model)
    )
    counts = [tuple(row) for row in rows]
    held = await connection.scalars(select(models.c.id).where(models.c.held_until > now))
    return Load(
        in_flight=in_flight or 0,
        last_minute={model: last_minute for model, last_minute, _ in counts},
        last_day={model: last_day for model, _, last_day in counts},
        held=frozenset(held),
    )


async def _start(
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
