"""Measures joining a film of eight clips beside the command line of ffmpeg, if it is there."""

import asyncio
import shutil
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Final

from bot.media.joining import ProcessVideoJoiner
from sandbox.google.clip_spec import ClipSpec, RenderStyle
from sandbox.google.encoding import render_to_file
from tests.bench.figures import BenchResult, Figure, run_and_record

ROUNDS: Final = 5
ENCODE_ROUNDS: Final = 1
CLIPS: Final = 8
SECONDS: Final = 8
CLIP_BYTES: Final = 8_000_000
GOAL_COPY: Final = 1.5
GOAL_ENCODE: Final = 1.2
GOAL_LAG_MS: Final = 50.0
_TICK_S: Final = 0.005
_METHOD: Final = (
    f"{CLIPS} clips of {SECONDS} seconds at 1080p, as the sandbox renders them (of"
    f" {CLIP_BYTES / 1e6:.0f} MB each where they are copied), are joined by"
    " the bot's own joiner and by ffmpeg in turn, with the same encoder's settings. The medians are"
    " compared. The lag is the longest by which the bot's event loop was late meanwhile."
)


class LagWatch:
    """How late the event loop was at most, in milliseconds."""

    def __init__(self) -> None:
        self.longest_ms = 0.0

    async def run(self) -> None:
        """Watch until canceled."""
        while True:
            began = time.monotonic()
            await asyncio.sleep(_TICK_S)
            late_ms = (time.monotonic() - began - _TICK_S) * 1000
            self.longest_ms = max(self.longest_ms, late_ms)


def render_clip(folder: Path, *, width: int, height: int, min_bytes: int = 0) -> Path:
    """Render one clip and return its path."""
    path = folder / f"{height}-{min_bytes}.mp4"
    spec = ClipSpec(
        prompt="a bear",
        seed=1,
        sample=0,
        width=width,
        height=height,
        seconds=SECONDS,
        audio=True,
        min_bytes=min_bytes,
        look=RenderStyle.PLAIN if min_bytes else RenderStyle.SCENE,
    )
    render_to_file(spec, path, path.with_suffix(".part"))
    return path


def render_film(folder: Path, *, is_even: bool) -> list[Path]:
    """Return clips that can be copied if ``is_even``, and otherwise every second one in 720p."""
    if is_even:
        return [render_clip(folder, width=1920, height=1080, min_bytes=CLIP_BYTES)] * CLIPS
    large = render_clip(folder, width=1920, height=1080)
    return [large, render_clip(folder, width=1280, height=720)] * (CLIPS // 2)


async def copy_with_ffmpeg(program: str, clips: Sequence[Path], destination: Path) -> None:
    """Join with the concat demuxer, which leaves clicks and gaps at the cuts."""
    listing = destination.with_suffix(".txt")
    listing.write_text("".join(f"file '{clip}'\n" for clip in clips), "utf-8")
    await run_program(
        *(program, "-v", "error", "-y", "-f", "concat", "-safe", "0", "-i", listing),
        *("-c", "copy", "-movflags", "+faststart", destination),
    )


async def encode_with_ffmpeg(program: str, clips: Sequence[Path], destination: Path) -> None:
    """Join with one encode in the size of the first clip."""
    inputs = [part for clip in clips for part in ("-i", clip)]
    scaled = "".join(f"[{n}:v]scale=1920:1080:flags=lanczos[v{n}];" for n in range(len(clips)))
    joined = "".join(f"[v{n}][{n}:a]" for n in range(len(clips)))
    await run_program(
        *(program, "-v", "error", "-y", *inputs),
        *("-filter_complex", f"{scaled}{joined}concat=n={len(clips)}:v=1:a=1"),
        *("-c:v", "libx264", "-preset", "veryfast", "-crf", "18", "-g", "48", "-threads:v", "2"),
        *("-c:a", "aac", "-movflags", "+faststart", destination),
    )


async def run_program(*command: str | Path) -> None:
    """Run a program to its end."""
    process = await asyncio.create_subprocess_exec(*command)
    if await process.wait():
        raise RuntimeError(f"{command[0]} failed")


async def measure(joins: Sequence[Callable[[], Awaitable[object]]], rounds: int) -> list[float]:
    """Return the median seconds of each of ``joins``, which take turns."""
    times: list[list[float]] = [[] for _ in joins]
    for _ in range(rounds):
        for measured, run_join in zip(times, joins, strict=True):
            began = time.monotonic()
            await run_join()
            measured.append(time.monotonic() - began)
    return [statistics.median(measured) for measured in times]


async def run_bench(folder: Path) -> BenchResult:
    """Join clips that fit and clips that do not."""
    program = shutil.which("ffmpeg")
    joiner, ours, theirs = ProcessVideoJoiner(niceness=0), folder / "ours.mp4", folder / "ff.mp4"
    figures, lag = [], LagWatch()
    for is_even, rounds, goal, what, rival in (
        (True, ROUNDS, GOAL_COPY, "copied", copy_with_ffmpeg),
        (
            False,
            ENCODE_ROUNDS,
            GOAL_ENCODE,
            "encoded, every second clip in 720p",
            encode_with_ffmpeg,
        ),
    ):
        clips = await asyncio.to_thread(render_film, folder, is_even=is_even)
        watch = asyncio.create_task(lag.run())
        joins: list[Callable[[], Awaitable[object]]] = [
            lambda clips=clips: joiner.join_videos(clips, ours)  # type: ignore[misc]
        ]
        if program is not None:
            joins.append(
                lambda clips=clips, rival=rival: rival(program, clips, theirs)  # type: ignore[misc]
            )
        seconds, *others = await measure(joins, rounds)
        watch.cancel()
        figures.append(_build_figure(what, seconds, others, goal))
    figures.append(
        Figure(
            what="the longest lag of the event loop meanwhile",
            value=f"{lag.longest_ms:.0f} ms",
            goal=f"at most {GOAL_LAG_MS:g} ms",
            is_met=lag.longest_ms <= GOAL_LAG_MS,
        )
    )
    return BenchResult(title="Joining clips", method=_METHOD, figures=tuple(figures))


def _build_figure(what: str, seconds: float, others: Sequence[float], goal: float) -> Figure:
    name = f"a film of {CLIPS} × {SECONDS} s at 1080p, {what}"
    if not others:
        return Figure(what=name, value=f"{seconds:.2f} s", beside="no ffmpeg on this machine")
    [other] = others
    return Figure(
        what=name,
        value=f"{seconds:.2f} s ({seconds / other:.2f} ×)",
        beside=f"ffmpeg: {other:.2f} s",
        goal=f"at most {goal:g} × ffmpeg",
        is_met=seconds <= goal * other,
    )


if __name__ == "__main__":
    sys.exit(run_and_record("join", run_bench))
