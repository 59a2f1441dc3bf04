"""A background loop that fails is logged, counted and restarted; stopping leaves no task behind."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime

import pytest
import pytest_asyncio
import structlog
from prometheus_client import CollectorRegistry, Counter

from bot.app.supervisor import MAXIMUM_PAUSE_S, BackgroundSupervisor


class ManualClock:
    """A clock whose sleepers wake when the test moves it far enough."""

    def __init__(self) -> None:
        self.seconds = 1000.0
        self._sleepers: list[tuple[float, asyncio.Event]] = []

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.seconds, UTC)

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        due = asyncio.Event()
        self._sleepers.append((self.seconds + seconds, due))
        await due.wait()

    async def advance(self, seconds: float) -> None:
        await let_tasks_run()
        self.seconds += seconds
        for until, due in self._sleepers:
            if until <= self.seconds:
                due.set()
        await let_tasks_run()


async def let_tasks_run() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


Failure = Callable[[], Awaitable[None]]


class ScriptedLoop:
    """A loop that fails a given number of times, then runs until it is canceled."""

    def __init__(self) -> None:
        self.failures: list[Failure] = []
        self.starts = 0

    async def run(self) -> None:
        self.starts += 1
        if self.failures:
            await self.failures.pop(0)()
        else:
            await asyncio.Event().wait()


async def raise_value_error() -> None:
    raise ValueError("an unknown value")


async def await_cancelled_task() -> None:
    task = asyncio.create_task(asyncio.sleep(60))
    task.cancel()
    await task


async def end_early() -> None:
    return


class Bench:
    """A supervisor over one scripted loop."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.registry = CollectorRegistry()
        self.loop = ScriptedLoop()
        failures = Counter("failures", "Failures.", ["task"], registry=self.registry)
        self.supervisor = BackgroundSupervisor(
            {"retention": self.loop.run}, failures=failures, clock=self.clock
        )

    @property
    def failure_count(self) -> float | None:
        return self.registry.get_sample_value("failures_total", {"task": "retention"})

    async def is_ready(self) -> bool:
        return await self.supervisor.checks["retention"]()


@pytest_asyncio.fixture
async def bench() -> AsyncIterator[Bench]:
    bench = Bench()
    yield bench
    await bench.supervisor.stop()
    assert "retention" not in {task.get_name() for task in asyncio.all_tasks()}


async def test_loop_that_runs_is_ready_and_its_series_exists(bench: Bench) -> None:
    assert not await bench.is_ready()  # not started
    assert bench.failure_count == 0
    bench.supervisor.start()
    bench.supervisor.start("retention")
    await let_tasks_run()
    assert await bench.is_ready()
    assert bench.loop.starts == 1


@pytest.mark.parametrize("failure", [raise_value_error, await_cancelled_task, end_early])
async def test_failed_loop_is_logged_counted_and_restarted(bench: Bench, failure: Failure) -> None:
    bench.loop.failures = [failure]
    with structlog.testing.capture_logs() as logs:
        bench.supervisor.start()
        await let_tasks_run()
    (line,) = logs
    assert (line["event"], line["task"]) == ("background_task.failed", "retention")
    assert isinstance(line["exc_info"], BaseException)
    assert bench.failure_count == 1
    assert not await bench.is_ready()
    await bench.clock.advance(1.3)  # a second, with up to a quarter of jitter
    assert bench.loop.starts == 2
    await bench.clock.advance(1.3)
    assert await bench.is_ready()
    assert bench.failure_count == 1


async def test_loop_that_always_fails_is_never_ready_and_waits_longer(bench: Bench) -> None:
    bench.loop.failures = [raise_value_error] * 100
    bench.supervisor.start()
    for _ in range(600):
        await bench.clock.advance(1.0)
        assert not await bench.is_ready()
    assert bench.failure_count == bench.loop.starts
    # 1, 2, 4, 8, 16, 32 seconds, then one a minute
    assert 10 < bench.loop.starts < 10 + 600 / MAXIMUM_PAUSE_S * 1.5


async def test_pauses_are_short_again_after_a_long_run(bench: Bench) -> None:
    async def run_long_then_fail() -> None:
        await bench.clock.sleep(MAXIMUM_PAUSE_S + 1)
        raise ValueError

    bench.loop.failures = [*[raise_value_error] * 5, run_long_then_fail]
    bench.supervisor.start()
    for _ in range(50):
        await bench.clock.advance(1.0)
    assert bench.loop.starts == 6
    await bench.clock.advance(MAXIMUM_PAUSE_S + 1)
    assert bench.failure_count == 6
    await bench.clock.advance(1.3)
    assert bench.loop.starts == 7
