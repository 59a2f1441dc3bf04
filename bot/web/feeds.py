"""The gallery for feed readers (Atom, RFC 4287) and for sites that embed clips (oEmbed)."""

from typing import Any, Final

from aiohttp import web
from yarl import URL

from bot.web import responses
from bot.web.embedding import MAX_HEIGHT, MAX_WIDTH, build_embed_code
from bot.web.pages import describe_search
from bot.web.query import PAGE_SIZE, QueryInvalid, build_query, read_search
from bot.web.site import PAGE_TEXTS, SITE
from bot.web.view_models import (
    build_card_view,
    contain_text,
    fit_size,
    isolate_text,
    measure_clip_size,
    shorten_title,
)

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
    asked = (_read_max_side(request, "maxwidth"), _read_max_side(request, "maxheight"))
    limits = (min(asked[0], MAX_WIDTH), min(asked[1], MAX_HEIGHT))
    width, height = fit_size(measure_clip_size(entry), limits)
    thumbnail: dict[str, Any] = {}
    # oEmbed forbids larger thumbnails
    if card.poster_width <= asked[0] and card.poster_height <= asked[1]:
        thumbnail = {
            "thumbnail_url": site.build_absolute_url(card.poster),
            "thumbnail_width": card.poster_width,
            "thumbnail_height": card.poster_height,
        }
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
            "html": build_embed_code(entry, card, site, limits),
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


def _read_max_side(request: web.Request, name: str) -> int:
    value = request.query.get(name, "")
    if value.isascii() and value.isdigit() and len(value) < 6 and int(value) > 0:
        return int(value)
    return _UNLIMITED
