"""Measures the bot's memory per clip while it downloads, stores and posts clips.

Clips are streamed, so their size must not matter. The figure is the peak of the resident set
(VmHWM, reset before each round) above the resident set at rest.
"""

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.bench.figures import BenchResult, Figure, run_and_record
from tests.bench.memory import list_files, read_memory_mb, reset_peak_memory
from tests.harness.bot import NO_LIMITS, BotProcess
from tests.harness.control import Control
from tests.harness.sandbox import SandboxProcess
from tests.harness.waiting import eventually

GOAL_MB: Final = 16.0
SIZES_MB: Final = (2, 60)
AT_ONCE: Final = (1, 4)
BOOST_TIER: Final = 3
"""Raises Discord's file limit to 100 MiB."""
_WAIT_S: Final = 240.0


@dataclass(frozen=True, slots=True)
class TransitRound:
    """``at_once`` clips of ``size_mb`` together; memory in MB, time in seconds."""

    size_mb: int
    at_once: int
    rest_mb: float
    rise_mb: float
    seconds: float

    @property
    def per_clip_mb(self) -> float:
        return self.rise_mb / self.at_once


async def run_bench(folder: Path) -> BenchResult:
    """Measure each size of clip, alone and several at once."""
    async with SandboxProcess(folder / "sandbox") as sandbox:
        bot = BotProcess(
            sandbox.control,
            sandbox.environment_for_bot,
            folder / "bot",
            settings={**NO_LIMITS, "POLL_INTERVAL_S": "0.5", "LOG_LEVEL": "INFO"},
        )
        async with bot:
            bench = TransitBench(sandbox.control, bot)
            rounds = await bench.run_rounds()
    return _build_result(rounds)


class TransitBench:
    """Asks for clips as a member of a boosted server and watches the bot's memory."""

    def __init__(self, control: Control, bot: BotProcess) -> None:
        self.control = control
        self._bot = bot
        self._member_and_channel: tuple[str, str] | None = None

    async def run_rounds(self) -> list[TransitRound]:
        """Measure each size alone and several at once, after a warm-up round."""
        await self.run_round(SIZES_MB[0], 1)
        return [await self.run_round(size, count) for size in SIZES_MB for count in AT_ONCE]

    async def run_round(self, size_mb: int, at_once: int, *, look: str = "plain") -> TransitRound:
        """Let the bot deliver ``at_once`` clips of at least ``size_mb``."""
        await self.control.google(seconds=1, min_bytes=size_mb * 1_000_000, look=look)
        user, channel = await self.find_channel()
        before = len(list_files(await self.control.messages(channel)))
        reset_peak_memory(self._bot.pid)
        rest, started_at = read_memory_mb(self._bot.pid, "VmRSS"), time.monotonic()
        for number in range(at_once):
            prompt = f"{size_mb} MB, number {number} of {at_once}"
            await self.control.command(user, channel, "video generate", {"prompt": prompt})

        async def are_all_posted() -> bool:
            self._bot.check_running()
            files = list_files(await self.control.messages(channel))[before:]
            assert all(file["size"] >= size_mb * 1_000_000 for file in files), files
            return len(files) == at_once

        await eventually(are_all_posted, timeout=_WAIT_S, interval=0.1, what="the clips")
        rise = read_memory_mb(self._bot.pid, "VmHWM") - rest
        return TransitRound(size_mb, at_once, rest, rise, time.monotonic() - started_at)

    async def find_channel(self) -> tuple[str, str]:
        """Return a member and a channel of a boosted server, which the first call makes."""
        if self._member_and_channel is None:
            guild = await self.control.call(
                "POST",
                "guilds",
                {
                    "name": "Boosted",
                    "owner": "Ada",
                    "boost_tier": BOOST_TIER,
                    "channels": ["clips"],
                },
            )
            members, channels = guild["guild"]["members"], guild["guild"]["channels"]
            ada = next(member["id"] for member in members if member["name"] == "Ada")
            self._member_and_channel = (ada, channels[0]["id"])
        return self._member_and_channel


def _build_result(rounds: list[TransitRound]) -> BenchResult:
    figures = tuple(
        Figure(
            what=f"memory for each clip of {result.size_mb} MB, {result.at_once} at once",
            value=f"{result.per_clip_mb:.1f} MB",
            beside=f"at rest: {result.rest_mb:.0f} MB",
            goal=f"less than {GOAL_MB:g} MB",
            is_met=result.per_clip_mb < GOAL_MB,
        )
        for result in rounds
    )
    return BenchResult(
        title="Memory of clips on their way",
        method=(
            "Clips are downloaded, stored and posted. The figure is the peak of the bot's resident"
            " memory above that at rest, for each clip."
        ),
        figures=figures,
    )


if __name__ == "__main__":
    sys.exit(run_and_record("transit", run_bench))
