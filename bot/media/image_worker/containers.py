"""Reads an image's size, orientation and colors from its file, without decoding the image.

The libraries can do the same, but they reject the whole image if an irrelevant part is malformed.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from bot.media.image_worker.orientation import read_orientation
from bot.media.image_worker.rejection import ImageRejected

_PNG_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_PNG_KEPT_CHUNKS: Final = frozenset(
    {b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"iCCP", b"sRGB", b"gAMA", b"cHRM"}
    | {b"acTL", b"fcTL", b"fdAT"}
)
_PNG_SIZES: Final = {b"sRGB": 1, b"gAMA": 4, b"cHRM": 32, b"cICP": 4}
_PNG_KEY_SIZES: Final = {0: 2, 2: 6}
"""Bytes of a transparent color, by the color type."""
_MAX_SIDE_CHUNK_BYTES: Final = 8 * 1024**2
_MAX_META_BYTES: Final = 8 * 1024**2
_ALPHA_NAMES: Final = (
    b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha",
    b"urn:mpeg:avc:2015:auxid:1",
    b"urn:mpeg:hevc:2015:auxid:1",
)
"""HEIF's names for an image that is the transparency of another."""
_COPY_BYTES: Final = 1024**2
_IROT_ORIENTATIONS: Final = {0: 1, 1: 8, 2: 3, 3: 6}
_MIRRORED: Final = {
    (0, 0): 4,
    (0, 1): 2,
    (1, 0): 5,
    (1, 1): 7,
    (2, 0): 2,
    (2, 1): 4,
    (3, 0): 7,
    (3, 1): 5,
}
"""EXIF's orientation, by HEIF's rotation and mirror axis."""


@dataclass(frozen=True, slots=True)
class ColorSignal:
    """An image's primaries and transfer function, as numbers of ITU-T H.273.

    PNGs may give ``gamma`` and ``chromaticities`` instead.
    """

    primaries: int = 1
    transfer: int = 13
    gamma: float | None = None
    chromaticities: tuple[float, ...] | None = None


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What the file says about its image. ``size`` is the stored one, before any rotation."""

    orientation: int = 1
    size: tuple[int, int] | None = None
    signal: ColorSignal | None = None
    profile: bytes | None = None
    has_alpha: bool = False


def read_facts(source: Path, kind: str, scratch: Path) -> tuple[FileFacts, Path]:
    """Return the facts and the file to decode, which is ``source`` or a clean copy, ``scratch``."""
    with source.open("rb") as file:
        match kind:
            case "JPEG":
                return FileFacts(read_orientation(_find_jpeg_exif(file))), source
            case "PNG":
                return _read_png(file, source, scratch)
            case "WEBP":
                return _read_webp(file), source
            case "AVIF" | "HEIF":
                return _read_heif(file), source
    return FileFacts(), source


def copy_without_metadata(source: Path, scratch: Path) -> Path:
    """Return a copy of a JPEG without EXIF and the like, for a decoder that fails on them."""
    with source.open("rb") as file, scratch.open("wb") as copy:
        copy.write(file.read(2))
        for marker, data in _walk_jpeg(file):
            if not 0xE1 <= marker <= 0xEF or marker == 0xEE or data.startswith(b"ICC_PROFILE\0"):
                copy.write(struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data)
        while block := file.read(_COPY_BYTES):
            copy.write(block)
    return scratch


def _find_jpeg_exif(file: BinaryIO) -> bytes | None:
    file.seek(2)
    for marker, data in _walk_jpeg(file):
        if marker == 0xE1 and data.startswith(b"Exif\0"):
            return data
    return None


def _walk_jpeg(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Yield the segments before the scan, and leave the file at the scan's marker."""
    while True:
        start = file.tell()
        head = file.read(2)
        while head == b"\xff\xff":  # fill bytes
            head = b"\xff" + file.read(1)
        length = file.read(2)
        if len(head) < 2 or len(length) < 2 or head[0] != 0xFF or head[1] in (0xDA, 0xD9):
            file.seek(start)
            return
        yield head[1], file.read(max(0, int.from_bytes(length, "big") - 2))


