"""Measures how long after Google's end a poll sees it, beside the fixed loop and the best schedule.

The poller, the store of measured durations and the schedules are the bot's own, over SQLite. Google
is simulated, and time passes only while the poller sleeps, so an hour of polling takes seconds.
"""

import math
import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import fmean, median
from typing import Final

import structlog
from rich.console import Console
from rich.table import Table

from bot.domain.billing.limits import PacingLimits
from bot.domain.billing.money import Micros
from bot.domain.jobs.job import Job, JobState
from bot.domain.jobs.progress import JobProgress
from bot.domain.ports import OperationFinished, OperationPending, PollResult, RemoteVideo
from bot.services.jobs.critical_sections import CriticalSections
from bot.services.jobs.estimates import WaitEstimates
from bot.services.jobs.lease import Lease
from bot.services.jobs.poll_schedules import PollSchedules
from bot.services.jobs.stages.polling import JobPoller
from bot.services.jobs.stages.running_job import (
    BillingRules,
    JobDependencies,
    PollingTimes,
    RunningJob,
)
from bot.store.engine.database import Database, open_database
from bot.store.engine.schema import upgrade_schema
from bot.store.jobs.account_refusals import AccountRefusalStore
from bot.store.jobs.model_states import ModelStateStore
from tests.bench.figures import BenchResult, Figure, run_and_record
from tests.fakes.clock import VirtualClock
from tests.fakes.world import FakeModelAvailability, make_origin, make_plan

INTERVAL_S: Final = 10.0
LEARNED_JOBS: Final = 20
MEASURED_JOBS: Final = 60
GOAL_POLL_RATIO: Final = 1.5
GOAL_MEDIAN_S: Final = 2.5
GOAL_P95_S: Final = 5.5
GOAL_OF_BEST: Final = 1.15
_START: Final = datetime(2026, 1, 1, tzinfo=UTC)
_GRID_POINTS: Final = 800


@dataclass(frozen=True, slots=True)
class LogNormal:
    """A share of a load's operations, by the median and the deviation of the logarithm."""

    share: float
    median_s: float
    width: float

    def pending(self, age_s: float) -> float:
        """Return how likely one of them is pending at an age."""
        deviations = math.log(age_s / self.median_s) / self.width
        return 0.5 * math.erfc(deviations / math.sqrt(2))


@dataclass(frozen=True, slots=True)
class Load:
    """Operations whose durations are drawn from ``kinds``.

    Those after the learned ones take ``slowdown`` times as long. The load is repeated ``runs``
    times, each time with other durations and nothing learned.
    """

    name: str
    kinds: tuple[LogNormal, ...]
    slowdown: float = 1.0
    runs: int = 2

    def draw(self, source: random.Random) -> float:
        """Return a duration in seconds, before the slowdown."""
        [kind] = source.choices(self.kinds, [kind.share for kind in self.kinds])
        return source.lognormvariate(math.log(kind.median_s), kind.width)

    def pending(self, age_s: float) -> float:
        """Return how likely an operation is pending at an age, after the slowdown."""
        if age_s <= 0:
            return 1.0
        return sum(kind.share * kind.pending(age_s / self.slowdown) for kind in self.kinds)


_USUAL: Final = (LogNormal(1.0, 45.0, math.log(110 / 45) / 1.645),)
LOADS: Final = (
    Load("median 45 s, p95 110 s", _USUAL, runs=16),
    Load("the same, twice as slow after learning", _USUAL, slowdown=2.0),
    Load("60 % near 20 s, 40 % near 90 s", (LogNormal(0.6, 20, 0.15), LogNormal(0.4, 90, 0.15))),
)


