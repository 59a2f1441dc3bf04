"""Writes files atomically, without blocking the event loop.

The process may be killed during any write, so a file gets its final name when it is complete.
"""

import asyncio
import hashlib
import os
import secrets
from pathlib import Path
from typing import BinaryIO, Final, Self

_BUFFER_BYTES: Final = 1024 * 1024


class PartialFile:
    """Writes to a temporary file next to ``destination``, which `commit` renames.

    An async context manager that deletes the file if it was not committed.
    """

    def __init__(self, destination: Path) -> None:
        self.destination = destination
        suffix = f"{secrets.token_hex(6)}.part"
        self.temporary_path = destination.with_name(f".{destination.name}.{suffix}")
        self.size = 0
        self._file: BinaryIO | None = None
        self._buffer = bytearray()

    async def __aenter__(self) -> Self:
        self._file = await asyncio.to_thread(self._open_file)
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.shield(asyncio.to_thread(self._discard_file))

    def _open_file(self) -> BinaryIO:
        self.destination.parent.mkdir(parents=True, exist_ok=True)
        return self.temporary_path.open("xb")

    def _discard_file(self) -> None:
        if self._file is not None:
            self._file.close()
        self.temporary_path.unlink(missing_ok=True)

    async def write(self, chunk: bytes) -> None:
        """Append ``chunk``. Up to a megabyte is buffered in memory."""
        self.size += len(chunk)
        self._buffer += chunk
        if len(self._buffer) >= _BUFFER_BYTES:
            await self._flush_buffer()

    async def restart(self) -> None:
        """Discard everything written so far."""
        self._buffer.clear()
        self.size = 0
        await asyncio.to_thread(self._opened_file.seek, 0)
        await asyncio.to_thread(self._opened_file.truncate)

    async def compute_sha256(self) -> str:
        """Return the SHA-256 of everything written so far, in hexadecimal."""
        await self._flush_buffer()
        return await asyncio.to_thread(self._hash_file)

    def _hash_file(self) -> str:
        self._opened_file.flush()
        with self.temporary_path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    async def commit(self) -> None:
        """Sync the file to disk and rename it, replacing any file at ``destination``."""
        await self._flush_buffer()
        await asyncio.to_thread(self._rename_durably)

    @property
    def _opened_file(self) -> BinaryIO:
        if self._file is None:
            raise RuntimeError("not entered")
        return self._file

    async def _flush_buffer(self) -> None:
        data, self._buffer = self._buffer, bytearray()
        if data:
            await asyncio.to_thread(self._opened_file.write, data)

    def _rename_durably(self) -> None:
        file = self._opened_file
        file.flush()
        os.fsync(file.fileno())
        file.close()
        self.temporary_path.replace(self.destination)
        folder = os.open(self.destination.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
