"""Streams a finished video to disk.

The SDK's download holds the whole clip in memory, follows redirects with the key in its hand and
leaves half a file behind; a clip that was paid for deserves better (docs/decisions/0002).
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from pathlib import Path
from typing import Final

import aiohttp
from yarl import URL

from bot.domain.errors import GoogleBusy, RemoteGone
from bot.google.api_errors import call_error, read_answer
from bot.google.connection import CONNECT_S, Connection
from bot.transfer.partial_file import PartialFile

Sleep = Callable[[float], Awaitable[None]]

_CHUNK: Final = 256 * 1024
_MAX_REDIRECTS: Final = 5
_ATTEMPTS: Final = 4
_FIRST_PAUSE_S: Final = 0.5
_STALL_S: Final = 60.0
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_MOST_ERROR: Final = 64 * 1024
_CONTENT_RANGE: Final = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")


class _Broken(Exception):
    """The connection broke in the middle: not an error yet, the rest is asked for."""


async def download(
    connection: Connection, url: URL, destination: Path, *, sleep: Sleep = asyncio.sleep
) -> int:
    """Stream ``url`` to ``destination`` and return its size in bytes.

    A connection that breaks is taken up again where it broke, where the server allows that. The
    authorization goes to the API's own origin only, however the download is redirected. Raises
    `GoogleBusy`, `AccessRefused` or `RemoteGone`; then nothing stands at ``destination``.
    """
    async with PartialFile(destination) as file:
        progress = _Progress(file)
        for attempt in range(_ATTEMPTS):
            if attempt:
                await sleep(_FIRST_PAUSE_S * 2 ** (attempt - 1))
            try:
                await _stream(connection, url, progress)
            except _Broken as broken:
                reason = broken.__cause__
                continue
            if file.size == 0:
                raise GoogleBusy("download was empty")
            await file.keep()
            return file.size
        raise GoogleBusy(
            f"download broke {_ATTEMPTS} times at byte {file.size}: {type(reason).__name__}"
        ) from reason


class _Progress:
    """How far a download is: what was written, how much there is, and which version it is of."""

    def __init__(self, file: PartialFile) -> None:
        self.file = file
        self.total: int | None = None
        self.version: str | None = None

    def request_headers(self) -> dict[str, str]:
        headers = {"Accept-Encoding": "identity"}
        if self.file.size and self.total is not None:
            headers["Range"] = f"bytes={self.file.size}-"
            if self.version is not None:
                headers["If-Range"] = self.version
        return headers

    async def accept(self, response: aiohttp.ClientResponse) -> None:
        """Match the answer with what is there already, or begin again."""
        if response.status == HTTPStatus.PARTIAL_CONTENT:
            found = _CONTENT_RANGE.fullmatch(response.headers.get("Content-Range", ""))
            if (
                found is None
                or int(found[1]) != self.file.size
                or found[2] not in ("*", str(self.total))
            ):
                # Another part than the one asked for: the next attempt asks for everything.
                await self._begin_again(None)
                raise _Broken from ValueError("Content-Range")
            return
        await self._begin_again(response.content_length)
        tag = response.headers.get("ETag")
        self.version = tag if tag and not tag.startswith("W/") else None

    async def _begin_again(self, total: int | None) -> None:
        self.total, self.version = total, None
        if self.file.size:
            await self.file.restart()


async def _stream(connection: Connection, url: URL, progress: _Progress) -> None:
    """Make one attempt, through its redirects. Raises `_Broken` when another may go on."""
    for _ in range(_MAX_REDIRECTS + 1):
        headers = {**progress.request_headers(), **await connection.headers_for(url)}
        try:
            async with connection.session.get(
                url,
                headers=headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(
                    total=None, sock_connect=CONNECT_S, sock_read=_STALL_S
                ),
            ) as response:
                if response.status in _REDIRECTS:
                    url = _follow(url, response)
                    continue
                await _check(response)
                await progress.accept(response)
                async for chunk in response.content.iter_chunked(_CHUNK):
                    await progress.file.write(chunk)
        except (aiohttp.ClientError, TimeoutError, ConnectionError) as error:
            raise _Broken from error
        size, total = progress.file.size, progress.total
        if total is not None and size != total:
            raise _Broken from EOFError(f"{size} of {total} bytes")
        return
    raise GoogleBusy("download was redirected too often")


def _follow(url: URL, response: aiohttp.ClientResponse) -> URL:
    """Return where the redirect leads; never from https down to http."""
    location = response.headers.get("Location")
    if not location:
        raise GoogleBusy("download was redirected nowhere")
    target = url.join(URL(location, encoded=True))
    if target.scheme not in ("http", "https") or (url.scheme, target.scheme) == ("https", "http"):
        raise GoogleBusy("download was redirected to an unsafe address")
    return target


async def _check(response: aiohttp.ClientResponse) -> None:
    if response.status in (HTTPStatus.OK, HTTPStatus.PARTIAL_CONTENT):
        return
    raw = await response.content.read(_MOST_ERROR)
    answer = read_answer(response.status, raw, response.headers.get("Retry-After"))
    error = call_error(answer, "download")
    if response.status == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
        raise GoogleBusy("download: the file changed")
    if response.status == HTTPStatus.FORBIDDEN and not answer.google:
        # A signed address that a redirect led to has run out: the API gives out a new one.
        raise GoogleBusy("download: the signed address was refused")
    if isinstance(error, RemoteGone):
        raise RemoteGone("the file is no longer there", detail=error.detail)
    raise error
