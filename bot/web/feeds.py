"""The gallery for feed readers (Atom, RFC 4287) and for sites that embed clips (oEmbed)."""

from typing import Any, Final

from aiohttp import web
from yarl import URL

from bot.services.clips.thumbnails import POSTER_MAX_SIDE
from bot.web import responses
from bot.web.pages import describe_search
from bot.web.query import PAGE_SIZE, QueryInvalid, build_query, read_search
from bot.web.site import PAGE_TEXTS, SITE
from bot.web.view_models import build_card_view, contain_text, isolate_text, shorten_title

_MAX_WIDTH: Final = 960
_MAX_HEIGHT: Final = 720
"""Maximum size of the player in pixels, unless the request asks for less."""
_UNLIMITED: Final = 100_000


async def get_atom_feed(request: web.Request) -> web.Response:
    """Return the newest or best entries of a search."""
    site, texts = request.app[SITE], request[PAGE_TEXTS]
    try:
        search = read_search(request.query)
    except QueryInvalid as error:
        raise web.HTTPBadRequest from error
    page = await site.load_page(search, cursor=None, limit=PAGE_SIZE)
    cards = [build_card_view(entry, site, texts) for entry in page.entries]
    guilds = await site.gallery.list_guilds(limit=0, including=search.guild_id)
    servers = [(guild_id, contain_text(name)) for guild_id, name in guilds]
    body = site.templates.render(
        "feed.xml",
        t=texts,
        view_name=describe_search(search, servers, site),
        absolute=site.build_absolute_url,
        short=shorten_title,
        isolate=isolate_text,
        own=site.build_absolute_url(str(URL("/feed.atom").with_query(build_query(search)))),
        page=site.build_absolute_url(str(URL("/").with_query(build_query(search)))),
        cards=cards,
        updated=max((card.iso for card in cards), default="1970-01-01T00:00:00+00:00"),
    )
    return responses.respond_text(
        request, body, "application/atom+xml", headers={"Vary": "Accept-Language, Cookie"}
    )


async def get_oembed(request: web.Request) -> web.Response:
    """Return an iframe with the player in the requested size (https://oembed.com)."""
    site, texts = request.app[SITE], request[PAGE_TEXTS]
    if request.query.get("format", "json") != "json":
        return responses.respond_problem(request, 501, "only json is supported", parameter="format")
    clip_id = _parse_clip_url(request.query.get("url", ""), site.base_url)
    entry = None if clip_id is None else await site.gallery.find_entry(clip_id)
    if entry is None:
        title = "not the URL of a public clip"
        return responses.respond_problem(request, 404, title, parameter="url")
    card = build_card_view(entry, site, texts)
    clip_size = (entry.clip.width or 16, entry.clip.height or 9)
    limits = (_read_max_side(request, "maxwidth"), _read_max_side(request, "maxheight"))
    width, height = _fit_size(clip_size, (min(limits[0], _MAX_WIDTH), min(limits[1], _MAX_HEIGHT)))
    poster = _fit_size(clip_size, (POSTER_MAX_SIDE, POSTER_MAX_SIDE))
    thumbnail: dict[str, Any] = {}
    if poster[0] <= limits[0] and poster[1] <= limits[1]:  # oEmbed forbids larger thumbnails
        thumbnail = {
            "thumbnail_url": site.build_absolute_url(card.poster),
            "thumbnail_width": poster[0],
            "thumbnail_height": poster[1],
        }
    frame = site.templates.render(
        "frame.html",
        url=site.build_absolute_url(f"{card.url}/player"),
        width=width,
        height=height,
        c=card,
    )
    return responses.respond_json(
        request,
        {
            "version": "1.0",
            "type": "video",
            "title": shorten_title(card.title),
            "author_name": card.creator,
            "provider_name": "Clapper",
            "provider_url": site.build_absolute_url("/"),
            **thumbnail,
            "html": frame.strip(),
            "width": width,
            "height": height,
        },
    )


def _parse_clip_url(text: str, base: URL) -> int | None:
    try:
        url = URL(text)
        is_ours = (url.scheme, url.host, url.port) == (base.scheme, base.host, base.port)
    except ValueError:
        return None
    number = url.path.removeprefix(base.path.rstrip("/") + "/clips/")
    if not is_ours or not number.isascii() or not number.isdigit() or len(number) > 18:
        return None
    return int(number)


def _fit_size(size: tuple[int, int], limits: tuple[int, int]) -> tuple[int, int]:
    """Return ``size`` scaled down to ``limits``, with the same aspect ratio."""
    (width, height), (max_width, max_height) = size, limits
    scale = min(1.0, max_width / width, max_height / height)
    return max(1, int(width * scale)), max(1, int(height * scale))


def _read_max_side(request: web.Request, name: str) -> int:
    value = request.query.get(name, "")
    if value.isascii() and value.isdigit() and len(value) < 6 and int(value) > 0:
        return int(value)
    return _UNLIMITED
