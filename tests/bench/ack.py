"""Measures how fast `/video generate` is acknowledged, beside a bot that does nothing else.

Both bots get 50, 100 and 200 requests a second in turns, each from a sandbox of its own. The time
is the sandbox's, from sending the interaction to the arrival of the acknowledgement.
"""

import json
import os
import signal
import sqlite3
import statistics
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.bench.figures import BenchResult, Figure, run_and_record
from tests.harness.bot import NO_LIMITS, BotProcess
from tests.harness.sandbox import SandboxProcess
from tests.harness.waiting import eventually

RATES: Final = (50, 100, 200)
"""Requests a second."""
ROUNDS: Final = {50: 3, 100: 1, 200: 1}
LOAD_S: Final = 8
GOAL_RATE: Final = 50
GOAL_RATIO: Final = 3.0
"""Of the real bot's 99th percentile to the bare one's, at `GOAL_RATE`."""
TIME_LIMIT_MS: Final = 3000.0
"""After which Discord tells the member that the application did not respond."""
_BARE, _REAL = "bare discord.py", "clapper run"
_PEOPLE: Final = ("Ada", "Bea", "Cem", "Dia")
_OPTIONS: Final = {"prompt": "A heron lands on a lake at dawn, in slow motion"}
_WARM_UP_COUNT: Final = 20
_SETTLING_TIMEOUT_S: Final = 120.0
_METHOD: Final = (
    f"`/video generate` is used for {LOAD_S} s at each rate, whether earlier requests were"
    " acknowledged or not, by the real bot and by a bot of discord.py that only acknowledges, in"
    f" turns. At {GOAL_RATE} a second the median of {ROUNDS[GOAL_RATE]} rounds counts. Nothing"
    " limits requests and running jobs, Discord's rate limits are off, and Google finishes nothing."
    " So each request costs its whole work up to the running job. The sandbox is one process on the"
    " same processors. For the real bot it also serves every message and submit, so its own delay"
    " is part of these figures. How far it fell behind its own timetable is a figure of its own."
)
_CLOCK_TICKS: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class AckResult:
    """One load. ``times_ms`` has `TIME_LIMIT_MS` for a request that was not acknowledged.

    ``late_ms`` is how late the sandbox sent each request. The others are means of all requests; the
    bare bot has no database.
    """

    times_ms: tuple[float, ...]
    unanswered: int
    late_ms: tuple[float, ...]
    cpu_ms: float
    statements: float = 0.0
    commits: float = 0.0


class CountedBot(BotProcess):
    """The real bot, whose SQL statements are counted."""

    def __init__(self, sandbox: SandboxProcess, folder: Path) -> None:
        self._counts_file = folder / "counts.json"
        settings = {**NO_LIMITS, "LOG_LEVEL": "INFO", "COUNTS_FILE": str(self._counts_file)}
        settings["MAX_CONCURRENT_JOBS"] = "none"
        super().__init__(sandbox.control, sandbox.environment_for_bot, folder, settings=settings)
        self.module = "tests.bench.counted_bot"

    async def read_counts(self) -> dict[str, int]:
        """Return the statements and commits so far."""
        self._counts_file.unlink(missing_ok=True)
        os.kill(self.pid, signal.SIGUSR2)

        async def is_written() -> bool:
            return self._counts_file.exists()

        await eventually(is_written, timeout=_SETTLING_TIMEOUT_S, what="the counts")
        counts: dict[str, int] = json.loads(self._counts_file.read_text())
        return counts

    async def wait_for_starts(self, count: int) -> None:
        """Wait until Google has started ``count`` jobs and each has its status message."""
        database = f"file:{self.folder / 'data' / 'clapper.db'}?mode=ro"
        query = "SELECT count(*) FROM jobs WHERE state = 'polling' AND status_message_id > 0"

        async def are_started() -> bool:
            self.check_running()
            with closing(sqlite3.connect(database, uri=True)) as connection:
                return bool(connection.execute(query).fetchone()[0] >= count)

        await eventually(are_started, timeout=_SETTLING_TIMEOUT_S, interval=0.5, what="the jobs")


class BareBot(BotProcess):
    """The bot of `tests.bench.bare_bot`."""

    def __init__(self, sandbox: SandboxProcess, folder: Path) -> None:
        super().__init__(sandbox.control, sandbox.environment_for_bot, folder)
        self.module = "tests.bench.bare_bot"


async def run_bench(folder: Path) -> BenchResult:
    """Measure both bots in turns at each rate."""
    results: dict[tuple[int, str], list[AckResult]] = defaultdict(list)
    for rate in RATES:
        for number in range(ROUNDS[rate]):
            for name in (_BARE, _REAL):
                place = folder / f"{rate}-{number}-{name.split()[0]}"
                results[rate, name].append(await _measure_bot(place, name, rate))
    figures: list[Figure] = []
    for rate in RATES:
        figures += _build_figures(rate, results[rate, _REAL], results[rate, _BARE])
    return BenchResult(title="Acknowledging requests", method=_METHOD, figures=tuple(figures))


