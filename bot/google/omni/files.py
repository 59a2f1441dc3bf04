"""The parts of the Files API that Gemini Omni needs: the state of a clip's file, and uploads.

Google may still process a clip's file for some time after its interaction has completed. Clips are
always uploaded before a request uses them. Images are only if they are too large for the request.
"""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

import aiohttp
from yarl import URL

from bot.domain.errors import (
    AnswerNotFromGoogle,
    GoogleUnavailable,
    RemoteNotFound,
    VideoError,
    VideoNotFetchable,
    VideoRefused,
)
from bot.domain.jobs.job import Outcome
from bot.domain.ports import Clock
from bot.google.answers import GoogleAnswer
from bot.google.api_errors import classify_call_error
from bot.google.connection import CONNECT_S, SUBMIT_S, GoogleConnection
from bot.google.gemini_files import RemoteFile, build_expected_content, find_file_name
from bot.google.operations import as_mapping, read_time
from bot.google.storage import read_chunks

_API_VERSION: Final = "v1beta"
_PROCESSING_WAIT_S: Final = 120.0
"""The longest time observed between an interaction's end and a usable file was 95 s."""
_PROCESSING_POLL_INTERVAL_S: Final = 3.0
_PROCESSING_RETRY_S: Final = 10.0
_UPLOAD_LIFETIME: Final = timedelta(hours=46)
"""Google keeps uploads for 48 hours."""
_MAX_REMEMBERED_UPLOADS: Final = 100


