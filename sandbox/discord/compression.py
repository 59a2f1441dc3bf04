"""Transport compression of a gateway connection.

As at Discord, a connection is *one* continuous stream. Each message is flushed, but cannot be
decompressed without the ones before it.

https://docs.discord.com/developers/events/gateway#transport-compression
"""

import zlib
from typing import Protocol

import zstandard


class Compressor(Protocol):
    """Compresses each message to one binary frame of a continuous stream."""

    def compress(self, text: str) -> bytes: ...


class _ZlibStream:
    """Each frame ends with the four bytes of Z_SYNC_FLUSH, which clients look for."""

    def __init__(self) -> None:
        self._stream = zlib.compressobj()

    def compress(self, text: str) -> bytes:
        return self._stream.compress(text.encode()) + self._stream.flush(zlib.Z_SYNC_FLUSH)


class _ZstdStream:
    """One endless zstd frame, in which each message is flushed as whole blocks."""

    def __init__(self) -> None:
        self._stream = zstandard.ZstdCompressor(level=3).compressobj()

    def compress(self, text: str) -> bytes:
        return self._stream.compress(text.encode()) + self._stream.flush(
            zstandard.COMPRESSOBJ_FLUSH_BLOCK
        )


def create_compressor(name: str | None) -> Compressor | None:
    """Return a compressor for one connection, by its ``compress`` parameter; None for plain text.

    Raises KeyError for an unknown name.
    """
    if not name:
        return None
    kinds: dict[str, type[Compressor]] = {"zlib-stream": _ZlibStream, "zstd-stream": _ZstdStream}
    return kinds[name]()
