"""The pages: the gallery, a clip, the player that others embed, the language switch."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

from aiohttp import web
from yarl import URL

from bot.domain.showcase.gallery import (
    CursorInvalid,
    GalleryEntry,
    GalleryOrder,
    GalleryPeriod,
    GallerySearch,
)
from bot.domain.showcase.page_paths import build_creator_path
from bot.web import responses
from bot.web.chips import build_chips
from bot.web.discovery import build_video_object
from bot.web.embedding import build_discord_link, build_embed_code
from bot.web.filmstrip_views import build_filmstrip_view
from bot.web.page_heads import PageHead, find_head
from bot.web.page_texts import LANGUAGE_PARAMETER, LANGUAGES, PageTexts
from bot.web.query import (
    PAGE_SIZE,
    QueryInvalid,
    build_query,
    read_cursor,
    read_search,
    read_start,
)
from bot.web.site import (
    PAGE_TEXTS,
    SITE,
    GallerySite,
    find_public_server,
    get_public_entry,
    require_adult_for_server,
)
from bot.web.view_models import (
    CardView,
    build_card_view,
    build_generate_command,
    build_moving_cards,
    contain_text,
    isolate_text,
    shorten_title,
)

COOKIE_LIFETIME: Final = timedelta(days=365)
"""How long a browser remembers the language that a visitor chose."""
_RELATED_LIMIT: Final = 5
_SUGGESTION_LIMIT: Final = 5
LANGUAGE_COOKIE: Final = "language"
_FAILURES_WITH_TEXT: Final = frozenset({400, 404, 405, 429, 503})


def render_page(
    request: web.Request,
    template: str,
    *,
    status: int = 200,
    address: str | None = None,
    **values: Any,
) -> web.Response:
    """Return a rendered page. ``values`` are added to those that every template needs.

    ``address`` is the path and query that the page is known by, whatever it was asked for with.
    """
    site, texts = request.app[SITE], request[PAGE_TEXTS]
    here = request.rel_url.without_query_params(LANGUAGE_PARAMETER)
    body = site.templates.render(
        template,
        t=texts,
        asset=site.assets.build_url,
        absolute=site.build_absolute_url,
        languages=LANGUAGES,
        isolate=isolate_text,
        short=shorten_title,
        here=str(here) if status == 200 else "/",
        versions=None if address is None else _build_versions(request, address),
        **values,
    )
    headers = {"Vary": "Accept-Language, Cookie", "Content-Language": texts.language}
    return responses.respond_text(request, body, "text/html", status=status, headers=headers)


@dataclass(frozen=True, slots=True)
class PageVersions:
    """The addresses of a page: of this version, without a language, and in each language."""

    canonical: str
    default: str
    languages: Mapping[str, str]


def _build_versions(request: web.Request, address: str) -> PageVersions:
    site = request.app[SITE]

    def build_url(language: str) -> str:
        return site.build_absolute_url(
            str(URL(address).update_query({LANGUAGE_PARAMETER: language}))
        )

    default = site.build_absolute_url(address)
    wanted = request.query.get(LANGUAGE_PARAMETER)
    return PageVersions(
        canonical=build_url(wanted) if wanted in LANGUAGES else default,
        default=default,
        languages={language: build_url(language) for language in LANGUAGES},
    )


async def show_gallery(request: web.Request) -> web.Response:
    """Return a page of the gallery. The first one, unless filtered, shows the week's winner."""
    await _refresh_servers(request)
    return await _show_search(request, _read_search(request))


async def show_server(request: web.Request) -> web.Response:
    """Return a page of a server's clips. Other spellings of its name lead to its address."""
    guild_id = await find_public_server(request)
    path = request.app[SITE].servers.build_path(guild_id)
    if request.path != path:
        location = URL.build(path=path, query_string=request.query_string)
        raise web.HTTPFound(location)
    return await _show_search(request, replace(_read_search(request), guild_id=guild_id))


async def show_creator(request: web.Request) -> web.Response:
    """Return a page of the clips of a creator who has opened one."""
    await _refresh_servers(request)
    search = replace(_read_search(request), creator_page=request.match_info["creator"])
    return await _show_search(request, search)


async def _refresh_servers(request: web.Request) -> None:
    site = request.app[SITE]
    await site.servers.refresh(site.gallery, site.clock)


