"""Measures a clip's way from Google to Discord, and its re-encode, beside the least they can take.

The real bot downloads, checks, stores and posts clips. The plain copy reads the same bytes from the
sandbox's Google into a file and posts that to the sandbox's Discord. The re-encode is compared with
FFmpeg's libraries driven by a minimal program (`tests.bench.plain_encode`).
"""

import asyncio
import resource
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import aiohttp
from yarl import URL

from bot.domain.clips.upload_options import TranscodeTarget
from bot.media.transcode import ProcessTranscoder
from tests.bench.figures import BenchResult, Figure, run_and_record
from tests.bench.transit import TransitBench, TransitRound
from tests.harness.bot import NO_LIMITS, BotProcess
from tests.harness.process import ROOT
from tests.harness.sandbox import SandboxProcess

ROUNDS: Final = 5
DETAILED_LOOK: Final = "scene"
CLIP_MB: Final = 60
GOAL_COPIES: Final = 1.5
GOAL_MB: Final = 16.0
GOAL_ENCODES: Final = 1.1
TARGET: Final = TranscodeTarget(
    width=960, height=540, video_bits=1_200_000, audio_bits=128_000, max_bytes=20 * 2**20
)
_CHUNK_BYTES: Final = 256 * 1024
_DOWNLOAD_PATH: Final = r"/files/[^/:]+:download(\?|$)"
_DISCORD_EPOCH_MS: Final = 1_420_070_400_000
_METHOD: Final = f"""\
The real bot makes {ROUNDS} clips of {CLIP_MB} MB, each after the one before. Its time goes from the
first request for the clip's content at Google until the message with the clip exists at Discord, so
it includes the checks and the records in the database. In turn with it, a plain copy reads the same
address into a file and posts that file, with aiohttp alone. Memory is the peak of the bot's
resident set above that at rest. The re-encode has two passes. Beside it, a minimal program drives
FFmpeg's libraries with the same settings (`tests/bench/plain_encode.py`; no `ffmpeg` program is
needed). Both include the start of their process."""


class MediaBench:
    """Lets the bot deliver clips, and copies each of them plainly."""

    def __init__(self, sandbox: SandboxProcess, bot: BotProcess, folder: Path) -> None:
        self._control = sandbox.control
        self._transit = TransitBench(sandbox.control, bot)
        self._environment = sandbox.environment_for_bot
        self._folder = folder

    async def measure_delivery(self) -> tuple[TransitRound, float]:
        """Let the bot deliver one clip; return its memory, and its seconds on the way."""
        after = await self._find_last_request()
        memory = await self._transit.run_round(CLIP_MB, 1)
        requests = await self._control.requests(after=after, path=_DOWNLOAD_PATH)
        _, channel = await self._transit.find_channel()
        message = (await self._control.messages(channel))[-1]
        return memory, _read_posted_at(message["id"]) - requests[0]["at"]

    async def make_detailed_clip(self) -> None:
        """Let the bot make one clip with moving pictures, of 8 seconds, for the re-encodes."""
        await self._transit.run_round(0, 1, look=DETAILED_LOOK)

    async def copy_plainly(self) -> float:
        """Copy the newest clip with aiohttp alone; return its seconds between the same moments."""
        after = await self._find_last_request()
        requests = await self._control.requests(path=_DOWNLOAD_PATH)
        _, channel = await self._transit.find_channel()
        google, discord = (self._environment[f"{name}_API_URL"] for name in ("GEMINI", "DISCORD"))
        headers = {"x-goog-api-key": self._environment["GEMINI_API_KEY"]}
        url = URL(google).origin().with_path(requests[-1]["path"].partition("?")[0])
        file = self._folder / "copy.mp4"
        async with aiohttp.ClientSession() as session:
            async with session.get(url, params={"alt": "media"}, headers=headers) as answer:
                answer.raise_for_status()
                with file.open("wb") as output:
                    async for chunk in answer.content.iter_chunked(_CHUNK_BYTES):
                        output.write(chunk)
            form = aiohttp.FormData()
            form.add_field("payload_json", "{}", content_type="application/json")
            with file.open("rb") as source:
                form.add_field("files[0]", source, filename="clip.mp4", content_type="video/mp4")
                posted = session.post(
                    f"{discord}/channels/{channel}/messages",
                    data=form,
                    headers={"Authorization": f"Bot {self._environment['DISCORD_TOKEN']}"},
                )
                async with posted as answer:
                    answer.raise_for_status()
                    message = await answer.json()
        requests = await self._control.requests(after=after, path=_DOWNLOAD_PATH)
        return _read_posted_at(message["id"]) - float(requests[0]["at"])

    async def _find_last_request(self) -> int:
        return max((request["n"] for request in await self._control.requests()), default=0)


