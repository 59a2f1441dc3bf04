"""Measures commands, pages and metrics on a database after five years: 10^6 jobs.

    python -m tests.bench.million [--jobs N]

The same work is measured in turn on a database with a hundredth of the jobs. What a member waits
for must not depend on how long the bot has run. The small database is of the first 18 days, so work
that reads the past 30 days finds two thirds more on the large one.

SQLite's file needs more than 2 GB in the folder for temporary files, and PostgreSQL about as much.
"""

import argparse
import asyncio
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

import asyncpg

from bot.domain.errors import DatabaseUnavailable
from bot.store.engine.database import Database
from tests.bench.figures import BenchResult, Figure, run_and_record
from tests.bench.million.filling import open_filled_database
from tests.bench.million.operations import BenchOperations
from tests.bench.million.rows import Size
from tests.contract.conftest import POSTGRES_URL

JOBS: Final = 1_000_000
SMALLEST: Final = 1000
"""The generated rows need at least that many jobs."""
GOAL_RATIO: Final = 1.5
ROUNDS: Final = 31
"""How often each operation runs; the first time is not counted."""
MINIMUM_ROUNDS: Final = 6
_TIME_LIMIT_S: Final = 120.0
"""No new round begins later than that, once there are `MINIMUM_ROUNDS`."""
_LIMITS: Final = {
    "/server usage": "it lists who used the bot in 30 days, and the small database has only 18",
}
"""Why an operation cannot be as fast on the large database, by its name."""
KINDS: Final = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


@dataclass(slots=True)
class Timings:
    """How long one operation took on one database, in milliseconds.

    ``unanswered`` counts the runs that the database did not answer within the bot's time limit; the
    time until then is among the ``milliseconds``.
    """

    milliseconds: list[float] = field(default_factory=list)
    unanswered: int = 0

    async def measure(self, operation: Callable[[], Awaitable[object]]) -> None:
        """Run the operation once."""
        started_at = time.perf_counter()
        try:
            await operation()
        except DatabaseUnavailable:
            self.unanswered += 1
        self.milliseconds.append((time.perf_counter() - started_at) * 1000)

    @property
    def median_ms(self) -> float:
        """The median, without the first run, which fills caches."""
        return statistics.median(self.milliseconds[1:])


@dataclass(frozen=True, slots=True)
class Comparison:
    """One operation on the small and on the large database of a kind."""

    small: Timings = field(default_factory=Timings)
    large: Timings = field(default_factory=Timings)

    def build_figure(self, name: str, kind: str, small_size: Size) -> Figure:
        """Return the median on the large database, beside that on the small one."""
        ratio = self.large.median_ms / self.small.median_ms
        value = f"{self.large.median_ms:.2f} ms ({ratio:.2f} times)"
        unanswered = self.small.unanswered + self.large.unanswered
        if unanswered:
            value += f", {unanswered} of {2 * len(self.large.milliseconds)} unanswered"
        return Figure(
            what=f"{name}, {KINDS[kind]}",
            value=value,
            beside=f"with {small_size.jobs:,} jobs: {self.small.median_ms:.2f} ms",
            goal=f"at most {GOAL_RATIO} times",
            is_met=ratio <= GOAL_RATIO and not unanswered,
            limit=_LIMITS.get(name, ""),
        )


async def run_bench(folder: Path, *, jobs: int) -> BenchResult:
    """Fill the databases of all kinds at once, then measure one kind after the other."""
    small, large = Size(max(SMALLEST, jobs // 100)), Size(jobs)
    kinds = ["sqlite"]
    if await _has_postgresql():
        kinds.append("postgresql")
    async with AsyncExitStack() as stack:

        async def fill(kind: str) -> list[Database]:
            return [
                await stack.enter_async_context(open_filled_database(kind, folder, size))
                for size in (small, large)
            ]

        started_at = time.perf_counter()
        filled = await asyncio.gather(*map(fill, kinds))
        print(f"databases filled in {time.perf_counter() - started_at:.0f} s")
        figures: list[Figure] = []
        for kind, (small_database, large_database) in zip(kinds, filled, strict=True):
            comparisons = await _compare(small_database, large_database)
            figures += (
                comparison.build_figure(name, kind, small)
                for name, comparison in comparisons.items()
            )
    return BenchResult(
        title=f"A database with {large.jobs:,} jobs",
        method=(
            f"One database has {large.jobs:,} jobs and four times as many entries in the ledger,"
            f" the other {small.jobs:,} jobs of the same traffic. Each operation calls the bot's"
            " stores as a regular of the busiest server causes it, in turn on the small and on the"
            f" large database, for {MINIMUM_ROUNDS} to {ROUNDS} rounds. Each figure is the median"
            " of all rounds but the first."
        ),
        figures=tuple(figures),
    )


async def _has_postgresql() -> bool:
    try:
        connection = await asyncpg.connect(POSTGRES_URL.replace("+asyncpg", ""), timeout=5)
    except (OSError, asyncpg.PostgresError) as error:
        print(f"without PostgreSQL: none at TEST_POSTGRES_URL: {error}")
        return False
    await connection.close()
    return True


async def _compare(small: Database, large: Database) -> dict[str, Comparison]:
    """Run every operation on both databases, round by round, so that load meets both alike."""
    on_small, on_large = BenchOperations(small).list_all(), BenchOperations(large).list_all()
    comparisons = {name: Comparison() for name in on_small}
    started_at = time.perf_counter()
    for number in range(ROUNDS):
        if number >= MINIMUM_ROUNDS and time.perf_counter() - started_at > _TIME_LIMIT_S:
            break
        for name, comparison in comparisons.items():
            await comparison.small.measure(on_small[name])
            await comparison.large.measure(on_large[name])
    return comparisons


def main() -> int:
    """Measure from the command line; the status is 1 when a goal was missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.million", description=__doc__)
    parser.add_argument("--jobs", type=int, default=JOBS, help="jobs of the large database")
    jobs = parser.parse_args().jobs
    if jobs < 10 * SMALLEST:
        parser.error(f"--jobs must be at least {10 * SMALLEST}")
    return run_and_record("million", partial(run_bench, jobs=jobs))


if __name__ == "__main__":
    sys.exit(main())
