"""Generates an image of each kind that people attach."""

import io
import struct
import zlib
from typing import Any

import pillow_heif
from PIL import Image

SIZE = (144, 80)
KINDS = ("JPEG", "PNG", "WEBP", "GIF", "HEIF", "AVIF")


def picture(size: tuple[int, int] = SIZE, mode: str = "RGB") -> Image.Image:
    """Left half red, right half blue, so that rotation and mirroring are visible."""
    made = Image.new("RGB", size, (200, 30, 30))
    made.paste((30, 30, 200), (size[0] // 2, 0, size[0], size[1]))
    return made.convert(mode)


def encoded(kind: str, image: Image.Image | None = None, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image = image or picture()
    if kind == "HEIF":
        pillow_heif.from_pillow(image).save(buffer, **options)
    else:
        image.save(buffer, kind, **options)
    return buffer.getvalue()


def animated() -> bytes:
    """A GIF whose first frame is red and whose second is green."""
    frames = [Image.new("RGB", SIZE, colour) for colour in ((220, 0, 0), (0, 220, 0))]
    return encoded("GIF", frames[0], save_all=True, append_images=frames[1:], duration=100)


def exif(**tags: Any) -> Image.Exif:
    made = Image.Exif()
    made[0x0112] = tags.get("orientation", 1)
    made[0x010F] = "A camera that knows where you live"
    return made


def claims(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says it is huge."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(b"\0" * 1000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