def _read_posted_at(message_id: str) -> float:
    """Return when a message was made, in seconds of Unix time, to the millisecond."""
    return ((int(message_id) >> 22) + _DISCORD_EPOCH_MS) / 1000


async def run_bench(folder: Path) -> BenchResult:
    """Measure deliveries beside plain copies, and re-encodes beside plain ones."""
    async with SandboxProcess(folder / "sandbox") as sandbox:
        bot = BotProcess(
            sandbox.control,
            sandbox.environment_for_bot,
            folder / "bot",
            settings={**NO_LIMITS, "POLL_INTERVAL_S": "0.5", "LOG_LEVEL": "INFO"},
        )
        async with bot:
            bench = MediaBench(sandbox, bot, folder)
            await bench.measure_delivery()  # loads what is needed for a clip
            rounds = []
            for _ in range(ROUNDS):
                rounds.append((*await bench.measure_delivery(), await bench.copy_plainly()))
            await bench.make_detailed_clip()
        clip = max((folder / "bot" / "data").rglob("*.mp4"), key=lambda path: path.stat().st_mtime)
        figures = [*_list_delivery_figures(rounds), *await measure_encodes(clip, folder)]
    return BenchResult(title="Clips on their way", method=_METHOD, figures=tuple(figures))


def _list_delivery_figures(rounds: list[tuple[TransitRound, float, float]]) -> list[Figure]:
    rise = max(memory.per_clip_mb for memory, _, _ in rounds)
    seconds = statistics.median(delivery for _, delivery, _ in rounds)
    copied = statistics.median(copy for _, _, copy in rounds)
    return [
        Figure(
            what=f"a clip of {CLIP_MB} MB from Google to Discord",
            value=f"{seconds:.2f} s ({seconds / copied:.2f} ×)",
            beside=f"plain copy: {copied:.2f} s",
            goal=f"at most {GOAL_COPIES:g} × the plain copy",
            is_met=seconds <= GOAL_COPIES * copied,
            limit="the checks read the clip twice more: for its hash, and every packet",
        ),
        Figure(
            what="memory for that clip, the most of all rounds",
            value=f"{rise:.1f} MB",
            goal=f"at most {GOAL_MB:g} MB",
            is_met=rise <= GOAL_MB,
        ),
    ]


async def measure_encodes(clip: Path, folder: Path) -> list[Figure]:
    """Re-encode ``clip`` as the bot does and plainly, in turn."""
    transcoder = ProcessTranscoder(niceness=0)  # the plain one has no lower priority either
    size = (TARGET.width, TARGET.height, TARGET.video_bits)

    async def encode_as_the_bot() -> None:
        await transcoder.reencode_video(clip, folder / "ours.mp4", TARGET)

    async def encode_plainly() -> None:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.bench.plain_encode", clip, folder / "plain.mp4"),
            *map(str, size),
            cwd=ROOT,
        )
        if await process.wait():
            raise RuntimeError("the plain encode failed")

    times: dict[Callable[[], Awaitable[None]], list[tuple[float, float]]] = {
        encode_as_the_bot: [],
        encode_plainly: [],
    }
    for _ in range(ROUNDS):
        for encode, measured in times.items():
            measured.append(await _measure_child(encode))
    (ours, ours_cpu), (plain, plain_cpu) = (
        [statistics.median(column) for column in zip(*measured, strict=True)]
        for measured in times.values()
    )
    return [
        Figure(
            what="re-encode of an 8-second clip for Discord",
            value=f"{ours:.2f} s ({ours / plain:.2f} ×)",
            beside=f"FFmpeg's libraries alone: {plain:.2f} s",
            goal=f"at most {GOAL_ENCODES:g} × FFmpeg's libraries alone",
            is_met=ours <= GOAL_ENCODES * plain,
        ),
        Figure(
            what="processor time of that re-encode",
            value=f"{ours_cpu:.2f} s ({ours_cpu / plain_cpu:.2f} ×)",
            beside=f"FFmpeg's libraries alone: {plain_cpu:.2f} s",
        ),
    ]


async def _measure_child(encode: Callable[[], Awaitable[None]]) -> tuple[float, float]:
    """Return the elapsed time and the processor time of child processes, in seconds."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    await encode()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.monotonic() - began, used


if __name__ == "__main__":
    sys.exit(run_and_record("media", run_bench))
