"""Looks into video files with PyAV, off the event loop.

What is told about a clip (length, size, sound) is read from the file that was delivered, not from
what was asked for. Threads suffice: the files come from Google, and PyAV and hashlib let go of the
interpreter while they work.
"""

import asyncio
import hashlib
from pathlib import Path
from typing import Final

import av
from av.error import FFmpegError

from bot.domain.clips.clip import VideoFacts

_CHUNK_BYTES: Final = 1024 * 1024


class PyAvMediaProbe:
    """Implements `bot.domain.ports.Media`."""

    async def read_facts(self, path: Path) -> VideoFacts:
        """Read the file. Raises `ValueError` when it is not a playable video."""
        return await asyncio.to_thread(_probe_file, path)


def _probe_file(path: Path) -> VideoFacts:
    try:
        with av.open(str(path), "r") as container:
            if not container.streams.video:
                raise ValueError("no video stream")
            video = container.streams.video[0]
            if next(container.decode(video), None) is None:
                raise ValueError("no picture in the video")
            seconds = 0.0
            if video.duration is not None and video.time_base is not None:
                seconds = float(video.duration * video.time_base)
            elif container.duration is not None:
                seconds = container.duration / av.time_base
            if seconds <= 0:
                raise ValueError("video without a length")
            width, height = video.width, video.height
            rate = video.average_rate
            has_audio = bool(container.streams.audio)
    except FFmpegError as error:
        raise ValueError(f"not a playable video: {type(error).__name__}") from error
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
            size += len(chunk)
    return VideoFacts(
        seconds=seconds,
        width=width,
        height=height,
        fps=float(rate) if rate else 0.0,
        has_audio=has_audio,
        size=size,
        sha256=digest.hexdigest(),
    )
