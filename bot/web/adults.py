"""Asks visitors whether they are adults: all of them, or those of servers for adults.

Pages show the question until a cookie says yes. Everything else that tells of clips is missing
without the cookie: videos, posters, feeds, the API, and what previews of links are made from. The
cookie is not signed, because it only repeats what its owner said
(docs/decisions/0042-adults-only.md).
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

from aiohttp import web

from bot.domain.legal_pages import PRIVACY_PATH, TERMS_PATH
from bot.web.links import DOWNLOAD_PREFIX
from bot.web.pages import (
    remember_choice,
    render_page,
    show_clip,
    show_creator,
    show_gallery,
    show_server,
)
from bot.web.site import ADULT_ANSWER, ADULT_COOKIE, SITE, AdultAnswerMissing, is_adult
from bot.web.webhooks import WEBHOOK_PREFIX

ADULTS_PATH: Final = "/adults"
ADULT_COOKIE_LIFETIME: Final = timedelta(days=30)
"""How long a browser remembers that its owner is an adult."""
_OPEN_PATHS: Final = (
    *(ADULTS_PATH, "/language", TERMS_PATH, PRIVACY_PATH),
    *("/robots.txt", "/favicon.ico", "/manifest.webmanifest", "/static/"),
    *("/healthz", "/readyz", "/metrics", WEBHOOK_PREFIX, f"{DOWNLOAD_PREFIX}/"),
)
"""Beginnings of paths that tell of no clip, or of one that a signed link was made for."""
_SITEMAPS: Final = "/sitemap"
_PAGES: Final = (show_gallery, show_server, show_creator, show_clip)


@web.middleware
async def adults_middleware(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Let visitors see clips who have said that they are adults. Raises `web.HTTPNotFound`."""
    if not request.app[SITE].adults_only:
        return await _ask_for_servers(request, handler)
    if request.path.startswith(_OPEN_PATHS) or request.match_info.http_exception is not None:
        return await handler(request)
    if request.path.startswith(_SITEMAPS):
        raise web.HTTPNotFound
    if is_adult(request):
        return await handler(request)
    if request.match_info.handler not in _PAGES:
        raise web.HTTPNotFound
    return render_page(request, "adults.html", text="adults.text")


async def _ask_for_servers(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Ask in the place of pages that are for adults by their server's choice."""
    try:
        return await handler(request)
    except AdultAnswerMissing:
        if request.match_info.handler not in _PAGES:
            raise
        return render_page(request, "adults.html", text="adults.server")


async def confirm_adult(request: web.Request) -> web.Response:
    """Remember that the visitor is an adult, and redirect to the page that asked."""
    return remember_choice(request, ADULT_COOKIE, ADULT_ANSWER, ADULT_COOKIE_LIFETIME)
