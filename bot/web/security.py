"""What holds for every answer: security headers, rate limits, faults that tell nothing.

A middleware and a signal rather than something that each handler must remember.
"""

from collections.abc import Awaitable, Callable
from typing import Final

import structlog
from aiohttp import hdrs, web

from bot.domain.errors import StoreAway
from bot.web import pages, responses
from bot.web.i18n import DEFAULT, Words, chosen
from bot.web.rate_limit import Address, Allowance, Network, visitor
from bot.web.site import SITE, WORDS

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

TRUSTED: Final = web.AppKey[tuple[Network, ...]]("trusted proxies")
ALLOWANCE: Final = web.AppKey("allowance", Allowance)
VISITOR: Final = web.RequestKey("visitor", object)

_MACHINES: Final = ("/api/", "/oembed")
_LITTLE: Final = 0.05
"""A page of posters and previews, and a video in ranges, are one look at one page."""
_COSTS: Final = {"/static/": 0.0, "/healthz": 0.0, "/readyz": _LITTLE, "/metrics": _LITTLE}

_POLICY: Final = "; ".join(
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
_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=(),"
    " browsing-topics=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Permitted-Cross-Domain-Policies": "none",
}
_STRICT_TRANSPORT: Final = "max-age=31536000"

_log: Final = structlog.get_logger(__name__)


async def protect(request: web.Request, response: web.StreamResponse) -> None:
    """Add the headers that every answer has; a signal, so that streams have them too."""
    headers = response.headers
    headers.update(_HEADERS)
    well = response.status < 400  # what a fault looks like must not hang on what was asked for
    embedded = well and request.path.endswith("/player")
    ancestors = "frame-ancestors *" if embedded else "frame-ancestors 'none'"
    headers["Content-Security-Policy"] = f"{_POLICY}; {ancestors}"
    if not embedded:
        headers["X-Frame-Options"] = "DENY"
    media = well and request.path.endswith((".mp4", ".jpg"))
    headers["Cross-Origin-Resource-Policy"] = "cross-origin" if media else "same-origin"
    if request.path.startswith(_MACHINES):
        headers["Access-Control-Allow-Origin"] = "*"
        headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    site = request.app.get(SITE)
    if site is not None and site.base.scheme == "https":
        headers["Strict-Transport-Security"] = _STRICT_TRANSPORT
    headers[hdrs.SERVER] = "clapper"


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Choose the language, hold the rate limit, and turn every fault into an answer."""
    request[WORDS] = Words(DEFAULT)
    try:
        switch = request.cookies.get(pages.LANGUAGE_COOKIE)
        request[WORDS] = Words(chosen(switch, request.headers.get(hdrs.ACCEPT_LANGUAGE)))
        asks = address_of(request)
        request[VISITOR] = asks
        wait_s = request.app[ALLOWANCE].wait_s(asks, _cost(request.path))
        if wait_s > 0:
            response = _fault(request, 429)
            response.headers[hdrs.RETRY_AFTER] = str(int(wait_s) + 1)
            return response
        return await handler(request)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        response = _fault(request, error.status)
        if hdrs.ALLOW in error.headers:
            response.headers[hdrs.ALLOW] = error.headers[hdrs.ALLOW]
        return response
    except StoreAway:
        response = _fault(request, 503)
        response.headers[hdrs.RETRY_AFTER] = "5"
        return response
    except ConnectionError:
        raise  # the visitor has gone: there is nobody to answer
    except Exception:
        _log.exception("web.fault", path=request.path)
        return _fault(request, 500)


def address_of(request: web.Request) -> Address:
    """Return the address of whoever asks."""
    peer = request.transport.get_extra_info("peername") if request.transport else None
    trusted = request.app[TRUSTED]
    return visitor(
        peer[0] if peer else None,
        request.headers.getall(hdrs.X_FORWARDED_FOR, ()),
        trusted,
    )


def _cost(path: str) -> float:
    if path.endswith((".mp4", ".jpg")):
        return _LITTLE
    return next((cost for prefix, cost in _COSTS.items() if path.startswith(prefix)), 1.0)


def _fault(request: web.Request, status: int) -> web.Response:
    if request.path.startswith(_MACHINES):
        response = responses.problem(request, status, _TITLES.get(status, "Fault"))
    else:
        response = pages.failure(request, status)
    response.headers[hdrs.CACHE_CONTROL] = "no-store"
    return response


_TITLES: Final = {
    400: "Bad request",
    404: "Not found",
    405: "Method not allowed",
    413: "Too large",
    429: "Too many requests",
    503: "The database is away",
}