def _read_search(request: web.Request) -> GallerySearch:
    try:
        return read_search(request.query)
    except QueryInvalid as error:
        raise web.HTTPBadRequest from error


async def _show_search(request: web.Request, search: GallerySearch) -> web.Response:
    """Return a page of clips; those of one server or creator have a head above them."""
    site, texts = request.app[SITE], request[PAGE_TEXTS]
    await require_adult_for_server(request, search.guild_id)
    head = await find_head(site, search, texts)
    if head is None and search.creator_page is not None:
        raise web.HTTPNotFound
    try:
        cursor = read_cursor(request.query)
        page = await site.load_page(search, cursor=cursor, limit=PAGE_SIZE)
    except (QueryInvalid, CursorInvalid) as error:
        raise web.HTTPBadRequest from error

    def build_link(wanted: GallerySearch, **parameters: str | None) -> str:
        return build_search_link(site, wanted, **parameters)

    subject = GallerySearch() if head is None else head.subject
    is_whole = replace(search, order=GalleryOrder.NEW, period=None) == subject
    winner, period = None, None
    if cursor is None and search == GallerySearch() and len(page.entries) > _RELATED_LIMIT:
        winner, period = await _find_winner(site)
    guilds = await site.gallery.list_guilds(including=search.guild_id)
    servers = [(guild_id, contain_text(name)) for guild_id, name in guilds]
    suggestions = []
    if search.text is not None and not page.entries:
        words = await site.gallery.suggest_searches(search.text, limit=_SUGGESTION_LIMIT)
        suggestions = [(word, build_link(GallerySearch(text=word))) for word in words]
    counted = await site.clip_counts.load(site.gallery, search, site.clock)
    return render_page(
        request,
        "gallery.html",
        search=search,
        head=head,
        address=build_link(search),
        is_findable=search == subject,
        view_name=describe_search(search, servers, site, head),
        cards=await build_moving_cards(page.entries, site, texts),
        best=winner and (await build_moving_cards([winner], site, texts))[0],
        best_of=period,
        more=build_link(search, cursor=page.next_cursor) if page.next_cursor else None,
        first=None if cursor is None else build_link(search),
        orders=[
            (
                order,
                build_link(replace(search, order=order, period=None)),
                order is search.order,
            )
            for order in GalleryOrder
        ],
        periods=[
            (each or "all", build_link(replace(search, period=each)), each is search.period)
            for each in (*GalleryPeriod, None)
        ],
        chips=build_chips(search, counted, texts, site.get_model_name),
        count=counted.count(search),
        suggestions=suggestions,
        common_words=await site.common_words.load(site.gallery, site.clock),
        is_count_partial=counted.is_partial,
        build_link=build_link,
        kept=build_query(replace(search, text=None, guild_id=None)),
        servers=servers,
        feed=str(URL("/feed.atom").with_query(build_query(search))),
        narrowed=not is_whole,
        whole=build_link(subject),
        oembed=None if head is None else build_oembed_url(site, build_link(subject)),
    )


async def _find_winner(site: GallerySite) -> tuple[GalleryEntry | None, GalleryPeriod | None]:
    """Return the entry of the last week with the most stars, or else of the last month."""
    now = site.clock.now()
    for period in GalleryPeriod:
        winner = await site.gallery.find_favourite(since=now - period.duration)
        if winner is not None:
            return winner, period
    return None, None


def describe_search(
    search: GallerySearch,
    servers: Sequence[tuple[int, str]],
    site: GallerySite,
    head: PageHead | None,
) -> str:
    """Return a short description of a search, or an empty text for the whole gallery."""
    is_in_head = head is not None and head.subject.guild_id is not None
    server = None if is_in_head else dict(servers).get(search.guild_id or 0)
    model = search.model and contain_text(site.get_model_name(search.model))
    text = search.text and f"“{shorten_title(search.text, 40)}”"
    name = None if head is None else head.name
    return " · ".join(part for part in (text, name, server, model) if part)


def build_search_link(site: GallerySite, search: GallerySearch, **parameters: str | None) -> str:
    """Return the path and query of a search.

    One in a creator's or a server's clips is below the address of their page.
    """
    if search.creator_page is not None:
        path, rest = build_creator_path(search.creator_page), replace(search, creator_page=None)
    elif search.guild_id is not None:
        path, rest = site.servers.build_path(search.guild_id), replace(search, guild_id=None)
    else:
        path, rest = "/", search
    return str(URL.build(path=path).with_query(build_query(rest, **parameters)))


