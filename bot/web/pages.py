"""The pages: the gallery, a clip, the player that others embed, the language switch."""

from typing import Any, Final

from aiohttp import web
from yarl import URL

from bot.domain.showcase.gallery import (
    ClipLength,
    CursorInvalid,
    GalleryOrder,
    GalleryPage,
    GallerySearch,
)
from bot.store.showcase.gallery import GalleryStore
from bot.web import responses
from bot.web.i18n import LANGUAGES, PageTexts
from bot.web.query import PAGE_SIZE, QueryInvalid, build_query, read_cursor, read_search
from bot.web.site import PAGE_TEXTS, SITE, GallerySite, get_public_entry
from bot.web.view_models import CardView, build_card_view, build_generate_command, shorten_title

_COOKIE_AGE_S: Final = 365 * 24 * 3600
_RELATED_LIMIT: Final = 5
LANGUAGE_COOKIE: Final = "language"


def render_page(
    request: web.Request, template: str, *, status: int = 200, **values: Any
) -> web.Response:
    """Return a rendered page with what every page has."""
    site, words = request.app[SITE], request[PAGE_TEXTS]
    body = site.templates.render(
        template,
        t=words,
        asset=site.assets.build_url,
        absolute=site.build_absolute_url,
        languages=LANGUAGES,
        here=request.path_qs if status == 200 else "/",
        **values,
    )
    headers = {"Vary": "Accept-Language, Cookie", "Content-Language": words.language}
    return responses.respond_text(request, body, "text/html", status=status, headers=headers)


async def show_gallery(request: web.Request) -> web.Response:
    """The grid. The first page without any filter opens with the best clip."""
    site, words = request.app[SITE], request[PAGE_TEXTS]
    try:
        search, cursor = read_search(request.query), read_cursor(request.query)
        found = await site.gallery.load_page(search, cursor=cursor, limit=PAGE_SIZE)
    except (QueryInvalid, CursorInvalid) as error:
        raise web.HTTPBadRequest from error
    first = cursor is None and search == GallerySearch()
    best = await _find_best(site.gallery) if first and len(found.entries) > _RELATED_LIMIT else None
    return render_page(
        request,
        "gallery.html",
        search=search,
        cards=[build_card_view(entry, site, words) for entry in found.entries],
        best=build_card_view(best.entries[0], site, words) if best and best.entries else None,
        more=_build_link(search, cursor=found.next_cursor) if found.next_cursor else None,
        first=None if cursor is None else _build_link(search),
        orders=[
            (each, _build_link(_with_order(search, each)), each is search.order)
            for each in GalleryOrder
        ],
        lengths=list(ClipLength),
        servers=await site.gallery.list_guilds(),
        models=[(each, site.get_model_name(each)) for each in await site.gallery.list_models()],
        feed=str(URL("/feed.atom").with_query(build_query(search))),
        narrowed=search != GallerySearch(order=search.order),
    )


async def _find_best(gallery: GalleryStore) -> GalleryPage:
    return await gallery.load_page(GallerySearch(order=GalleryOrder.TOP), cursor=None, limit=1)


def _with_order(search: GallerySearch, order: GalleryOrder) -> GallerySearch:
    return GallerySearch(
        guild_id=search.guild_id,
        model=search.model,
        length=search.length,
        text=search.text,
        order=order,
    )


def _build_link(search: GallerySearch, **more: str | None) -> str:
    return str(URL("/").with_query(build_query(search, **more)))


async def show_clip(request: web.Request) -> web.Response:
    """One clip: player, prompt, settings, chain, and how to make one like it."""
    site, words = request.app[SITE], request[PAGE_TEXTS]
    entry = await get_public_entry(request)
    shown = build_card_view(entry, site, words)
    chain = [
        build_card_view(each, site, words)
        for each in await site.gallery.load_lineage(entry.clip.id)
    ]
    return render_page(
        request,
        "clip.html",
        clip=shown,
        entry=entry,
        heading=shorten_title(shown.title, 140),
        title=shorten_title(shown.title),
        chain=chain if len(chain) > 1 else [],
        recipe=build_generate_command(entry),
        more=await _find_related(site, words, shown),
        oembed=site.build_absolute_url(
            str(URL("/oembed").with_query(url=site.build_absolute_url(shown.url), format="json"))
        ),
    )


async def _find_related(site: GallerySite, words: PageTexts, shown: CardView) -> list[CardView]:
    search = GallerySearch(guild_id=shown.server_id)
    found = await site.gallery.load_page(search, cursor=None, limit=_RELATED_LIMIT)
    others = [each for each in found.entries if each.clip.id != shown.id]
    return [build_card_view(each, site, words) for each in others[: _RELATED_LIMIT - 1]]


async def show_player(request: web.Request) -> web.Response:
    """The player alone, for frames on other sites (oEmbed)."""
    entry = await get_public_entry(request)
    return render_page(
        request, "player.html", clip=build_card_view(entry, request.app[SITE], request[PAGE_TEXTS])
    )


async def switch_language(request: web.Request) -> web.Response:
    """Remember a language for a year and go back. The cookie says nothing else."""
    wanted = request.query.get("to", "")
    if wanted not in LANGUAGES:
        raise web.HTTPBadRequest
    response = web.Response(
        status=303, headers={"Location": _sanitize_return_path(request.query.get("back"))}
    )
    response.set_cookie(
        LANGUAGE_COOKIE,
        wanted,
        max_age=_COOKIE_AGE_S,
        path="/",
        httponly=True,
        samesite="Lax",
        secure=request.app[SITE].base_url.scheme == "https",
    )
    response.headers["Cache-Control"] = "no-store"
    return response


def _sanitize_return_path(text: str | None) -> str:
    """Return a path of this site, whatever was asked for: never a way to another site."""
    try:
        url = URL(text or "/")
        return str(URL.build(path="/" + url.path.lstrip("/\\"), query_string=url.query_string))
    except ValueError:
        return "/"


def render_failure(request: web.Request, status: int) -> web.Response:
    """Return the page for a fault; it tells nothing but its kind."""
    return render_page(
        request, "failure.html", status=status, kind=_FAILURE_KINDS.get(status, "500")
    )


_FAILURE_KINDS: Final = {400: "400", 404: "404", 405: "405", 429: "429", 503: "503"}