async def _measure_bot(folder: Path, name: str, rate: int) -> AckResult:
    async with SandboxProcess(folder / "sandbox") as sandbox:
        await sandbox.control.scale_ratelimits(None)
        await sandbox.control.google(outcome="never")
        bot = (BareBot if name == _BARE else CountedBot)(sandbox, folder / "bot")
        async with bot:
            await _use_command(sandbox, rate, _WARM_UP_COUNT)
            if isinstance(bot, CountedBot):
                await bot.wait_for_starts(_WARM_UP_COUNT)
                before = await bot.read_counts()
            cpu_before_s = _read_processor_s(bot.pid)
            count = rate * LOAD_S
            series = await _use_command(sandbox, rate, count)
            times = [TIME_LIMIT_MS if ms is None else ms for ms in series["acknowledged_ms"]]
            unanswered = series["acknowledged_ms"].count(None)
            statements = commits = 0.0
            if isinstance(bot, CountedBot):
                await bot.wait_for_starts(_WARM_UP_COUNT + count - unanswered)
                after = await bot.read_counts()
                statements = (after["statements"] - before["statements"]) / count
                commits = (after["commits"] - before["commits"]) / count
            cpu_ms = (_read_processor_s(bot.pid) - cpu_before_s) / count * 1000
            late_ms = tuple(series["late_ms"])
            return AckResult(tuple(times), unanswered, late_ms, cpu_ms, statements, commits)


async def _use_command(sandbox: SandboxProcess, rate: int, count: int) -> dict[str, Any]:
    return await sandbox.control.command_series(
        _PEOPLE, "clips", "video generate", _OPTIONS, count=count, per_second=rate
    )


def _read_processor_s(pid: int) -> float:
    """Return the processor time of a process with all its threads, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _CLOCK_TICKS


def _compute_percentile(rounds: Iterable[Sequence[float]], percent: int) -> float:
    """Return the median over the rounds of a percentile, in milliseconds."""
    return statistics.median(
        sorted(times)[min(len(times) * percent // 100, len(times) - 1)] for times in rounds
    )


def _build_figures(
    rate: int, real: Sequence[AckResult], bare: Sequence[AckResult]
) -> Iterator[Figure]:
    p99_ms, bare_p99_ms = (
        _compute_percentile([result.times_ms for result in results], 99) for results in (real, bare)
    )
    late_ms, bare_late_ms = (
        _compute_percentile([result.late_ms for result in results], 99) for results in (real, bare)
    )
    ratio = p99_ms / bare_p99_ms
    has_ratio_goal = rate == GOAL_RATE
    cpu_ms, bare_cpu_ms = (
        statistics.median(result.cpu_ms for result in results) for results in (real, bare)
    )
    yield Figure(
        what=f"acknowledging {rate} requests a second",
        value=f"{_format_times(real)}; p99 {ratio:.1f} times",
        beside=f"{_BARE}: {_format_times(bare)}",
        goal=f"p99 at most {GOAL_RATIO:g} times" if has_ratio_goal else "",
        is_met=not has_ratio_goal or ratio <= GOAL_RATIO,
        limit=f"the sandbox, which reads the answers, is {late_ms:.1f} ms late itself at the 99th"
        f" percentile; other requests' work takes {rate * cpu_ms / 10:.0f} % of one processor",
    )
    late = sum(time_ms >= TIME_LIMIT_MS for result in real for time_ms in result.times_ms)
    has_limit_goal = rate == max(RATES)
    yield Figure(
        what=f"acknowledged after 3 s or not at all, at {rate} a second",
        value=str(late),
        goal="none" if has_limit_goal else "",
        is_met=not has_limit_goal or late == 0,
    )
    yield Figure(
        what=f"the sandbox behind its timetable at {rate} a second, p99",
        value=f"{late_ms:.1f} ms",
        beside=f"{_BARE}: {bare_late_ms:.1f} ms",
    )
    yield Figure(
        what=f"processor time of an accepted request, at {rate} a second",
        value=f"{cpu_ms:.1f} ms",
        beside=f"{_BARE}: {bare_cpu_ms:.1f} ms",
    )
    yield Figure(
        what=f"database work of an accepted request, at {rate} a second",
        value=f"{statistics.median(result.statements for result in real):.1f} statements,"
        f" {statistics.median(result.commits for result in real):.2f} commits",
    )


def _format_times(results: Sequence[AckResult]) -> str:
    times = [result.times_ms for result in results]
    p50, p99 = (_compute_percentile(times, percent) for percent in (50, 99))
    slowest = max(max(result.times_ms) for result in results)
    return f"p50 {p50:.1f}, p99 {p99:.1f}, max {slowest:.1f} ms"


if __name__ == "__main__":
    sys.exit(run_and_record("ack", run_bench))
