"""Measures the time from the start of the bot until it is ready, and its memory when idle.

Ready means connected, with its commands registered or found registered. A machine's speed and its
other work change these figures, so a bare bot of discord.py starts in turn with the real one.
"""

import asyncio
import os
import shutil
import statistics
import sys
import time
from collections.abc import Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import update

from bot.domain.jobs.job import AdmissionRequest
from bot.store.engine.database import open_database
from bot.store.engine.schema import upgrade_schema
from bot.store.jobs.jobs import JobStore
from bot.store.tables.core import jobs_table
from tests.bench.figures import BenchResult, Figure, run_and_record
from tests.bench.memory import read_memory_mb
from tests.bench.store import POLICY, BenchDatabase
from tests.fakes.world import make_origin, make_plan
from tests.harness.bot import NO_LIMITS, START_TIMEOUT_S, BotProcess
from tests.harness.control import Control
from tests.harness.process import ProgramProcess
from tests.harness.sandbox import SandboxProcess
from tests.harness.waiting import eventually

ROUNDS: Final = 5
JOBS: Final = 10_000
GOAL_FACTOR: Final = 1.5
GOAL_MORE_S: Final = 1.0
SERVERS: Final = 1000
GOAL_MIB: Final = {1: 100.0, SERVERS: 130.0}
"""The resident memory of an idle bot, by the number of its servers."""
IDLE_S: Final = (60.0, 180.0)
"""Seconds after the start at which memory is read. Every background loop runs in the first minute
or stands still for an hour, so the memory after ten minutes is that after three. The first reading
shows whether it still grows."""
RUNNING_JOBS: Final = 5000
GOAL_RUNNING_MIB: Final = 50.0
_AT_ONCE: Final = 50
_COMMANDS_PATH: Final = r"/applications/\d+/commands(\?|$)"
_METHOD: Final = f"""\
A bare bot of discord.py (`tests/bench/bare_bot.py`) and `clapper run` start in turn, {ROUNDS} times
each, against the same sandbox. Ready is: connected to the gateway, and the commands registered or
found registered. The database is SQLite with {JOBS} jobs that have ended. Memory is what the system
calls resident. It is read after {IDLE_S[1]:g} seconds without requests: each background loop has
run by then, and the reading after {IDLE_S[0]:g} seconds beside it shows that nothing grows."""


@dataclass(frozen=True, slots=True)
class StartTimes:
    """What one start took, in seconds."""

    elapsed_s: float
    processor_s: float


class BareBot(ProgramProcess):
    """The bot of `tests.bench.bare_bot`."""

    def __init__(self, environment: dict[str, str], folder: Path) -> None:
        folder.mkdir()
        super().__init__("tests.bench.bare_bot", log=folder / "bot.log", environment=environment)


async def run_bench(folder: Path) -> BenchResult:
    """Measure starts, then idle bots, then running jobs."""
    await build_database(folder / "jobs.db")
    figures = [
        *await measure_starts(folder / "starts"),
        *await measure_idle_bots(folder / "idle"),
        measure_running_jobs(),
    ]
    return BenchResult(title="Start and memory", method=_METHOD, figures=tuple(figures))


async def build_database(path: Path) -> None:
    """Create a SQLite file with `JOBS` jobs that have ended."""
    database = open_database(f"sqlite+aiosqlite:///{path}")
    try:
        await upgrade_schema(database)
        jobs = JobStore(database)
        for first in range(0, JOBS, _AT_ONCE):
            requests = [
                AdmissionRequest(make_plan(), make_origin(number, user_id=1000 + number % 64))
                for number in range(first, first + _AT_ONCE)
            ]
            await jobs.admit_requests(requests, policy=POLICY, owner="bench")
        ended = update(jobs_table).values(
            state="failed", outcome="invalid", owner=None, finished_at=jobs_table.c.created_at
        )
        await database.execute(ended)
    finally:
        await database.close()


async def measure_starts(folder: Path) -> list[Figure]:
    """Start both bots in turn; the first start of each, which registers commands, is left out."""
    folder.mkdir()
    data = folder / "bot" / "data"
    data.mkdir(parents=True)
    shutil.copy(folder.parent / "jobs.db", data / "clapper.db")
    bare_times: list[StartTimes] = []
    times: list[StartTimes] = []
    async with AsyncExitStack() as stack:
        bare_sandbox = await stack.enter_async_context(SandboxProcess(folder / "bare sandbox"))
        sandbox = await stack.enter_async_context(SandboxProcess(folder / "sandbox"))
        for each in (bare_sandbox, sandbox):
            await each.control.scale_ratelimits(None)  # one session in five seconds, for one
        bare = BareBot(bare_sandbox.environment_for_bot, folder / "bare")
        bot = _build_bot(sandbox, folder / "bot")
        for _ in range(1 + ROUNDS):
            bare_times.append(await _measure_start(bare, bare_sandbox.control))
            times.append(await _measure_start(bot, sandbox.control))
    elapsed, bare_elapsed = (_find_median(each[1:]) for each in (times, bare_times))
    goal_s = GOAL_FACTOR * bare_elapsed.elapsed_s + GOAL_MORE_S
    return [
        Figure(
            what=f"start until ready, {JOBS} jobs in SQLite",
            value=f"{elapsed.elapsed_s:.2f} s",
            beside=f"bare bot: {bare_elapsed.elapsed_s:.2f} s",
            goal=f"at most {GOAL_FACTOR:g} × the bare bot + {GOAL_MORE_S:g} s: {goal_s:.2f} s",
            is_met=elapsed.elapsed_s <= goal_s,
            limit="importing libraries that the bare bot lacks, such as SQLAlchemy and pydantic",
        ),
        Figure(
            what="processor time of that start",
            value=f"{elapsed.processor_s:.2f} s",
            beside=f"bare bot: {bare_elapsed.processor_s:.2f} s",
        ),
    ]


