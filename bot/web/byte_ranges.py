"""Parses the ``Range`` header (RFC 9110, 14.2)."""

import re
from dataclasses import dataclass
from typing import Final

_UNIT_PATTERN: Final = re.compile(r"bytes\s*=(.*)", re.IGNORECASE | re.DOTALL)
_RANGE_PATTERN: Final = re.compile(r"(\d*)-(\d*)", re.ASCII)
_MAX_DIGITS: Final = 18


class RangeUnsatisfiable(ValueError):
    """The range begins after the end of the file, or is empty."""


@dataclass(frozen=True, slots=True)
class ByteRange:
    """``size_bytes`` bytes from offset ``start``."""

    start: int
    size_bytes: int


def parse_range(header: str | None, file_size: int) -> ByteRange | None:
    """Return the requested range, or `None` if the whole file has to be sent.

    The whole file is sent for other units, for malformed headers and for several ranges, which no
    player asks for. Raises `RangeUnsatisfiable`.
    """
    unit = _UNIT_PATTERN.fullmatch((header or "").strip())
    if unit is None:
        return None
    ranges = [part.strip() for part in unit[1].split(",") if part.strip()]
    match = _RANGE_PATTERN.fullmatch(ranges[0]) if len(ranges) == 1 else None
    if match is None or match[0] == "-" or max(map(len, match.groups())) > _MAX_DIGITS:
        return None
    first, last = match.groups()
    if not first:
        start, end = max(0, file_size - int(last)), file_size
    else:
        start = int(first)
        if last and int(last) < start:
            return None
        end = min(file_size, int(last) + 1) if last else file_size
    if start >= end:
        raise RangeUnsatisfiable(header)
    return ByteRange(start, end - start)
