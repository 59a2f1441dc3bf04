"""Streams finished videos to disk.

The SDK's own download keeps the whole clip in memory, sends the key to redirect targets and leaves
partial files (docs/decisions/0002).
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Final

import aiohttp
from yarl import URL

from bot.domain.errors import AnswerNotFromGoogle, GoogleUnavailable
from bot.google.answers import find_page_title
from bot.google.api_errors import classify_call_error
from bot.google.connection import STREAM_TIMEOUT, GoogleConnection
from bot.transfer.partial_file import PartialFile

Sleep = Callable[[float], Awaitable[None]]

_CHUNK_BYTES: Final = 256 * 1024
_MAX_REDIRECTS: Final = 5
_MAX_ATTEMPTS: Final = 4
_INITIAL_BACKOFF_S: Final = 0.5
_REDIRECT_STATUSES: Final = frozenset({301, 302, 303, 307, 308})
_PAGE_STARTS: Final = (b"<", b"{")
_CONTENT_RANGE_PATTERN: Final = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")


@dataclass(frozen=True, slots=True)
class ExpectedContent:
    """A file's size in bytes and its SHA-256 in hexadecimal, as far as Google states them."""

    size: int | None
    sha256: str | None


class _ConnectionBroken(Exception):
    """The download stopped early, and another attempt may get the rest."""


async def download_file(
    connection: GoogleConnection,
    url: URL,
    destination: Path,
    *,
    sleep: Sleep = asyncio.sleep,
    expected: ExpectedContent | None = None,
) -> str:
    """Stream ``url`` to ``destination`` and return its SHA-256 in hexadecimal.

    A broken download resumes where it stopped if the server allows it. If the content is not
    ``expected``, it is downloaded again. Authorization headers only go to the API's own origin, not
    to the target of a redirect.

    Raises `GoogleUnavailable`, `AccessRefused` or `RemoteNotFound`, and then leaves no file at
    ``destination``.
    """
    async with PartialFile(destination, with_sha256=True) as file:
        progress = _DownloadProgress(file)
        for attempt in range(_MAX_ATTEMPTS):
            if attempt:
                await sleep(_INITIAL_BACKOFF_S * 2 ** (attempt - 1))
            try:
                await _attempt_download(connection, url, progress)
                if expected is not None:
                    await progress.require_content(expected)
            except _ConnectionBroken as error:
                reason = error.__cause__
                continue
            if file.size == 0:
                raise GoogleUnavailable("download was empty")
            sha256 = await file.compute_sha256()
            await file.commit()
            return sha256
        raise GoogleUnavailable(
            f"download broke {_MAX_ATTEMPTS} times at byte {file.size}: {_describe_error(reason)}"
        ) from reason


@dataclass(slots=True)
class _DownloadProgress:
    """What has been written so far, and the size and version (ETag) of the file at Google."""

    file: PartialFile
    total_bytes: int | None = None
    etag: str | None = None

    def build_range_headers(self) -> dict[str, str]:
        headers = {"Accept-Encoding": "identity"}
        if self.file.size and self.total_bytes is not None:
            headers["Range"] = f"bytes={self.file.size}-"
            if self.etag is not None:
                headers["If-Range"] = self.etag
        return headers

    async def accept_response(self, response: aiohttp.ClientResponse) -> None:
        """Prepare the file for the response: continue at its end, or start over.

        Raises `_ConnectionBroken` if the response is not the part that was requested.
        """
        if response.status == HTTPStatus.PARTIAL_CONTENT:
            content_range = _CONTENT_RANGE_PATTERN.fullmatch(
                response.headers.get("Content-Range", "")
            )
            if not self._is_next_part(content_range):
                # Make the next attempt request the whole file.
                await self._restart_file(None)
                raise _ConnectionBroken from ValueError("Content-Range")
            if content_range is not None and content_range[3] != "*":
                self.total_bytes = int(content_range[3])  # also set if no range was requested
            return
        await self._restart_file(response.content_length)
        tag = response.headers.get("ETag")
        self.etag = tag if tag and not tag.startswith("W/") else None

    def _is_next_part(self, content_range: re.Match[str] | None) -> bool:
        """Whether the part continues at the end of our file; a whole file continues at 0."""
        if content_range is None:
            return False
        start, end, total = content_range[1], content_range[2], content_range[3]
        if self.total_bytes is None and (total == "*" or int(end) + 1 != int(total)):
            return False  # only a part, although the whole file was requested
        return int(start) == self.file.size and total in ("*", str(self.total_bytes or total))

    async def require_content(self, expected: ExpectedContent) -> None:
        """Restart the file and raise `_ConnectionBroken` if it is not ``expected``."""
        size, sha256 = self.file.size, None
        if expected.size in (None, size) and expected.sha256 is not None:
            sha256 = await self.file.compute_sha256()
        if expected.size not in (None, size):
            mismatch = f"{size} of {expected.size} bytes"
        elif sha256 != expected.sha256:
            mismatch = "a wrong SHA-256"
        else:
            return
        await self._restart_file(None)
        raise _ConnectionBroken from EOFError(mismatch)

    async def _restart_file(self, total_bytes: int | None) -> None:
        self.total_bytes, self.etag = total_bytes, None
        if self.file.size:
            await self.file.restart()


