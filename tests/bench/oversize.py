"""Measures the bot's memory while it delivers clips that are too large for Discord.

Ten clips of 60 MB go to a server that accepts 20 MiB: each is downloaded, re-encoded in a worker
process and posted, and its original served by the signed link. The bot's figure is the peak of its
resident set (VmHWM, reset before) above that at rest; the workers report their own.
"""

import asyncio
import json
import re
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp

from tests.bench.figures import BenchResult, Figure, run_and_record
from tests.bench.memory import list_files, read_memory_mb, reset_peak_memory
from tests.harness.bot import NO_LIMITS, BotProcess
from tests.harness.control import Control
from tests.harness.process import find_free_port
from tests.harness.sandbox import SandboxProcess
from tests.harness.waiting import eventually

GOAL_MB: Final = 64.0
CLIPS: Final = 10
CLIP_BYTES: Final = 60_000_000
UPLOAD_LIMIT_BYTES: Final = 20 * 2**20
_WAIT_S: Final = 1200.0
_LINK: Final = re.compile(r"\((http://127\.0\.0\.1:\d+/download/[^)]+)\)")


@dataclass(frozen=True, slots=True)
class OversizeResult:
    """Memory in MB, time in seconds."""

    rest_mb: float
    rise_mb: float
    worker_mb: float
    seconds: float


async def run_bench(folder: Path) -> BenchResult:
    """Deliver the clips and measure the memory."""
    port = find_free_port()
    settings = {
        **NO_LIMITS,
        "POLL_INTERVAL_S": "0.5",
        "LOG_LEVEL": "INFO",
        "WEB_PORT": str(port),
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
    }
    async with SandboxProcess(folder / "sandbox") as sandbox:
        bot = BotProcess(
            sandbox.control, sandbox.environment_for_bot, folder / "bot", settings=settings
        )
        async with bot:
            result = await _measure_memory(sandbox.control, bot)
    return _build_result(result)


async def _measure_memory(control: Control, bot: BotProcess) -> OversizeResult:
    world = (await control.world())["guilds"][0]
    ada = next(entry["id"] for entry in world["members"] if entry["name"] == "Ada")
    channel = next(entry["id"] for entry in world["channels"] if entry["name"] == "clips")
    await control.google(seconds=1, look="plain")
    await _deliver_clips(control, bot, ada, channel, ["a warm-up clip"])
    await control.google(seconds=1, min_bytes=CLIP_BYTES, look="plain")
    reset_peak_memory(bot.pid)
    rest, started_at = read_memory_mb(bot.pid, "VmRSS"), time.monotonic()
    prompts = [f"clip {number}" for number in range(CLIPS)]
    await _deliver_clips(control, bot, ada, channel, prompts)
    seconds = time.monotonic() - started_at
    messages = await control.messages(channel)
    files = list_files(messages)[1:]
    assert len(files) == CLIPS, files
    assert all(file["size"] <= UPLOAD_LIMIT_BYTES for file in files), files
    links = _LINK.findall(json.dumps(messages))
    assert len(set(links)) == CLIPS, links
    await asyncio.gather(*(_download_original(link) for link in links))
    rise = read_memory_mb(bot.pid, "VmHWM") - rest
    peaks = [
        line["peak_bytes"]
        for line in map(_parse_log_line, bot.read_log().splitlines())
        if line.get("event") == "transcode.finished"
    ]
    return OversizeResult(rest, rise, max(peaks) / 1e6, seconds)


async def _deliver_clips(
    control: Control, bot: BotProcess, user: str, channel: str, prompts: Sequence[str]
) -> None:
    before = len(list_files(await control.messages(channel)))
    for prompt in prompts:
        options = {"prompt": prompt, "duration": 4, "model": "veo-3.1-fast-generate-preview"}
        await control.command(user, channel, "video generate", options)

    async def are_all_posted() -> bool:
        bot.check_running()
        return len(list_files(await control.messages(channel))) == before + len(prompts)

    await eventually(are_all_posted, timeout=_WAIT_S, interval=0.2, what="the clips")


async def _download_original(link: str) -> None:
    """Read an original to its end, without keeping it."""
    async with aiohttp.ClientSession() as session, session.get(link) as answer:
        answer.raise_for_status()
        size = 0
        async for chunk in answer.content.iter_chunked(256 * 1024):
            size += len(chunk)
    assert size >= CLIP_BYTES, size


def _parse_log_line(text: str) -> dict[str, Any]:
    try:
        entry = json.loads(text)
    except ValueError:
        return {}
    return entry if isinstance(entry, dict) else {}


def _build_result(result: OversizeResult) -> BenchResult:
    return BenchResult(
        title="Memory of clips that are too large for Discord",
        method=(
            f"{CLIPS} clips of {CLIP_BYTES // 10**6} MB are delivered where Discord accepts 20 MiB:"
            " downloaded, re-encoded in a process of their own and posted, and their originals"
            " downloaded by the signed links."
        ),
        figures=(
            Figure(
                what="memory of the bot, peak above rest",
                value=f"{result.rise_mb:.1f} MB",
                beside=f"at rest: {result.rest_mb:.0f} MB",
                goal=f"less than {GOAL_MB:g} MB",
                is_met=result.rise_mb < GOAL_MB,
            ),
            Figure(what="the largest re-encoding process", value=f"{result.worker_mb:.0f} MB"),
            Figure(what="all clips delivered", value=f"{result.seconds:.0f} s"),
        ),
    )


if __name__ == "__main__":
    sys.exit(run_and_record("oversize", run_bench))
