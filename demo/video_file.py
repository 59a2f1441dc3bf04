"""Measures saved clips: properties for the summary, stills for the terminal."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from PIL import Image

_MAX_FRAME_DIFFERENCE = 6.0
"""Mean difference of 8-bit values below which two frames are encodings of the same image."""

_MIN_LIKENESS = 0.6
"""Minimum correlation of brightness between a frame and the same one in other light."""

_MAX_LIGHT = 0.85
"""Maximum share of a frame's brightness that is left at night."""


@dataclass(frozen=True, slots=True)
class VideoProperties:
    """Length in seconds, dimensions in pixels, frames per second, sound, and size in bytes."""

    seconds: float
    width: int
    height: int
    fps: float
    has_audio: bool
    size: int


def read_properties(path: Path) -> VideoProperties:
    """Decode a whole video file. Raises av.FFmpegError if it is broken."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        fps = float(stream.average_rate or 0)
        frames = sum(1 for _ in container.decode(stream))
        return VideoProperties(
            seconds=round(frames / fps, 3),
            width=stream.codec_context.width,
            height=stream.codec_context.height,
            fps=round(fps, 3),
            has_audio=bool(container.streams.audio),
            size=path.stat().st_size,
        )


def extract_stills(path: Path, seconds: list[float], width: int = 320) -> list[Image.Image]:
    """Return the frames at the given times, ``width`` pixels wide."""
    return [_downscale_frame(frame, width) for frame in _decode_frames_at(path, seconds)]


def starts_with_frames_of(path: Path, source: Path, seconds: list[float]) -> bool:
    """Whether ``path`` shows the same frames as ``source`` at the given times."""
    pairs = zip(_decode_frames_at(path, seconds), _decode_frames_at(source, seconds), strict=True)
    return all(
        _frame_difference(_downscale_frame(frame, 160), _downscale_frame(source_frame, 160))
        < _MAX_FRAME_DIFFERENCE
        for frame, source_frame in pairs
    )


def is_darker_version_of(path: Path, source: Path, seconds: list[float]) -> bool:
    """Whether ``path`` shows darker versions of ``source``'s frames at the given times."""
    pairs = zip(_decode_frames_at(path, seconds), _decode_frames_at(source, seconds), strict=True)
    for frame, source_frame in pairs:
        levels = np.asarray(_downscale_frame(frame, 160).convert("L"), np.float64)
        source_levels = np.asarray(_downscale_frame(source_frame, 160).convert("L"), np.float64)
        likeness = np.corrcoef(levels.ravel(), source_levels.ravel())[0, 1]
        if likeness < _MIN_LIKENESS or levels.mean() > _MAX_LIGHT * source_levels.mean():
            return False
    return True


def _decode_frames_at(path: Path, seconds: list[float]) -> Iterator[av.VideoFrame]:
    with av.open(str(path)) as container:
        times = iter(sorted(seconds))
        time = next(times, None)
        for frame in container.decode(container.streams.video[0]):
            if time is None:
                return
            if frame.time + 1e-3 >= time:
                yield frame
                time = next(times, None)


def _downscale_frame(frame: av.VideoFrame, width: int) -> Image.Image:
    picture = Image.fromarray(frame.to_ndarray(format="rgb24"))
    height = max(round(picture.height * width / picture.width), 1)
    return picture.resize((width, height), Image.Resampling.BOX)


def _frame_difference(first: Image.Image, other: Image.Image) -> float:
    return float(np.abs(np.asarray(first, np.int16) - np.asarray(other, np.int16)).mean())