async def _attempt_download(
    connection: GoogleConnection, url: URL, progress: _DownloadProgress
) -> None:
    """Download once, following redirects. Raises `_ConnectionBroken` if a retry may succeed."""
    for _ in range(_MAX_REDIRECTS + 1):
        headers = progress.build_range_headers() | await connection.get_authorization_headers(url)
        try:
            async with connection.session.get(
                url, headers=headers, allow_redirects=False, timeout=STREAM_TIMEOUT
            ) as response:
                if response.status in _REDIRECT_STATUSES:
                    url = _resolve_redirect(url, response)
                    continue
                await _check_response(connection, response)
                await progress.accept_response(response)
                async for chunk in response.content.iter_chunked(_CHUNK_BYTES):
                    if progress.file.size == 0:
                        _check_first_bytes(chunk)
                    await progress.file.write(chunk)
        except (aiohttp.ClientError, TimeoutError, ConnectionError) as error:
            raise _ConnectionBroken from error
        size, total = progress.file.size, progress.total_bytes
        if total is not None and size != total:
            raise _ConnectionBroken from EOFError(f"{size} of {total} bytes")
        return
    raise GoogleUnavailable("download was redirected too often")


def _resolve_redirect(url: URL, response: aiohttp.ClientResponse) -> URL:
    """Return the redirect's target. Raises `GoogleUnavailable` if it is invalid or a downgrade."""
    location = response.headers.get("Location")
    if not location:
        raise GoogleUnavailable("download was redirected without an address")
    try:
        target = url.join(URL(location, encoded=True))
        port = target.port  # yarl does not parse the port before
    except ValueError as error:
        raise GoogleUnavailable("download was redirected to a malformed address") from error
    if (
        port is None
        or target.scheme not in ("http", "https")
        or (url.scheme, target.scheme) == ("https", "http")
    ):
        raise GoogleUnavailable("download was redirected to an unsafe address")
    return target


async def _check_response(connection: GoogleConnection, response: aiohttp.ClientResponse) -> None:
    if response.status in (HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT):
        return
    answer = await connection.read_error_answer(response)
    if response.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        raise GoogleUnavailable("download: the file has changed")
    if response.status == HTTPStatus.FORBIDDEN and not answer.is_from_google:
        # The signed url of the redirect has expired, but the API issues a new one.
        raise AnswerNotFromGoogle(
            f"download: the signed address was refused ({answer})", status=response.status
        )
    raise classify_call_error(answer, "download")


def _check_first_bytes(chunk: bytes) -> None:
    """Raise `AnswerNotFromGoogle` if the content is a page, whatever its Content-Type says.

    The video is still at Google, and downloading it again is free.
    """
    if chunk.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] in _PAGE_STARTS:
        page = find_page_title(chunk[:4096].decode(errors="replace"))
        raise AnswerNotFromGoogle("download answered with a page" + (f": “{page}”" if page else ""))


def _describe_error(reason: BaseException | None) -> str:
    return " ".join(filter(None, [type(reason).__name__, str(reason) if reason else ""]))[:200]
