"""The gallery for other programs that show it: an Atom feed (RFC 4287) and oEmbed."""

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
    site, words = request.app[SITE], request[PAGE_TEXTS]
    try:
        search = read_search(request.query)
    except QueryInvalid as error:
        raise web.HTTPBadRequest from error
    found = await site.gallery.load_page(search, cursor=None, limit=PAGE_SIZE)
    cards = [build_card_view(entry, site, words) for entry in found.entries]
    body = site.templates.render(
        "feed.xml",
        t=words,
        absolute=site.build_absolute_url,
        short=shorten_title,
        own=site.build_absolute_url(str(URL("/feed.atom").with_query(build_query(search)))),
        page=site.build_absolute_url(str(URL("/").with_query(build_query(search)))),
        cards=cards,
        updated=max((each.iso for each in cards), default="1970-01-01T00:00:00+00:00"),
    )
    return responses.respond_text(
        request,
        body,
        "application/atom+xml",
        headers={"Vary": "Accept-Language, Cookie"},
    )


async def get_oembed(request: web.Request) -> web.Response:
    """How to embed a clip's page (oembed.com): a frame with the player, at the wanted size."""
    site, words = request.app[SITE], request[PAGE_TEXTS]
    if request.query.get("format", "json") != "json":
        return responses.respond_problem(request, 501, "only json is spoken", parameter="format")
    number = _parse_clip_url(request.query.get("url", ""), site.base_url)
    entry = None if number is None else await site.gallery.find_entry(number)
    if entry is None:
        return responses.respond_problem(
            request, 404, "no clip that everybody may see", parameter="url"
        )
    shown = build_card_view(entry, site, words)
    width, height = _compute_player_size(request, entry.clip.width or 16, entry.clip.height or 9)
    frame = site.templates.render(
        "frame.html",
        url=site.build_absolute_url(f"{shown.url}/player"),
        width=width,
        height=height,
        c=shown,
    )
    return responses.respond_json(
        request,
        {
            "version": "1.0",
            "type": "video",
            "title": shorten_title(shown.title),
            "author_name": shown.maker,
            "provider_name": "Clapper",
            "provider_url": site.build_absolute_url("/"),
            "thumbnail_url": site.build_absolute_url(shown.poster),
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
        ours = (url.scheme, url.host, url.port) == (base.scheme, base.host, base.port)
    except ValueError:
        return None
    number = url.path.removeprefix(base.path.rstrip("/") + "/clips/")
    if not ours or not number.isascii() or not number.isdigit() or len(number) > 18:
        return None
    return int(number)


def _compute_player_size(request: web.Request, width: int, height: int) -> tuple[int, int]:
    """Return the player's size: the clip's shape within what the other side has room for."""
    wide = min(_MAX_WIDTH, width, _read_max_side(request, "maxwidth"))
    high = min(round(wide * height / width), _read_max_side(request, "maxheight"))
    return round(high * width / height), high


def _read_max_side(request: web.Request, name: str) -> int:
    given = request.query.get(name, "")
    if given.isascii() and given.isdigit() and len(given) < 6:
        return max(_MIN_SIDE, int(given))
    return 100_000
