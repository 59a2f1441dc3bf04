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

from tests.chaos.books import Finding
from tests.chaos.boundaries import BOUNDARIES, MAY_BE_UNKNOWN, at_boundary
from tests.chaos.cluster import Cluster, NoPostgres
from tests.chaos.fleet import random_kills
from tests.chaos.outages import (
    killed_in_mid_write,
    postgres_crashes,
    stopped_in_mid_post,
    stopped_past_its_lease,
)
from tests.chaos.rush import RUSHES, Rush
from tests.harness.process import ROOT

Scenario = Callable[[Path], Awaitable[Finding]]

_RESULTS = ROOT / "var" / "chaos.json"
_COLUMNS = (
    *("kills", "accepted", "submits", "repeated_submits", "posts", "repeated_posts"),
    *("unknown", "lost", "reserved_left_usd_micros", "ledger_gap_usd_micros"),
)
_console = Console(width=max(150, Console().width))


def scenarios(cluster: Cluster | None) -> list[Scenario]:
    """Return what can be played: everything, or what needs no PostgreSQL."""
    found: list[Scenario] = []
    databases: list[Cluster | None] = [None] if cluster is None else [None, cluster]
    for each in databases:
        found += [partial(_boundary, name, each) for name in BOUNDARIES]
        found += [partial(_rush, act, each) for act in RUSHES.values()]
    found.append(killed_in_mid_write)
    if cluster is not None:
        found += [
            partial(_with, postgres_crashes, cluster),
            partial(_with, stopped_past_its_lease, cluster),
            partial(_with, stopped_in_mid_post, cluster),
            partial(_with, random_kills, cluster),
        ]
    return found


async def _boundary(name: str, cluster: Cluster | None, directory: Path) -> Finding:
    return await at_boundary(name, directory, cluster)


async def _rush(act: Rush, cluster: Cluster | None, directory: Path) -> Finding:
    return await act(directory, cluster)


async def _with(
    act: Callable[[Path, Cluster], Awaitable[Finding]], cluster: Cluster, directory: Path
) -> Finding:
    return await act(directory, cluster)


async def findings() -> AsyncIterator[Finding]:
    """Play every scenario, one after the other."""
    async with AsyncExitStack() as stack:
        try:
            cluster: Cluster | None = await stack.enter_async_context(Cluster())
        except NoPostgres as missing:
            _console.print(f"[yellow]Only SQLite is tried: {missing}[/]")
            cluster = None
        for scenario in scenarios(cluster):
            with tempfile.TemporaryDirectory(prefix="clapper-chaos-") as directory:
                yield await scenario(Path(directory))


def table(found: list[Finding]) -> Table:
    """Return the findings as people read them."""
    shown = Table("scenario", "database", *(name.replace("_", "\n") for name in _COLUMNS))
    for each in found:
        style = "" if sound(each) else "bold red"
        figures = each.to_json()
        shown.add_row(
            each.scenario, each.database, *(str(figures[name]) for name in _COLUMNS), style=style
        )
    return shown


def sound(finding: Finding) -> bool:
    """Whether the promise held; a job may be unknown only where a kill can fall into its submit."""
    return finding.flawless and (finding.unknown == 0 or finding.scenario in MAY_BE_UNKNOWN)


async def play() -> list[Finding]:
    """Play and write down everything; a line for each as it ends."""
    found: list[Finding] = []
    async for finding in findings():
        found.append(finding)
        mark = "[green]✓[/]" if sound(finding) else "[red]✗[/]"
        _console.print(f"{mark} {finding.scenario} ({finding.database})")
        _RESULTS.parent.mkdir(parents=True, exist_ok=True)
        _RESULTS.write_text(json.dumps([each.to_json() for each in found], indent=2) + "\n")
    return found


def main() -> int:
    """Return 1 when a promise was broken."""
    argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__).parse_args()
    found = asyncio.run(play())
    _console.print(table(found))
    broken = [each for each in found if not sound(each)]
    _console.print(
        f"{len(found) - len(broken)} of {len(found)} scenarios flawless → {_RESULTS.name}"
    )
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
