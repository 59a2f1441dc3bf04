"""The figures of a bench: on the terminal, and kept for docs/performance.md."""

import asyncio
import json
import os
import platform
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Self

from rich.console import Console
from rich.table import Table

from tests.harness.process import ROOT

RESULTS_FOLDER: Final = ROOT / "var" / "bench"
"""Where each bench leaves its result, as ``NAME.json``."""
_WIDTH: Final = 160


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One figure that was measured.

    ``beside`` is what it was measured against in the same run, with that figure. ``goal`` is empty
    for a figure without one. ``limit`` is what physics or a library allows at best.
    """

    what: str
    value: str
    beside: str = ""
    goal: str = ""
    is_met: bool = True
    limit: str = ""

    @property
    def verdict(self) -> str:
        """Whether the goal was met, in a word."""
        if not self.goal:
            return ""
        return "met" if self.is_met else "missed"


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchResult:
    """All figures of a bench. ``method`` says in a few sentences how they are measured."""

    title: str
    method: str
    figures: tuple[Figure, ...]

    @property
    def is_met(self) -> bool:
        """Whether every goal was met."""
        return all(figure.is_met for figure in self.figures)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedResult:
    """A result, and where and when it was measured."""

    name: str
    result: BenchResult
    machine: str
    commit: str
    day: str

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Return what `to_json` was called on."""
        result = values["result"]
        figures = tuple(Figure(**figure) for figure in result["figures"])
        return cls(**values | {"result": BenchResult(**result | {"figures": figures})})


def run_and_record(name: str, run_bench: Callable[[Path], Awaitable[BenchResult]]) -> int:
    """Run a bench in a temporary folder, print its figures and leave them in `RESULTS_FOLDER`.

    Return the exit status: 1 when a goal was missed.
    """

    async def run() -> BenchResult:
        with tempfile.TemporaryDirectory(prefix="clapper-bench-") as folder:
            return await run_bench(Path(folder))

    result = asyncio.run(run())
    print_result(result)
    recorded = RecordedResult(
        name=name,
        result=result,
        machine=_describe_machine(),
        commit=_read_commit(),
        day=datetime.now(UTC).date().isoformat(),
    )
    RESULTS_FOLDER.mkdir(parents=True, exist_ok=True)
    document = json.dumps(recorded.to_json(), indent=1, ensure_ascii=False)
    (RESULTS_FOLDER / f"{name}.json").write_text(f"{document}\n", "utf-8")
    return 0 if result.is_met else 1


def print_result(result: BenchResult) -> None:
    """Print the figures as a table."""
    console = Console()
    if not console.is_terminal:
        console.width = _WIDTH
    table = Table(title=result.title)
    for heading in ("figure", "measured", "beside it", "goal", ""):
        table.add_column(heading)
    for figure in result.figures:
        table.add_row(figure.what, figure.value, figure.beside, figure.goal, figure.verdict)
    console.print(table)


def _describe_machine() -> str:
    processors = len(os.sched_getaffinity(0))
    return (
        f"{processors} processors ({platform.machine()}), {platform.system()},"
        f" Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    )


def _read_commit() -> str:
    """Return the commit that was measured, with a plus sign if the files differ from it."""
    command = ["git", "describe", "--always", "--abbrev=8", "--dirty=+"]
    try:
        return subprocess.run(
            command, cwd=ROOT, check=True, capture_output=True, text=True
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        print("no commit is named in the result: this is not a git checkout", file=sys.stderr)
        return "unknown"
