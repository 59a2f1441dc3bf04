"""Files of public clips, sent in ranges by the kernel without passing through memory.

Found by the number of a clip that is public right now; no part of a request becomes part of a path.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import structlog
from aiohttp import hdrs, web
from aiohttp.abc import AbstractStreamWriter

from bot.domain.clips.clip import Clip
from bot.domain.showcase.gallery import GalleryEntry
from bot.web.responses import REVALIDATE_ALWAYS
from bot.web.site import SITE, get_public_entry

_log: Final = structlog.get_logger(__name__)


class MediaResponse(web.FileResponse):
    """A file with ranges, for which `If-Range` also takes entity tags (RFC 9110, 13.1.5).

    aiohttp reads that header only as a date, so a stale tag would get a part of a newer file.
    """

    def __init__(self, path: Path, content_type: str) -> None:
        # set here, so that a browser never guesses a type that it would run
        headers = {hdrs.CONTENT_TYPE: content_type, hdrs.CACHE_CONTROL: REVALIDATE_ALWAYS}
        super().__init__(path, chunk_size=256 * 1024, headers=headers)

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter | None:
        condition = request.headers.get(hdrs.IF_RANGE, "")
        if condition.startswith(('"', "W/")):
            try:
                status = self._path.stat()
                is_current = condition == f'"{status.st_mtime_ns:x}-{status.st_size:x}"'
            except OSError:
                is_current = False
            headers = request.headers.copy()
            del headers[hdrs.IF_RANGE]
            if not is_current:
                headers.popall(hdrs.RANGE, None)
            request = request.clone(headers=headers)
        return await super().prepare(request)


async def is_readable(path: Path) -> bool:
    """Return whether ``path`` is a file that this process may read.

    For any other, aiohttp would send an empty error page of its own.
    """
    return await asyncio.to_thread(lambda: path.is_file() and os.access(path, os.R_OK))


async def send_video(request: web.Request) -> web.StreamResponse:
    entry = await get_public_entry(request)
    return await _send_file(request.app[SITE].data_dir / entry.clip.path, "video/mp4", entry)


async def send_poster(request: web.Request) -> web.StreamResponse:
    return await _send_thumbnail(request, request.app[SITE].thumbnails.get_poster, "image/jpeg")


async def send_preview(request: web.Request) -> web.StreamResponse:
    """A few silent seconds of the clip."""
    return await _send_thumbnail(request, request.app[SITE].thumbnails.get_preview, "video/mp4")


async def _send_thumbnail(
    request: web.Request, get_path: Callable[[Clip], Awaitable[Path]], content_type: str
) -> MediaResponse:
    entry = await get_public_entry(request)
    try:
        path = await get_path(entry.clip)
    except (FileNotFoundError, ValueError) as error:
        _log.warning("thumbnail.failed", clip=entry.clip.id, error=type(error).__name__)
        raise web.HTTPNotFound from error
    return await _send_file(path, content_type, entry)


async def _send_file(path: Path, content_type: str, entry: GalleryEntry) -> MediaResponse:
    if not await is_readable(path):
        _log.warning("clip_file.not_found", clip=entry.clip.id, name=path.name)
        raise web.HTTPNotFound
    return MediaResponse(path, content_type)


async def send_asset(request: web.Request) -> web.Response:
    """A static file, from memory; cached for a year if the address carries its digest."""
    asset = request.app[SITE].assets.get(request.match_info["name"])
    if asset is None:
        raise web.HTTPNotFound
    max_age = "31536000, immutable" if request.query.get("v") == asset.digest else "300"
    headers = {
        hdrs.CACHE_CONTROL: f"public, max-age={max_age}",
        hdrs.VARY: hdrs.ACCEPT_ENCODING,
        hdrs.ETAG: f'W/"{asset.digest}"',
    }
    if any(tag.value in (asset.digest, "*") for tag in request.if_none_match or ()):
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
