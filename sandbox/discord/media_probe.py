"""Reads the type, width and height of uploaded files, which Discord adds to attachments.

Decoding is slow, so it runs in a thread. An unreadable file has no dimensions.
"""

import asyncio
from dataclasses import dataclass
from pathlib import Path

import av
from PIL import Image

from sandbox.discord.files import content_type_of


@dataclass(frozen=True, slots=True)
class MediaProperties:
    """What Discord adds to a file. Dimensions in pixels, or None."""

    content_type: str
    width: int | None = None
    height: int | None = None


async def probe_media(path: Path, filename: str) -> MediaProperties:
    """Return the type according to the file's name, and the dimensions of its content."""
    content_type = content_type_of(filename)
    if content_type is None:
        return MediaProperties("application/octet-stream")
    if content_type.startswith("image/"):
        size = await asyncio.to_thread(_image_size, path)
    elif content_type.startswith("video/"):
        size = await asyncio.to_thread(_video_size, path)
    else:
        size = None
    return MediaProperties(content_type, *(size or (None, None)))


def _image_size(path: Path) -> tuple[int, int] | None:
    try:
        with Image.open(path) as image:
            return image.size
    except (OSError, ValueError, Image.DecompressionBombError):
        return None


def _video_size(path: Path) -> tuple[int, int] | None:
    try:
        with av.open(str(path)) as container:
            for stream in container.streams.video:
                return stream.width, stream.height
    except (av.FFmpegError, OSError, ValueError):
        return None
    return None
