"""What operators watch: everything at one moment, as numbers, over all processes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from bot.domain.billing.money import Micros
from bot.domain.jobs.job import JobState, Outcome

DURATION_BUCKETS_S: Final = (
    5.0,
    10.0,
    15.0,
    20.0,
    30.0,
    45.0,
    60.0,
    90.0,
    120.0,
    180.0,
    240.0,
    360.0,
)
"""Upper bounds for the seconds that Google takes: 11 seconds at best, six minutes at worst."""


@dataclass(frozen=True, slots=True)
class DurationHistogram:
    """How long Google took for a model's videos: how many within each of `BUCKETS_S`, and all."""

    bucket_counts: tuple[int, ...]
    count: int
    total_seconds: float


@dataclass(frozen=True, slots=True)
class WorkerSnapshot:
    """One process and what it has to do; ``alive`` by the database's clock."""

    id: str
    host: str
    started_at: datetime
    lease_until: datetime
    is_alive: bool
    jobs: Mapping[JobState, int]


@dataclass(frozen=True, slots=True)
class JobSnapshot:
    """A job as an operator sees it: no prompt, no names."""

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
    """All of it at one moment.

    ``spent`` is what was settled and corrected in the budgets, ever; ``spent_day`` in the last 24
    hours; ``reserved`` what running jobs may still cost. ``oldest_wait`` is when the job that
    waits longest was asked for; ``paused`` is the operator's switch.
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
    """Where figures come from."""

    async def load_snapshot(self, *, now: datetime, limit: int = 0) -> OperatorSnapshot:
        """Return the figures, with up to ``most`` running jobs and failures.

        Raises `StoreAway`.
        """
        ...