def _read_png(file: BinaryIO, source: Path, scratch: Path) -> tuple[FileFacts, Path]:
    """Return the facts, and a copy of the PNG if it has texts or wrong checksums."""
    file.seek(len(_PNG_SIGNATURE))
    exif, side, needs_copy = None, dict[bytes, bytes](), False
    with scratch.open("wb") as copy:
        copy.write(_PNG_SIGNATURE)
        while len(head := file.read(8)) == 8:
            length, kind = struct.unpack(">I4s", head)
            is_kept = kind in _PNG_KEPT_CHUNKS
            if kind in (b"IDAT", b"fdAT"):
                copy.write(head)
                if not _copy_image_data(file, copy, length, kind):
                    break
                continue
            if length > _MAX_SIDE_CHUNK_BYTES:
                file.seek(length + 4, 1)
                needs_copy = True
                continue
            data = file.read(length)
            checksum = file.read(4)
            if len(data) < length:
                break
            side.setdefault(kind, data)
            if kind == b"eXIf":
                exif = data
            if kind == b"tRNS" and len(side.get(b"IHDR", b"")) == 13:
                is_kept = len(data) >= _PNG_KEY_SIZES.get(side[b"IHDR"][9], 1)
            if not is_kept or len(data) < _PNG_SIZES.get(kind, 0):
                needs_copy = True
                continue
            right = struct.pack(">I", zlib.crc32(kind + data))
            # Wrong checksums of required chunks are kept, so that the decoder decides.
            needs_copy = needs_copy or (right != checksum and kind[0] & 0x20 != 0)
            copy.write(head + data + (right if kind[0] & 0x20 else checksum))
            if kind == b"IEND":
                break
    facts = FileFacts(read_orientation(exif), signal=_read_png_signal(side))
    if needs_copy:
        return facts, scratch
    scratch.unlink()
    return facts, source


def _copy_image_data(file: BinaryIO, copy: BinaryIO, length: int, kind: bytes) -> bool:
    """Copy a chunk of pixels with its checksum, and return whether it was complete.

    Raises `ImageRejected` if it is complete but its checksum is wrong.
    """
    checksum = zlib.crc32(kind)
    while length > 0:
        block = file.read(min(length, _COPY_BYTES))
        if not block:
            return False
        copy.write(block)
        checksum = zlib.crc32(block, checksum)
        length -= len(block)
    stored = file.read(4)
    copy.write(stored)
    if len(stored) == 4 and int.from_bytes(stored, "big") != checksum:
        raise ImageRejected("image_broken")
    return len(stored) == 4


def _read_png_signal(side: dict[bytes, bytes]) -> ColorSignal | None:
    if len(signal := side.get(b"cICP", b"")) >= 4:
        return ColorSignal(signal[0], signal[1])
    if b"iCCP" in side or b"sRGB" in side or len(side.get(b"gAMA", b"")) < 4:
        return None
    gamma = int.from_bytes(side[b"gAMA"][:4], "big") / 100_000
    chromaticities = None
    if len(side.get(b"cHRM", b"")) >= 32:
        chromaticities = tuple(
            value / 100_000 for value in struct.unpack(">8I", side[b"cHRM"][:32])
        )
    if not 0.05 < gamma < 5.0:
        return None
    is_usual = abs(gamma - 0.45455) < 0.02  # programs write this for the curve of sRGB
    return ColorSignal(gamma=None if is_usual else gamma, chromaticities=chromaticities)


