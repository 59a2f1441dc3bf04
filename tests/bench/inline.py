"""Measures what a clip inside one of Google's answers costs: memory, and pauses of the event loop.

Gemini Omni may send a clip of 60 MiB as 80 MiB of base64 although the bot asked for an address.
One process polls and stores the clip as the bot does; this one stands for Google.
"""

import asyncio
import base64
import json
import os
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from bot.app.clock import SystemClock
from bot.config.model_catalog import load_catalog
from bot.domain.ports import OperationFinished
from bot.google.omni.models import OmniModels
from tests.bench.figures import BenchResult, Figure, run_and_record
from tests.bench.memory import read_memory_mb, reset_peak_memory

GOAL_MB: Final = 16.0
GOAL_MS: Final = 50.0
CLIP_BYTES: Final = 60 * 2**20
ROUNDS: Final = 3
_BLOCK: Final = 3 * 2**16
_TICK_S: Final = 0.001
_SMALL, _LARGE = "v1_small", "v1_large"


@dataclass(frozen=True, slots=True)
class InlineResult:
    """Memory in MB, times in seconds; ``pause_ms`` is the event loop's longest."""

    rest_mb: float
    rise_mb: float
    pause_ms: float
    seconds: float


async def run_bench(_folder: Path) -> BenchResult:
    """Measure several rounds, each in a process of its own."""
    server = await asyncio.start_server(_answer, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        results = [await _run_round(url) for _ in range(ROUNDS)]
    finally:
        server.close()
        await server.wait_closed()
    return _build_result(results)


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer one GET of an interaction with a clip inside."""
    request = await reader.readuntil(b"\r\n\r\n")
    blocks = CLIP_BYTES // _BLOCK if _LARGE.encode() in request.split(b"\r\n")[0] else 1
    before = (
        b'{"id":"v1_a","status":"completed","model":"gemini-omni-1.2-flash","steps":[{"type":'
        b'"model_output","content":[{"type":"video","mime_type":"video/mp4","data":"'
    )
    after = b'"}]}],"usage":{"total_output_tokens":57920}}'
    encoded = base64.b64encode(os.urandom(_BLOCK))
    length = len(before) + blocks * len(encoded) + len(after)
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    writer.write(head.encode() + before)
    for _ in range(blocks):
        writer.write(encoded)
        await writer.drain()
    writer.write(after)
    await writer.drain()
    writer.close()


async def _run_round(url: str) -> InlineResult:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.inline", url, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"the measured process ended with {process.returncode}")
    return InlineResult(**json.loads(output))


async def measure(url: str, folder: Path) -> InlineResult:
    """Poll for the large clip and keep it, as the stages of a job do."""
    omni = OmniModels(
        api_key="key",
        data_dir=folder,
        catalog=load_catalog(),
        clock=SystemClock(),
        base_url=url,
    )
    try:
        await _fetch_clip(omni, _SMALL, folder / "small.mp4")  # what is loaded and opened once
        reset_peak_memory(os.getpid())
        rest, started_at = read_memory_mb(os.getpid(), "VmRSS"), time.monotonic()
        watch = asyncio.create_task(_find_longest_pause())
        await asyncio.sleep(0)
        await _fetch_clip(omni, _LARGE, folder / "large.mp4")
        seconds = time.monotonic() - started_at
        watch.cancel()
        pause_s = (await asyncio.gather(watch))[0]
        rise = read_memory_mb(os.getpid(), "VmHWM") - rest
    finally:
        await omni.close()
    if (folder / "large.mp4").stat().st_size != CLIP_BYTES:
        raise RuntimeError("clip incomplete")
    return InlineResult(rest, rise, pause_s * 1000, seconds)


async def _fetch_clip(omni: OmniModels, operation: str, destination: Path) -> None:
    finished = await omni.poll(operation)
    if not isinstance(finished, OperationFinished):
        raise TypeError(f"not finished: {finished}")
    await omni.download_video(finished.videos[0], destination)


async def _find_longest_pause() -> float:
    """Return the longest time, in seconds, for which nothing else could run."""
    longest, last = 0.0, time.monotonic()
    try:
        while True:
            await asyncio.sleep(_TICK_S)
            now = time.monotonic()
            longest, last = max(longest, now - last - _TICK_S), now
    except asyncio.CancelledError:
        return longest


def _build_result(results: list[InlineResult]) -> BenchResult:
    rise_mb = max(result.rise_mb for result in results)
    pause_ms = max(result.pause_ms for result in results)
    return BenchResult(
        title=f"A clip of {CLIP_BYTES // 2**20} MiB inside one of Google's answers",
        method=(
            "Gemini Omni may send a clip as base64. One process polls and stores it as the bot"
            f" does, another stands for Google. The worst of {ROUNDS} rounds counts."
        ),
        figures=(
            Figure(
                what="memory, peak above rest",
                value=f"{rise_mb:.1f} MB",
                goal=f"at most {GOAL_MB:g} MB",
                is_met=rise_mb <= GOAL_MB,
            ),
            Figure(
                what="longest pause of the event loop",
                value=f"{pause_ms:.1f} ms",
                goal=f"less than {GOAL_MS:g} ms",
                is_met=pause_ms < GOAL_MS,
            ),
        ),
    )


def main() -> int:
    """Run the bench, or with a url as the process that is measured."""
    if len(sys.argv) == 1:
        return run_and_record("inline", run_bench)
    with tempfile.TemporaryDirectory(prefix="clapper-inline-") as folder:
        print(json.dumps(asdict(asyncio.run(measure(sys.argv[1], Path(folder))))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
