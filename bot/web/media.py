"""The files of clips: streamed by the kernel, in ranges, never through our memory.

A file is found by the number of a clip that everybody may see at this moment; nothing of a request
ever becomes part of a path.
"""

import asyncio
import os
from pathlib import Path
from typing import Final

import structlog
from aiohttp import hdrs, web
from aiohttp.abc import AbstractStreamWriter

from bot.domain.showcase.gallery import GalleryEntry
from bot.web.site import SITE, get_public_entry

REVALIDATE_ALWAYS: Final = "private, no-cache"
"""In the visitor's own browser only, and asked for anew each time: what is withdrawn is gone."""

_log: Final = structlog.get_logger(__name__)


class MediaResponse(web.FileResponse):
    """A file with ranges; `If-Range` also holds for entity tags (RFC 9110, 13.1.5).

    aiohttp reads that header only as a date, so a stale tag would get a part of a newer file.
    """

    def __init__(
        self, path: Path, content_type: str, *, cache_control: str = REVALIDATE_ALWAYS
    ) -> None:
        # a file's own type, never one that a browser would run
        headers = {hdrs.CONTENT_TYPE: content_type, hdrs.CACHE_CONTROL: cache_control}
        super().__init__(path, chunk_size=256 * 1024, headers=headers)

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        """Send headers and file."""
        condition = request.headers.get(hdrs.IF_RANGE, "")
        if condition.startswith(('"', "W/")):
            try:
                found = self._path.stat()
                same = condition == f'"{found.st_mtime_ns:x}-{found.st_size:x}"'
            except OSError:
                same = False
            kept = request.headers.copy()
            del kept[hdrs.IF_RANGE]
            if not same:
                kept.popall(hdrs.RANGE, None)
            request = request.clone(headers=kept)
        return await super().prepare(request)


async def is_readable(path: Path) -> bool:
    """Return whether there is a file that this process may read.

    aiohttp answers for one that is not with an empty page of its own.
    """
    return await asyncio.to_thread(lambda: path.is_file() and os.access(path, os.R_OK))


async def send_video(request: web.Request) -> web.StreamResponse:
    """The clip itself."""
    entry = await get_public_entry(request)
    return await _send_file(request.app[SITE].data_dir / entry.clip.path, "video/mp4", entry)


async def send_poster(request: web.Request) -> web.StreamResponse:
    """A picture of it."""
    entry = await get_public_entry(request)
    try:
        path = await request.app[SITE].thumbnails.get_poster(entry.clip)
    except (FileNotFoundError, ValueError) as error:
        _log.warning("poster.missing", clip=entry.clip.id, error=type(error).__name__)
        raise web.HTTPNotFound from error
    return await _send_file(path, "image/jpeg", entry)


async def send_preview(request: web.Request) -> web.StreamResponse:
    """A few silent seconds of it."""
    entry = await get_public_entry(request)
    try:
        path = await request.app[SITE].thumbnails.get_preview(entry.clip)
    except (FileNotFoundError, ValueError) as error:
        _log.warning("preview.missing", clip=entry.clip.id, error=type(error).__name__)
        raise web.HTTPNotFound from error
    return await _send_file(path, "video/mp4", entry)


async def _send_file(path: Path, content_type: str, entry: GalleryEntry) -> MediaResponse:
    if not await is_readable(path):
        _log.warning("file.missing", clip=entry.clip.id, name=path.name)
        raise web.HTTPNotFound
    return MediaResponse(path, content_type)


async def send_asset(request: web.Request) -> web.Response:
    """What pages are made of, out of memory; an address with its digest stays as it is."""
    asset = request.app[SITE].assets.get(request.match_info["name"])
    if asset is None:
        raise web.HTTPNotFound
    pinned = request.query.get("v") == asset.digest
    headers = {
        hdrs.CACHE_CONTROL: f"public, max-age={31536000 if pinned else 300}"
        + (", immutable" if pinned else ""),
        hdrs.VARY: hdrs.ACCEPT_ENCODING,
        hdrs.ETAG: f'W/"{asset.digest}"',
    }
    if any(each.value in (asset.digest, "*") for each in request.if_none_match or ()):
        return web.Response(status=304, headers=headers)
    body = asset.body
    if asset.gzip_body is not None and "gzip" in request.headers.get(hdrs.ACCEPT_ENCODING, ""):
        body = asset.gzip_body
        headers[hdrs.CONTENT_ENCODING] = "gzip"
    return web.Response(
        body=body,
        headers=headers,
        content_type=asset.content_type,
        charset=None if asset.content_type.startswith("image/") else "utf-8",
    )
