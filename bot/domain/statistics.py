"""Snapshots of all processes and jobs, for operators."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from bot.domain.billing.money import Micros
from bot.domain.jobs.job import JobState, Outcome

DURATION_BUCKETS_S: Final = tuple(map(float, (5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 240, 360)))
"""Upper bounds for how long Google takes, which is usually 11 seconds to six minutes."""
BEYOND_BUCKETS_S: Final = 1e9
"""Stands for the bucket of all that took longer, because databases disagree about infinity."""


def find_bucket(duration_s: float) -> float:
    """Return the upper bound of the smallest bucket that holds a duration, in seconds."""
    return next((b for b in DURATION_BUCKETS_S if duration_s <= b), BEYOND_BUCKETS_S)


@dataclass(frozen=True, slots=True)
class DurationHistogram:
    """How long Google took for a model's videos, counted per bucket of `DURATION_BUCKETS_S`."""

    bucket_counts: tuple[int, ...]
    count: int
    total_seconds: float


@dataclass(frozen=True, slots=True)
class WorkerSnapshot:
    """One process, its jobs and the shards it shares; ``is_alive`` by the database's clock."""

    id: str
    host: str
    started_at: datetime
    lease_until: datetime
    is_alive: bool
    jobs: Mapping[JobState, int]
    shard_ids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class JobSnapshot:
    """A job as operators see it: without prompt and names."""

    id: int
    state: JobState
    model: str
    price_micros: Micros
    owner: str | None
    created_at: datetime
    submitted_at: datetime | None
    finished_at: datetime | None
    outcome: Outcome | None
    detail: str | None


@dataclass(frozen=True, slots=True)
class OperatorSnapshot:
    """The state of all processes and jobs at one moment.

    ``spent`` is all that was ever settled and corrected in the budgets, and ``spent_day`` the same
    for the last 24 hours. ``reserved`` is what running jobs may still cost. ``oldest_queued_at`` is
    when the job that has waited longest was requested. ``paused`` is the operator's pause.
    """

    taken_at: datetime
    job_counts: Mapping[JobState, int]
    outcome_counts: Mapping[tuple[str, Outcome], int]
    durations: Mapping[str, DurationHistogram]
    oldest_queued_at: datetime | None
    spent: Micros
    spent_day: Micros
    reserved: Micros
    workers: tuple[WorkerSnapshot, ...]
    running_jobs: tuple[JobSnapshot, ...] = ()
    failed_jobs: tuple[JobSnapshot, ...] = ()
    paused: bool = False
    pause_reason: str | None = None


class SnapshotSource(Protocol):
    """Loads snapshots: the database, or a fake."""

    async def load_snapshot(self, *, now: datetime, limit: int = 0) -> OperatorSnapshot:
        """Return a snapshot with up to ``limit`` running and failed jobs.

        Raises `DatabaseUnavailable`.
        """
        ...
