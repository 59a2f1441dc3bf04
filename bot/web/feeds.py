"""The gallery for feed readers (Atom, RFC 4287) and for sites that embed clips (oEmbed)."""

from typing import Final

from aiohttp import web
from yarl import URL

from bot.web import responses
from bot.web.query import PAGE_SIZE, QueryInvalid, build_query, read_search
from bot.web.site import PAGE_TEXTS, SITE
from bot.web.view_models import build_card_view, shorten_title

_MAX_WIDTH: Final = 960
_MIN_SIDE: Final = 160


async def get_atom_feed(request: web.Request) -> web.Response:
    """The newest (or best) entries of a search."""
    site, texts = request.app[SITE], request[PAGE_TEXTS]
    try:
        search = read_search(request.query)
    except QueryInvalid as error:
        raise web.HTTPBadRequest from error
    page = await site.gallery.load_page(search, cursor=None, limit=PAGE_SIZE)
    cards = [build_card_view(entry, site, texts) for entry in page.entries]
    body = site.templates.render(
        "feed.xml",
        t=texts,
        absolute=site.build_absolute_url,
        short=shorten_title,
        own=site.build_absolute_url(str(URL("/feed.atom").with_query(build_query(search)))),
        page=site.build_absolute_url(str(URL("/").with_query(build_query(search)))),
        cards=cards,
        updated=max((card.iso for card in cards), default="1970-01-01T00:00:00+00:00"),
    )
    return responses.respond_text(
        request, body, "application/atom+xml", headers={"Vary": "Accept-Language, Cookie"}
    )


async def get_oembed(request: web.Request) -> web.Response:
    """How to embed a clip (oembed.com): an iframe with the player, in the size asked for."""
    site, texts = request.app[SITE], request[PAGE_TEXTS]
    if request.query.get("format", "json") != "json":
        return responses.respond_problem(request, 501, "only json is supported", parameter="format")
    clip_id = _parse_clip_url(request.query.get("url", ""), site.base_url)
    entry = None if clip_id is None else await site.gallery.find_entry(clip_id)
    if entry is None:
        title = "not the address of a public clip"
        return responses.respond_problem(request, 404, title, parameter="url")
    card = build_card_view(entry, site, texts)
    width, height = _compute_player_size(request, entry.clip.width or 16, entry.clip.height or 9)
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
            "author_name": card.maker,
            "provider_name": "Clapper",
            "provider_url": site.build_absolute_url("/"),
            "thumbnail_url": site.build_absolute_url(card.poster),
            "thumbnail_width": width,
            "thumbnail_height": height,
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


def _compute_player_size(request: web.Request, width: int, height: int) -> tuple[int, int]:
    """Return width and height of the player: the clip's shape within the limits asked for."""
    player_width = min(_MAX_WIDTH, width, _read_max_side(request, "maxwidth"))
    player_height = min(round(player_width * height / width), _read_max_side(request, "maxheight"))
    return round(player_height * width / height), player_height


def _read_max_side(request: web.Request, name: str) -> int:
    value = request.query.get(name, "")
    if value.isascii() and value.isdigit() and len(value) < 6:
        return max(_MIN_SIDE, int(value))
    return 100_000
