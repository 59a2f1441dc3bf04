"""The media store in a folder of this machine."""

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bot.domain.clips.clip import Clip
from bot.domain.clips.media_store import MediaFile

_CHUNK_BYTES: Final = 256 * 1024


class LocalMediaStore:
    """`bot.domain.clips.media_store.MediaStore` below ``folder``.

    Whoever writes in the folder uses a temporary name and renames the complete file. Keys come from
    our own rows, never from members. Those that lead out of the folder are skipped all the same.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._resolved = folder.resolve()

    @property
    def working_folder(self) -> Path:
        return self._folder

    @asynccontextmanager
    async def read(self, key: str) -> AsyncIterator[Path]:
        path = self._folder / key
        if not await asyncio.to_thread(path.is_file):
            raise FileNotFoundError(key)
        yield path

    @asynccontextmanager
    async def write_in(self, folder: str) -> AsyncIterator[Path]:
        path = self._folder / folder
        await asyncio.to_thread(path.mkdir, parents=True, exist_ok=True)
        yield path

    async def find(self, key: str) -> MediaFile | None:
        return await asyncio.to_thread(self._find, key)

    def _find(self, key: str) -> MediaFile | None:
        path = self._folder / key
        with suppress(FileNotFoundError, PermissionError):  # deleted meanwhile, or not ours to see
            if path.is_file() and os.access(path, os.R_OK):
                return self._describe(path)
        return None

    async def list_files(self, folder: str) -> list[MediaFile]:
        return await asyncio.to_thread(self._list_files, folder)

    def _list_files(self, folder: str) -> list[MediaFile]:
        files: list[MediaFile] = []
        for path in (self._folder / folder).rglob("*"):
            with suppress(FileNotFoundError):  # deleted meanwhile
                if path.is_file():
                    files.append(self._describe(path))
        return files

    def _describe(self, path: Path) -> MediaFile:
        status = path.stat()
        return MediaFile(
            key=path.relative_to(self._folder).as_posix(),
            size_bytes=status.st_size,
            modified_at=datetime.fromtimestamp(status.st_mtime, UTC),
            version=f"{status.st_mtime_ns:x}-{status.st_size:x}",
            path=path,
        )

    async def stream(
        self, file: MediaFile, start: int, size_bytes: int
    ) -> AsyncGenerator[bytes, None]:
        content = await asyncio.to_thread((self._folder / file.key).open, "rb")
        try:
            await asyncio.to_thread(content.seek, start)
            while size_bytes:
                chunk = await asyncio.to_thread(content.read, min(_CHUNK_BYTES, size_bytes))
                if not chunk:
                    raise OSError("the file ended early")
                size_bytes -= len(chunk)
                yield chunk
        finally:
            await asyncio.to_thread(content.close)

    async def create_link(self, file: MediaFile) -> str | None:
        return None

    async def remove(self, keys: Iterable[str]) -> None:
        await asyncio.to_thread(_delete_paths, [self._folder / key for key in keys])

    async def abort_uploads(self, *, before: datetime) -> int:
        return 0

    async def delete_files(self, keys: Sequence[str]) -> None:
        await asyncio.to_thread(self._delete_derived, keys, lambda path, original: True)

    async def delete_published(self, clip: Clip) -> None:
        await asyncio.to_thread(
            self._delete_derived, [clip.path], lambda path, original: path != original
        )

    def _delete_derived(
        self, keys: Iterable[str], is_deleted: Callable[[Path, Path], bool]
    ) -> None:
        for key in keys:
            original = (self._resolved / key).resolve()
            if self._resolved not in original.parents:
                continue
            derived = original.parent.glob(f"{original.stem}.*")
            leftovers = original.parent.glob(f".{original.stem}.*")  # of a killed process
            _delete_paths(path for path in (*derived, *leftovers) if is_deleted(path, original))


def _delete_paths(paths: Iterable[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