async def _measure_start(bot: ProgramProcess, control: Control) -> StartTimes:
    """Start a bot until it is ready, and stop it."""
    connections = await control.count_connections()
    asked = max((request["n"] for request in await control.requests()), default=0)

    async def is_ready() -> bool:
        bot.check_running()
        if await control.count_connections() <= connections:
            return False
        requests = await control.requests(after=asked, server="discord", path=_COMMANDS_PATH)
        return any(request["status"] == 200 for request in requests)

    began = time.monotonic()
    await bot.launch()
    await eventually(is_ready, timeout=START_TIMEOUT_S, interval=0.02, what="the bot being ready")
    times = StartTimes(time.monotonic() - began, _read_processor_s(bot.pid))
    await bot.close()

    async def is_disconnected() -> bool:
        return await control.count_connections() <= connections

    await eventually(is_disconnected, what="the sandbox seeing the bot gone")
    return times


async def measure_idle_bots(folder: Path) -> list[Figure]:
    """Let a bare bot and real ones stand idle, the latter in one server and in many."""
    folder.mkdir()
    async with AsyncExitStack() as stack:
        sandboxes = {
            servers: await stack.enter_async_context(SandboxProcess(folder / f"sandbox-{servers}"))
            for servers in GOAL_MIB
        }
        await _add_servers(sandboxes[SERVERS].control, SERVERS - 1)
        bots = {}
        bare_bots = {}
        for servers, sandbox in sandboxes.items():
            await sandbox.control.scale_ratelimits(None)
            bots[servers] = _build_bot(sandbox, folder / f"bot-{servers}")
            await _measure_start(bots[servers], sandbox.control)  # creates the tables
            await stack.enter_async_context(bots[servers])
            bare_bots[servers] = BareBot(sandbox.environment_for_bot, folder / f"bare-{servers}")
            stack.push_async_callback(bare_bots[servers].close)
            await bare_bots[servers].launch()
        await asyncio.sleep(IDLE_S[0])
        before = {servers: _read_mib(bot) for servers, bot in bots.items()}
        await asyncio.sleep(IDLE_S[1] - IDLE_S[0])
        return [
            Figure(
                what=f"resident memory, idle, {servers} server{'s' if servers > 1 else ''}",
                value=f"{_read_mib(bots[servers]):.0f} MiB",
                beside=f"bare bot: {_read_mib(bare_bots[servers]):.0f} MiB;"
                f" after {IDLE_S[0]:g} s: {before[servers]:.0f} MiB",
                goal=f"at most {goal:g} MiB",
                is_met=_read_mib(bots[servers]) <= goal,
            )
            for servers, goal in GOAL_MIB.items()
        ]


async def _add_servers(control: Control, count: int) -> None:
    """Create servers of five channels each."""
    channels = [f"channel {number}" for number in range(5)]
    for first in range(0, count, _AT_ONCE):
        numbers: Iterable[int] = range(first, min(count, first + _AT_ONCE))
        await asyncio.gather(
            *(
                control.call("POST", "guilds", {"name": f"Server {number}", "channels": channels})
                for number in numbers
            )
        )


def measure_running_jobs() -> Figure:
    """Measure what running jobs add, as `tests.bench.store` does."""
    with BenchDatabase("sqlite") as database:
        database.measure_in_child("prepare", RUNNING_JOBS)
        rise = database.measure_in_child("polled", RUNNING_JOBS)["rss_mb"]
    return Figure(
        what=f"memory of {RUNNING_JOBS} running jobs",
        value=f"{rise:.1f} MiB",
        goal=f"at most {GOAL_RUNNING_MIB:g} MiB",
        is_met=rise <= GOAL_RUNNING_MIB,
    )


def _build_bot(sandbox: SandboxProcess, folder: Path) -> BotProcess:
    return BotProcess(
        sandbox.control,
        sandbox.environment_for_bot,
        folder,
        settings={**NO_LIMITS, "LOG_LEVEL": "INFO"},
    )


def _find_median(times: list[StartTimes]) -> StartTimes:
    return StartTimes(
        statistics.median(each.elapsed_s for each in times),
        statistics.median(each.processor_s for each in times),
    )


def _read_mib(bot: ProgramProcess) -> float:
    return read_memory_mb(bot.pid, "VmRSS") * 1e6 / 2**20


def _read_processor_s(pid: int) -> float:
    """Return the processor time that a running process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    sys.exit(run_and_record("start", run_bench))
