"""Reads an image's orientation from EXIF, and applies it.

Libraries that parse the whole EXIF block fail if any other tag is malformed, such as a GPS time.
Like browsers and Discord, this module only reads tag 0x0112.
"""

import struct
from typing import Final

from PIL import Image

_ORIENTATION_TAG: Final = 0x0112
_MAX_ENTRIES: Final = 1000
_TYPE_SIZES: Final = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
_NUMBER_FORMATS: Final = {1: "B", 3: "H", 4: "I", 5: "I", 6: "b", 7: "B", 8: "h", 9: "i", 10: "i"}
_FLOAT_FORMATS: Final = {11: "f", 12: "d"}
_ASCII: Final = 2
_TRANSPOSITIONS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def turn_upright(image: Image.Image, orientation: int) -> Image.Image:
    """Return ``image`` upright, according to EXIF's ``orientation`` (1 to 8)."""
    transposition = _TRANSPOSITIONS.get(orientation)
    return image if transposition is None else image.transpose(transposition)


def read_orientation(exif: bytes | None) -> int:
    """Return the orientation in an EXIF block, from 1 (unchanged, the default) to 8."""
    if not exif:
        return 1
    block = exif[6:] if exif.startswith(b"Exif\0") else exif
    order = {b"II": "<", b"MM": ">"}.get(block[:2])
    if order is None:
        return 1
    try:
        (offset,) = struct.unpack_from(f"{order}I", block, 4)
        (count,) = struct.unpack_from(f"{order}H", block, offset)
        for number in range(min(count, _MAX_ENTRIES)):
            place = offset + 2 + 12 * number
            tag, kind, length = struct.unpack_from(f"{order}HHI", block, place)
            if tag == _ORIENTATION_TAG:
                value = _read_value(block, order, kind, length, place + 8)
                return value if 1 <= value <= 8 else 1
    except (struct.error, ValueError, OverflowError):
        pass  # a malformed block has no orientation
    return 1


def _read_value(block: bytes, order: str, kind: int, length: int, place: int) -> int:
    if _TYPE_SIZES.get(kind, 0) * max(length, 1) > 4:
        (place,) = struct.unpack_from(f"{order}I", block, place)
    if kind == _ASCII:
        return int(block[place : place + min(length, 16)].split(b"\0")[0].decode("ascii"))
    if kind in _FLOAT_FORMATS:
        return int(struct.unpack_from(order + _FLOAT_FORMATS[kind], block, place)[0])
    return int(struct.unpack_from(order + _NUMBER_FORMATS.get(kind, "H"), block, place)[0])
