"""Sends files of the media store and ranges of them, without reading them into memory.

A file on this machine is sent with ``sendfile``. An object of a bucket is passed on as it arrives,
because visitors may only see what is public right now.

This replaces aiohttp's `FileResponse`, which responds to several ranges with 416 and to ``HEAD``
with 206, and waits forever for a stalled reader.
"""

import asyncio
import math
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO, Final

from aiohttp import ETag, hdrs, web

from bot.domain.clips.media_store import MediaFile, MediaStore
from bot.web.byte_ranges import ByteRange, RangeUnsatisfiable, parse_range
from bot.web.responses import REVALIDATE_ALWAYS
from bot.web.site import WEB_CAPACITY, WEB_INSTRUMENTS

_CHUNK_BYTES: Final = 64 * 1024
"""Bytes that a reader has to accept within `WebCapacity.stall_timeout_s`."""


@dataclass(frozen=True, slots=True)
class FileVersion:
    """Identifies the content of a file.

    ``modified_s`` is the time of change for ``Last-Modified``, in whole seconds.
    """

    tag: str
    size_bytes: int
    modified_s: int

    @classmethod
    def read_open_file(cls, file: BinaryIO) -> "FileVersion":
        status = os.fstat(file.fileno())
        tag = f"{status.st_mtime_ns:x}-{status.st_size:x}"
        return cls(tag, status.st_size, math.ceil(status.st_mtime_ns / 1e9))


async def send_file(
    request: web.Request,
    media_store: MediaStore,
    file: MediaFile,
    *,
    content_type: str,
    headers: Mapping[str, str] | None = None,
) -> web.StreamResponse:
    """Send ``file`` or the requested part.

    Raises `web.HTTPNotFound` if it cannot be opened, and `MediaUnavailable`.
    """
    response = web.StreamResponse(headers=headers)
    response.headers[hdrs.CONTENT_TYPE] = content_type  # so that browsers do not guess it
    response.headers[hdrs.CACHE_CONTROL] = REVALIDATE_ALWAYS
    response.headers[hdrs.ACCEPT_RANGES] = "bytes"
    if file.path is None:
        await _send_object(request, response, media_store, file)
    else:
        await _send_local_file(request, response, file.path)
    return response


async def _send_local_file(request: web.Request, response: web.StreamResponse, path: Path) -> None:
    try:
        file = await _open_file(path)
    except OSError as error:
        raise web.HTTPNotFound from error
    try:
        part = _decide_response(request, response, FileVersion.read_open_file(file))
        await response.prepare(request)
        if part is not None and request.method != hdrs.METH_HEAD:
            await _send_part(request, file, part)
        await response.write_eof()
    finally:
        file.close()


async def _send_object(
    request: web.Request, response: web.StreamResponse, media_store: MediaStore, file: MediaFile
) -> None:
    modified_s = math.ceil(file.modified_at.timestamp())
    part = _decide_response(
        request, response, FileVersion(file.version, file.size_bytes, modified_s)
    )
    if part is None or not part.size_bytes or request.method == hdrs.METH_HEAD:
        await response.prepare(request)
        await response.write_eof()
        return
    async with aclosing(media_store.stream(file, part.start, part.size_bytes)) as chunks:
        try:
            first = await anext(chunks)  # before the status is sent, which may be another
        except FileNotFoundError as error:
            raise web.HTTPNotFound from error
        await response.prepare(request)
        await _pass_on(request, response, first, chunks)
    await response.write_eof()


async def _pass_on(
    request: web.Request,
    response: web.StreamResponse,
    first: bytes,
    following: AsyncIterator[bytes],
) -> None:
    """Send chunks as they arrive. Raises `ConnectionError` if either side is gone or stalls."""
    try:
        await _write_chunk(request, response, first)
        async for chunk in following:
            await _write_chunk(request, response, chunk)
    except ConnectionError:
        raise
    except OSError as error:  # too late for another status
        if request.transport is not None:
            request.transport.abort()
        raise ConnectionResetError("the object store has stopped sending") from error


