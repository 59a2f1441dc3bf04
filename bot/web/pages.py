"""The pages: the gallery, a clip, the player that others embed, the language switch."""

from typing import Any, Final

from aiohttp import web
from yarl import URL

from bot.domain.showcase.gallery import CursorInvalid, Length, Order, Page, Search
from bot.store.showcase.gallery import GalleryStore
from bot.web import responses
from bot.web.i18n import LANGUAGES, Words
from bot.web.query import PAGE_SIZE, QueryInvalid, read_cursor, read_search, write
from bot.web.site import SITE, WORDS, Site, public_entry
from bot.web.view_models import Card, card, recipe, short

_COOKIE_AGE_S: Final = 365 * 24 * 3600
_MORE: Final = 5
LANGUAGE_COOKIE: Final = "language"


def page(request: web.Request, template: str, *, status: int = 200, **values: Any) -> web.Response:
    """Return a rendered page with what every page has."""
    site, words = request.app[SITE], request[WORDS]
    body = site.templates.render(
        template,
        t=words,
        asset=site.assets.url,
        absolute=site.absolute,
        languages=LANGUAGES,
        here=request.path_qs if status == 200 else "/",
        **values,
    )
    headers = {"Vary": "Accept-Language, Cookie", "Content-Language": words.language}
    return responses.text(request, body, "text/html", status=status, headers=headers)


async def gallery(request: web.Request) -> web.Response:
    """The grid. The first page without any filter opens with the best clip."""
    site, words = request.app[SITE], request[WORDS]
    try:
        search, cursor = read_search(request.query), read_cursor(request.query)
        found = await site.gallery.page(search, cursor=cursor, limit=PAGE_SIZE)
    except (QueryInvalid, CursorInvalid) as error:
        raise web.HTTPBadRequest from error
    first = cursor is None and search == Search()
    best = await _best(site.gallery) if first and len(found.entries) > _MORE else None
    return page(
        request,
        "gallery.html",
        search=search,
        cards=[card(entry, site, words) for entry in found.entries],
        best=card(best.entries[0], site, words) if best and best.entries else None,
        more=_link(search, cursor=found.next_cursor) if found.next_cursor else None,
        first=None if cursor is None else _link(search),
        orders=[(each, _link(_sorted(search, each)), each is search.order) for each in Order],
        lengths=list(Length),
        servers=await site.gallery.servers(),
        models=[(each, site.model_name(each)) for each in await site.gallery.models()],
        feed=str(URL("/feed.atom").with_query(write(search))),
        narrowed=search != Search(order=search.order),
    )


async def _best(gallery: GalleryStore) -> Page:
    return await gallery.page(Search(order=Order.TOP), cursor=None, limit=1)


def _sorted(search: Search, order: Order) -> Search:
    return Search(
        guild_id=search.guild_id,
        model=search.model,
        length=search.length,
        text=search.text,
        order=order,
    )


def _link(search: Search, **more: str | None) -> str:
    return str(URL("/").with_query(write(search, **more)))


async def clip(request: web.Request) -> web.Response:
    """One clip: player, prompt, settings, chain, and how to make one like it."""
    site, words = request.app[SITE], request[WORDS]
    entry = await public_entry(request)
    shown = card(entry, site, words)
    chain = [card(each, site, words) for each in await site.gallery.chain(entry.clip.id)]
    return page(
        request,
        "clip.html",
        clip=shown,
        entry=entry,
        heading=short(shown.title, 140),
        title=short(shown.title),
        chain=chain if len(chain) > 1 else [],
        recipe=recipe(entry),
        more=await _others(site, words, shown),
        oembed=site.absolute(
            str(URL("/oembed").with_query(url=site.absolute(shown.url), format="json"))
        ),
    )


async def _others(site: Site, words: Words, shown: Card) -> list[Card]:
    search = Search(guild_id=shown.server_id)
    found = await site.gallery.page(search, cursor=None, limit=_MORE)
    others = [each for each in found.entries if each.clip.id != shown.id]
    return [card(each, site, words) for each in others[: _MORE - 1]]


async def player(request: web.Request) -> web.Response:
    """The player alone, for frames on other sites (oEmbed)."""
    entry = await public_entry(request)
    return page(request, "player.html", clip=card(entry, request.app[SITE], request[WORDS]))


async def switch_language(request: web.Request) -> web.Response:
    """Remember a language for a year and go back. The cookie says nothing else."""
    wanted = request.query.get("to", "")
    if wanted not in LANGUAGES:
        raise web.HTTPBadRequest
    response = web.Response(status=303, headers={"Location": _back(request.query.get("back"))})
    response.set_cookie(
        LANGUAGE_COOKIE,
        wanted,
        max_age=_COOKIE_AGE_S,
        path="/",
        httponly=True,
        samesite="Lax",
        secure=request.app[SITE].base.scheme == "https",
    )
    response.headers["Cache-Control"] = "no-store"
    return response


def _back(given: str | None) -> str:
    """Return a path of this site, whatever was asked for: never a way to another site."""
    try:
        url = URL(given or "/")
        return str(URL.build(path="/" + url.path.lstrip("/\\"), query_string=url.query_string))
    except ValueError:
        return "/"


def failure(request: web.Request, status: int) -> web.Response:
    """Return the page for a fault; it tells nothing but its kind."""
    return page(request, "failure.html", status=status, kind=_KINDS.get(status, "500"))


_KINDS: Final = {400: "400", 404: "404", 405: "405", 429: "429", 503: "503"}
