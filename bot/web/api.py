"""The gallery as JSON, for programs. `bot.web.openapi` says what each call takes and gives."""

from typing import Any

from aiohttp import web

from bot.domain.showcase.gallery import CursorInvalid, Entry, Search
from bot.web import responses
from bot.web.openapi import description
from bot.web.query import QueryInvalid, read_cursor, read_limit, read_search
from bot.web.site import SITE, Site, public_entry


def as_json(entry: Entry, site: Site) -> dict[str, Any]:
    """Return an entry as the API gives it; Discord's ids are strings, as in Discord's own API."""
    clip = entry.clip
    url = f"/clips/{clip.id}"
    return {
        "id": clip.id,
        "url": site.absolute(url),
        "video_url": site.absolute(f"{url}/video.mp4"),
        "poster_url": site.absolute(f"{url}/poster.jpg"),
        "preview_url": site.absolute(f"{url}/preview.mp4"),
        "prompt": entry.prompt,
        "maker": entry.maker_name,
        "server": {"id": str(entry.guild_id), "name": entry.guild_name},
        "model": {"id": clip.model, "name": site.model_name(clip.model)},
        "mode": clip.mode,
        "aspect_ratio": clip.aspect_ratio,
        "resolution": clip.resolution,
        "width": clip.width,
        "height": clip.height,
        "seconds": clip.seconds,
        "bytes": clip.size,
        "extensions": clip.hop,
        "parent_id": clip.parent_clip_id,
        "votes": entry.votes,
        "showcased_at": entry.showcased_at.isoformat(timespec="seconds"),
    }


async def clips(request: web.Request) -> web.Response:
    """Search, filter and page."""
    site = request.app[SITE]
    try:
        search, cursor = read_search(request.query), read_cursor(request.query)
        limit = read_limit(request.query)
    except QueryInvalid as error:
        return responses.problem(request, 400, str(error), parameter=error.parameter)
    return await _page(request, site, search, cursor, limit)


async def _page(
    request: web.Request, site: Site, search: Search, cursor: str | None, limit: int
) -> web.Response:
    try:
        found = await site.gallery.page(search, cursor=cursor, limit=limit)
    except CursorInvalid:
        return responses.problem(request, 400, "not a cursor of this order", parameter="cursor")
    return responses.data(
        request,
        {
            "clips": [as_json(entry, site) for entry in found.entries],
            "next_cursor": found.next_cursor,
        },
    )


async def clip(request: web.Request) -> web.Response:
    """One clip."""
    return responses.data(request, as_json(await public_entry(request), request.app[SITE]))


async def chain(request: web.Request) -> web.Response:
    """The chain that a clip belongs to, from its first clip on."""
    entry = await public_entry(request)
    site = request.app[SITE]
    found = await site.gallery.chain(entry.clip.id)
    return responses.data(request, {"clips": [as_json(each, site) for each in found]})


async def servers(request: web.Request) -> web.Response:
    """The servers that show something."""
    found = await request.app[SITE].gallery.servers()
    listed = [{"id": str(number), "name": name} for number, name in found]
    return responses.data(request, {"servers": listed})


async def models(request: web.Request) -> web.Response:
    """The models that something was made with."""
    site = request.app[SITE]
    found = await site.gallery.models()
    return responses.data(
        request, {"models": [{"id": each, "name": site.model_name(each)} for each in found]}
    )


async def openapi(request: web.Request) -> web.Response:
    """The description of all this."""
    return responses.data(request, description(request.app[SITE].absolute("")))