class FilesApi:
    """A client of the Files API that remembers its uploads, because a job may be sent again."""

    def __init__(self, connection: GoogleConnection, clock: Clock) -> None:
        self._connection = connection
        self._clock = clock
        self._uploads: dict[Path, tuple[str, datetime]] = {}
        """By path: the name of the upload, and until when Google keeps it."""

    async def get_file(self, name: str) -> RemoteFile:
        """Return a file's record. Raises `GoogleUnavailable`, `AccessRefused`, `RemoteNotFound`."""
        answer = await self._connection.request_json("GET", f"{_API_VERSION}/{name}", label="file")
        return _read_file(answer)

    async def wait_until_active(self, name: str) -> RemoteFile:
        """Wait up to two minutes while Google processes a file.

        Raises `GoogleUnavailable` if it takes longer, `VideoNotFetchable` if the processing failed,
        and the errors of `get_file`.
        """
        deadline = self._clock.monotonic() + _PROCESSING_WAIT_S
        while True:
            file = await self.get_file(name)
            if file.state == "FAILED":
                raise VideoNotFetchable("Google could not process the file")
            if file.state != "PROCESSING":
                return file
            if self._clock.monotonic() >= deadline:
                raise GoogleUnavailable(
                    "the file is still processing", retry_after_s=_PROCESSING_RETRY_S
                )
            await self._clock.sleep(_PROCESSING_POLL_INTERVAL_S)

    async def find_expiry(self, uri: str, latest: datetime) -> datetime:
        """Return when Google deletes a file, at most ``latest``, which is also used if unknown.

        If Google only states when the file was created, its age is subtracted from ``latest``.
        """
        name = find_file_name(uri)
        try:
            file = None if name is None else await self.get_file(name)
        except VideoError:
            return latest
        if file is None:
            return latest
        if file.expires_at is not None:
            return min(latest, file.expires_at)
        age = self._clock.now() - (file.created_at or self._clock.now())
        return latest - max(age, timedelta())

    async def upload(self, path: Path, mime_type: str) -> str:
        """Upload a file, unless Google still has it, and return its uri when it is ready for use.

        Raises `FileNotFoundError`, `VideoRefused` if Google cannot read the file, and the errors of
        `get_file`.
        """
        name = await self._find_upload(path) or await self._upload_file(path, mime_type)
        try:
            file = await self.wait_until_active(name)
        except VideoNotFetchable as error:
            self._uploads.pop(path, None)
            raise VideoRefused(str(error), outcome=Outcome.INVALID) from error
        return file.uri or str(self._connection.build_url(f"{_API_VERSION}/{name}"))

    async def _find_upload(self, path: Path) -> str | None:
        """Return the name of an earlier upload, if Google still has it."""
        name, kept_until = self._uploads.get(path, ("", self._clock.now()))
        if not name or self._clock.now() >= kept_until:
            return None
        try:
            await self.get_file(name)
        except RemoteNotFound:
            self._uploads.pop(path, None)  # another job may have removed it meanwhile
            return None
        return name

    async def _upload_file(self, path: Path, mime_type: str) -> str:
        size = (await asyncio.to_thread(path.stat)).st_size
        url = await self._begin_upload(size, mime_type)
        # The upload url is enough. Sending the key could only leak it.
        headers = {
            "X-Goog-Upload-Command": "upload, finalize",
            "X-Goog-Upload-Offset": "0",
            "Content-Length": str(size),
        }
        timeout = aiohttp.ClientTimeout(total=SUBMIT_S, sock_connect=CONNECT_S)
        try:
            async with self._connection.session.post(
                url,
                data=read_chunks(path),
                headers=headers,
                allow_redirects=False,
                timeout=timeout,
            ) as response:
                if response.status != HTTPStatus.OK:
                    answer = await self._connection.read_error_answer(response)
                    raise _classify_upload_error(answer)
                answer = await response.json(content_type=None)
        except (aiohttp.ClientError, TimeoutError, ConnectionError) as error:
            raise GoogleUnavailable(f"upload: {type(error).__name__}") from error
        except ValueError as error:
            raise AnswerNotFromGoogle("upload answered without JSON") from error
        name = _read_file(as_mapping(answer).get("file")).name
        self._uploads[path] = (name, self._clock.now() + _UPLOAD_LIFETIME)
        if len(self._uploads) > _MAX_REMEMBERED_UPLOADS:
            del self._uploads[next(iter(self._uploads))]
        return name

    async def _begin_upload(self, size: int, mime_type: str) -> URL:
        """Announce an upload and return the url for its bytes."""
        start = self._connection.build_url(f"upload/{_API_VERSION}/files")
        headers = {
            **await self._connection.get_authorization_headers(start),
            "X-Goog-Upload-Protocol": "resumable",
            "X-Goog-Upload-Command": "start",
            "X-Goog-Upload-Header-Content-Length": str(size),
            "X-Goog-Upload-Header-Content-Type": mime_type,
        }
        try:
            async with self._connection.session.post(
                start, json={"file": {}}, headers=headers, allow_redirects=False
            ) as response:
                if response.status != HTTPStatus.OK:
                    answer = await self._connection.read_error_answer(response)
                    raise _classify_upload_error(answer)
                address = response.headers.get("X-Goog-Upload-URL", "")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise GoogleUnavailable(f"upload: {type(error).__name__}") from error
        return self._check_upload_url(start, address)

    def _check_upload_url(self, start: URL, address: str) -> URL:
        """Return the upload url. Raises `AnswerNotFromGoogle` if it is invalid or a downgrade."""
        try:
            url = start.join(URL(address, encoded=True))
            is_valid = bool(address and url.host) and url.port is not None
        except ValueError as error:
            raise AnswerNotFromGoogle("upload answered with a malformed address") from error
        if not is_valid or url.scheme not in ("http", "https"):
            raise AnswerNotFromGoogle("upload answered without an address")
        if (start.scheme, url.scheme) == ("https", "http"):
            raise AnswerNotFromGoogle("upload answered with an unsafe address")
        return url


def _classify_upload_error(answer: GoogleAnswer) -> VideoError:
    """Return the error for a refused upload; `VideoRefused` if Google does not accept the file."""
    error = classify_call_error(answer, "upload")
    if type(error) is GoogleUnavailable and HTTPStatus.BAD_REQUEST <= answer.status < 500:
        return VideoRefused(str(error), outcome=Outcome.INVALID, detail=answer.detail)
    return error


def _read_file(answer: Any) -> RemoteFile:
    values: Mapping[str, Any] = as_mapping(answer)
    name = find_file_name(str(values.get("name") or ""))
    if name is None:
        raise AnswerNotFromGoogle("file answered without a name")
    size, digest = str(values.get("sizeBytes")), values.get("sha256Hash")
    return RemoteFile(
        name=name,
        state=str(values.get("state") or ""),
        uri=values["uri"] if isinstance(values.get("uri"), str) else None,
        expires_at=read_time(values.get("expirationTime")),
        created_at=read_time(values.get("createTime")),
        content=build_expected_content(
            int(size) if size.isdecimal() else None,
            digest if isinstance(digest, str) else None,
        ),
    )