@dataclass(slots=True)
class Watched:
    """The lags and the numbers of polls of some operations."""

    lags_s: list[float] = field(default_factory=list)
    polls: list[int] = field(default_factory=list)

    def add(self, lag_s: float, polls: int) -> None:
        """Add one operation."""
        self.lags_s.append(lag_s)
        self.polls.append(polls)

    @property
    def mean_polls(self) -> float:
        return fmean(self.polls)

    @property
    def mean_s(self) -> float:
        return fmean(self.lags_s)

    @property
    def median_s(self) -> float:
        return median(self.lags_s)

    @property
    def p95_s(self) -> float:
        return sorted(self.lags_s)[len(self.lags_s) * 95 // 100]


class SimulatedGoogle:
    """One operation at a time, which ends at ``ends_at_s`` of the clock."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self.ends_at_s = 0.0
        self.polls = 0

    async def poll(self, operation: str) -> PollResult:
        """Answer at once."""
        self.polls += 1
        if self._clock.monotonic() < self.ends_at_s:
            return OperationPending()
        return OperationFinished((RemoteVideo("https://google.invalid/video", None, None),))


class StoredJobs:
    """Accepts every change of a job: the bench of the store measures the real ones."""

    async def begin_fetching(self, job: Job, count: int, billed: Micros | None) -> Job:
        """Return the job as it would be stored."""
        return replace(job, state=JobState.FETCHING)


class QuietMessages:
    """Shows nothing."""

    async def show_status(self, progress: JobProgress) -> int | None:
        """Return no message's id."""
        return None


class NoPictures:
    """Finds no picture for a status."""

    async def find_picture(self, job: Job) -> str | None:
        """Return no key."""
        return None


class LoadRun:
    """One repetition of a load, by the real poller, with a model of its own."""

    def __init__(self, load: Load, seed: int, database: Database) -> None:
        self._load = load
        self._source = random.Random(f"{load.name} {seed}")
        self._plan = make_plan(model=f"{load.name} {seed}")
        self._clock = VirtualClock(start=_START)
        self._google = SimulatedGoogle(self._clock)
        model_states = ModelStateStore(database)
        self._poller = JobPoller(
            wait_estimates=WaitEstimates(
                model_states=model_states, clock=self._clock, pace=PacingLimits()
            ),
            poll_schedules=PollSchedules(
                model_states=model_states, clock=self._clock, interval_s=INTERVAL_S
            ),
            status_pictures=NoPictures(),  # type: ignore[arg-type]
            model_availability=FakeModelAvailability(),
            model_states=model_states,
        )
        self._shared = JobDependencies(
            jobs=StoredJobs(),  # type: ignore[arg-type]
            routes={self._plan.route: self._google},  # type: ignore[dict-item]
            job_messages=QuietMessages(),  # type: ignore[arg-type]
            clock=self._clock,
            critical_sections=CriticalSections(self._clock),
            polling_times=PollingTimes(poll_interval_s=INTERVAL_S, time_limit_s=100_000.0),
            billing_rules=BillingRules(),
            account_refusals=AccountRefusalStore(database),
        )

    async def measure(self, ours: Watched, fixed: Watched, *, jobs: int = MEASURED_JOBS) -> None:
        """Learn from some operations, then add ``jobs`` others to ``ours`` and ``fixed``."""
        for _ in range(LEARNED_JOBS):
            await self._poll_operation(self._load.draw(self._source))
        for _ in range(jobs):
            duration_s = self._load.draw(self._source) * self._load.slowdown
            ours.add(*await self._poll_operation(duration_s))
            polls = math.ceil(duration_s / INTERVAL_S)
            fixed.add(polls * INTERVAL_S - duration_s, polls)

    async def _poll_operation(self, duration_s: float) -> tuple[float, int]:
        """Return the lag in seconds and the number of polls."""
        lease = Lease(worker_id="bench", length=timedelta(days=1), clock=self._clock)
        lease.mark_renewed(self._clock.monotonic())
        job = Job(
            id=1,
            plan=self._plan,
            origin=make_origin(1),
            state=JobState.POLLING,
            created_at=self._clock.now(),
            submitted_at=self._clock.now(),
            operation="operations/1",
        )
        running = RunningJob(self._shared, job, lease, just_claimed=True)
        self._google.polls = 0
        self._google.ends_at_s = self._clock.monotonic() + duration_s
        await self._poller.poll_until_ended(running)
        assert running.job.state is JobState.FETCHING
        return self._clock.monotonic() - self._google.ends_at_s, self._google.polls


class BestSchedule:
    """The schedule of the least mean lag when the distribution of durations is known exactly.

    No pause has a limit. It is found by dynamic programming over even steps of time, apart from the
    bot's own code, for the number of polls that the bot made.
    """

    def __init__(self, load: Load, polls: float) -> None:
        self._horizon_s = 400.0 * load.slowdown
        self._step_s = self._horizon_s / _GRID_POINTS
        self._pending = [load.pending(i * self._step_s) for i in range(_GRID_POINTS + 1)]
        self._pending_s = [0.0]
        for left, right in zip(self._pending, self._pending[1:], strict=False):
            self._pending_s.append(self._pending_s[-1] + (left + right) / 2 * self._step_s)
        low, high = 0.05, 50.0
        for _ in range(16):
            price_s = math.sqrt(low * high)
            times = self._minimize(price_s)
            if self._count_polls(times) > polls:
                low = price_s
            else:
                high = price_s
        self.times_s: Sequence[float] = [i * self._step_s for i in self._minimize(high)]

    def watch(self, durations_s: Sequence[float]) -> Watched:
        """Return the lags of operations that are polled at these times."""
        watched = Watched()
        for duration_s in durations_s:
            index = next((i for i, at_s in enumerate(self.times_s) if at_s >= duration_s), None)
            if index is None:  # beyond the horizon the last pause is repeated
                pause_s = self.times_s[-1] - self.times_s[-2]
                more = math.ceil((duration_s - self.times_s[-1]) / pause_s)
                lag_s = self.times_s[-1] + more * pause_s - duration_s
                watched.add(lag_s, len(self.times_s) + more)
            else:
                watched.add(self.times_s[index] - duration_s, index + 1)
        return watched

    def _minimize(self, price_s: float) -> list[int]:
        """Return the steps of the polls if one is worth ``price_s`` seconds of lag."""
        costs = [0.0] * (_GRID_POINTS + 1)
        following = [0] * (_GRID_POINTS + 1)
        step_s, pending, pending_s = self._step_s, self._pending, self._pending_s
        longest = int(120 / step_s)
        for now in range(_GRID_POINTS - 1, -1, -1):
            base = pending_s[now] + price_s * pending[now]
            best, choice = math.inf, now + 1
            # the lag of ends until ``then``: the pause, less the time in which it is still pending
            for then in range(now + 1, min(_GRID_POINTS, now + longest) + 1):
                cost = (then - now) * step_s * pending[now] - pending_s[then] + costs[then]
                if cost < best:
                    best, choice = cost, then
            costs[now], following[now] = best + base, choice
        times, now = [], 0
        while now < _GRID_POINTS:
            now = following[now]
            times.append(now)
        return times

    def _count_polls(self, times: Sequence[int]) -> float:
        return sum(self._pending[i] for i in (0, *times[:-1]))


async def measure_load(load: Load, database: Database) -> tuple[Watched, Watched, Watched]:
    """Return what the bot, the fixed loop and the best schedule see of a load."""
    ours, fixed = Watched(), Watched()
    for seed in range(load.runs):
        await LoadRun(load, seed, database).measure(ours, fixed)
    source = random.Random(load.name)
    durations_s = [load.draw(source) * load.slowdown for _ in range(20_000)]
    return ours, fixed, BestSchedule(load, ours.mean_polls).watch(durations_s)


def compare(
    load: Load, ours: Watched, fixed: Watched, best: Watched, *, has_goals: bool
) -> list[Figure]:
    """Return the figures of a load."""
    poll_ratio = ours.mean_polls / fixed.mean_polls
    rows = [
        ("polls a job", ours.mean_polls, fixed.mean_polls, best.mean_polls, ""),
        ("lag, median", ours.median_s, fixed.median_s, best.median_s, " s"),
        ("lag, p95", ours.p95_s, fixed.p95_s, best.p95_s, " s"),
        ("lag, mean", ours.mean_s, fixed.mean_s, best.mean_s, " s"),
    ]
    goals = [
        (f"at most {GOAL_POLL_RATIO:g} times the loop's", poll_ratio <= GOAL_POLL_RATIO),
        (f"at most {GOAL_MEDIAN_S:g} s", ours.median_s <= GOAL_MEDIAN_S),
        (f"at most {GOAL_P95_S:g} s", ours.p95_s <= GOAL_P95_S),
        ("", True),
    ]
    figures = []
    for (what, own, loop, least, unit), (goal, is_met) in zip(rows, goals, strict=True):
        of_best = own / least
        if what.startswith("lag"):
            bound = f"at most {GOAL_OF_BEST:g} times the best"
            goal, is_met = f"{goal}, {bound}".strip(", "), is_met and of_best <= GOAL_OF_BEST
        figures.append(
            Figure(
                what=f"{load.name}: {what}",
                value=f"{own:.2f}{unit}"
                + ("" if unit else f" ({poll_ratio:.2f} times the loop's)"),
                beside=f"every {INTERVAL_S:g} s: {loop:.2f}{unit}",
                goal=goal if has_goals else "",
                is_met=is_met or not has_goals,
                limit=f"best schedule: {least:.2f}{unit} (ours is {of_best:.2f} times that)",
            )
        )
    return figures


async def run_bench(folder: Path) -> BenchResult:
    """Measure all loads; only the first has goals, the others show what happens beside it."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))
    random.seed(14)  # the jitter of the polls
    database = open_database(f"sqlite+aiosqlite:///{folder}/bench.db")
    await upgrade_schema(database)
    figures: list[Figure] = []
    table = Table(title=f"Lag after Google's end, several runs of {MEASURED_JOBS} jobs")
    for heading in ("load", "schedule", "polls a job", "median s", "p95 s", "mean s", "max s"):
        table.add_column(heading)
    for number, load in enumerate(LOADS):
        ours, fixed, best = await measure_load(load, database)
        figures += compare(load, ours, fixed, best, has_goals=number == 0)
        named = (("every 10 s", fixed), ("the bot's", ours), ("the best known beforehand", best))
        for name, watched in named:
            numbers = (watched.mean_polls, watched.median_s, watched.p95_s, watched.mean_s)
            columns = [f"{figure:.2f}" for figure in (*numbers, max(watched.lags_s))]
            table.add_row(load.name, name, *columns, end_section=watched is best)
    await database.close()
    console = Console()
    if not console.is_terminal:
        console.width = 120
    console.print(table)
    return BenchResult(
        title="Lag between Google's end and the poll that sees it",
        method=(
            f"{LOADS[0].runs} runs of {MEASURED_JOBS} jobs, one after the other, each run after"
            f" {LEARNED_JOBS} others from which the schedule is learned. The poller, the schedules"
            " and the store are the bot's, Google and time are simulated. The best schedule is"
            " computed by dynamic programming from the exact distribution, for the least mean lag"
            " with as many polls as the bot made; no pause in it has a limit."
        ),
        figures=tuple(figures),
    )


if __name__ == "__main__":
    sys.exit(run_and_record("lag", run_bench))
