"""Which queued job starts next: first in, first out, and fair between members.

Twenty requests of one member must not starve the one of another. So the member with the fewest
running jobs comes first, then the one whose last job started longest ago, then the oldest
request. Each member's own jobs are strictly first in, first out.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from heapq import heapify, heappop, heappush

from bot.domain.billing.limits import PacingLimits


@dataclass(frozen=True, slots=True)
class QueuedJob:
    """A queued job as the order needs it; ids grow with the time of acceptance.

    ``owner`` is the worker that updates the job's status message. A ``paused`` job waits for its
    server or the operator to resume, and holds no position meanwhile.
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
    """A job that takes a place at Google now; ``started_at`` is when its submit was authorised."""

    model: str
    started_at: datetime


@dataclass(frozen=True, slots=True)
class GoogleLoad:
    """What runs at Google now, over all processes; starts are counted per model."""

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

    Jobs of other models pass a job whose model has no capacity.
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
    """Return the seconds until the next job starts, in ``slots`` places (``None``: any number).

    ``running_s`` is how much longer each running job takes, ``ahead_s`` how long each job takes
    that starts before it, in their order.
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
