"""Measures the time from the start of the bot until it is connected with its commands registered.

A machine's speed and its other work change these figures, so each round also starts a bare Python
that imports the three largest libraries, and the goal is a ratio to that within the same run.
"""

import asyncio
import os
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from tests.bench.memory import run_in_folder
from tests.harness.bot import NO_LIMITS, BotProcess
from tests.harness.sandbox import SandboxProcess

ROUNDS: Final = 5
GOAL_RATIO: Final = 3.5
"""Of the processor time of a later start to that of the bare Python."""
_BARE: Final = "import discord, aiohttp, sqlalchemy"
_FIRST, _LATER, _COMMAND, _BARE_START = (
    "clapper run, no data yet",
    "clapper run, later starts",
    "clapper --help",
    "python -c 'import discord, aiohttp, sqlalchemy'",
)


@dataclass(frozen=True, slots=True)
class StartTimes:
    """What one start took, in seconds."""

    elapsed_s: float
    processor_s: float


async def run_bench(console: Console, folder: Path) -> bool:
    """Print the table; return whether later starts met the goal."""
    rounds: dict[str, list[StartTimes]] = {}
    async with SandboxProcess(folder / "sandbox") as sandbox:
        await sandbox.control.scale_ratelimits(None)  # one session in five seconds, for one
        for number in range(ROUNDS):
            bot = BotProcess(
                sandbox.control,
                sandbox.environment_for_bot,
                folder / f"bot-{number}",
                settings={**NO_LIMITS, "LOG_LEVEL": "INFO"},
            )
            for name in (_FIRST, _LATER):
                rounds.setdefault(name, []).append(await _measure_start(bot))
            rounds.setdefault(_COMMAND, []).append(await _measure_command("-m", "bot", "--help"))
            rounds.setdefault(_BARE_START, []).append(await _measure_command("-c", _BARE))
    medians = {
        name: StartTimes(
            statistics.median(times.elapsed_s for times in measured),
            statistics.median(times.processor_s for times in measured),
        )
        for name, measured in rounds.items()
    }
    console.print(_build_table(medians))
    return _compute_ratio(medians, _LATER) <= GOAL_RATIO


async def _measure_start(bot: BotProcess) -> StartTimes:
    began = time.monotonic()
    await bot.start()
    times = StartTimes(time.monotonic() - began, _read_processor_s(bot.pid))
    await bot.close()
    return times


async def _measure_command(*arguments: str) -> StartTimes:
    before, began = os.times(), time.monotonic()
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, stdout=asyncio.subprocess.DEVNULL
    )
    if await process.wait():
        raise RuntimeError(f"{arguments} failed")
    after = os.times()
    return StartTimes(
        time.monotonic() - began,
        after.children_user + after.children_system - before.children_user - before.children_system,
    )


def _read_processor_s(pid: int) -> float:
    """Return the processor time that a running process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _compute_ratio(medians: dict[str, StartTimes], name: str) -> float:
    return medians[name].processor_s / medians[_BARE_START].processor_s


def _build_table(medians: dict[str, StartTimes]) -> Table:
    table = Table(title=f"Starts until ready, medians of {ROUNDS}")
    for heading in ("start", "seconds", "processor seconds", "of the bare start"):
        table.add_column(heading, justify="left" if heading == "start" else "right")
    for name, times in medians.items():
        ratio = f"{_compute_ratio(medians, name):.1f}"
        table.add_row(name, f"{times.elapsed_s:.2f}", f"{times.processor_s:.2f}", ratio)
    table.caption = f"goal: later starts at most {GOAL_RATIO:g} times the bare start"
    return table


if __name__ == "__main__":
    sys.exit(run_in_folder(run_bench))
