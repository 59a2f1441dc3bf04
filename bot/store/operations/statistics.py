"""Counts and sums for operators, computed from the existing rows."""

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Select, and_, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.billing.ledger import EntryKind
from bot.domain.billing.money import Micros
from bot.domain.guild import WHOLE_BOT_ID
from bot.domain.jobs.job import ACTIVE_STATES, JobState, Outcome
from bot.domain.statistics import (
    DURATION_BUCKETS_S,
    DurationHistogram,
    JobSnapshot,
    OperatorSnapshot,
    WorkerSnapshot,
)
from bot.store.billing.usage_queries import COUNTS_WHEN_ABSORBED
from bot.store.engine.database import Store
from bot.store.engine.types import database_time
from bot.store.tables.core import (
    duration_counts_table,
    guilds_table,
    jobs_table,
    ledger_table,
    workers_table,
)
from bot.store.tables.row_mapping import Row

_jobs = jobs_table.c
_ledger = ledger_table.c
_durations = duration_counts_table.c
_DAY: Final = timedelta(days=1)
_FAILED_STATES: Final = (JobState.FAILED, JobState.UNKNOWN)
_JOB_COLUMNS: Final = (
    _jobs.id,
    _jobs.state,
    _jobs.model,
    _jobs.price_micros,
    _jobs.owner,
    _jobs.created_at,
    _jobs.submitted_at,
    _jobs.finished_at,
    _jobs.outcome,
    _jobs.detail,
)


class StatisticsStore(Store):
    """Takes snapshots of the database for metrics and the status page."""

    async def load_snapshot(self, *, now: datetime, limit: int = 0) -> OperatorSnapshot:
        """Return a snapshot with up to ``limit`` running and as many failed jobs."""
        return await self._db.read(lambda connection: _load_snapshot(connection, now, limit))


async def _load_snapshot(
    connection: AsyncConnection, now: datetime, limit: int
) -> OperatorSnapshot:
    states = await connection.execute(select(_jobs.state, func.count()).group_by(_jobs.state))
    outcomes = await connection.execute(
        select(_jobs.model, _jobs.outcome, func.count())
        .where(_jobs.state.not_in(ACTIVE_STATES), _jobs.outcome.is_not(None))
        .group_by(_jobs.model, _jobs.outcome)
    )
    pause = await connection.execute(
        select(guilds_table.c.paused, guilds_table.c.pause_reason).where(
            guilds_table.c.id == WHOLE_BOT_ID
        )
    )
    paused, reason = pause.one_or_none() or (False, None)
    spent, spent_day, reserved = (await connection.execute(_build_money_query(now))).one()
    return OperatorSnapshot(
        taken_at=now,
        job_counts={JobState(state): count for state, count in states},
        outcome_counts={(model, Outcome(outcome)): count for model, outcome, count in outcomes},
        durations=await _load_durations(connection),
        oldest_queued_at=await connection.scalar(
            select(func.min(_jobs.created_at)).where(_jobs.state == JobState.QUEUED)
        ),
        spent=Micros(int(spent)),
        spent_day=Micros(int(spent_day)),
        reserved=Micros(int(reserved)),
        paused=bool(paused),
        pause_reason=reason,
        workers=await _load_workers(connection),
        running_jobs=await _load_jobs(
            connection,
            select(*_JOB_COLUMNS).where(_jobs.state.in_(ACTIVE_STATES)).order_by(_jobs.id),
            limit,
        ),
        failed_jobs=await _load_jobs(
            connection,
            select(*_JOB_COLUMNS).where(_jobs.state.in_(_FAILED_STATES)).order_by(_jobs.id.desc()),
            limit,
        ),
    )


def _build_money_query(now: datetime) -> Select[Any]:
    final = or_(
        _ledger.kind == EntryKind.SETTLE,
        and_(_ledger.kind == EntryKind.ADJUST, COUNTS_WHEN_ABSORBED),
    )
    reserved = case(
        (_ledger.kind.in_([EntryKind.RESERVE, EntryKind.REFUND]), _ledger.micros),
        (_ledger.kind == EntryKind.SETTLE, -_ledger.micros),
        else_=0,
    )
    spent = case((final, _ledger.micros), else_=0)
    spent_last_day = case((and_(final, _ledger.recorded_at > now - _DAY), _ledger.micros), else_=0)
    return select(
        *(func.coalesce(func.sum(amount), 0) for amount in (spent, spent_last_day, reserved))
    )


async def _load_durations(connection: AsyncConnection) -> dict[str, DurationHistogram]:
    within = [
        func.sum(case((_durations.at_most_s <= bucket_s, _durations.count), else_=0))
        for bucket_s in DURATION_BUCKETS_S
    ]
    totals = func.sum(_durations.count), func.sum(_durations.total_s)
    rows = await connection.execute(
        select(_durations.model, *totals, *within).group_by(_durations.model)
    )
    return {
        model: DurationHistogram(tuple(map(int, counts)), int(count), float(seconds))
        for model, count, seconds, *counts in rows
    }


async def _load_workers(connection: AsyncConnection) -> tuple[WorkerSnapshot, ...]:
    owned: dict[str, dict[JobState, int]] = defaultdict(dict)
    rows = await connection.execute(
        select(_jobs.owner, _jobs.state, func.count())
        .where(_jobs.owner.is_not(None))
        .group_by(_jobs.owner, _jobs.state)
    )
    for owner, state, count in rows:
        owned[owner][JobState(state)] = count
    alive = case((workers_table.c.lease_until > database_time(), 1), else_=0).label("alive")
    worker_rows = (
        await connection.execute(select(workers_table, alive).order_by(workers_table.c.started_at))
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
        for row in worker_rows
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
            "price_micros": Micros(row["price_micros"]),
            "outcome": None if row["outcome"] is None else Outcome(row["outcome"]),
        }
    )
