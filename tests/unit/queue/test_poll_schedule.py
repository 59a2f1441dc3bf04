"""Poll schedules stay within their bounds, and poll where the end is likely."""

import math
import random
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.jobs.poll_schedule import (
    ENOUGH_DURATIONS,
    MeasuredDuration,
    PollSchedule,
    count_polls,
    estimate_distribution,
    learn_schedule,
    longest_pause,
    shortest_pause,
)

SECONDS = st.floats(0.0, 3000.0)


@st.composite
def measured_durations(draw: st.DrawFn) -> list[MeasuredDuration]:
    """Draw enough durations; the poll before may be unknown, or even later because of a clock."""
    pending = st.one_of(st.none(), SECONDS)
    one = st.builds(MeasuredDuration, seen_s=SECONDS, last_pending_s=pending)
    return draw(st.lists(one, min_size=ENOUGH_DURATIONS, max_size=30))


def list_polls(schedule: PollSchedule, until_s: float) -> list[float]:
    """Return the ages at which an operation is polled that does not end before ``until_s``."""
    ages = [0.0]
    while ages[-1] < until_s:
        ages.append(ages[-1] + schedule.pause_after(ages[-1]))
    return ages[1:]


def measure(durations_s: Sequence[float]) -> list[MeasuredDuration]:
    """Return durations as the loop of ten seconds measures them."""
    return [
        MeasuredDuration(seen_s=10.0 * math.ceil(s / 10), last_pending_s=10.0 * (s // 10))
        for s in durations_s
    ]


def draw_durations(count: int, *, median_s: float = 45.0, width: float = 0.54) -> list[float]:
    source = random.Random(14)
    return [source.lognormvariate(math.log(median_s), width) for _ in range(count)]


@settings(deadline=None, max_examples=25)
@given(measured_durations(), st.floats(0.05, 120.0), st.lists(SECONDS, max_size=20))
def test_pauses_stay_within_their_bounds(
    measured: list[MeasuredDuration], interval_s: float, ages_s: list[float]
) -> None:
    schedule = learn_schedule(measured, interval_s)
    for age_s in (*ages_s, *schedule.ages_s, 1e6):
        pause_s = schedule.pause_after(age_s)
        assert pause_s >= shortest_pause(interval_s) * (1 - 1e-9)
        # between two ages the pause is between theirs
        assert pause_s <= longest_pause(age_s * 1.03 + 1, interval_s) * (1 + 1e-9)


@settings(deadline=None, max_examples=25)
@given(measured_durations())
def test_polls_stay_about_as_many_as_planned(measured: list[MeasuredDuration]) -> None:
    """For operations like the measured ones, at most half as many again as at a fixed interval."""
    schedule = learn_schedule(measured, 10.0)
    survival = estimate_distribution(measured).survival
    horizon_s = 4 * max(duration.middle_s for duration in measured)
    fixed = count_polls(PollSchedule(10.0), survival, horizon_s)
    assert count_polls(schedule, survival, horizon_s) <= 1.5 * fixed + 1


@given(measured_durations(), st.floats(1.0, 5000.0), st.floats(1.0, 5000.0))
@settings(deadline=None, max_examples=25)
def test_an_operation_is_the_less_likely_pending_the_older_it_is(
    measured: list[MeasuredDuration], one_s: float, other_s: float
) -> None:
    distribution = estimate_distribution(measured)
    earlier, later = sorted((one_s, other_s))
    assert 1 >= distribution.survival(earlier) >= distribution.survival(later) >= 0
    assert distribution.survival(0.0) == 1.0


def test_few_durations_teach_nothing() -> None:
    measured = measure(draw_durations(ENOUGH_DURATIONS - 1))
    assert learn_schedule(measured, 10.0) == PollSchedule(10.0)
    assert list_polls(PollSchedule(10.0), 30) == [10.0, 20.0, 30.0]


@pytest.mark.parametrize("interval_s", [0.2, 2.0])
def test_a_short_interval_stays_as_it_is(interval_s: float) -> None:
    assert learn_schedule(measure(draw_durations(20)), interval_s) == PollSchedule(interval_s)


def test_polls_are_where_the_ends_are() -> None:
    """Operations of 40 s, give or take: two polls before, then every two seconds or so."""
    polls = list_polls(learn_schedule(measure(draw_durations(40, median_s=40, width=0.04)), 10), 60)
    assert sum(age_s < 30 for age_s in polls) <= 2
    assert sum(34 <= age_s <= 46 for age_s in polls) >= 4


def test_the_space_between_two_kinds_of_operations_is_polled_less() -> None:
    kinds = [
        duration_s
        for median_s in (20, 120)
        for duration_s in draw_durations(30, median_s=median_s, width=0.1)
    ]
    schedule = learn_schedule(measure(kinds), 10.0)
    assert schedule.pause_after(50.0) > 1.5 * schedule.pause_after(20.0)
    assert schedule.pause_after(60.0) > 1.5 * schedule.pause_after(115.0)


def test_an_operation_that_outlives_all_others_is_polled_less_and_less() -> None:
    schedule = learn_schedule(measure(draw_durations(20, median_s=20, width=0.05)), 10.0)
    pauses = [schedule.pause_after(age_s) for age_s in (21.0, 60.0, 300.0, 3000.0)]
    assert pauses == sorted(pauses)
    assert pauses[0] < 4
    assert pauses[-1] == 300.0
    assert count_polls(schedule, lambda _: 1.0, 900.0) < 900 / 10, "fewer than at a fixed interval"


def test_the_lag_of_the_poll_that_saw_the_end_is_not_learned() -> None:
    assert MeasuredDuration(seen_s=40.0, last_pending_s=30.0).middle_s == 35.0
    assert MeasuredDuration(seen_s=40.0).middle_s == 35.0, "an old row"
    assert MeasuredDuration(seen_s=3.0).middle_s == 1.5
    assert MeasuredDuration(seen_s=40.0, last_pending_s=41.0).middle_s == 40.0, "a clock went back"


def test_less_lag_than_the_fixed_interval_has() -> None:
    """The bench measures it; this holds roughly, for one set of durations."""
    schedule = learn_schedule(measure(draw_durations(20)), 10.0)
    later = draw_durations(600)[20:]
    lags = sorted(list_polls(schedule, duration_s)[-1] - duration_s for duration_s in later)
    assert lags[len(lags) // 2] < 3.0
    assert lags[len(lags) * 95 // 100] < 6.5
