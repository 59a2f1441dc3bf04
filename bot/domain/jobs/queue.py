"""Which queued job starts next: first in, first out, and fair between members.

Twenty requests of one member must not hold up everybody else. So the member with the fewest running
jobs comes first, then the one whose last job started longest ago, then the oldest request. The jobs
of one member are strictly first in, first out.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from heapq import heapify, heappop, heappush

from bot.domain.billing.limits import PacingLimits


@dataclass(frozen=True, slots=True)
class QueuedJob:
    """What the order needs to know of a queued job; ids grow with the time of admission.

    ``owner`` is the worker that updates the job's status message. A ``paused`` job waits until its
    server or the operator resumes, and has no position in the queue.
    """

    id: int
    user_id: int
    model: str
    owner: str | None = None
    paused: bool = False


@dataclass(frozen=True, slots=True)
class MemberActivity:
    in_flight: int = 0
    last_start: datetime | None = None


@dataclass(frozen=True, slots=True)
class RunningOperation:
    """A job that is running at Google; ``started_at`` is when its submit was authorized."""

    model: str
    started_at: datetime


@dataclass(frozen=True, slots=True)
class GoogleLoad:
    """What is running at Google, over all processes; starts are counted per model."""

    in_flight: int = 0
    last_minute: Mapping[str, int] = field(default_factory=dict)
    last_day: Mapping[str, int] = field(default_factory=dict)
    rate_limited: frozenset[str] = frozenset()
    """Models for which Google asked to wait."""


def order_fairly(
    waiting: Iterable[QueuedJob], served: Mapping[int, MemberActivity]
) -> list[QueuedJob]:
    return list(_iterate_fairly(waiting, served))


def pick_next(
    waiting: Iterable[QueuedJob],
    served: Mapping[int, MemberActivity],
    load: GoogleLoad,
    pace: PacingLimits,
    *,
    limit: int,
) -> list[QueuedJob]:
    """Return which of ``waiting`` may start now, in order, at most ``limit``.

    A job whose model has no capacity does not hold up those of other models.
    """
    capacity = limit if pace.in_flight is None else min(limit, pace.in_flight - load.in_flight)
    minute, day = Counter(load.last_minute), Counter(load.last_day)
    picked: list[QueuedJob] = []
    for job in _iterate_fairly(waiting, served):
        if len(picked) >= capacity:
            break
        if job.model in load.rate_limited:
            continue
        if pace.requests_per_minute is not None and minute[job.model] >= pace.requests_per_minute:
            continue
        if pace.requests_per_day is not None and day[job.model] >= pace.requests_per_day:
            continue
        minute[job.model] += 1
        day[job.model] += 1
        picked.append(job)
    return picked


def queue_positions(queue: Sequence[QueuedJob]) -> dict[int, int]:
    """Return the position, from 1, of each job of an ordered ``queue`` that is not paused."""
    moving = (job for job in queue if not job.paused)
    return {job.id: position for position, job in enumerate(moving, 1)}


def estimate_start_s(
    *, slots: int | None, running_s: Sequence[float], ahead_s: Sequence[float]
) -> float:
    """Return the seconds until a job starts if ``slots`` jobs run at once; `None` means no limit.

    ``running_s`` is how much longer each running job takes. ``ahead_s`` is the duration of each
    job that starts before this one, in order.
    """
    if slots is None:
        return 0.0
    if slots <= 0:
        return float("inf")
    free_at = sorted(running_s)[-slots:]
    free_at += [0.0] * (slots - len(free_at))
    heapify(free_at)
    for duration_s in ahead_s:
        heappush(free_at, heappop(free_at) + duration_s)
    return free_at[0]


def _iterate_fairly(
    waiting: Iterable[QueuedJob], served: Mapping[int, MemberActivity]
) -> Iterable[QueuedJob]:
    by_member: dict[int, list[QueuedJob]] = defaultdict(list)
    for job in sorted(waiting, key=lambda job: -job.id):
        by_member[job.user_id].append(job)  # the oldest is last, so that it can be popped
    heap: list[tuple[int, float, int, int]] = []
    for user_id, jobs in by_member.items():
        activity = served.get(user_id, MemberActivity())
        last = activity.last_start.timestamp() if activity.last_start else float("-inf")
        heap.append((activity.in_flight, last, jobs[-1].id, user_id))
    heapify(heap)
    while heap:
        running, last, _, user_id = heappop(heap)
        jobs = by_member[user_id]
        yield jobs.pop()
        if jobs:
            heappush(heap, (running + 1, last, jobs[-1].id, user_id))
