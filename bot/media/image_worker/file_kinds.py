"""Detects a file's format by its first bytes, because its name and Discord's type may be wrong."""

import re
import struct
from pathlib import Path
from typing import Final

from bot.media.image_worker.rejection import ImageRejected

_HEAD_BYTES: Final = 1024
_AVIF_BRANDS: Final = frozenset({b"avif", b"avis"})
_HEIF_BRANDS: Final = frozenset(
    {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"}
)
_READABLE: Final = (
    (b"\xff\xd8\xff", "JPEG"),
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
)
_FOREIGN: Final = (
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0", "TIFF"),
    (b"MM\0+", "TIFF"),
    (b"BM", "BMP"),
    (b"8BPS", "Photoshop"),
    (b"\xff\x0a", "JPEG XL"),
    (b"\0\0\0\x0cJXL ", "JPEG XL"),
    (b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (b"\xff\x4f\xff\x51", "JPEG 2000"),
    (b"\0\0\1\0", "ICO"),
    (b"gimp xcf", "XCF"),
    (b"%PDF", "PDF"),
    (b"%!PS", "PostScript"),
    (b"qoif", "QOI"),
    (b"v/1\x01", "OpenEXR"),
    (b"#?RADIANCE", "Radiance HDR"),
    (b"FUJIFILMCCD-RAW", "RAW"),
    (b"IIRO", "RAW"),
    (b"IIU\0", "RAW"),
    (b"\x1aE\xdf\xa3", "Matroska"),
)

_SVG_PATTERN: Final = re.compile(
    rb"(?:\xef\xbb\xbf)?(?:\s|<\?xml[^>]*>|<!--.*?-->|<!DOCTYPE[^>]*>)*<svg", re.DOTALL
)


def require_readable_kind(source: Path) -> str:
    """Return the image format of ``source``: JPEG, PNG, GIF, WEBP, AVIF or HEIF.

    Raises `ImageRejected`, with the format's name if it is known but cannot be read.
    """
    with source.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    for magic, kind in _READABLE:
        if head.startswith(magic):
            return kind
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[4:8] == b"ftyp":
        return _read_brand(head)
    for magic, kind in _FOREIGN:
        if head.startswith(magic):
            raise ImageRejected("image_kind_unreadable", kind=kind)
    if _SVG_PATTERN.match(head):
        raise ImageRejected("image_kind_unreadable", kind="SVG")
    raise ImageRejected("not_an_image")


def _read_brand(head: bytes) -> str:
    (size,) = struct.unpack(">I", head[:4])
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, min(size, len(head)), 4))]
    if _AVIF_BRANDS.intersection(brands):
        return "AVIF"
    if brands[0] in _HEIF_BRANDS or {b"heic", b"heix", b"mif1"}.intersection(brands):
        return "HEIF"
    kind = "RAW" if brands[0] == b"crx " else "video"
    if kind == "video":
        raise ImageRejected("not_an_image")
    raise ImageRejected("image_kind_unreadable", kind=kind)
