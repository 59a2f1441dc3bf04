"""Counts and sums for operators, each one query over what is there anyway."""

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Select, and_, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.billing.ledger import EntryKind
from bot.domain.billing.money import Micros
from bot.domain.jobs.job import ACTIVE_STATES, JobState, Outcome
from bot.domain.statistics import (
    DURATION_BUCKETS_S,
    DurationHistogram,
    JobSnapshot,
    OperatorSnapshot,
    WorkerSnapshot,
)
from bot.store.billing.usage_queries import COUNTS_WHEN_ABSORBED
from bot.store.engine.database import Database
from bot.store.engine.types import database_time
from bot.store.tables.core import durations, guilds, jobs, ledger, workers
from bot.store.tables.row_mapping import Row

_DAY: Final = timedelta(days=1)
_FAILED_STATES: Final = (JobState.FAILED, JobState.UNKNOWN)
_JOB_COLUMNS: Final = (
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


class StatisticsStore:
    """`bot.domain.statistics.FigureSource` over SQLAlchemy."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def load_snapshot(self, *, now: datetime, limit: int = 0) -> OperatorSnapshot:
        """Return the figures, with up to ``most`` running jobs and failures."""

        async def build_snapshot(connection: AsyncConnection) -> OperatorSnapshot:
            return await _load_snapshot(connection, now, limit)

        return await self._db.read(build_snapshot)


async def _load_snapshot(
    connection: AsyncConnection, now: datetime, limit: int
) -> OperatorSnapshot:
    states = await connection.execute(select(jobs.c.state, func.count()).group_by(jobs.c.state))
    outcomes = await connection.execute(
        select(jobs.c.model, jobs.c.outcome, func.count())
        .where(jobs.c.state.not_in(ACTIVE_STATES), jobs.c.outcome.is_not(None))
        .group_by(jobs.c.model, jobs.c.outcome)
    )
    switch = await connection.execute(
        select(guilds.c.paused, guilds.c.pause_reason).where(guilds.c.id == 0)
    )
    paused, reason = switch.one_or_none() or (False, None)
    spent, spent_day, reserved = (await connection.execute(_build_money_query(now))).one()
    return OperatorSnapshot(
        taken_at=now,
        job_counts={JobState(state): count for state, count in states},
        outcome_counts={(model, Outcome(what)): count for model, what, count in outcomes},
        durations=await _load_durations(connection),
        oldest_queued_at=await connection.scalar(
            select(func.min(jobs.c.created_at)).where(jobs.c.state == JobState.QUEUED)
        ),
        spent=Micros(int(spent)),
        spent_day=Micros(int(spent_day)),
        reserved=Micros(int(reserved)),
        paused=bool(paused),
        pause_reason=reason,
        workers=await _load_workers(connection),
        running_jobs=await _load_jobs(
            connection,
            select(*_JOB_COLUMNS).where(jobs.c.state.in_(ACTIVE_STATES)).order_by(jobs.c.id),
            limit,
        ),
        failed_jobs=await _load_jobs(
            connection,
            select(*_JOB_COLUMNS)
            .where(jobs.c.state.in_(_FAILED_STATES))
            .order_by(jobs.c.id.desc()),
            limit,
        ),
    )


def _build_money_query(now: datetime) -> Select[Any]:
    final = or_(
        ledger.c.kind == EntryKind.SETTLE,
        and_(ledger.c.kind == EntryKind.ADJUST, COUNTS_WHEN_ABSORBED),
    )
    held = case(
        (ledger.c.kind.in_([EntryKind.RESERVE, EntryKind.REFUND]), ledger.c.micros),
        (ledger.c.kind == EntryKind.SETTLE, -ledger.c.micros),
        else_=0,
    )
    spent = case((final, ledger.c.micros), else_=0)
    lately = case((and_(final, ledger.c.at > now - _DAY), ledger.c.micros), else_=0)
    return select(*(func.coalesce(func.sum(each), 0) for each in (spent, lately, held)))


async def _load_durations(connection: AsyncConnection) -> dict[str, DurationHistogram]:
    within = [
        func.sum(case((durations.c.took_s <= most, 1), else_=0)) for most in DURATION_BUCKETS_S
    ]
    rows = await connection.execute(
        select(durations.c.model, func.count(), func.sum(durations.c.took_s), *within).group_by(
            durations.c.model
        )
    )
    return {
        model: DurationHistogram(tuple(int(each) for each in counts), int(count), float(seconds))
        for model, count, seconds, *counts in rows
    }


async def _load_workers(connection: AsyncConnection) -> tuple[WorkerSnapshot, ...]:
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
        WorkerSnapshot(
            id=row["id"],
            host=row["host"],
            started_at=row["started_at"],
            lease_until=row["lease_until"],
            is_alive=bool(row["alive"]),
            jobs=owned.get(row["id"], {}),
        )
        for row in found
    )


async def _load_jobs(
    connection: AsyncConnection, query: Select[Any], limit: int
) -> tuple[JobSnapshot, ...]:
    if not limit:
        return ()
    return tuple(
        _job_from_row(row) for row in (await connection.execute(query.limit(limit))).mappings()
    )


def _job_from_row(row: Row) -> JobSnapshot:
    return JobSnapshot(
        **dict(row)
        | {
            "state": JobState(row["state"]),
            "price": Micros(row["price"]),
            "outcome": None if row["outcome"] is None else Outcome(row["outcome"]),
        }
    )
