"""The gallery for feed readers (Atom, RFC 4287) and for sites that embed clips (oEmbed)."""

import re
from typing import Any, Final

from aiohttp import web
from yarl import URL

from bot.domain.showcase.gallery import GalleryEntry, GallerySearch
from bot.domain.showcase.page_paths import CLIPS_PREFIX, CREATORS_PREFIX, SERVERS_PREFIX
from bot.domain.showcase.server_page import ICON_SIDE
from bot.web import responses
from bot.web.embedding import MAX_HEIGHT, MAX_WIDTH, build_embed_code
from bot.web.page_heads import PageHead, find_head
from bot.web.pages import build_search_link, describe_search
from bot.web.query import MAKER_PATTERN, PAGE_SIZE, QueryInvalid, build_query, read_search
from bot.web.site import PAGE_TEXTS, SITE, require_adult, require_adult_for_server
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
    await site.servers.refresh(site.gallery, site.clock)
    await require_adult_for_server(request, search.guild_id)
    head = await find_head(site, search, texts)
    if head is None and search.creator_page is not None:
        raise web.HTTPNotFound
    page = await site.load_page(search, cursor=None, limit=PAGE_SIZE)
    cards = [build_card_view(entry, site, texts) for entry in page.entries]
    guilds = await site.gallery.list_guilds(limit=0, including=search.guild_id)
    servers = [(guild_id, contain_text(name)) for guild_id, name in guilds]
    body = site.templates.render(
        "feed.xml",
        t=texts,
        head=head,
        view_name=describe_search(search, servers, site, head),
        absolute=site.build_absolute_url,
        short=shorten_title,
        isolate=isolate_text,
        own=site.build_absolute_url(str(URL("/feed.atom").with_query(build_query(search)))),
        page=site.build_absolute_url(build_search_link(site, search)),
        cards=cards,
        updated=max((card.iso for card in cards), default="1970-01-01T00:00:00+00:00"),
    )
    return responses.respond_text(
        request, body, "application/atom+xml", headers={"Vary": "Accept-Language, Cookie"}
    )


async def get_oembed(request: web.Request) -> web.Response:
    """Return an iframe with the player in the requested size (https://oembed.com).

    The page of a server or a creator is described as a link.
    """
    site = request.app[SITE]
    if request.query.get("format", "json") != "json":
        return responses.respond_problem(request, 501, "only json is supported", parameter="format")
    path = _parse_own_url(request.query.get("url", ""), site.base_url)
    clip_id = None if path is None else _parse_clip_path(path)
    entry = None if clip_id is None else await site.gallery.find_entry(clip_id)
    if entry is not None:
        require_adult(request, is_for_adults=entry.is_for_adults)
        return _describe_clip(request, entry)
    head = None if path is None else await _find_head_at(request, path)
    if head is not None:
        await require_adult_for_server(request, head.subject.guild_id)
        return _describe_page(request, head)
    title = "not the URL of a public clip or page"
    return responses.respond_problem(request, 404, title, parameter="url")


async def _find_head_at(request: web.Request, path: str) -> PageHead | None:
    """Return the head of the page of a server or a creator at ``path``."""
    site, texts = request.app[SITE], request[PAGE_TEXTS]
    prefix, _, name = path.rstrip("/").rpartition("/")
    if prefix == CREATORS_PREFIX and re.fullmatch(MAKER_PATTERN, name):
        return await find_head(site, GallerySearch(creator_page=name), texts)
    if prefix != SERVERS_PREFIX:
        return None
    await site.servers.refresh(site.gallery, site.clock)
    guild_id = site.servers.find_guild_id(name)
    return None if guild_id is None else await find_head(site, GallerySearch(guild_id), texts)


def _describe_page(request: web.Request, head: PageHead) -> web.Response:
    site = request.app[SITE]
    thumbnail: dict[str, Any] = {}
    sides = (_read_max_side(request, "maxwidth"), _read_max_side(request, "maxheight"))
    if head.icon is not None and min(sides) >= ICON_SIDE:
        thumbnail = {
            "thumbnail_url": site.build_absolute_url(head.icon),
            "thumbnail_width": ICON_SIDE,
            "thumbnail_height": ICON_SIDE,
        }
    return responses.respond_json(
        request,
        {
            "version": "1.0",
            "type": "link",
            "title": shorten_title(head.name),
            "author_name": head.byline or head.name,
            "author_url": site.build_absolute_url(build_search_link(site, head.subject)),
            "provider_name": "Clapper",
            "provider_url": site.build_absolute_url("/"),
            **thumbnail,
        },
    )


def _describe_clip(request: web.Request, entry: GalleryEntry) -> web.Response:
    site, texts = request.app[SITE], request[PAGE_TEXTS]
    card = build_card_view(entry, site, texts)
    asked = (_read_max_side(request, "maxwidth"), _read_max_side(request, "maxheight"))
    limits = (min(asked[0], MAX_WIDTH), min(asked[1], MAX_HEIGHT))
    width, height = fit_size(measure_clip_size(entry), limits)
    thumbnail: dict[str, Any] = {}
    author: dict[str, str] = {}
    if card.creator_url is not None:
        author = {"author_url": site.build_absolute_url(card.creator_url)}
    # oEmbed forbids larger thumbnails
    if card.poster_width <= asked[0] and card.poster_height <= asked[1]:
        thumbnail = {
            "thumbnail_url": site.build_absolute_url(card.poster),
            "thumbnail_width": card.poster_width,
            "thumbnail_height": card.poster_height,
        }
    response = responses.respond_json(
        request,
        {
            "version": "1.0",
            "type": "video",
            "title": f"{shorten_title(card.title)} · {card.origin}",
            "author_name": card.creator,
            **author,
            "provider_name": "Clapper",
            "provider_url": site.build_absolute_url("/"),
            **thumbnail,
            "html": build_embed_code(entry, card, site, limits),
            "width": width,
            "height": height,
        },
    )
    response.headers.add("Vary", "Accept-Language, Cookie")
    return response


def _parse_own_url(text: str, base: URL) -> str | None:
    """Return the path below ``base``, `None` for an address that is not ours."""
    try:
        url = URL(text)
        is_ours = (url.scheme, url.host, url.port) == (base.scheme, base.host, base.port)
    except ValueError:
        return None
    root = base.path.rstrip("/")
    return url.path.removeprefix(root) if is_ours and url.path.startswith(f"{root}/") else None


def _parse_clip_path(path: str) -> int | None:
    number = path.removeprefix(f"{CLIPS_PREFIX}/")
    if not number.isascii() or not number.isdigit() or len(number) > 18:
        return None
    return int(number)


def _read_max_side(request: web.Request, name: str) -> int:
    value = request.query.get(name, "")
    if value.isascii() and value.isdigit() and len(value) < 6 and int(value) > 0:
        return int(value)
    return _UNLIMITED
