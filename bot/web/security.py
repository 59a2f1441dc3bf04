"""What applies to every response: security headers, rate limits, errors that reveal nothing.

A middleware and a signal, so that no handler has to remember any of it.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import structlog
from aiohttp import hdrs, web

from bot.domain.errors import DatabaseUnavailable
from bot.i18n.translations import DEFAULT_LANGUAGE
from bot.web import pages, responses
from bot.web.page_texts import PageTexts, choose_language
from bot.web.rate_limit import Address, Network, TokenBucket, resolve_client_ip
from bot.web.site import PAGE_TEXTS, SITE

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

TRUSTED_PROXIES: Final = web.AppKey[tuple[Network, ...]]("trusted proxies")
TOKEN_BUCKET: Final = web.AppKey("token bucket", TokenBucket)

_API_PREFIXES: Final = ("/api/", "/oembed")
_LOW_COST: Final = 0.05
"""A page loads dozens of posters, and a player fetches a video in many ranges."""
_REQUEST_COSTS: Final = {
    "/static/": 0.0,
    "/healthz": 0.0,
    "/readyz": _LOW_COST,
    "/metrics": _LOW_COST,
}

_CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'self'; script-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'"
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
    """Add the security headers; as a signal, since a middleware would miss streamed files."""
    headers = response.headers
    headers.update(_SECURITY_HEADERS)
    is_success = response.status < 400  # all errors look the same, whatever was requested
    embedded = is_success and request.path.endswith("/player")
    ancestors = "frame-ancestors *" if embedded else "frame-ancestors 'none'"
    headers["Content-Security-Policy"] = f"{_CONTENT_SECURITY_POLICY}; {ancestors}"
    if not embedded:
        headers["X-Frame-Options"] = "DENY"
    media = is_success and request.path.endswith((".mp4", ".jpg"))
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
    """Choose the language, apply the rate limit, and turn every error into a response."""
    request[PAGE_TEXTS] = PageTexts(DEFAULT_LANGUAGE)
    try:
        cookie = request.cookies.get(pages.LANGUAGE_COOKIE)
        language = choose_language(cookie, request.headers.get(hdrs.ACCEPT_LANGUAGE))
        request[PAGE_TEXTS] = PageTexts(language)
        cost = _compute_cost(request.path)
        wait_s = request.app[TOKEN_BUCKET].take_tokens(get_client_ip(request), cost)
        if wait_s > 0:
            return _respond_error(request, 429, {hdrs.RETRY_AFTER: str(int(wait_s) + 1)})
        return await handler(request)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        allowed = error.headers.get(hdrs.ALLOW)
        return _respond_error(request, error.status, {hdrs.ALLOW: allowed} if allowed else None)
    except DatabaseUnavailable:
        return _respond_error(request, 503, {hdrs.RETRY_AFTER: "5"})
    except ConnectionError:
        raise  # the client has disconnected
    except Exception:
        _log.exception("web.request_failed", path=request.path)
        return _respond_error(request, 500)


def get_peer(request: web.Request) -> str | None:
    """Return the address at the other end of the connection: the client's, or a proxy's."""
    peer = request.transport.get_extra_info("peername") if request.transport else None
    return peer[0] if peer else None


def get_client_ip(request: web.Request) -> Address:
    forwarded = request.headers.getall(hdrs.X_FORWARDED_FOR, ())
    trusted_proxies = request.app[TRUSTED_PROXIES]
    return resolve_client_ip(get_peer(request), forwarded, trusted_proxies)


def _compute_cost(path: str) -> float:
    if path.endswith((".mp4", ".jpg")):
        return _LOW_COST
    return next((cost for prefix, cost in _REQUEST_COSTS.items() if path.startswith(prefix)), 1.0)


def _respond_error(
    request: web.Request, status: int, headers: Mapping[str, str] | None = None
) -> web.Response:
    if request.path.startswith(_API_PREFIXES):
        title = _ERROR_TITLES.get(status, "Internal error")
        response = responses.respond_problem(request, status, title)
    else:
        response = pages.render_failure(request, status)
    response.headers.update({hdrs.CACHE_CONTROL: "no-store", **(headers or {})})
    return response


_ERROR_TITLES: Final = {
    400: "Bad request",
    404: "Not found",
    405: "Method not allowed",
    413: "Too large",
    429: "Too many requests",
    503: "The database is unavailable",
}
