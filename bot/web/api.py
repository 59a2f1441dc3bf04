"""The gallery as JSON, for programs. `bot.web.openapi` says what each call takes and gives."""

from typing import Any

from aiohttp import web

from bot.domain.showcase.gallery import CursorInvalid, GalleryEntry, GallerySearch
from bot.web import responses
from bot.web.openapi import build_openapi_document
from bot.web.query import QueryInvalid, read_cursor, read_limit, read_search
from bot.web.site import SITE, GallerySite, get_public_entry


def serialize_entry(entry: GalleryEntry, site: GallerySite) -> dict[str, Any]:
    """Return an entry as the API gives it; Discord's ids are strings, as in Discord's own API."""
    clip = entry.clip
    url = f"/clips/{clip.id}"
    return {
        "id": clip.id,
        "url": site.build_absolute_url(url),
        "video_url": site.build_absolute_url(f"{url}/video.mp4"),
        "poster_url": site.build_absolute_url(f"{url}/poster.jpg"),
        "preview_url": site.build_absolute_url(f"{url}/preview.mp4"),
        "prompt": entry.prompt,
        "maker": entry.creator_name,
        "server": {"id": str(entry.guild_id), "name": entry.guild_name},
        "model": {"id": clip.model, "name": site.get_model_name(clip.model)},
        "mode": clip.mode,
        "aspect_ratio": clip.aspect_ratio,
        "resolution": clip.resolution,
        "width": clip.width,
        "height": clip.height,
        "seconds": clip.seconds,
        "bytes": clip.size_bytes,
        "extensions": clip.extension_depth,
        "parent_id": clip.parent_clip_id,
        "votes": entry.votes,
        "showcased_at": entry.showcased_at.isoformat(timespec="seconds"),
    }


async def list_clips(request: web.Request) -> web.Response:
    """Search, filter and page."""
    site = request.app[SITE]
    try:
        search, cursor = read_search(request.query), read_cursor(request.query)
        limit = read_limit(request.query)
    except QueryInvalid as error:
        return responses.respond_problem(request, 400, str(error), parameter=error.parameter)
    return await _respond_page(request, site, search, cursor, limit)


async def _respond_page(
    request: web.Request, site: GallerySite, search: GallerySearch, cursor: str | None, limit: int
) -> web.Response:
    try:
        found = await site.gallery.load_page(search, cursor=cursor, limit=limit)
    except CursorInvalid:
        return responses.respond_problem(
            request, 400, "not a cursor of this order", parameter="cursor"
        )
    return responses.respond_json(
        request,
        {
            "clips": [serialize_entry(entry, site) for entry in found.entries],
            "next_cursor": found.next_cursor,
        },
    )


async def get_clip(request: web.Request) -> web.Response:
    """One clip."""
    return responses.respond_json(
        request, serialize_entry(await get_public_entry(request), request.app[SITE])
    )


async def get_chain(request: web.Request) -> web.Response:
    """The chain that a clip belongs to, from its first clip on."""
    entry = await get_public_entry(request)
    site = request.app[SITE]
    found = await site.gallery.load_lineage(entry.clip.id)
    return responses.respond_json(
        request, {"clips": [serialize_entry(each, site) for each in found]}
    )


async def list_servers(request: web.Request) -> web.Response:
    """The servers that show something."""
    found = await request.app[SITE].gallery.list_guilds()
    listed = [{"id": str(number), "name": name} for number, name in found]
    return responses.respond_json(request, {"servers": listed})


async def list_models(request: web.Request) -> web.Response:
    """The models that something was made with."""
    site = request.app[SITE]
    found = await site.gallery.list_models()
    return responses.respond_json(
        request, {"models": [{"id": each, "name": site.get_model_name(each)} for each in found]}
    )


async def get_openapi(request: web.Request) -> web.Response:
    """The description of all this."""
    return responses.respond_json(
        request, build_openapi_document(request.app[SITE].build_absolute_url(""))
    )
