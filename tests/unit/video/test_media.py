"""Length, size and sound of a video are read from the file itself."""

import hashlib
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from bot.media.probe import PyAvMediaProbe


def write_video(path: Path, *, size: tuple[int, int] = (128, 72), audio: bool = True) -> Path:
    """Write four seconds at 24 fps."""
    with av.open(str(path), "w") as output:
        video = output.add_stream("libx264", rate=24, width=size[0], height=size[1])
        video.pix_fmt = "yuv420p"
        audio_stream = output.add_stream("aac", rate=48_000, layout="mono") if audio else None
        for number in range(96):
            shade = np.full((size[1], size[0], 3), number * 2, dtype=np.uint8)
            output.mux(video.encode(av.VideoFrame.from_ndarray(shade, format="rgb24")))
        output.mux(video.encode(None))
        if audio_stream is not None:
            for number in range(4 * 48):
                silence = np.zeros((1, 1000), dtype=np.float32)
                frame = av.AudioFrame.from_ndarray(silence, format="fltp", layout="mono")
                frame.sample_rate, frame.pts = 48_000, number * 1000
                output.mux(audio_stream.encode(frame))
            output.mux(audio_stream.encode(None))
    return path


async def test_facts(tmp_path: Path) -> None:
    path = write_video(tmp_path / "facts.mp4", size=(72, 128))
    facts = await PyAvMediaProbe().read_facts(path)
    assert abs(facts.seconds - 4) < 0.1
    assert (facts.width, facts.height, facts.fps, facts.has_audio) == (72, 128, 24.0, True)
    assert facts.size == path.stat().st_size
    assert facts.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


async def test_clip_without_audio(tmp_path: Path) -> None:
    path = write_video(tmp_path / "silent.mp4", audio=False)
    assert not (await PyAvMediaProbe().read_facts(path)).has_audio


@pytest.mark.parametrize("data", [b"", b"no video", b"\0\0\0\x18ftypmp42" + b"\0" * 100])
async def test_non_video_is_rejected(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(data)
    with pytest.raises(ValueError, match="video"):
        await PyAvMediaProbe().read_facts(path)


async def test_truncated_video_is_rejected(tmp_path: Path) -> None:
    complete = write_video(tmp_path / "whole.mp4")
    path = tmp_path / "half.mp4"
    path.write_bytes(complete.read_bytes()[: complete.stat().st_size // 3])
    with pytest.raises(ValueError, match="video"):
        await PyAvMediaProbe().read_facts(path)


@pytest.mark.parametrize(
    ("container", "kept"), [("mp4", 0.4), ("mp4", 0.9), ("mp4", 0.995), ("webm", 0.4)]
)
async def test_video_that_was_cut_behind_its_first_picture_is_rejected(
    tmp_path: Path, container: str, kept: float
) -> None:
    """The table of contents is in front, as in Google's files. [google-D13, google-K8]"""
    complete, path = tmp_path / f"whole.{container}", tmp_path / f"cut.{container}"
    codec = {"mp4": "libx264", "webm": "libvpx"}[container]
    options = {"movflags": "faststart"} if container == "mp4" else {}
    rng = np.random.default_rng(1)
    with av.open(str(complete), "w", options=options) as output:
        video: Any = output.add_stream(codec, rate=24, width=128, height=72)
        video.pix_fmt = "yuv420p"
        for _ in range(48):
            noise = rng.integers(0, 255, (72, 128, 3), dtype=np.uint8)
            output.mux(video.encode(av.VideoFrame.from_ndarray(noise, format="rgb24")))
        output.mux(video.encode(None))
    assert (await PyAvMediaProbe().read_facts(complete)).seconds == pytest.approx(2, abs=0.1)
    data = complete.read_bytes()
    path.write_bytes(data[: int(len(data) * kept)])
    with pytest.raises(ValueError, match=r"cut short|not a playable"):
        await PyAvMediaProbe().read_facts(path)


async def test_missing_file_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="video"):
        await PyAvMediaProbe().read_facts(tmp_path / "nothing.mp4")
