"""Counts and sums for operators, each one query over what is there anyway."""

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Select, and_, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.billing.ledger import EntryKind
from bot.domain.billing.money import Micros
from bot.domain.jobs.job import ACTIVE, JobState, Outcome
from bot.domain.statistics import BUCKETS_S, Durations, Figures, JobFigures, WorkerFigures
from bot.store.billing.usage_queries import FOR_HOUSE
from bot.store.engine.database import Database
from bot.store.engine.types import database_time
from bot.store.tables.core import durations, guilds, jobs, ledger, workers
from bot.store.tables.row_mapping import Row

_DAY: Final = timedelta(days=1)
_FAILED: Final = (JobState.FAILED, JobState.UNKNOWN)
_JOB: Final = (
    jobs.c.id,
    jobs.c.state,
    jobs.c.model,
    jobs.c.price,
    jobs.c.owner,
    jobs.c.created_at,
    jobs.c.submitted_at,
    jobs.c.finished_at,
    jobs.c.outcome,
    jobs.c.detail,
)


class FigureStore:
    """`bot.domain.statistics.FigureSource` over SQLAlchemy."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def figures(self, *, now: datetime, most: int = 0) -> Figures:
        """Return the figures, with up to ``most`` running jobs and failures."""

        async def work(connection: AsyncConnection) -> Figures:
            return await _figures(connection, now, most)

        return await self._db.read(work)


async def _figures(connection: AsyncConnection, now: datetime, most: int) -> Figures:
    states = await connection.execute(select(jobs.c.state, func.count()).group_by(jobs.c.state))
    outcomes = await connection.execute(
        select(jobs.c.model, jobs.c.outcome, func.count())
        .where(jobs.c.state.not_in(ACTIVE), jobs.c.outcome.is_not(None))
        .group_by(jobs.c.model, jobs.c.outcome)
    )
    switch = await connection.execute(
        select(guilds.c.paused, guilds.c.pause_reason).where(guilds.c.id == 0)
    )
    paused, reason = switch.one_or_none() or (False, None)
    spent, spent_day, reserved = (await connection.execute(_money(now))).one()
    return Figures(
        at=now,
        states={JobState(state): count for state, count in states},
        outcomes={(model, Outcome(what)): count for model, what, count in outcomes},
        durations=await _durations(connection),
        oldest_wait=await connection.scalar(
            select(func.min(jobs.c.created_at)).where(jobs.c.state == JobState.QUEUED)
        ),
        spent=Micros(int(spent)),
        spent_day=Micros(int(spent_day)),
        reserved=Micros(int(reserved)),
        paused=bool(paused),
        pause_reason=reason,
        workers=await _workers(connection),
        running=await _jobs(
            connection, select(*_JOB).where(jobs.c.state.in_(ACTIVE)).order_by(jobs.c.id), most
        ),
        failures=await _jobs(
            connection,
            select(*_JOB).where(jobs.c.state.in_(_FAILED)).order_by(jobs.c.id.desc()),
            most,
        ),
    )


def _money(now: datetime) -> Select[Any]:
    final = or_(
        ledger.c.kind == EntryKind.SETTLE, and_(ledger.c.kind == EntryKind.ADJUST, FOR_HOUSE)
    )
    held = case(
        (ledger.c.kind.in_([EntryKind.RESERVE, EntryKind.REFUND]), ledger.c.micros),
        (ledger.c.kind == EntryKind.SETTLE, -ledger.c.micros),
        else_=0,
    )
    spent = case((final, ledger.c.micros), else_=0)
    lately = case((and_(final, ledger.c.at > now - _DAY), ledger.c.micros), else_=0)
    return select(*(func.coalesce(func.sum(each), 0) for each in (spent, lately, held)))


async def _durations(connection: AsyncConnection) -> dict[str, Durations]:
    within = [func.sum(case((durations.c.took_s <= most, 1), else_=0)) for most in BUCKETS_S]
    rows = await connection.execute(
        select(durations.c.model, func.count(), func.sum(durations.c.took_s), *within).group_by(
            durations.c.model
        )
    )
    return {
        model: Durations(tuple(int(each) for each in counts), int(count), float(seconds))
        for model, count, seconds, *counts in rows
    }


async def _workers(connection: AsyncConnection) -> tuple[WorkerFigures, ...]:
    owned: dict[str, dict[JobState, int]] = defaultdict(dict)
    rows = await connection.execute(
        select(jobs.c.owner, jobs.c.state, func.count())
        .where(jobs.c.owner.is_not(None))
        .group_by(jobs.c.owner, jobs.c.state)
    )
    for owner, state, count in rows:
        owned[owner][JobState(state)] = count
    alive = case((workers.c.lease_until > database_time(), 1), else_=0).label("alive")
    found = (
        await connection.execute(select(workers, alive).order_by(workers.c.started_at))
    ).mappings()
    return tuple(
        WorkerFigures(
            id=row["id"],
            host=row["host"],
            started_at=row["started_at"],
            lease_until=row["lease_until"],
            alive=bool(row["alive"]),
            jobs=owned.get(row["id"], {}),
        )
        for row in found
    )


async def _jobs(
    connection: AsyncConnection, query: Select[Any], most: int
) -> tuple[JobFigures, ...]:
    if not most:
        return ()
    return tuple(_job(row) for row in (await connection.execute(query.limit(most))).mappings())


def _job(row: Row) -> JobFigures:
    return JobFigures(
        **dict(row)
        | {
            "state": JobState(row["state"]),
            "price": Micros(row["price"]),
            "outcome": None if row["outcome"] is None else Outcome(row["outcome"]),
        }
    )
