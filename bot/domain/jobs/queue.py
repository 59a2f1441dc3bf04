"""Who is next: first in, first out, and fair between members.

A member's twenty requests must not starve another's one, so the queue goes round the members:
whoever has the least running comes first, then whoever was served longest ago, then the oldest
request. Within a member it is strictly first in, first out.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from heapq import heapify, heappop, heappush

from bot.domain.billing.limits import PacingLimits


@dataclass(frozen=True, slots=True)
class QueuedJob:
    """A queued job, as far as the order needs it; ids grow with the time of acceptance.

    ``owner`` is the worker that keeps the job's status message; ``paused`` is one that waits for
    its server's or the operator's switch, and takes nobody's place meanwhile.
    """

    id: int
    user_id: int
    model: str
    owner: str | None = None
    paused: bool = False


@dataclass(frozen=True, slots=True)
class MemberActivity:
    """What a member has had lately: operations in flight, and when the last one was started."""

    in_flight: int = 0
    last_start: datetime | None = None


@dataclass(frozen=True, slots=True)
class GoogleLoad:
    """What runs at Google now, over all processes, counted from rows."""

    in_flight: int = 0
    last_minute: Mapping[str, int] = field(default_factory=dict)
    last_day: Mapping[str, int] = field(default_factory=dict)
    rate_limited: frozenset[str] = frozenset()
    """Models for which Google asked us to wait."""


def order_fairly(
    waiting: Iterable[QueuedJob], served: Mapping[int, MemberActivity]
) -> list[QueuedJob]:
    """Return the fair order in which ``waiting`` would be started if all could be."""
    return list(_iterate_fairly(waiting, served))


def pick_next(
    waiting: Iterable[QueuedJob],
    served: Mapping[int, MemberActivity],
    load: GoogleLoad,
    pace: PacingLimits,
    *,
    limit: int,
) -> list[QueuedJob]:
    """Return which of ``waiting`` may start now, in order, at most ``most``.

    A job whose model has no room lets those of other models pass.
    """
    room = limit if pace.in_flight is None else min(limit, pace.in_flight - load.in_flight)
    minute, day = Counter(load.last_minute), Counter(load.last_day)
    picked: list[QueuedJob] = []
    for job in _iterate_fairly(waiting, served):
        if len(picked) >= room:
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
    """Return the place in the queue, from 1, of each job of an ordered ``queue`` that moves."""
    return {job.id: place for place, job in enumerate((j for j in queue if not j.paused), 1)}


def _iterate_fairly(
    waiting: Iterable[QueuedJob], served: Mapping[int, MemberActivity]
) -> Iterable[QueuedJob]:
    by_member: dict[int, list[QueuedJob]] = defaultdict(list)
    for job in sorted(waiting, key=lambda job: -job.id):
        by_member[job.user_id].append(job)  # the oldest is last, so that it can be popped
    heap: list[tuple[int, float, int, int]] = []
    nobody = MemberActivity()
    for user_id, jobs in by_member.items():
        past = served.get(user_id, nobody)
        last = past.last_start.timestamp() if past.last_start else float("-inf")
        heap.append((past.in_flight, last, jobs[-1].id, user_id))
    heapify(heap)
    while heap:
        turn, last, _, user_id = heappop(heap)
        jobs = by_member[user_id]
        yield jobs.pop()
        if jobs:
            heappush(heap, (turn + 1, last, jobs[-1].id, user_id))
