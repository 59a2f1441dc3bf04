"""Sends videos, posters and previews of public clips, and the site's static files.

Files are found by the number of a clip that is public right now. No part of a request becomes part
of a key.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

import structlog
from aiohttp import hdrs, web

from bot.domain.clips.clip import Clip
from bot.domain.clips.media_store import MediaFile
from bot.domain.showcase.server_page import build_icon_key
from bot.services.clips.thumbnails import EncoderBusy
from bot.web.file_responses import send_file
from bot.web.negotiation import choose_encoding
from bot.web.security import hold_stream
from bot.web.site import SITE, WEB_INSTRUMENTS, find_public_server, get_public_entry

_log: Final = structlog.get_logger(__name__)


async def send_video(request: web.Request) -> web.StreamResponse:
    entry = await get_public_entry(request)
    media_store = request.app[SITE].media_store
    with hold_stream(request):
        file = await media_store.find(entry.clip.path)
        if file is None:
            _log.warning("clip_file.not_found", clip=entry.clip.id)
            raise web.HTTPNotFound
        return await send_file(request, media_store, file, content_type="video/mp4")


async def send_poster(request: web.Request) -> web.StreamResponse:
    return await _send_thumbnail(request, request.app[SITE].thumbnails.get_poster, "image/jpeg")


async def send_webp_poster(request: web.Request) -> web.StreamResponse:
    """Send the poster in one of the sizes in which lists show it."""
    thumbnails, side = request.app[SITE].thumbnails, int(request.match_info["side"])
    get_file = partial(thumbnails.get_webp_poster, side=side)
    return await _send_thumbnail(request, get_file, "image/webp")


async def send_preview(request: web.Request) -> web.StreamResponse:
    """Send a few seconds of the clip without sound, unless it is behind a spoiler."""
    if (await get_public_entry(request)).clip.spoiler:
        raise web.HTTPNotFound
    with hold_stream(request):
        return await _send_thumbnail(request, request.app[SITE].thumbnails.get_preview, "video/mp4")


async def _send_thumbnail(
    request: web.Request, get_file: Callable[[Clip], Awaitable[MediaFile]], content_type: str
) -> web.StreamResponse:
    entry = await get_public_entry(request)
    try:
        file = await get_file(entry.clip)
    except EncoderBusy as error:
        request.app[WEB_INSTRUMENTS].refusals.labels("encoder").inc()
        raise web.HTTPServiceUnavailable(headers={hdrs.RETRY_AFTER: "30"}) from error
    except (FileNotFoundError, ValueError) as error:
        _log.warning("thumbnail.failed", clip=entry.clip.id, error=type(error).__name__)
        raise web.HTTPNotFound from error
    media_store = request.app[SITE].media_store
    return await send_file(request, media_store, file, content_type=content_type)


async def send_server_icon(request: web.Request) -> web.StreamResponse:
    """Send the bot's copy of a server's icon."""
    media_store = request.app[SITE].media_store
    guild_id = await find_public_server(request)
    file = await media_store.find(build_icon_key(guild_id))
    if file is None:
        raise web.HTTPNotFound
    return await send_file(request, media_store, file, content_type="image/webp")


async def send_favicon(request: web.Request) -> web.Response:
    """Send the icon to browsers that ask for the default path."""
    return await _respond_asset(request, "icon.svg")


async def send_asset(request: web.Request) -> web.Response:
    """Send a static file. Browsers may cache it for a year if the URL contains its digest."""
    return await _respond_asset(request, request.match_info["name"])


async def _respond_asset(request: web.Request, name: str) -> web.Response:
    asset = request.app[SITE].assets.get(name)
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
    encoding = choose_encoding(request) if asset.is_compressible else None
    if encoding is not None:
        body = await asset.compress(encoding)
        headers[hdrs.CONTENT_ENCODING] = encoding
    return web.Response(
        body=body,
        headers=headers,
        content_type=asset.content_type,
        charset=None if asset.content_type.startswith("image/") else "utf-8",
    )
