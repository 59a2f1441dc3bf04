"""Asks for an operation, and keeps the clips that come inside the answer."""

import asyncio
import errno
import hashlib
import shutil
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import aiohttp

from bot.domain.errors import AnswerNotFromGoogle, GoogleUnavailable, RemoteNotFound
from bot.google.api_errors import classify_call_error
from bot.google.connection import STREAM_TIMEOUT, GoogleConnection, read_error_answer
from bot.google.inline_video import InlineAnswerMalformed, InlineVideoReader

INCOMING_FOLDER: Final = "incoming"
"""The folder for inline clips, below the data directory, until they are downloaded."""

_CHUNK_BYTES: Final = 256 * 1024
_MAX_REMEMBERED_FILES: Final = 1000


class OperationRequests:
    """Polls one API; an inline clip goes to a file below ``data_dir`` while the answer arrives."""

    def __init__(self, connection: GoogleConnection, data_dir: Path) -> None:
        self._connection = connection
        self._data_dir = data_dir
        self._operations_by_file: dict[Path, str] = {}

    async def request_operation(
        self, method: str, path: str, *, operation: str, document: Any = None
    ) -> Any:
        """Ask once and return the decoded answer, with each inline clip replaced by its path.

        Raises `GoogleUnavailable`, `AccessRefused` or `RemoteNotFound`.
        """
        url = self._connection.build_url(path)
        headers = await self._connection.get_authorization_headers(url)
        reader = InlineVideoReader(lambda number: self._assign_incoming_path(operation, number))
        try:
            async with self._connection.session.request(
                method,
                url,
                json=document,
                headers=headers,
                allow_redirects=False,
                timeout=STREAM_TIMEOUT,
            ) as response:
                if response.status != HTTPStatus.OK:
                    raise classify_call_error(await read_error_answer(response), "poll")
                return await reader.read(response.content.iter_chunked(_CHUNK_BYTES))
        except InlineAnswerMalformed as error:
            raise AnswerNotFromGoogle(f"poll: {error}") from error
        except (aiohttp.ClientError, TimeoutError, ConnectionError) as error:
            raise GoogleUnavailable(f"poll: {type(error).__name__}") from error

    def _assign_incoming_path(self, operation: str, number: int) -> Path:
        """Return the file of an inline clip, the same for every poll of an operation."""
        digest = hashlib.sha256(operation.encode()).hexdigest()[:32]
        path = self._data_dir / INCOMING_FOLDER / f"{digest}-{number}.mp4"
        self._operations_by_file[path] = operation
        if len(self._operations_by_file) > _MAX_REMEMBERED_FILES:
            del self._operations_by_file[next(iter(self._operations_by_file))]
        return path

    async def move_inline_video(
        self, inline: Path, destination: Path, poll: Callable[[str], Awaitable[object]]
    ) -> None:
        """Move an inline clip to ``destination``; one that was moved before is polled for again.

        Raises `RemoteNotFound` when its operation is unknown, or no longer holds the clip.
        """
        try:
            await asyncio.to_thread(_move_file, inline, destination)
        except FileNotFoundError as error:
            operation = self._operations_by_file.get(inline)
            if operation is None:
                raise RemoteNotFound("the inline clip is gone") from error
            await poll(operation)
            try:
                await asyncio.to_thread(_move_file, inline, destination)
            except FileNotFoundError:
                raise RemoteNotFound("the answer no longer holds the clip") from error


def _move_file(inline: Path, destination: Path) -> None:
    """Move a file, also to another file system. Raises `FileNotFoundError`."""
    destination.parent.mkdir(parents=True, exist_ok=True)
    try:
        inline.replace(destination)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        # Another file system: copy, then rename, so that the file appears whole.
        temporary = destination.with_name(f".{destination.name}.part")
        shutil.copyfile(inline, temporary)
        temporary.replace(destination)
        inline.unlink()
