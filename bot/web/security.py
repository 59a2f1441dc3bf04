"""What holds for every answer: security headers, rate limits, faults that tell nothing.

A middleware and a signal rather than something that each handler must remember.
"""

from collections.abc import Awaitable, Callable
from typing import Final

import structlog
from aiohttp import hdrs, web

from bot.domain.errors import DatabaseUnavailable
from bot.web import pages, responses
from bot.web.i18n import DEFAULT_LANGUAGE, PageTexts, negotiate_locale
from bot.web.rate_limit import Address, Network, TokenBucket, resolve_client_ip
from bot.web.site import PAGE_TEXTS, SITE

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

TRUSTED_PROXIES: Final = web.AppKey[tuple[Network, ...]]("trusted proxies")
TOKEN_BUCKET: Final = web.AppKey("allowance", TokenBucket)
CLIENT_IP: Final = web.RequestKey("visitor", object)

_API_PREFIXES: Final = ("/api/", "/oembed")
_LOW_COST: Final = 0.05
"""A page of posters and previews, and a video in ranges, are one look at one page."""
_REQUEST_COSTS: Final = {
    "/static/": 0.0,
    "/healthz": 0.0,
    "/readyz": _LOW_COST,
    "/metrics": _LOW_COST,
}

_CONTENT_SECURITY_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        "img-src 'self'",
        "media-src 'self'",
        "style-src 'self'",
        "script-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
    )
)
_SECURITY_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=(),"
    " browsing-topics=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Permitted-Cross-Domain-Policies": "none",
}
_STRICT_TRANSPORT: Final = "max-age=31536000"

_log: Final = structlog.get_logger(__name__)


async def set_security_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Add the headers that every answer has; a signal, so that streams have them too."""
    headers = response.headers
    headers.update(_SECURITY_HEADERS)
    well = response.status < 400  # what a fault looks like must not hang on what was asked for
    embedded = well and request.path.endswith("/player")
    ancestors = "frame-ancestors *" if embedded else "frame-ancestors 'none'"
    headers["Content-Security-Policy"] = f"{_CONTENT_SECURITY_POLICY}; {ancestors}"
    if not embedded:
        headers["X-Frame-Options"] = "DENY"
    media = well and request.path.endswith((".mp4", ".jpg"))
    headers["Cross-Origin-Resource-Policy"] = "cross-origin" if media else "same-origin"
    if request.path.startswith(_API_PREFIXES):
        headers["Access-Control-Allow-Origin"] = "*"
        headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    site = request.app.get(SITE)
    if site is not None and site.base_url.scheme == "https":
        headers["Strict-Transport-Security"] = _STRICT_TRANSPORT
    headers[hdrs.SERVER] = "clapper"


@web.middleware
async def security_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Choose the language, hold the rate limit, and turn every fault into an answer."""
    request[PAGE_TEXTS] = PageTexts(DEFAULT_LANGUAGE)
    try:
        switch = request.cookies.get(pages.LANGUAGE_COOKIE)
        request[PAGE_TEXTS] = PageTexts(
            negotiate_locale(switch, request.headers.get(hdrs.ACCEPT_LANGUAGE))
        )
        asks = get_client_ip(request)
        request[CLIENT_IP] = asks
        wait_s = request.app[TOKEN_BUCKET].take_tokens(asks, _compute_cost(request.path))
        if wait_s > 0:
            response = _respond_error(request, 429)
            response.headers[hdrs.RETRY_AFTER] = str(int(wait_s) + 1)
            return response
        return await handler(request)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        response = _respond_error(request, error.status)
        if hdrs.ALLOW in error.headers:
            response.headers[hdrs.ALLOW] = error.headers[hdrs.ALLOW]
        return response
    except DatabaseUnavailable:
        response = _respond_error(request, 503)
        response.headers[hdrs.RETRY_AFTER] = "5"
        return response
    except ConnectionError:
        raise  # the visitor has gone: there is nobody to answer
    except Exception:
        _log.exception("web.fault", path=request.path)
        return _respond_error(request, 500)


def get_client_ip(request: web.Request) -> Address:
    """Return the address of whoever asks."""
    peer = request.transport.get_extra_info("peername") if request.transport else None
    trusted = request.app[TRUSTED_PROXIES]
    return resolve_client_ip(
        peer[0] if peer else None,
        request.headers.getall(hdrs.X_FORWARDED_FOR, ()),
        trusted,
    )


def _compute_cost(path: str) -> float:
    if path.endswith((".mp4", ".jpg")):
        return _LOW_COST
    return next((cost for prefix, cost in _REQUEST_COSTS.items() if path.startswith(prefix)), 1.0)


def _respond_error(request: web.Request, status: int) -> web.Response:
    if request.path.startswith(_API_PREFIXES):
        response = responses.respond_problem(request, status, _ERROR_TITLES.get(status, "Fault"))
    else:
        response = pages.render_failure(request, status)
    response.headers[hdrs.CACHE_CONTROL] = "no-store"
    return response


_ERROR_TITLES: Final = {
    400: "Bad request",
    404: "Not found",
    405: "Method not allowed",
    413: "Too large",
    429: "Too many requests",
    503: "The database is away",
}
