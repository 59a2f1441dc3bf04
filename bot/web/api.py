"""The gallery as JSON, as described in `bot.web.openapi`."""

from typing import Any, Final

from aiohttp import web

from bot.domain.showcase.gallery import CursorInvalid, GalleryEntry
from bot.domain.showcase.page_paths import build_clip_path
from bot.web import responses
from bot.web.openapi import build_openapi_document
from bot.web.query import QueryInvalid, read_cursor, read_limit, read_search
from bot.web.site import SITE, GallerySite, get_public_entry, require_adult_for_server
from bot.web.view_models import contain_text, find_creator_path

_MAX_SERVERS: Final = 1000


def serialize_entry(entry: GalleryEntry, site: GallerySite) -> dict[str, Any]:
    """Return an entry as JSON. Discord's ids are strings, as in Discord's own API."""
    clip = entry.clip
    url, maker_path = build_clip_path(clip.id), find_creator_path(entry)
    preview_url = None if clip.spoiler else site.build_absolute_url(f"{url}/preview.mp4")
    return {
        "id": clip.id,
        "url": site.build_absolute_url(url),
        "video_url": site.build_absolute_url(f"{url}/video.mp4"),
        "poster_url": site.build_absolute_url(f"{url}/poster.jpg"),
        "preview_url": preview_url,
        "spoiler": clip.spoiler,
        "prompt": None if entry.prompt is None else contain_text(entry.prompt),
        "maker": contain_text(entry.creator_name),
        "maker_url": None if maker_path is None else site.build_absolute_url(maker_path),
        "server": {"id": str(entry.guild_id), "name": contain_text(entry.guild_name)},
        "model": {"id": clip.model, "name": site.get_model_name(clip.model)},
        "made_with_ai": True,
        "mode": clip.mode,
        "aspect_ratio": clip.aspect_ratio,
        "resolution": clip.resolution,
        "width": clip.width,
        "height": clip.height,
        "seconds": clip.seconds,
        "bytes": clip.size_bytes,
        "extensions": clip.extension_depth,
        "parent_id": entry.public_parent_id,
        "votes": entry.votes,
        "showcased_at": entry.showcased_at.isoformat(timespec="seconds"),
    }


async def list_clips(request: web.Request) -> web.Response:
    site = request.app[SITE]
    try:
        search, cursor = read_search(request.query), read_cursor(request.query)
        limit = read_limit(request.query)
        await require_adult_for_server(request, search.guild_id)
        page = await site.load_page(search, cursor=cursor, limit=limit)
    except QueryInvalid as error:
        return responses.respond_problem(request, 400, str(error), parameter=error.parameter)
    except CursorInvalid:
        title = "not a valid cursor for this order"
        return responses.respond_problem(request, 400, title, parameter="cursor")
    clips = [serialize_entry(entry, site) for entry in page.entries]
    return responses.respond_json(request, {"clips": clips, "next_cursor": page.next_cursor})


async def get_clip(request: web.Request) -> web.Response:
    entry = await get_public_entry(request)
    return responses.respond_json(request, serialize_entry(entry, request.app[SITE]))


async def get_chain(request: web.Request) -> web.Response:
    entry = await get_public_entry(request)
    site = request.app[SITE]
    chain = await site.gallery.load_lineage(entry.clip.id)
    clips = [serialize_entry(chain_entry, site) for chain_entry in chain]
    return responses.respond_json(request, {"clips": clips})


async def list_servers(request: web.Request) -> web.Response:
    guilds = await request.app[SITE].gallery.list_guilds(limit=_MAX_SERVERS)
    servers = [{"id": str(guild_id), "name": contain_text(name)} for guild_id, name in guilds]
    return responses.respond_json(request, {"servers": servers})


async def list_models(request: web.Request) -> web.Response:
    site = request.app[SITE]
    ids = await site.gallery.list_models()
    models = [{"id": model, "name": site.get_model_name(model)} for model in ids]
    return responses.respond_json(request, {"models": models})


async def get_openapi(request: web.Request) -> web.Response:
    document = build_openapi_document(request.app[SITE].build_absolute_url(""))
    return responses.respond_json(request, document)
