"""The media store: originals, input images, posters, previews and re-encodes.

A key names a file. It is a relative path with slashes, such as ``clips/0004/4711-0.mp4``, and the
database stores it. A file exists completely or not at all, also after a process has died.

Errors: methods that need a file raise `FileNotFoundError` if it does not exist. All raise
`MediaUnavailable` if the store does not answer, and `OSError` for a problem of this machine's disk.
"""

from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from bot.domain.clips.clip import Clip


@dataclass(frozen=True, slots=True)
class MediaFile:
    """A file of the media store.

    ``version`` identifies its content. ``path`` is the file itself, if it is on this machine.
    """

    key: str
    size_bytes: int
    modified_at: datetime
    version: str
    path: Path | None = None


class StoredFiles(Protocol):
    """Deletes files of the media store."""

    async def delete_files(self, keys: Sequence[str]) -> None:
        """Delete the files that exist, with everything derived from them."""
        ...

    async def delete_published(self, clip: Clip) -> None:
        """Delete what was derived from a clip for the gallery; keep the original."""
        ...


class MediaStore(StoredFiles, Protocol):
    """Files by key."""

    @property
    def working_folder(self) -> Path:
        """The local folder that contains the files which `read` has opened, at their keys."""
        ...

    def read(self, key: str) -> AbstractAsyncContextManager[Path]:
        """Yield a local file with the content, which may disappear after the block."""
        ...

    def write_in(self, folder: str) -> AbstractAsyncContextManager[Path]:
        """Yield a local folder; store its files in ``folder`` when the block ends.

        Files whose name begins with a dot are not stored. If the block raises, nothing may be
        stored.
        """
        ...

    async def find(self, key: str) -> MediaFile | None:
        """Return the file, or `None` if it does not exist or this process may not read it."""
        ...

    async def list_files(self, folder: str) -> list[MediaFile]:
        """Return all files below ``folder``, also what dead processes left there."""
        ...

    def stream(self, file: MediaFile, start: int, size_bytes: int) -> AsyncGenerator[bytes, None]:
        """Yield a part of the file in pieces. Raises `OSError` if it has changed meanwhile."""
        ...

    async def create_link(self, file: MediaFile) -> str | None:
        """Return a signed link to the file that works for some minutes, if the store has any."""
        ...

    async def remove(self, keys: Iterable[str]) -> None:
        """Delete exactly these files, those that exist."""
        ...

    async def abort_uploads(self, *, before: datetime) -> int:
        """Delete the parts of uploads that were begun before a time; return the number of uploads.

        Their processes have died. A folder has none: it lists what they left as files.
        """
        ...


def split_key(key: str) -> tuple[str, str]:
    """Return the folder and the name of a file."""
    folder, _, name = key.rpartition("/")
    return folder, name


def derive_key(key: str, suffix: str) -> str:
    """Return the key of a file that is made from another, such as a poster."""
    return f"{key.rpartition('.')[0]}.{suffix}"
