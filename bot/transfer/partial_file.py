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
_SYNC_BYTES: Final = 8 * 1024 * 1024
"""After so much, what is written goes to the disk."""


class PartialFile:
    """Writes to a temporary file next to ``destination``, which `commit` renames.

    A thread writes while the next data arrives. What is written goes to the disk early, so that the
    end need not wait for all of it. An async context manager that deletes the file if it was not
    committed.
    """

    def __init__(self, destination: Path, *, with_sha256: bool = False) -> None:
        """Only ``with_sha256`` the hash is computed, while writing."""
        self.destination = destination
        suffix = f"{secrets.token_hex(6)}.part"
        self.temporary_path = destination.with_name(f".{destination.name}.{suffix}")
        self.size = 0
        self._file: BinaryIO | None = None
        self._hash = hashlib.sha256() if with_sha256 else None
        self._chunks: list[bytes] = []
        self._buffered_bytes = 0
        self._unsynced_bytes = 0
        self._writing: asyncio.Task[None] | None = None
        self._syncing: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._file = await asyncio.to_thread(self._open_file)
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.shield(self._discard())

    def _open_file(self) -> BinaryIO:
        self.destination.parent.mkdir(parents=True, exist_ok=True)
        return self.temporary_path.open("xb", buffering=0)

    async def _discard(self) -> None:
        running = [task for task in (self._writing, self._syncing) if task is not None]
        await asyncio.gather(*running, return_exceptions=True)  # they use the file
        await asyncio.to_thread(self._discard_file)

    def _discard_file(self) -> None:
        if self._file is not None:
            self._file.close()
        self.temporary_path.unlink(missing_ok=True)

    async def write(self, chunk: bytes) -> None:
        """Append ``chunk``. Up to three megabytes are in memory.

        Raises the error of this write or of an earlier one.
        """
        self.size += len(chunk)
        self._chunks.append(chunk)
        self._buffered_bytes += len(chunk)
        if self._buffered_bytes >= _BUFFER_BYTES:
            await self._start_writing()

    async def restart(self) -> None:
        """Discard everything written so far."""
        await self._finish_writing()
        self._chunks.clear()
        self.size = self._buffered_bytes = 0
        if self._hash is not None:
            self._hash = hashlib.sha256()
        await asyncio.to_thread(self._opened_file.seek, 0)
        await asyncio.to_thread(self._opened_file.truncate)

    async def compute_sha256(self) -> str:
        """Return the SHA-256 of everything written so far, in hexadecimal."""
        if self._hash is None:
            raise RuntimeError("created without with_sha256")
        await self._write_all()
        return self._hash.hexdigest()

    async def commit(self) -> None:
        """Sync the file to disk and rename it, replacing any file at ``destination``."""
        await self._write_all()
        if self._syncing is not None:
            await self._syncing
        await asyncio.to_thread(self._rename_durably)

    @property
    def _opened_file(self) -> BinaryIO:
        if self._file is None:
            raise RuntimeError("not entered")
        return self._file

    async def _write_all(self) -> None:
        await self._start_writing()
        await self._finish_writing()

    async def _start_writing(self) -> None:
        """Write what is buffered in a thread, after it has written what was buffered before."""
        await self._finish_writing()
        chunks, self._chunks = self._chunks, []
        self._unsynced_bytes += self._buffered_bytes
        self._buffered_bytes = 0
        self._writing = asyncio.create_task(asyncio.to_thread(self._write_chunks, chunks))
        if self._unsynced_bytes >= _SYNC_BYTES and (self._syncing is None or self._syncing.done()):
            self._unsynced_bytes = 0
            if self._syncing is not None:
                self._syncing.result()
            descriptor = self._opened_file.fileno()
            self._syncing = asyncio.create_task(asyncio.to_thread(os.fdatasync, descriptor))

    async def _finish_writing(self) -> None:
        if self._writing is not None:
            await asyncio.shield(self._writing)  # a canceled caller must not free its thread's file
            self._writing = None

    def _write_chunks(self, chunks: list[bytes]) -> None:
        data = b"".join(chunks)
        if self._hash is not None:
            self._hash.update(data)
        written = 0
        while written < len(data):
            written += self._opened_file.write(memoryview(data)[written:])

    def _rename_durably(self) -> None:
        file = self._opened_file
        os.fsync(file.fileno())
        file.close()
        self.temporary_path.replace(self.destination)
        folder = os.open(self.destination.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
