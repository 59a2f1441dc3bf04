"""The gallery for other programs that show it: an Atom feed (RFC 4287) and oEmbed."""

from typing import Final

from aiohttp import web
from yarl import URL

from bot.web import responses
from bot.web.query import PAGE_SIZE, QueryInvalid, read_search, write
from bot.web.site import SITE, WORDS
from bot.web.view_models import card, short

_WIDTH: Final = 960
_LEAST: Final = 160


async def atom(request: web.Request) -> web.Response:
    """The newest (or best) entries of a search."""
    site, words = request.app[SITE], request[WORDS]
    try:
        search = read_search(request.query)
    except QueryInvalid as error:
        raise web.HTTPBadRequest from error
    found = await site.gallery.page(search, cursor=None, limit=PAGE_SIZE)
    cards = [card(entry, site, words) for entry in found.entries]
    body = site.templates.render(
        "feed.xml",
        t=words,
        absolute=site.absolute,
        short=short,
        own=site.absolute(str(URL("/feed.atom").with_query(write(search)))),
        page=site.absolute(str(URL("/").with_query(write(search)))),
        cards=cards,
        updated=max((each.iso for each in cards), default="1970-01-01T00:00:00+00:00"),
    )
    return responses.text(
        request,
        body,
        "application/atom+xml",
        headers={"Vary": "Accept-Language, Cookie"},
    )


async def oembed(request: web.Request) -> web.Response:
    """How to embed a clip's page (oembed.com): a frame with the player, at the wanted size."""
    site, words = request.app[SITE], request[WORDS]
    if request.query.get("format", "json") != "json":
        return responses.problem(request, 501, "only json is spoken", parameter="format")
    number = _clip_of(request.query.get("url", ""), site.base)
    entry = None if number is None else await site.gallery.entry(number)
    if entry is None:
        return responses.problem(request, 404, "no clip that everybody may see", parameter="url")
    shown = card(entry, site, words)
    width, height = _size(request, entry.clip.width or 16, entry.clip.height or 9)
    frame = site.templates.render(
        "frame.html", url=site.absolute(f"{shown.url}/player"), width=width, height=height, c=shown
    )
    return responses.data(
        request,
        {
            "version": "1.0",
            "type": "video",
            "title": short(shown.title),
            "author_name": shown.maker,
            "provider_name": "Clapper",
            "provider_url": site.absolute("/"),
            "thumbnail_url": site.absolute(shown.poster),
            "thumbnail_width": width,
            "thumbnail_height": height,
            "html": frame.strip(),
            "width": width,
            "height": height,
        },
    )


def _clip_of(given: str, base: URL) -> int | None:
    try:
        url = URL(given)
        ours = (url.scheme, url.host, url.port) == (base.scheme, base.host, base.port)
    except ValueError:
        return None
    number = url.path.removeprefix(base.path.rstrip("/") + "/clips/")
    if not ours or not number.isascii() or not number.isdigit() or len(number) > 18:
        return None
    return int(number)


def _size(request: web.Request, width: int, height: int) -> tuple[int, int]:
    """Return the player's size: the clip's shape within what the other side has room for."""
    wide = min(_WIDTH, width, _most(request, "maxwidth"))
    high = min(round(wide * height / width), _most(request, "maxheight"))
    return round(high * width / height), high


def _most(request: web.Request, name: str) -> int:
    given = request.query.get(name, "")
    if given.isascii() and given.isdigit() and len(given) < 6:
        return max(_LEAST, int(given))
    return 100_000