def build_oembed_url(site: GallerySite, path: str) -> str:
    """Return the address under which oEmbed describes the page at ``path``."""
    query = {"url": site.build_absolute_url(path), "format": "json"}
    return site.build_absolute_url(str(URL("/oembed").with_query(query)))


async def show_clip(request: web.Request) -> web.Response:
    site, texts = request.app[SITE], request[PAGE_TEXTS]
    await _refresh_servers(request)
    entry = await get_public_entry(request)
    try:
        start_s = read_start(request.query)
    except QueryInvalid as error:
        raise web.HTTPBadRequest from error
    card = build_card_view(entry, site, texts)
    filmstrip = await site.gallery.load_filmstrip(entry.clip.id)
    parts = [] if filmstrip is None else filmstrip.list_parts()
    similar = await site.gallery.find_similar(
        entry, limit=_RELATED_LIMIT, without=[part.entry.clip.id for part in parts]
    )
    return render_page(
        request,
        "clip.html",
        address=card.url,
        clip=card,
        entry=entry,
        link=site.build_absolute_url(card.url),
        embed_code=build_embed_code(entry, card, site),
        discord_link=build_discord_link(entry),
        start_s=min(start_s, card.seconds),
        video_object=build_video_object(entry, card, parts, site, texts),
        heading=shorten_title(card.title, 140),
        title=shorten_title(card.title),
        filmstrip=filmstrip and build_filmstrip_view(filmstrip, entry, site, texts),
        recipe=build_generate_command(entry),
        similar=await build_moving_cards(similar, site, texts),
        more=await _find_related(site, texts, card, without={each.clip.id for each in similar}),
        oembed=build_oembed_url(site, card.url),
    )


async def _find_related(
    site: GallerySite, texts: PageTexts, card: CardView, *, without: Collection[int]
) -> list[CardView]:
    search = GallerySearch(guild_id=card.server_id)
    page = await site.load_page(search, cursor=None, limit=2 * _RELATED_LIMIT)
    omitted = {card.id, *without}
    others = [entry for entry in page.entries if entry.clip.id not in omitted]
    return await build_moving_cards(others[:_RELATED_LIMIT], site, texts)


async def show_player(request: web.Request) -> web.Response:
    """Return a page with only the player, for iframes on other sites (oEmbed)."""
    entry = await get_public_entry(request)
    card = build_card_view(entry, request.app[SITE], request[PAGE_TEXTS])
    return render_page(request, "player.html", clip=card)


async def switch_language(request: web.Request) -> web.Response:
    """Save the language in a cookie for a year, and redirect to the previous page."""
    language = request.query.get("to", "")
    if language not in LANGUAGES:
        raise web.HTTPBadRequest
    return remember_choice(request, LANGUAGE_COOKIE, language, COOKIE_LIFETIME)


def remember_choice(
    request: web.Request, cookie: str, value: str, lifetime: timedelta
) -> web.Response:
    """Save a visitor's choice in a cookie, and redirect to the page that they came from."""
    location = _sanitize_return_path(request.query.get("back"))
    headers = {"Location": location, "Cache-Control": "no-store"}
    response = web.Response(status=303, headers=headers)
    response.set_cookie(
        cookie,
        value,
        max_age=int(lifetime.total_seconds()),
        path="/",
        httponly=True,
        samesite="Lax",
        secure=request.app[SITE].base_url.scheme == "https",
    )
    return response


def _sanitize_return_path(text: str | None) -> str:
    """Return a path on this site for any ``text``, to prevent open redirects."""
    try:
        url = URL(text or "/")
        path = "/" + url.path.lstrip("/\\")
        # the query is not decoded, because %2B and + are different characters
        return str(URL.build(path=path).with_query(None)) + (
            f"?{url.raw_query_string}" if url.raw_query_string else ""
        )
    except ValueError:
        return "/"


def render_failure(request: web.Request, status: int) -> web.Response:
    """Return the page for an HTTP error. It reveals nothing but the kind of error."""
    kind = str(status) if status in _FAILURES_WITH_TEXT else "500"
    return render_page(request, "failure.html", status=status, kind=kind)
