"""Counts and sums for operators, mostly as the database's triggers keep them."""

from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Select, and_, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.billing.ledger import EntryKind, compute_balance, compute_spending
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
from bot.store.billing.entries import load_totals
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
from bot.store.tables.shards import shards_table
from bot.store.tables.sums import ended_job_counts_table

_jobs = jobs_table.c
_shards = shards_table.c
_ledger = ledger_table.c
_durations = duration_counts_table.c
_DAY: Final = timedelta(days=1)
_JOBS_SEARCHED: Final = 10_000
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
    job_counts, outcome_counts = await _count_jobs(connection)
    pause = await connection.execute(
        select(guilds_table.c.paused, guilds_table.c.pause_reason).where(
            guilds_table.c.id == WHOLE_BOT_ID
        )
    )
    paused, reason = pause.one_or_none() or (False, None)
    totals = await load_totals(connection)
    return OperatorSnapshot(
        taken_at=now,
        job_counts=job_counts,
        outcome_counts=outcome_counts,
        durations=await _load_durations(connection),
        oldest_queued_at=await connection.scalar(
            select(func.min(_jobs.created_at)).where(_jobs.state == JobState.QUEUED)
        ),
        spent=compute_spending(totals),
        spent_day=Micros(int(await connection.scalar(_build_spent_query(now - _DAY)) or 0)),
        reserved=compute_balance(totals).reserved.micros,
        paused=bool(paused),
        pause_reason=reason,
        workers=await _load_workers(connection),
        running_jobs=await _load_jobs(
            connection,
            select(*_JOB_COLUMNS).where(_jobs.state.in_(ACTIVE_STATES)).order_by(_jobs.id),
            limit,
        ),
        failed_jobs=await _load_failed_jobs(connection, limit),
    )


async def _count_jobs(
    connection: AsyncConnection,
) -> tuple[dict[JobState, int], dict[tuple[str, Outcome], int]]:
    """Count the jobs of each state, and those that have ended by model and outcome."""
    by_state: dict[JobState, int] = defaultdict(int)
    by_outcome: dict[tuple[str, Outcome], int] = defaultdict(int)
    for state, count in await connection.execute(
        select(_jobs.state, func.count())
        .where(_jobs.state.in_(ACTIVE_STATES))
        .group_by(_jobs.state)
    ):
        by_state[JobState(state)] = count
    for row in (await connection.execute(select(ended_job_counts_table))).mappings():
        by_state[JobState(row["state"])] += row["job_count"]
        if row["outcome"]:
            by_outcome[row["model"], Outcome(row["outcome"])] += row["job_count"]
    return dict(by_state), dict(by_outcome)


def _build_spent_query(since: datetime) -> Select[Any]:
    """Return the query for what was settled, and corrected in the budgets, after a time."""
    is_spent = or_(
        _ledger.kind == EntryKind.SETTLE,
        and_(_ledger.kind == EntryKind.ADJUST, COUNTS_WHEN_ABSORBED),
    )
    return select(func.sum(_ledger.micros)).where(is_spent, _ledger.recorded_at > since)


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
    shard_ids: dict[str, list[int]] = defaultdict(list)
    query = select(_shards.owner, _shards.id).where(_shards.owner.is_not(None))
    for owner, shard_id in await connection.execute(query.order_by(_shards.id)):
        shard_ids[owner].append(shard_id)
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
            shard_ids=tuple(shard_ids.get(row["id"], ())),
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


async def _load_failed_jobs(connection: AsyncConnection, limit: int) -> tuple[JobSnapshot, ...]:
    """Return the newest failed jobs, and unknown jobs of any age, newest first.

    No index has failed jobs in the order of their ids, so only the newest jobs are looked through.
    """
    if not limit:
        return ()
    newest_id = await connection.scalar(select(func.max(_jobs.id))) or 0
    # of an expression, so that no database reads and sorts all failed jobs by the index of states
    has_failed = _jobs.state.concat("") == JobState.FAILED
    is_new = _jobs.id > newest_id - _JOBS_SEARCHED
    found: list[JobSnapshot] = []
    for condition in (is_new & has_failed, _jobs.state == JobState.UNKNOWN):
        query = select(*_JOB_COLUMNS).where(condition).order_by(_jobs.id.desc())
        found += await _load_jobs(connection, query, limit)
    return tuple(sorted(found, key=lambda job: job.id, reverse=True)[:limit])


def _job_from_row(row: Row) -> JobSnapshot:
    return JobSnapshot(
        **dict(row)
        | {
            "state": JobState(row["state"]),
            "price_micros": Micros(row["price_micros"]),
            "outcome": None if row["outcome"] is None else Outcome(row["outcome"]),
        }
    )
