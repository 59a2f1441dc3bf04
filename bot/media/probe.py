"""Reads the facts of video files with PyAV, off the event loop.

What members read about a clip (length, size, sound) comes from the delivered file, not from the
request. Threads suffice: the files come from Google, and PyAV and hashlib release the GIL.
"""

import asyncio
import hashlib
from pathlib import Path

import av
from av.error import FFmpegError

from bot.domain.clips.clip import VideoFacts


class PyAvMediaProbe:
    """Implements `bot.domain.ports.MediaProbe`."""

    async def read_facts(self, path: Path) -> VideoFacts:
        return await asyncio.to_thread(_probe_file, path)


def _probe_file(path: Path) -> VideoFacts:
    try:
        with av.open(str(path), "r") as container, path.open("rb") as file:
            if not container.streams.video:
                raise ValueError("no video stream")
            video = container.streams.video[0]
            first_frame = next(container.decode(video), None)
            if first_frame is None:
                raise ValueError("no frame in the video")
            seconds = 0.0
            if video.duration is not None and video.time_base is not None:
                seconds = float(video.duration * video.time_base)
            elif container.duration is not None:
                seconds = container.duration / av.time_base
            if seconds <= 0:
                raise ValueError("video without a length")
            width, height = video.width, video.height
            if first_frame.rotation % 180:  # players turn it: say what people see
                width, height = height, width
            return VideoFacts(
                seconds=seconds,
                width=width,
                height=height,
                fps=float(video.average_rate or 0),
                has_audio=bool(container.streams.audio),
                sha256=hashlib.file_digest(file, "sha256").hexdigest(),
                size=file.tell(),
            )
    except FFmpegError as error:
        raise ValueError(f"not a playable video: {type(error).__name__}") from error
