"""Measures job throughput, and the cost of thousands of running jobs.

Google and Discord are fakes, so the figures are the bot's and the database's. Each measurement runs
in a process of its own, so that memory starts from the same baseline.
"""

import argparse
import asyncio
import json
import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import asyncpg
import structlog
from sqlalchemy import func, select, update

from bot.app.clock import SystemClock
from bot.domain.billing.limits import PacingLimits, SpendingPolicy, UsageLimits
from bot.domain.billing.money import Micros
from bot.domain.clips.clip import Clip
from bot.domain.jobs.job import AdmissionRequest, Job
from bot.domain.jobs.progress import JobProgress
from bot.domain.jobs.request import VideoPlan
from bot.domain.ports import OperationFinished, OperationPending, PollResult
from bot.services.jobs.admission import AdmissionBatcher
from bot.services.jobs.stages.running_job import PollingTimes
from bot.store.engine.database import Database, open_database
from bot.store.engine.schema import upgrade_schema
from bot.store.jobs.jobs import JobStore
from bot.store.jobs.workers import WorkerStore
from bot.store.tables.core import jobs_table
from tests.bench.figures import BenchResult, Figure, run_and_record
from tests.contract.conftest import POSTGRES_URL
from tests.fakes.world import SimulatedWorld, make_origin, make_plan
from tests.harness.process import ROOT

COMMITS_PER_START = 4
"""What must be durable before the next step of a start: the job with its reserved price, the claim
by this process, that bytes may be sent from now on, and the operation's name."""
GOAL_SHARE = 0.8
"""Of the starts that single commits would allow. Commits for several jobs may exceed it."""
BARE_COMMITS_S = 3.0
RUNNING_JOBS = 5000
_NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
_STARTS = {"sqlite": 1500, "postgresql": 3000}
_RUNNING_GOALS = (
    ("adoption by another process", "adopted_s", "s", 3),
    ("memory", "rss_mb", "MiB", 50),
    ("pause of the event loop, p99", "lag_p99_ms", "ms", 10),
)
"""What is measured with running jobs, its key, unit and maximum."""

POLICY = SpendingPolicy(
    member=UsageLimits(10**6, 10**7, Micros(10**12), Micros(10**13), 10**6),
    guild=UsageLimits(10**6, 10**7, Micros(10**12), Micros(10**13), 10**6),
    bot=UsageLimits(10**6, 10**7, Micros(10**12), Micros(10**13), 10**6),
    pace=PacingLimits(in_flight=10**6, requests_per_minute=10**6, requests_per_day=10**6),
)
"""Every limit is set, so that every sum is computed; none is reached."""


class EndlessGoogle:
    """Starts every operation at once and never finishes it."""

    route = make_plan().route
    polls = 0

    async def submit(
        self,
        plan: VideoPlan,
        *,
        job_id: int,
        dedupe_key: str = "",
        about_to_send: Callable[[], Awaitable[None]] | None = None,
    ) -> str:
        """Start at once."""
        if about_to_send is not None:
            await about_to_send()
        return f"models/{plan.model}/operations/{job_id}"

    async def poll(self, operation: str) -> PollResult:
        """Answer after a moment, as a network would."""
        self.polls += 1
        await asyncio.sleep(0.05)
        return OperationPending()

    async def find_result(
        self, plan: VideoPlan, *, job_id: int, dedupe_key: str = ""
    ) -> OperationFinished | None:
        """Find nothing."""
        return None


class QuietDiscord:
    """Accepts every message and remembers none."""

    last_message_id = 10**6

    async def show_status(self, progress: JobProgress) -> int | None:
        """Return a status message's id."""
        if progress.job.status_message_id is not None:
            return progress.job.status_message_id
        self.last_message_id += 1
        return self.last_message_id

    async def find_posted(self, job: Job) -> int | None:
        """Find nothing."""
        return None

    async def post_clips(self, job: Job, clips: list[Clip]) -> int:
        """Never called: no operation finishes."""
        raise NotImplementedError


def make_world(database: Database, folder: Path) -> SimulatedWorld:
    """Return a world with real time and a Google that never finishes."""
    world = SimulatedWorld(
        database,
        folder,
        policy=POLICY,
        polling_times=PollingTimes(poll_interval_s=10.0, time_limit_s=10**6),
    )
    world.clock = SystemClock()  # type: ignore[assignment]
    world.jobs = JobStore(database)  # with the database's time, as in production
    world.google = EndlessGoogle()  # type: ignore[assignment]
    world.discord = QuietDiscord()  # type: ignore[assignment]
    return world


