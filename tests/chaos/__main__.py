"""``python -m tests.chaos [fleet]``: runs scenarios, prints a table and writes ``var/chaos.json``.

All of them take about ten minutes, because leases have to expire in real time. ``fleet`` runs only
the one of four processes with clips in a bucket and a database that fails over.
"""

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.chaos.boundaries import BOUNDARIES, MAY_BE_UNKNOWN, play_boundary
from tests.chaos.cluster import PostgresCluster, PostgresNotInstalled
from tests.chaos.concurrent_requests import RUSHES, Rush
from tests.chaos.failover import play_failover
from tests.chaos.fleet import play_random_kills
from tests.chaos.outages import (
    play_kill_during_write,
    play_postgres_crashes,
    play_stop_during_post,
    play_stop_past_lease,
)
from tests.chaos.records import ScenarioResult
from tests.harness.process import ROOT

Scenario = Callable[[Path], Awaitable[ScenarioResult]]

_FLEET = "fleet"
_RESULTS = ROOT / "var" / "chaos.json"
_COLUMNS = (
    *(
        "kills",
        "accepted",
        "submits",
        "omni_submits",
        "repeated_submits",
        "posts",
        "repeated_posts",
    ),
    *("unknown", "lost", "reserved_left_usd_micros", "ledger_gap_usd_micros", "missing_files"),
)
_console = Console(width=max(150, Console().width))


def list_scenarios(postgres: PostgresCluster | None) -> list[Scenario]:
    """Return all scenarios, or without ``cluster`` those that need no PostgreSQL."""
    scenarios: list[Scenario] = []
    databases: list[PostgresCluster | None] = [None] if postgres is None else [None, postgres]
    for cluster in databases:
        scenarios += [partial(_play_boundary, name, cluster) for name in BOUNDARIES]
        scenarios += [partial(_play_rush, act, cluster) for act in RUSHES.values()]
    scenarios.append(play_kill_during_write)
    if postgres is not None:
        scenarios += [
            partial(_play_on_cluster, play_postgres_crashes, postgres),
            partial(_play_on_cluster, play_stop_past_lease, postgres),
            partial(_play_on_cluster, play_stop_during_post, postgres),
            partial(_play_on_cluster, play_random_kills, postgres),
            play_failover,
        ]
    return scenarios


async def _play_boundary(
    name: str, cluster: PostgresCluster | None, directory: Path
) -> ScenarioResult:
    return await play_boundary(name, directory, cluster)


async def _play_rush(
    rush: Rush, cluster: PostgresCluster | None, directory: Path
) -> ScenarioResult:
    return await rush(directory, cluster)


async def _play_on_cluster(
    scenario: Callable[[Path, PostgresCluster], Awaitable[ScenarioResult]],
    cluster: PostgresCluster,
    directory: Path,
) -> ScenarioResult:
    return await scenario(directory, cluster)


async def play_scenarios(group: str | None) -> AsyncIterator[ScenarioResult]:
    """Play the scenarios of a group, or all, one after the other."""
    if group == _FLEET:
        with tempfile.TemporaryDirectory(prefix="clapper-chaos-") as directory:
            yield await play_failover(Path(directory))
        return
    async with AsyncExitStack() as stack:
        try:
            cluster: PostgresCluster | None = await stack.enter_async_context(
                PostgresCluster(durable=True)
            )
        except PostgresNotInstalled as error:
            _console.print(f"[yellow]Only SQLite is tested: {error}[/]")
            cluster = None
        for scenario in list_scenarios(cluster):
            with tempfile.TemporaryDirectory(prefix="clapper-chaos-") as directory:
                yield await scenario(Path(directory))


def build_table(results: list[ScenarioResult]) -> Table:
    """Return the results as a table."""
    table = Table("scenario", "database", *(name.replace("_", "\n") for name in _COLUMNS))
    for result in results:
        row_style = "" if is_acceptable(result) else "bold red"
        figures = result.to_json()
        table.add_row(
            result.scenario,
            result.database,
            *(str(figures[name]) for name in _COLUMNS),
            style=row_style,
        )
    return table


def is_acceptable(result: ScenarioResult) -> bool:
    """Whether nothing went wrong; jobs may be unknown only if a kill can hit their submit."""
    return result.is_flawless and (result.unknown == 0 or result.scenario in MAY_BE_UNKNOWN)


async def run_scenarios(group: str | None) -> list[ScenarioResult]:
    """Play a group or everything, printing and saving each result as it comes."""
    results: list[ScenarioResult] = []
    async for result in play_scenarios(group):
        results.append(result)
        mark = "[green]✓[/]" if is_acceptable(result) else "[red]✗[/]"
        _console.print(f"{mark} {result.scenario} ({result.database})")
        _RESULTS.parent.mkdir(parents=True, exist_ok=True)
        _RESULTS.write_text(json.dumps([result.to_json() for result in results], indent=2) + "\n")
    return results


def main() -> int:
    """Return 1 if a scenario failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("group", nargs="?", choices=[_FLEET], help="by default all scenarios")
    results = asyncio.run(run_scenarios(parser.parse_args().group))
    _console.print(build_table(results))
    failed = [result for result in results if not is_acceptable(result)]
    _console.print(
        f"{len(results) - len(failed)} of {len(results)} scenarios flawless → {_RESULTS.name}"
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
