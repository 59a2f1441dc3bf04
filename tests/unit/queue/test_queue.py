"""The queue is fair between members and stays within Google's limits."""

from collections import Counter
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.billing.limits import PacingLimits
from bot.domain.jobs.queue import (
    GoogleLoad,
    MemberActivity,
    QueuedJob,
    estimate_start_s,
    order_fairly,
    pick_next,
    queue_positions,
)

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def queue(*user_ids: int, model: str = "veo") -> list[QueuedJob]:
    return [QueuedJob(number, user_id, model) for number, user_id in enumerate(user_ids, 1)]


def ids(jobs: list[QueuedJob]) -> list[int]:
    return [job.id for job in jobs]


def test_first_in_first_out_for_one_member() -> None:
    assert ids(order_fairly(queue(7, 7, 7), {})) == [1, 2, 3]


def test_single_request_overtakes_large_batch() -> None:
    assert ids(order_fairly(queue(*[7] * 20, 8), {}))[:3] == [1, 21, 2]


def test_member_with_fewer_running_jobs_goes_first() -> None:
    assert ids(order_fairly(queue(7, 8), {7: MemberActivity(in_flight=1)})) == [2, 1]


def test_least_recently_served_member_goes_first() -> None:
    served = {7: MemberActivity(0, NOON), 8: MemberActivity(0, NOON - timedelta(minutes=1))}
    assert ids(order_fairly(queue(7, 8), served)) == [2, 1]
    assert ids(order_fairly(queue(7, 9), served)) == [2, 1]


def test_no_more_than_fit_in_flight() -> None:
    room = GoogleLoad(in_flight=8)
    assert ids(pick_next(queue(1, 2, 3), {}, room, PacingLimits(in_flight=10), limit=64)) == [1, 2]
    assert (
        pick_next(queue(1), {}, GoogleLoad(in_flight=12), PacingLimits(in_flight=10), limit=64)
        == []
    )
    assert ids(pick_next(queue(1, 2, 3), {}, GoogleLoad(), PacingLimits(), limit=2)) == [1, 2]


def test_a_model_without_room_lets_others_pass() -> None:
    jobs = [QueuedJob(1, 1, "full"), QueuedJob(2, 2, "held"), QueuedJob(3, 3, "free")]
    load = GoogleLoad(last_minute={"full": 2}, rate_limited=frozenset({"held"}))
    assert ids(pick_next(jobs, {}, load, PacingLimits(requests_per_minute=2), limit=64)) == [3]
    day = GoogleLoad(last_day={"full": 2, "held": 2})
    assert ids(pick_next(jobs, {}, day, PacingLimits(requests_per_day=2), limit=64)) == [3]


def test_picked_jobs_count_against_rate_limit() -> None:
    assert ids(
        pick_next(queue(1, 2, 3), {}, GoogleLoad(), PacingLimits(requests_per_minute=2), limit=64)
    ) == [1, 2]


@given(st.lists(st.integers(1, 5), max_size=40))
def test_everybody_has_one_place_and_members_keep_their_order(user_ids: list[int]) -> None:
    jobs = queue(*user_ids)
    ordered = order_fairly(jobs, {})
    assert sorted(ids(ordered)) == ids(jobs)
    assert sorted(queue_positions(ordered).values()) == list(range(1, len(jobs) + 1))
    for user_id in set(user_ids):
        own = [job.id for job in ordered if job.user_id == user_id]
        assert own == sorted(own)


@given(st.lists(st.integers(1, 5), min_size=1, max_size=40), st.integers(1, 10))
def test_members_take_turns(user_ids: list[int], room: int) -> None:
    picked = pick_next(queue(*user_ids), {}, GoogleLoad(), PacingLimits(in_flight=room), limit=64)
    turns = Counter(job.user_id for job in picked)
    left = Counter(user_ids) - turns
    for user_id in left:
        assert turns[user_id] >= max(turns.values()) - 1


def test_a_job_starts_when_what_runs_and_waits_before_it_has_left_a_place() -> None:
    """Four ask at once and there is one place. [people-M30]"""
    assert estimate_start_s(slots=1, running_s=[30], ahead_s=[]) == 30
    assert estimate_start_s(slots=1, running_s=[30], ahead_s=[60, 60]) == 150
    assert estimate_start_s(slots=2, running_s=[30], ahead_s=[]) == 0
    assert estimate_start_s(slots=2, running_s=[30, 50], ahead_s=[60]) == 50
    assert estimate_start_s(slots=1, running_s=[30, 50], ahead_s=[]) == 50, "the limit was lowered"
    assert estimate_start_s(slots=None, running_s=[30], ahead_s=[60]) == 0


_SECONDS = st.lists(st.integers(0, 300), max_size=6)


@given(st.integers(1, 4), _SECONDS, _SECONDS, st.integers(0, 300))
def test_nobody_waits_less_behind_more_jobs_or_with_fewer_places(
    slots: int, running_s: list[int], ahead_s: list[int], more_s: int
) -> None:
    """[people-M30]"""
    starts_in_s = estimate_start_s(slots=slots, running_s=running_s, ahead_s=ahead_s)
    assert 0 <= starts_in_s <= sum(running_s) + sum(ahead_s)
    behind = estimate_start_s(slots=slots, running_s=running_s, ahead_s=[*ahead_s, more_s])
    assert behind >= starts_in_s
    more_slots = estimate_start_s(slots=slots + 1, running_s=running_s, ahead_s=ahead_s)
    assert more_slots <= starts_in_s
