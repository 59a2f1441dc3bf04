"""Who is next."""

from collections import Counter
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.billing.limits import Pace
from bot.domain.jobs.queue import Load, Served, Waiting, order, pick, places

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def queue(*user_ids: int, model: str = "veo") -> list[Waiting]:
    return [Waiting(number, user_id, model) for number, user_id in enumerate(user_ids, 1)]


def ids(jobs: list[Waiting]) -> list[int]:
    return [job.id for job in jobs]


def test_first_in_first_out_for_one_member() -> None:
    assert ids(order(queue(7, 7, 7), {})) == [1, 2, 3]


def test_one_request_does_not_wait_for_anothers_twenty() -> None:
    assert ids(order(queue(*[7] * 20, 8), {}))[:3] == [1, 21, 2]


def test_whoever_has_less_running_comes_first() -> None:
    assert ids(order(queue(7, 8), {7: Served(in_flight=1)})) == [2, 1]


def test_whoever_was_served_longest_ago_comes_first() -> None:
    served = {7: Served(0, NOON), 8: Served(0, NOON - timedelta(minutes=1))}
    assert ids(order(queue(7, 8), served)) == [2, 1]
    assert ids(order(queue(7, 9), served)) == [2, 1]


def test_no_more_than_fit_in_flight() -> None:
    room = Load(in_flight=8)
    assert ids(pick(queue(1, 2, 3), {}, room, Pace(in_flight=10), most=64)) == [1, 2]
    assert pick(queue(1), {}, Load(in_flight=12), Pace(in_flight=10), most=64) == []
    assert ids(pick(queue(1, 2, 3), {}, Load(), Pace(), most=2)) == [1, 2]


def test_a_model_without_room_lets_others_pass() -> None:
    jobs = [Waiting(1, 1, "full"), Waiting(2, 2, "held"), Waiting(3, 3, "free")]
    load = Load(last_minute={"full": 2}, held=frozenset({"held"}))
    assert ids(pick(jobs, {}, load, Pace(requests_per_minute=2), most=64)) == [3]
    day = Load(last_day={"full": 2, "held": 2})
    assert ids(pick(jobs, {}, day, Pace(requests_per_day=2), most=64)) == [3]


def test_what_is_picked_uses_up_the_minute_too() -> None:
    assert ids(pick(queue(1, 2, 3), {}, Load(), Pace(requests_per_minute=2), most=64)) == [1, 2]


@given(st.lists(st.integers(1, 5), max_size=40))
def test_everybody_has_one_place_and_members_keep_their_order(user_ids: list[int]) -> None:
    jobs = queue(*user_ids)
    ordered = order(jobs, {})
    assert sorted(ids(ordered)) == ids(jobs)
    assert sorted(places(ordered).values()) == list(range(1, len(jobs) + 1))
    for user_id in set(user_ids):
        own = [job.id for job in ordered if job.user_id == user_id]
        assert own == sorted(own)


@given(st.lists(st.integers(1, 5), min_size=1, max_size=40), st.integers(1, 10))
def test_nobody_gets_a_second_turn_before_everybody_had_one(user_ids: list[int], room: int) -> None:
    picked = pick(queue(*user_ids), {}, Load(), Pace(in_flight=room), most=64)
    turns = Counter(job.user_id for job in picked)
    left = Counter(user_ids) - turns
    for user_id in left:
        assert turns[user_id] >= max(turns.values()) - 1