async def measure_starts(database: Database, folder: Path, count: int) -> dict[str, float]:
    """Admit and submit ``count`` jobs for 64 concurrent members."""
    commits_per_s = await measure_bare_commits(database, folder)
    world = make_world(database, folder)
    process = world.create_process(lease_s=30.0)
    await process.worker.start()
    batcher = AdmissionBatcher(jobs=world.jobs, policy=POLICY, clock=world.clock)
    numbers = iter(range(count))
    owner = process.worker.worker_id

    async def submit_as_member(user_id: int) -> None:
        for number in numbers:
            await batcher.admit_request(
                AdmissionRequest(make_plan(), make_origin(number, user_id=user_id)), owner=owner
            )
            process.worker.wake()

    started_at, cpu_started_at = time.perf_counter(), time.process_time()
    await asyncio.gather(*(submit_as_member(1000 + n) for n in range(64)))
    admitted_s = time.perf_counter() - started_at
    while await count_polling_jobs(world) < count:
        await asyncio.sleep(0.02)
    duration_s = time.perf_counter() - started_at
    cpu_s = time.process_time() - cpu_started_at
    await process.worker.stop(5.0)
    return {
        "starts_per_s": count / duration_s,
        "cpu_ms_per_start": 1000 * cpu_s / count,
        "admissions_per_s": count / admitted_s,
        "commits_per_s": commits_per_s,
    }


async def measure_bare_commits(database: Database, folder: Path) -> float:
    """Return the smallest durable commits a second on the same database, without the bot's code.

    They come one after the other, because SQLite has one writer, and so has the bot for changes of
    jobs.
    """
    if not database.is_shared:
        return await asyncio.to_thread(measure_sqlite_commits, folder / "bench.db")
    schema = await database.read(
        lambda connection: connection.scalar(select(func.current_schema()))
    )
    url = POSTGRES_URL.replace("+asyncpg", "")
    connection = await asyncpg.connect(url, server_settings={"search_path": str(schema)})
    await connection.execute("CREATE TABLE bench_commits (n integer)")
    await connection.execute("INSERT INTO bench_commits VALUES (0)")
    count, ends_at = 0, time.perf_counter() + BARE_COMMITS_S
    while time.perf_counter() < ends_at:
        await connection.execute("UPDATE bench_commits SET n = n + 1")
        count += 1
    await connection.close()
    return count / BARE_COMMITS_S


def measure_sqlite_commits(path: Path) -> float:
    """Return the commits a second of one connection with the bot's settings for durability."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("CREATE TABLE bench_commits (n integer)")
        connection.execute("INSERT INTO bench_commits VALUES (0)")
        count, ends_at = 0, time.perf_counter() + BARE_COMMITS_S
        while time.perf_counter() < ends_at:
            connection.execute("UPDATE bench_commits SET n = n + 1")
            count += 1
    return count / BARE_COMMITS_S


async def count_polling_jobs(world: SimulatedWorld) -> int:
    """Return the number of jobs with a saved operation."""
    query = select(func.count()).select_from(jobs_table).where(jobs_table.c.state == "polling")
    return await world.database.read(lambda connection: connection.scalar(query)) or 0


async def create_orphans(database: Database, folder: Path, count: int) -> dict[str, float]:
    """Create ``count`` polling jobs of a dead worker."""
    world = make_world(database, folder)
    store = WorkerStore(database)
    await store.register("dead", host="x", lease=timedelta(seconds=600))
    for first in range(0, count, 64):
        requests = [
            AdmissionRequest(make_plan(), make_origin(n, user_id=1000 + n % 64))
            for n in range(first, min(count, first + 64))
        ]
        await world.jobs.admit_requests(requests, policy=POLICY, owner="dead")
        for job in await world.jobs.claim_jobs("dead", policy=POLICY, limit=64):
            await world.jobs.begin_polling(job, f"models/veo/operations/{job.id}")
    await store.retire("dead")
    # running jobs have a status message
    statement = update(jobs_table).values(status_message_id=jobs_table.c.id)
    await database.write(lambda connection: connection.execute(statement))
    return {}


async def measure_polling(database: Database, folder: Path, count: int) -> dict[str, float]:
    """Adopt ``count`` orphans, then poll them every 10 s for half a minute."""
    world = make_world(database, folder)
    await world.ledger.sum_reserved()  # fill connections and caches before measuring memory
    before = read_rss_mb()
    process = world.create_process(lease_s=30.0)
    started_at = time.perf_counter()
    await process.worker.start()
    while process.worker.running_count < count:
        await asyncio.sleep(0.005)
    adopted_s = time.perf_counter() - started_at
    await asyncio.sleep(5.0)
    world.google.polls = 0  # type: ignore[attr-defined]
    lags: list[float] = []
    ends_at = time.perf_counter() + 25.0
    while (now := time.perf_counter()) < ends_at:
        await asyncio.sleep(0.01)
        lags.append((time.perf_counter() - now - 0.01) * 1000)
    after = read_rss_mb()
    polls = world.google.polls / 25.0  # type: ignore[attr-defined]
    await process.worker.stop(5.0)
    lags.sort()
    return {
        "adopted_s": adopted_s,
        "rss_mb": after - before,
        "lag_p99_ms": lags[len(lags) * 99 // 100],
        "lag_max_ms": lags[-1],
        "polls_per_s": polls,
    }


def read_rss_mb() -> float:
    """Return the resident memory of this process, in MiB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def measure_database(kind: str) -> list[Figure]:
    """Run every measurement over one database, each in its own process."""
    name = _NAMES[kind]
    with BenchDatabase(kind) as bench_database:
        measured = bench_database.measure_in_child("starts", _STARTS[kind])
    rate, commits = measured["starts_per_s"], measured["commits_per_s"]
    least_rate = GOAL_SHARE * commits / COMMITS_PER_START
    figures = [
        Figure(
            what=f"job starts, {name}",
            value=f"{rate:.0f} a second",
            beside=f"single commits: {commits:.0f} a second",
            goal=f"at least {GOAL_SHARE:g} × commits ÷ {COMMITS_PER_START}: {least_rate:.0f}",
            is_met=rate >= least_rate,
            limit=f"a start needs {COMMITS_PER_START} commits, which jobs may share, and"
            f" {measured['cpu_ms_per_start']:.1f} ms of one process's time on the processor",
        )
    ]
    with BenchDatabase(kind) as bench_database:
        bench_database.measure_in_child("prepare", RUNNING_JOBS)
        measured = bench_database.measure_in_child("polled", RUNNING_JOBS)
    for what, key, unit, maximum in _RUNNING_GOALS:
        value = measured[key]
        figures.append(
            Figure(
                what=f"{what}, {RUNNING_JOBS:,} running jobs, {name}",
                value=f"{value:.1f} {unit}",
                goal=f"at most {maximum} {unit}",
                is_met=value <= maximum,
            )
        )
    return figures


