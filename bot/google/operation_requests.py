"""Polls operations, and stores clips that come inside the answer as files."""

import asyncio
import errno
import hashlib
import shutil
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import aiohttp

from bot.domain.errors import AnswerNotFromGoogle, GoogleUnavailable, RemoteNotFound
from bot.google.answers import GoogleAnswer
from bot.google.api_errors import classify_call_error
from bot.google.connection import STREAM_TIMEOUT, GoogleConnection
from bot.google.inline_video import VEO_VIDEO_KEYS, InlineAnswerMalformed, InlineVideoReader

INCOMING_FOLDER: Final = "incoming"
"""The folder below the data directory for inline clips, until they are moved to their place."""

_CHUNK_BYTES: Final = 256 * 1024
_MAX_REMEMBERED_FILES: Final = 1000


@dataclass(frozen=True, slots=True)
class OperationAnswer:
    """An answer to a poll: its document, or the error that came instead.

    ``inline_files`` are the files with the content that was inside the document. The document
    contains their paths.
    """

    document: Any = None
    refusal: GoogleAnswer | None = None
    inline_files: tuple[Path, ...] = ()


class OperationRequests:
    """Polls one API, and writes inline clips to files below ``data_dir`` while they arrive.

    ``inline_keys`` are the JSON keys whose values are files as base64.
    """

    def __init__(
        self,
        connection: GoogleConnection,
        data_dir: Path,
        *,
        inline_keys: Sequence[str] = VEO_VIDEO_KEYS,
    ) -> None:
        self._connection = connection
        self._data_dir = data_dir
        self._inline_keys = tuple(inline_keys)
        self._operations_by_file: dict[Path, str] = {}

    async def request_operation(
        self, method: str, path: str, *, operation: str, document: Any = None
    ) -> Any:
        """Poll once and return the decoded answer, with each inline clip replaced by its path.

        Raises `GoogleUnavailable`, `AccessRefused` or `RemoteNotFound`.
        """
        answer = await self.request_answer(method, path, operation=operation, document=document)
        if answer.refusal is not None:
            raise classify_call_error(answer.refusal, "poll")
        return answer.document

    async def request_answer(
        self, method: str, path: str, *, operation: str, document: Any = None
    ) -> OperationAnswer:
        """Poll once and return the answer, even if it is an error. Raises `GoogleUnavailable`."""
        url = self._connection.build_url(path)
        headers = await self._connection.get_authorization_headers(url)
        reader = InlineVideoReader(
            lambda number: self._assign_incoming_path(operation, number), self._inline_keys
        )
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
                    refusal = await self._connection.read_error_answer(response)
                    return OperationAnswer(refusal=refusal)
                decoded = await reader.read(response.content.iter_chunked(_CHUNK_BYTES))
                return OperationAnswer(decoded, inline_files=tuple(reader.files))
        except InlineAnswerMalformed as error:
            raise AnswerNotFromGoogle(f"poll: {error}") from error
        except (aiohttp.ClientError, TimeoutError, ConnectionError) as error:
            raise GoogleUnavailable(f"poll: {type(error).__name__}") from error

    def _assign_incoming_path(self, operation: str, number: int) -> Path:
        """Return the path for an inline clip, which is the same for every poll of an operation."""
        digest = hashlib.sha256(operation.encode()).hexdigest()[:32]
        path = self._data_dir / INCOMING_FOLDER / f"{digest}-{number}.mp4"
        self._operations_by_file[path] = operation
        if len(self._operations_by_file) > _MAX_REMEMBERED_FILES:
            del self._operations_by_file[next(iter(self._operations_by_file))]
        return path

    async def move_inline_video(
        self, inline: Path, destination: Path, poll: Callable[[str], Awaitable[object]]
    ) -> None:
        """Move an inline clip to ``destination``. If the file is gone, poll for it again.

        Raises `RemoteNotFound` if the operation is unknown, or its answer no longer has the clip.
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
                raise RemoteNotFound("the answer no longer contains the clip") from error


def _move_file(inline: Path, destination: Path) -> None:
    """Move a file, also to another file system. Raises `FileNotFoundError`."""
    destination.parent.mkdir(parents=True, exist_ok=True)
    try:
        inline.replace(destination)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        # On another file system, copy and then rename, so that the file is never incomplete.
        temporary = destination.with_name(f".{destination.name}.part")
        shutil.copyfile(inline, temporary)
        temporary.replace(destination)
        inline.unlink()