def _read_webp(file: BinaryIO) -> FileFacts:
    head = file.read(30)
    size, exif, profile = None, None, None
    match head[12:16]:
        case b"VP8 " if head[23:26] == b"\x9d\x01\x2a":
            width, height = struct.unpack("<HH", head[26:30])
            size = (width & 0x3FFF, height & 0x3FFF)
        case b"VP8L" if len(head) >= 25:
            (bits,) = struct.unpack("<I", head[21:25])
            size = ((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
        case b"VP8X" if len(head) == 30:
            width = int.from_bytes(head[24:27], "little") + 1
            size = (width, int.from_bytes(head[27:30], "little") + 1)
            exif, profile = _read_webp_chunks(file)
    return FileFacts(read_orientation(exif), size, profile=profile)


def _read_webp_chunks(file: BinaryIO) -> tuple[bytes | None, bytes | None]:
    """Return the EXIF block and the color profile."""
    chunks: dict[bytes, bytes] = {}
    file.seek(12)
    while len(head := file.read(8)) == 8:
        length = int.from_bytes(head[4:], "little")
        if head[:4] in (b"EXIF", b"ICCP") and length <= _MAX_META_BYTES:
            chunks[head[:4]] = file.read(length)
            file.seek(length & 1, 1)
        else:
            file.seek(length + (length & 1), 1)
    return chunks.get(b"EXIF"), chunks.get(b"ICCP")


def _read_heif(file: BinaryIO) -> FileFacts:
    """Return the facts of the primary item."""
    meta = _find_meta_box(file)
    if meta is None:
        return FileFacts()
    try:
        properties = _list_primary_properties(meta)
    except (struct.error, IndexError):
        return FileFacts()
    size, signal, profile, rotation, axis = None, None, None, 0, None
    for kind, data in properties:
        match kind:
            case b"ispe" if len(data) >= 12:
                width, height = struct.unpack_from(">II", data, 4)
                size = (width, height)
            case b"colr" if data[:4] == b"nclx" and len(data) >= 8:
                signal = ColorSignal(*struct.unpack_from(">HH", data, 4))
            case b"colr" if data[:4] in (b"prof", b"rICC"):
                profile = data[4:]
            case b"irot" if data:
                rotation = data[0] & 3
            case b"imir" if data:
                axis = data[0] & 1
    orientation = _IROT_ORIENTATIONS[rotation]
    if axis is not None:
        orientation = _MIRRORED[rotation, axis]
    has_alpha = any(name in meta for name in _ALPHA_NAMES)
    return FileFacts(orientation, size, signal, profile, has_alpha)


def _find_meta_box(file: BinaryIO) -> bytes | None:
    file.seek(0)
    while len(head := file.read(8)) == 8:
        length, kind = struct.unpack(">I4s", head)
        header = 8
        if length == 1:
            length, header = int.from_bytes(file.read(8), "big"), 16
        if kind == b"meta":
            return file.read(min(length - header if length else _MAX_META_BYTES, _MAX_META_BYTES))
        if length < header:
            return None
        file.seek(length - header, 1)
    return None


def _list_boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    place = 0
    while place + 8 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, place)
        header = 8
        if length == 1 and place + 16 <= len(data):
            (length,) = struct.unpack_from(">Q", data, place + 8)
            header = 16
        if length == 0:
            length = len(data) - place
        if length < header:
            return
        yield kind, data[place + header : place + length]
        place += length


def _list_primary_properties(meta: bytes) -> list[tuple[bytes, bytes]]:
    boxes = dict(_list_boxes(meta[4:]))
    primary = _read_item_id(boxes.get(b"pitm", b""))
    properties = dict(_list_boxes(boxes.get(b"iprp", b"")))
    everything = list(_list_boxes(properties.get(b"ipco", b"")))
    associations = properties.get(b"ipma", b"")
    version, flags = associations[0], associations[3]
    (entries,) = struct.unpack_from(">I", associations, 4)
    place = 8
    for _ in range(entries):
        item = int.from_bytes(associations[place : place + (4 if version else 2)], "big")
        place += 4 if version else 2
        count, width = associations[place], 2 if flags & 1 else 1
        place += 1
        mask = 0x7FFF if width == 2 else 0x7F
        indexes = [
            int.from_bytes(associations[at : at + width], "big") & mask
            for at in range(place, place + count * width, width)
        ]
        place += count * width
        if item == primary:
            return [everything[index - 1] for index in indexes if 0 < index <= len(everything)]
    return []


def _read_item_id(box: bytes) -> int:
    return int.from_bytes(box[4:8] if box[:1] == b"\1" else box[4:6], "big")
