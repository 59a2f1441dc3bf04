"""Reads the length, size and sound of video files with PyAV.

Members are told the facts of the delivered file, not those of the request. A thread is enough,
because the files come from Google, and PyAV and hashlib release the GIL. The first clip's thread
imports PyAV.
"""

import asyncio
import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Final

from bot.domain.clips.clip import VideoFacts

_LENGTH_TOLERANCE_S: Final = 0.5


class PyAvMediaProbe:
    """Implements `bot.domain.ports.MediaProbe`."""

    async def read_facts(self, path: Path, *, sha256: str | None = None) -> VideoFacts:
        """Read the packets and the bytes for the hash at the same time, each in a thread."""
        if sha256 is not None:
            return replace(await asyncio.to_thread(_probe_file, path), sha256=sha256)
        facts, digest = await asyncio.gather(
            asyncio.to_thread(_probe_file, path),
            asyncio.to_thread(_hash_file, path),
            return_exceptions=True,  # so both have ended
        )
        if isinstance(facts, BaseException):  # it says more about a file that is no video
            raise facts
        if isinstance(digest, BaseException):
            raise digest
        return replace(facts, sha256=digest)


def _hash_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _probe_file(path: Path) -> VideoFacts:
    """Return the facts of a video, without the hash of its file."""
    import av
    from av.error import FFmpegError

    try:
        with av.open(str(path), "r") as container:
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
            _check_completeness(path, seconds)
            width, height = video.width, video.height
            if first_frame.rotation % 180:  # players rotate it, so report the size that people see
                width, height = height, width
            return VideoFacts(
                seconds=seconds,
                width=width,
                height=height,
                fps=float(video.average_rate or 0),
                has_audio=bool(container.streams.audio),
                sha256="",
                size=path.stat().st_size,
            )
    except FFmpegError as error:
        raise ValueError(f"not a playable video: {type(error).__name__}") from error


def _check_completeness(path: Path, seconds: float) -> None:
    """Raise `ValueError` if the file has fewer frames or seconds than its own index says.

    A truncated file still opens and shows its first frame. The packets are only read, not decoded,
    which takes no longer than hashing the file.
    """
    import av

    with av.open(str(path), "r") as container:
        video = container.streams.video[0]
        count, end_s = 0, 0.0
        for packet in container.demux(video):
            if packet.size == 0:
                continue
            if packet.is_corrupt:
                break
            count += 1
            if packet.pts is not None and packet.time_base is not None:
                end_s = max(end_s, float((packet.pts + (packet.duration or 0)) * packet.time_base))
        if video.frames and count < video.frames:
            raise ValueError(f"video cut short: {count} of {video.frames} frames")
        if not video.frames and end_s < seconds - _LENGTH_TOLERANCE_S:
            raise ValueError(f"video cut short: {end_s:.1f} of {seconds:.1f} s")
