"""Memory of the real bot while clips that Discord does not take are delivered.

Ten clips of 60 MB go to a server that takes 20 MiB: each is fetched, re-encoded in a worker process
and posted, and its original handed out through the signed link. The bot's own figure is the peak of
its resident set (VmHWM, reset before) over that at rest; the workers' is what they say themselves.
"""

import asyncio
import json
import re
import socket
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import aiohttp
from rich.console import Console
from rich.table import Table

from tests.bench.transit import UNLIMITED, attached_files, read_memory_mb
from tests.harness.bot import BotProcess
from tests.harness.control import Control
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


async def run_bench(console: Console, folder: Path) -> bool:
    """Print the table; return whether the goal was met."""
    port = _free_port()
    settings = {
        **UNLIMITED,
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
            found = await _measure_memory(sandbox.control, bot)
    console.print(_build_table(found))
    return found.rise_mb < GOAL_MB


async def _measure_memory(control: Control, bot: BotProcess) -> OversizeResult:
    world = (await control.world())["guilds"][0]
    ada = next(each["id"] for each in world["members"] if each["name"] == "Ada")
    channel = next(each["id"] for each in world["channels"] if each["name"] == "clips")
    await control.google(seconds=1, look="plain")
    await _deliver_clips(control, bot, ada, channel, ["one that nobody counts"])
    await control.google(seconds=1, min_bytes=CLIP_BYTES, look="plain")
    status = Path(f"/proc/{bot.pid}/status")
    Path(f"/proc/{bot.pid}/clear_refs").write_text("5")
    rest, began = read_memory_mb(status, "VmRSS"), time.monotonic()
    prompts = [f"clip {number}" for number in range(CLIPS)]
    await _deliver_clips(control, bot, ada, channel, prompts)
    took = time.monotonic() - began
    messages = await control.messages(channel)
    posted = attached_files(messages)[1:]
    assert len(posted) == CLIPS, posted
    assert all(film["size"] <= UPLOAD_LIMIT_BYTES for film in posted), posted
    links = _LINK.findall(json.dumps(messages))
    assert len(set(links)) == CLIPS, links
    await asyncio.gather(*(_download_original(link) for link in links))
    rise = read_memory_mb(status, "VmHWM") - rest
    peaks = [
        line["peak_bytes"]
        for line in map(_parse_log_line, bot.read_log().splitlines())
        if line.get("event") == "transcode.finished"
    ]
    return OversizeResult(rest, rise, max(peaks) / 1e6, took)


async def _deliver_clips(
    control: Control, bot: BotProcess, user: str, channel: str, prompts: Sequence[str]
) -> None:
    before = len(attached_files(await control.messages(channel)))
    for prompt in prompts:
        options = {"prompt": prompt, "duration": 4, "model": "veo-3.1-fast-generate-preview"}
        await control.command(user, channel, "video generate", options)

    async def are_all_posted() -> bool:
        bot.check_running()
        return len(attached_files(await control.messages(channel))) == before + len(prompts)

    await eventually(are_all_posted, timeout=_WAIT_S, interval=0.2, what="the clips")


async def _download_original(link: str) -> None:
    """Read an original to its end, without keeping it."""
    async with aiohttp.ClientSession() as session, session.get(link) as answer:
        answer.raise_for_status()
        read = 0
        async for chunk in answer.content.iter_chunked(256 * 1024):
            read += len(chunk)
    assert read >= CLIP_BYTES, read


def _parse_log_line(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _build_table(found: OversizeResult) -> Table:
    table = Table(
        title=f"{CLIPS} clips of {CLIP_BYTES // 10**6} MB where 20 MiB are taken"
        f" (goal: the bot rises by less than {GOAL_MB:g} MB)"
    )
    for heading in ("at rest MB", "rise MB", "largest worker MB", "seconds", ""):
        table.add_column(heading, justify="right")
    table.add_row(
        f"{found.rest_mb:.1f}",
        f"{found.rise_mb:.1f}",
        f"{found.worker_mb:.1f}",
        f"{found.seconds:.1f}",
        "met" if found.rise_mb < GOAL_MB else "missed",
    )
    return table


def main() -> int:
    """Print the table; return 1 when the goal was missed."""
    console = Console()
    if not console.is_terminal:
        console.width = 100
    with tempfile.TemporaryDirectory(prefix="clapper-bench-") as folder:
        return 0 if asyncio.run(run_bench(console, Path(folder))) else 1


if __name__ == "__main__":
    sys.exit(main())
