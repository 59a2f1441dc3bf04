"""``python -m tests.chaos``: every scenario, a table, and ``var/chaos.json``.

Nothing here is asserted by the clock; it takes about ten minutes because processes really die and
leases really run out.
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

from tests.chaos.books import ScenarioResult
from tests.chaos.boundaries import BOUNDARIES, MAY_BE_UNKNOWN, play_boundary
from tests.chaos.cluster import PostgresCluster, PostgresNotInstalled
from tests.chaos.fleet import play_random_kills
from tests.chaos.outages import (
    play_kill_during_write,
    play_postgres_crashes,
    play_stop_during_post,
    play_stop_past_lease,
)
from tests.chaos.rush import RUSHES, Rush
from tests.harness.process import ROOT

Scenario = Callable[[Path], Awaitable[ScenarioResult]]

_RESULTS = ROOT / "var" / "chaos.json"
_COLUMNS = (
    *("kills", "accepted", "submits", "repeated_submits", "posts", "repeated_posts"),
    *("unknown", "lost", "reserved_left_usd_micros", "ledger_gap_usd_micros"),
)
_console = Console(width=max(150, Console().width))


def list_scenarios(cluster: PostgresCluster | None) -> list[Scenario]:
    """Return what can be played: everything, or what needs no PostgreSQL."""
    found: list[Scenario] = []
    databases: list[PostgresCluster | None] = [None] if cluster is None else [None, cluster]
    for each in databases:
        found += [partial(_play_boundary, name, each) for name in BOUNDARIES]
        found += [partial(_play_rush, act, each) for act in RUSHES.values()]
    found.append(play_kill_during_write)
    if cluster is not None:
        found += [
            partial(_play_on_cluster, play_postgres_crashes, cluster),
            partial(_play_on_cluster, play_stop_past_lease, cluster),
            partial(_play_on_cluster, play_stop_during_post, cluster),
            partial(_play_on_cluster, play_random_kills, cluster),
        ]
    return found


async def _play_boundary(
    name: str, cluster: PostgresCluster | None, directory: Path
) -> ScenarioResult:
    return await play_boundary(name, directory, cluster)


async def _play_rush(act: Rush, cluster: PostgresCluster | None, directory: Path) -> ScenarioResult:
    return await act(directory, cluster)


async def _play_on_cluster(
    act: Callable[[Path, PostgresCluster], Awaitable[ScenarioResult]],
    cluster: PostgresCluster,
    directory: Path,
) -> ScenarioResult:
    return await act(directory, cluster)


async def play_scenarios() -> AsyncIterator[ScenarioResult]:
    """Play every scenario, one after the other."""
    async with AsyncExitStack() as stack:
        try:
            cluster: PostgresCluster | None = await stack.enter_async_context(PostgresCluster())
        except PostgresNotInstalled as missing:
            _console.print(f"[yellow]Only SQLite is tried: {missing}[/]")
            cluster = None
        for scenario in list_scenarios(cluster):
            with tempfile.TemporaryDirectory(prefix="clapper-chaos-") as directory:
                yield await scenario(Path(directory))


def build_table(found: list[ScenarioResult]) -> Table:
    """Return the findings as people read them."""
    shown = Table("scenario", "database", *(name.replace("_", "\n") for name in _COLUMNS))
    for each in found:
        style = "" if is_acceptable(each) else "bold red"
        figures = each.to_json()
        shown.add_row(
            each.scenario, each.database, *(str(figures[name]) for name in _COLUMNS), style=style
        )
    return shown


def is_acceptable(finding: ScenarioResult) -> bool:
    """Whether the promise held; a job may be unknown only where a kill can fall into its submit."""
    return finding.is_flawless and (finding.unknown == 0 or finding.scenario in MAY_BE_UNKNOWN)


async def run_scenarios() -> list[ScenarioResult]:
    """Play and write down everything; a line for each as it ends."""
    found: list[ScenarioResult] = []
    async for finding in play_scenarios():
        found.append(finding)
        mark = "[green]✓[/]" if is_acceptable(finding) else "[red]✗[/]"
        _console.print(f"{mark} {finding.scenario} ({finding.database})")
        _RESULTS.parent.mkdir(parents=True, exist_ok=True)
        _RESULTS.write_text(json.dumps([each.to_json() for each in found], indent=2) + "\n")
    return found


def main() -> int:
    """Return 1 when a promise was broken."""
    argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__).parse_args()
    found = asyncio.run(run_scenarios())
    _console.print(build_table(found))
    broken = [each for each in found if not is_acceptable(each)]
    _console.print(
        f"{len(found) - len(broken)} of {len(found)} scenarios flawless → {_RESULTS.name}"
    )
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