async def _write_chunk(request: web.Request, response: web.StreamResponse, chunk: bytes) -> None:
    for start in range(0, len(chunk), _CHUNK_BYTES):
        try:
            async with asyncio.timeout(request.app[WEB_CAPACITY].stall_timeout_s):
                await response.write(chunk[start : start + _CHUNK_BYTES])
        except TimeoutError as error:
            request.app[WEB_INSTRUMENTS].stalled_readers.inc()
            if request.transport is not None:
                request.transport.abort()
            raise ConnectionResetError("the client has stopped reading") from error


async def _open_file(path: Path) -> BinaryIO:
    """Open a file in a thread, and close it if the caller is cancelled. Raises `OSError`."""
    opening = asyncio.create_task(asyncio.to_thread(path.open, "rb"))
    try:
        return await asyncio.shield(opening)
    except asyncio.CancelledError:
        opening.add_done_callback(_close_opened_file)
        raise


def _close_opened_file(opening: asyncio.Future[BufferedReader]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()


def _decide_response(
    request: web.Request, response: web.StreamResponse, version: FileVersion
) -> ByteRange | None:
    """Set the status and its headers. Return the part to send, or `None` if there is no body."""
    response.etag = ETag(version.tag)
    response.last_modified = version.modified_s
    if not _meets_preconditions(request, version):
        response.set_status(412)
        response.content_length = 0
        return None
    if _is_known(request, version):
        response.set_status(304)
        del response.headers[hdrs.CONTENT_TYPE]
        return None
    try:
        part = parse_range(_get_range_header(request, version), version.size_bytes)
    except RangeUnsatisfiable:
        response.set_status(416)
        response.headers[hdrs.CONTENT_RANGE] = f"bytes */{version.size_bytes}"
        response.content_length = 0
        return None
    if part is not None:
        response.set_status(206)
        last = part.start + part.size_bytes - 1
        response.headers[hdrs.CONTENT_RANGE] = f"bytes {part.start}-{last}/{version.size_bytes}"
    part = part or ByteRange(0, version.size_bytes)
    response.content_length = part.size_bytes
    return part


def _meets_preconditions(request: web.Request, version: FileVersion) -> bool:
    """Return whether the client expects this version (RFC 9110, 13.1.1 and 13.1.4)."""
    tags = request.if_match
    if tags is not None:
        return any(
            tag.value == "*" or (tag.value == version.tag and not tag.is_weak) for tag in tags
        )
    since = request.if_unmodified_since
    return since is None or version.modified_s <= since.timestamp()


def _is_known(request: web.Request, version: FileVersion) -> bool:
    """Return whether the client already has this version (RFC 9110, 13.1.2 and 13.1.3)."""
    tags = request.if_none_match
    if tags is not None:
        return any(tag.value in ("*", version.tag) for tag in tags)
    since = request.if_modified_since
    return since is not None and version.modified_s <= since.timestamp()


def _get_range_header(request: web.Request, version: FileVersion) -> str | None:
    """Return the ``Range`` header, unless ``If-Range`` names another version (RFC 9110, 13.1.5)."""
    if request.method != hdrs.METH_GET:
        return None
    condition = request.headers.get(hdrs.IF_RANGE, "").strip()
    if condition.startswith(('"', "W/")):
        is_current = condition == f'"{version.tag}"'
    elif condition:
        date = request.if_range
        is_current = date is not None and date.timestamp() == version.modified_s
    else:
        is_current = True
    return request.headers.get(hdrs.RANGE) if is_current else None


async def _send_part(request: web.Request, file: BinaryIO, part: ByteRange) -> None:
    """Send a part of the file. Raises `ConnectionError` if the reader is gone or has stalled."""
    loop = asyncio.get_running_loop()
    offset, end = part.start, part.start + part.size_bytes
    while offset < end:
        transport = request.transport
        if transport is None:
            raise ConnectionResetError("the client has disconnected")
        try:
            async with asyncio.timeout(request.app[WEB_CAPACITY].stall_timeout_s):
                chunk_bytes = min(_CHUNK_BYTES, end - offset)
                sent = await loop.sendfile(transport, file, offset, chunk_bytes)
        except TimeoutError as error:
            request.app[WEB_INSTRUMENTS].stalled_readers.inc()
            transport.abort()
            raise ConnectionResetError("the client has stopped reading") from error
        if sent == 0:  # the file has become shorter than Content-Length says
            transport.abort()
            raise ConnectionResetError("the file ended early")
        offset += sent
