"""Transport compression of a gateway connection.

Discord compresses a connection as *one* continuous stream: each message is flushed, but the
dictionary lives on, so a message cannot be read without all those before it. A stand-in that
compressed each message by itself would work with some clients and hide bugs in the others.

https://docs.discord.com/developers/events/gateway#transport-compression
"""

import zlib
from typing import Protocol

import zstandard


class Compressor(Protocol):
    """Turns one message's text into one binary frame of a continuous stream."""

    def compress(self, text: str) -> bytes: ...


class _ZlibStream:
    """Each frame ends in the four bytes of Z_SYNC_FLUSH, by which clients know its end."""

    def __init__(self) -> None:
        self._stream = zlib.compressobj()

    def compress(self, text: str) -> bytes:
        return self._stream.compress(text.encode()) + self._stream.flush(zlib.Z_SYNC_FLUSH)


class _ZstdStream:
    """One zstd frame without end: each message is flushed as whole blocks."""

    def __init__(self) -> None:
        self._stream = zstandard.ZstdCompressor(level=3).compressobj()

    def compress(self, text: str) -> bytes:
        return self._stream.compress(text.encode()) + self._stream.flush(
            zstandard.COMPRESSOBJ_FLUSH_BLOCK
        )


def create_compressor(name: str | None) -> Compressor | None:
    """A fresh compressor for one connection; None for plain text frames.

    ``name`` is the ``compress`` query parameter. Raises KeyError for one Discord does not know.
    """
    if not name:
        return None
    kinds: dict[str, type[Compressor]] = {"zlib-stream": _ZlibStream, "zstd-stream": _ZstdStream}
    return kinds[name]()
