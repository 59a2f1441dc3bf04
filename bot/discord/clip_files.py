"""Opens clips and pictures as attachments that are streamed to Discord."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from io import BufferedReader, FileIO
from pathlib import Path

import discord

from bot.domain.clips.media_store import MediaStore
from bot.domain.clips.upload_options import PreparedUpload
from bot.domain.errors import MediaUnavailable, RecordNotFound
from bot.ui.clip_card import STATUS_PICTURE_NAME
from bot.ui.upload_notes import list_attachments


@asynccontextmanager
async def open_attachments(
    uploads: Sequence[PreparedUpload],
    *,
    media_store: MediaStore,
    may_send: Callable[[], None] | None = None,
) -> AsyncIterator[list[discord.File]]:
    """Open the files of ``uploads``. Raises `MediaUnavailable`, `RecordNotFound` if one is missing.

    ``may_send`` is called before each read, and cancels the upload if it raises.
    """
    files: list[discord.File] = []
    try:
        for key, name in (file for upload in uploads for file in list_attachments(upload)):
            async with media_store.read(key) as path:  # an open file is readable after the block
                files.append(await asyncio.to_thread(_open_file, path, name, may_send))
        yield files
    except FileNotFoundError as error:
        raise RecordNotFound("clip_file") from error
    finally:
        for file in files:
            file.close()
            file.fp.close()  # discord.py does not close files that were passed as objects


@asynccontextmanager
async def open_picture(
    key: str | None, *, media_store: MediaStore
) -> AsyncIterator[list[discord.File]]:
    """Open the picture of a status message; yield nothing if it has none or cannot be read."""
    files: list[discord.File] = []
    if key is not None:
        with suppress(FileNotFoundError, MediaUnavailable):
            async with media_store.read(key) as path:
                files.append(await asyncio.to_thread(_open_file, path, STATUS_PICTURE_NAME, None))
    try:
        yield files
    finally:
        for file in files:
            file.close()


class _GuardedFile(BufferedReader):
    """A file that calls ``may_send`` before each read, because discord.py may delay a post."""

    def __init__(self, path: Path, may_send: Callable[[], None]) -> None:
        super().__init__(FileIO(path))
        self._may_send = may_send

    def read(self, size: int | None = -1, /) -> bytes:
        self._may_send()
        return super().read(size)


def _open_file(path: Path, name: str, may_send: Callable[[], None] | None) -> discord.File:
    return discord.File(path if may_send is None else _GuardedFile(path, may_send), name)
