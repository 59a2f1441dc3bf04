"""As much of CBOR (RFC 8949) as manifests of C2PA use, without another library."""

from itertools import count
from typing import Any, Final

_INTEGER, _NEGATIVE, _BYTES, _TEXT, _ARRAY, _MAP, _TAG, _SIMPLE = range(8)
_INDEFINITE: Final = 31
_BREAK: Final = object()
_SIMPLE_VALUES: Final = {20: False, 21: True, 22: None, 23: None}


def read_cbor(data: bytes) -> Any:
    """Return the value of ``data``; tags are left out. Zeros may follow it, as padding."""
    value, end = _read_value(data, 0)
    if data[end:].strip(b"\0"):
        raise ValueError("something follows the value")
    return value


def _read_value(data: bytes, position: int) -> tuple[Any, int]:
    kind, short = divmod(data[position], 32)
    position += 1
    number = short
    if 24 <= short < 28:
        size = 1 << (short - 24)
        number = int.from_bytes(data[position : position + size], "big")
        position += size
    match kind:
        case 0:
            return number, position
        case 1:
            return -1 - number, position
        case 2 | 3 if short != _INDEFINITE:
            end = position + number
            content = data[position:end]
            return (content if kind == _BYTES else content.decode()), end
        case 4 | 5:
            steps = count() if short == _INDEFINITE else range(number * (kind - 3))
            items = []
            for _ in steps:
                item, position = _read_value(data, position)
                if item is _BREAK:
                    break
                items.append(item)
            if kind == _ARRAY:
                return items, position
            return dict(zip(items[::2], items[1::2], strict=True)), position
        case 6:
            return _read_value(data, position)
        case 7 if short == _INDEFINITE:
            return _BREAK, position
        case 7 if short in _SIMPLE_VALUES:
            return _SIMPLE_VALUES[short], position
    raise ValueError(f"no such value is known: {kind}, {short}")


def write_cbor(value: str | bytes | list[Any]) -> bytes:
    """Return texts, bytes and lists of them as CBOR."""
    if isinstance(value, list):
        return _write_head(_ARRAY, len(value)) + b"".join(map(write_cbor, value))
    if isinstance(value, str):
        return _write_head(_TEXT, len(value.encode())) + value.encode()
    return _write_head(_BYTES, len(value)) + value


def _write_head(kind: int, number: int) -> bytes:
    if number < 24:
        return bytes([kind * 32 + number])
    for step, size in enumerate((1, 2, 4, 8)):
        if number < 1 << (8 * size):
            return bytes([kind * 32 + 24 + step]) + number.to_bytes(size, "big")
    raise ValueError("too large")