class BenchDatabase:
    """An empty database for measurements."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._folder = tempfile.TemporaryDirectory()
        self._schema = f"bench_{uuid4().hex[:12]}" if kind == "postgresql" else ""

    def __enter__(self) -> "BenchDatabase":
        if self._schema:
            asyncio.run(_execute_sql(f'CREATE SCHEMA "{self._schema}"'))
        return self

    def __exit__(self, *_: object) -> None:
        if self._schema:
            asyncio.run(_execute_sql(f'DROP SCHEMA "{self._schema}" CASCADE'))
        self._folder.cleanup()

    def measure_in_child(self, measurement: str, count: int) -> dict[str, float]:
        """Run one measurement in its own process."""
        command = [sys.executable, "-m", "tests.bench.store", "--child", measurement]
        command += [self._kind, "--jobs", str(count), "--folder", self._folder.name]
        command += ["--schema", self._schema]
        process = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
        answer: dict[str, float] = json.loads(process.stdout.splitlines()[-1])
        return answer


async def _execute_sql(statement: str) -> None:
    connection = await asyncpg.connect(POSTGRES_URL.replace("+asyncpg", ""), timeout=5)
    await connection.execute(statement)
    await connection.close()


async def _run_child(name: str, kind: str, folder: Path, schema: str, count: int) -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))
    url = POSTGRES_URL if kind == "postgresql" else f"sqlite+aiosqlite:///{folder}/bench.db"
    database = open_database(url, schema=schema or None)
    await upgrade_schema(database)
    measure = {"starts": measure_starts, "prepare": create_orphans, "polled": measure_polling}[name]
    result = await measure(database, folder, count)
    await database.close()
    print(json.dumps(result))


async def run_bench(_folder: Path) -> BenchResult:
    """Measure both databases, one after the other."""
    figures = [
        figure for kind in _NAMES for figure in await asyncio.to_thread(measure_database, kind)
    ]
    return BenchResult(
        title="Starting and polling jobs",
        method=(
            "Google and Discord are fakes, so the figures are the bot's and the database's."
            " 64 members ask for clips without a pause. Each measurement runs in a process of its"
            " own, beside the database's own single commits."
        ),
        figures=tuple(figures),
    )


def main() -> int:
    """Run the bench, or with ``--child`` one measurement in this process."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", nargs="?", choices=list(_NAMES))
    parser.add_argument("--jobs", type=int, default=RUNNING_JOBS)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--schema", default="", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if not arguments.child:
        return run_and_record("store", run_bench)
    asyncio.run(
        _run_child(
            arguments.child,
            arguments.kind,
            arguments.folder,
            arguments.schema,
            arguments.jobs,
        )
    )
    return 0


if __name__ == "__main__":
    os.environ.setdefault("PAID_CALLS", "forbid")
    sys.exit(main())
