"""When a running operation is polled next, learned from how long alike operations took.

The measured durations give a probability for each time at which the operation may end. Of all
schedules with a given number of polls, the one with the least expected lag between the end and the
poll that sees it polls often where the end is likely. It is computed by dynamic programming: as
long as an operation is pending, nothing but its age matters, so the schedule is the best pause for
each age. docs/decisions/0024-polls-follow-measured-durations.md has the reasons.
"""

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

ENOUGH_DURATIONS: Final = 8
"""With fewer, the schedule is the fixed interval."""
LATEST_DURATIONS: Final = 60
"""How many it is learned from: more would follow a change of Google's speed too slowly."""
SHORTEST_PAUSE_S: Final = 2.0
"""Google is not polled more often, unless the configured interval is shorter."""

_POLL_RATIO: Final = 1.475
"""Polls for an operation, as a multiple of the fixed interval's; 1.5 would be the limit."""
_LONGEST_PAUSE_INTERVALS: Final = 2.0
_LONGEST_PAUSE_OF_AGE: Final = 0.1
_DOUBTS: Final = 0.5
"""The weight of durations unlike all measured ones, in measured durations."""
_DOUBT_WIDTH: Final = 1.0
_LEAST_WIDTH: Final = 0.03
"""Of one measured duration, as the standard deviation of its logarithm."""
_SHORTEST_DURATION_S: Final = 0.5
_UNKNOWN_LAG_S: Final = 10.0
"""The lag of durations that were recorded without ``last_pending_s``."""
_HORIZON: Final = 4.0
"""Up to which age pauses are computed, in longest measured durations."""
_AGE_STEP: Final = 1.03
_PAUSE_STEP: Final = 1.1
_PRICES_S: Final = (0.01, 100.0)
"""A poll is worth at least and at most that much lag."""
_PRICE_STEPS: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class MeasuredDuration:
    """An operation that was seen to have ended at ``seen_s`` and was pending at the poll before.

    Both are in seconds since its start. ``last_pending_s`` is unknown for old rows.
    """

    seen_s: float
    last_pending_s: float | None = None

    @property
    def bounds_s(self) -> tuple[float, float]:
        """Between which ages it ended."""
        pending_s = self.last_pending_s
        if pending_s is None:
            pending_s = self.seen_s - _UNKNOWN_LAG_S
        return max(0.0, min(pending_s, self.seen_s)), self.seen_s

    @property
    def middle_s(self) -> float:
        """The middle of the time in which it ended: without the lag of the poll that saw it."""
        return max(_SHORTEST_DURATION_S, sum(self.bounds_s) / 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class DurationMixture:
    """A probability distribution of durations: log-normal distributions with weights that add to 1.

    A component is (weight, mean of the logarithm, standard deviation of the logarithm).
    """

    components: tuple[tuple[float, float, float], ...]

    def survival(self, age_s: float) -> float:
        """Return how likely an operation is still pending at that age."""
        if age_s <= 0:
            return 1.0
        log_age, scale = math.log(age_s), math.sqrt(0.5)
        return sum(
            weight * 0.5 * math.erfc((log_age - mean) / width * scale)
            for weight, mean, width in self.components
        )


def estimate_distribution(measured: Sequence[MeasuredDuration]) -> DurationMixture:
    """Estimate from measured durations how long alike operations take.

    Of the time between two polls that an end fell into, first the middle counts. A long pause
    usually precedes a time of many ends, so the end was rather near its end. What the first
    estimate says about the two halves of the time therefore corrects it for a second one.
    """
    first = _smooth([duration.middle_s for duration in measured])
    return _smooth([_locate_end(duration, first) for duration in measured])


def _locate_end(duration: MeasuredDuration, distribution: DurationMixture) -> float:
    """Return the expected end within its bounds, in seconds."""
    from_s, until_s = duration.bounds_s
    at_start, at_middle, at_end = map(
        distribution.survival, (from_s, (from_s + until_s) / 2, until_s)
    )
    if at_start <= at_end:
        return duration.middle_s
    late_part = (at_middle - at_end) / (at_start - at_end)
    return max(_SHORTEST_DURATION_S, from_s + (until_s - from_s) * (0.25 + 0.5 * late_part))


def _smooth(durations_s: Sequence[float]) -> DurationMixture:
    """Smooth durations into a distribution: a kernel estimate of their logarithms.

    A part of half a measured duration is much wider than the rest. So an operation that outlives
    all measured ones is soon expected to be of another kind, and is polled less and less often.
    """
    logs = sorted(map(math.log, durations_s))
    count = len(logs)
    mean = sum(logs) / count
    deviation = math.sqrt(sum((value - mean) ** 2 for value in logs) / max(1, count - 1))
    quartiles = (logs[(count * 3) // 4] - logs[count // 4]) / 1.349
    spread = min(deviation, quartiles) if quartiles > 0 else deviation
    width = max(_LEAST_WIDTH, 0.9 * spread * count**-0.2)  # Silverman's rule
    total = count + _DOUBTS
    return DurationMixture(
        components=(
            *((1 / total, value, width) for value in logs),
            (_DOUBTS / total, logs[count // 2], max(_DOUBT_WIDTH, 2 * deviation)),
        )
    )


@dataclass(frozen=True, slots=True)
class PollSchedule:
    """The best pause after a poll that found the operation pending, by the operation's age.

    ``ages_s`` and ``pauses_s`` are the points of a curve, ages ascending. Without points the pause
    is the fixed ``interval_s``, as it is if the interval is not longer than the shortest pause.
    """

    interval_s: float
    ages_s: tuple[float, ...] = ()
    pauses_s: tuple[float, ...] = ()

    @property
    def is_learned(self) -> bool:
        return bool(self.ages_s)

    def pause_after(self, age_s: float) -> float:
        """Return how many seconds after a poll at ``age_s`` the next one is due."""
        if not self.ages_s:
            return self.interval_s
        if age_s >= self.ages_s[-1]:
            return longest_pause(age_s, self.interval_s)
        right = bisect_right(self.ages_s, max(0.0, age_s))
        left_age, right_age = self.ages_s[right - 1], self.ages_s[right]
        part = (max(0.0, age_s) - left_age) / (right_age - left_age)
        return self.pauses_s[right - 1] * (1 - part) + self.pauses_s[right] * part


def shortest_pause(interval_s: float) -> float:
    """Return the least time between two polls for a configured interval, in seconds."""
    return min(SHORTEST_PAUSE_S, interval_s)


def longest_pause(age_s: float, interval_s: float) -> float:
    """Return the longest time between two polls, whatever was measured, in seconds.

    So an end is seen in time even if Google suddenly takes a quite different time.
    """
    return max(_LONGEST_PAUSE_INTERVALS * interval_s, _LONGEST_PAUSE_OF_AGE * age_s)


def learn_schedule(measured: Sequence[MeasuredDuration], interval_s: float) -> PollSchedule:
    """Return the schedule for operations like the measured ones.

    Computing it takes a tenth of a second, so it does not belong on an event loop.
    """
    if len(measured) < ENOUGH_DURATIONS or interval_s <= SHORTEST_PAUSE_S:
        return PollSchedule(interval_s)
    horizon_s = _HORIZON * max(duration.middle_s for duration in measured)
    return optimize_schedule(
        estimate_distribution(measured).survival, interval_s=interval_s, horizon_s=horizon_s
    )


def optimize_schedule(
    survival: Callable[[float], float],
    *,
    interval_s: float,
    horizon_s: float,
    polls: float | None = None,
) -> PollSchedule:
    """Return the schedule with the least expected lag for a distribution of durations.

    ``survival`` tells how likely an operation is pending at an age in seconds. ``polls`` is how
    many are made on average, by default `_POLL_RATIO` times those of the fixed interval.
    """
    if polls is None:
        polls = _POLL_RATIO * count_polls(PollSchedule(interval_s), survival, horizon_s)
    search = _ScheduleSearch(survival, interval_s, horizon_s)
    low, high = _PRICES_S
    best = search.find_pauses(high)
    for _ in range(_PRICE_STEPS):
        price_s = math.sqrt(low * high)
        schedule = search.find_pauses(price_s)
        if count_polls(schedule, survival, horizon_s) > polls:
            low = price_s
        else:
            best, high = schedule, price_s
    return best


def count_polls(
    schedule: PollSchedule, survival: Callable[[float], float], horizon_s: float
) -> float:
    """Return the expected number of polls until one sees the end, at most up to ``horizon_s``."""
    age_s, polls = 0.0, 0.0
    while age_s < horizon_s:
        polls += survival(age_s)
        age_s += schedule.pause_after(age_s)
    return polls


class _ScheduleSearch:
    """The search for the best pauses, prepared for several prices of a poll.

    Each poll costs its price, each second of lag one. The expected cost of what is still to come at
    an age is the least over all pauses: the price, the lag of ends within the pause, and the cost
    at the age after it. Between the ages the probability is taken to be linear.
    """

    def __init__(
        self, survival: Callable[[float], float], interval_s: float, horizon_s: float
    ) -> None:
        self._interval_s = interval_s
        self._ages = _spread_ages(horizon_s)
        self._pending = [survival(age_s) for age_s in self._ages]
        self._ended_s = [0.0]
        """For each age the integral from 0 of the probability that the operation has ended."""
        for index in range(len(self._ages) - 1):
            whole_s = self._ages[index + 1] - self._ages[index]
            self._ended_s.append(self._integrate_ended(index, whole_s))
        self._choices = [self._list_choices(index) for index in range(len(self._ages))]

    def find_pauses(self, price_s: float) -> PollSchedule:
        """Return the best schedule if a poll is worth ``price_s`` seconds of lag."""
        costs = [0.0] * len(self._ages)
        pauses = [longest_pause(age_s, self._interval_s) for age_s in self._ages]
        for index in range(len(self._ages) - 2, -1, -1):
            price = price_s * self._pending[index]
            best = math.inf
            for pause_s, lag_s, left, part in self._choices[index]:
                if left == index:  # the pause is shorter than the step: it is repeated
                    cost = (price + lag_s) / part + costs[left + 1]
                else:
                    cost = price + lag_s + costs[left] + part * (costs[left + 1] - costs[left])
                if cost < best:
                    best, pauses[index] = cost, pause_s
            costs[index] = best
        return PollSchedule(self._interval_s, tuple(self._ages), tuple(pauses))

    def _integrate_ended(self, left: int, beyond_s: float) -> float:
        """Return the integral up to ``beyond_s`` after the age at index ``left``."""
        step_s = self._ages[left + 1] - self._ages[left]
        density = (self._pending[left] - self._pending[left + 1]) / step_s
        ended = 1 - self._pending[left]
        return self._ended_s[left] + beyond_s * ended + beyond_s**2 / 2 * density

    def _list_choices(self, index: int) -> list[tuple[float, float, int, float]]:
        """Return the choices at an age: pause, expected lag, and where it leads.

        That is given as the index of the age before it, and the part of the way to the next.
        """
        ages, age_s = self._ages, self._ages[index]
        longest_s = longest_pause(age_s, self._interval_s)
        pauses = [shortest_pause(self._interval_s)]
        while pauses[-1] * _PAUSE_STEP < longest_s:
            pauses.append(pauses[-1] * _PAUSE_STEP)
        pauses.append(longest_s)
        choices = []
        for pause_s in pauses:
            until_s = min(age_s + pause_s, ages[-1])
            left = min(bisect_right(ages, until_s), len(ages) - 1) - 1
            beyond_s = until_s - ages[left]
            lag_s = self._integrate_ended(left, beyond_s) - self._ended_s[index]
            lag_s += (age_s + pause_s - until_s) * (1 - self._pending[-1])  # past the last age
            lag_s -= pause_s * (1 - self._pending[index])
            choices.append((pause_s, lag_s, left, beyond_s / (ages[left + 1] - ages[left])))
        return choices


def _spread_ages(horizon_s: float) -> list[float]:
    ages = [0.0, 1.0]
    while ages[-1] < horizon_s:
        ages.append(ages[-1] * _AGE_STEP)
    return ages
