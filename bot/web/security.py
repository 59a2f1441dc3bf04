"""Security headers, rate limits and error pages, for every response.

They are added by a middleware and a signal, so that no handler can forget them.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final

import structlog
from aiohttp import HttpVersion10, hdrs, web

from bot.domain.errors import DatabaseUnavailable, MediaUnavailable
from bot.i18n.translations import DEFAULT_LANGUAGE
from bot.web import pages, responses
from bot.web.open_limits import OpenLimit, TooManyOpen
from bot.web.page_texts import LANGUAGE_PARAMETER, PageTexts, choose_language
from bot.web.rate_limit import Address, Network, TokenBucket, resolve_client_ip
from bot.web.site import IS_FOR_ADULTS, PAGE_TEXTS, SITE, WEB_INSTRUMENTS
from bot.web.webhooks import WEBHOOK_PREFIX

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

TRUSTED_PROXIES: Final = web.AppKey[tuple[Network, ...]]("trusted proxies")
TOKEN_BUCKET: Final = web.AppKey("token bucket", TokenBucket)
REQUEST_LIMIT: Final = web.AppKey("request limit", OpenLimit)
STREAM_LIMIT: Final = web.AppKey("stream limit", OpenLimit)

_API_PREFIXES: Final = ("/api/", "/oembed")
_LOW_COST: Final = 0.05
"""For requests that come in dozens: posters of a page, ranges of a video, events of Google."""
_MEDIA_SUFFIXES: Final = (".mp4", ".jpg", ".webp")
_REQUEST_COSTS: Final = {
    "/static/": 0.0,
    "/healthz": 0.0,
    "/favicon.ico": _LOW_COST,
    "/manifest.webmanifest": _LOW_COST,
    "/readyz": _LOW_COST,
    "/metrics": _LOW_COST,
    WEBHOOK_PREFIX: _LOW_COST,
}

_CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; img-src 'self'; media-src 'self'; style-src 'self'; script-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'"
)
_SECURITY_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=(),"
    " browsing-topics=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "X-Permitted-Cross-Domain-Policies": "none",
}
_PREFLIGHT_HEADERS: Final = {
    "Access-Control-Allow-Methods": "GET, HEAD",
    "Access-Control-Allow-Headers": "*",
    "Access-Control-Max-Age": "86400",
    "Vary": "Access-Control-Request-Method, Access-Control-Request-Headers",
}
_RETRY_AFTER_S: Final = "10"
_STRICT_TRANSPORT: Final = "max-age=31536000"

_log: Final = structlog.get_logger(__name__)


async def set_security_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Add the security headers. This is a signal because a middleware would miss streamed files."""
    is_https = request.app[SITE].base_url.scheme == "https"
    headers = build_security_headers(request.path, response.status, is_https=is_https)
    response.headers.update(headers)
    if request.app[SITE].adults_only or IS_FOR_ADULTS in request:
        response.headers["X-Robots-Tag"] = "noindex, nofollow"
    if "X-Frame-Options" not in headers:
        response.headers.pop("X-Frame-Options", None)
    route = _get_route(request)
    request.app[WEB_INSTRUMENTS].requests.labels(route, str(response.status)).inc()


def build_security_headers(path: str, status: int, *, is_https: bool) -> dict[str, str]:
    """Return the security headers of a response to ``path``. Those of errors reveal nothing."""
    is_success = status < 400
    is_embedded = is_success and path.endswith("/player")
    ancestors = "frame-ancestors *" if is_embedded else "frame-ancestors 'none'"
    is_shared = path.startswith(_API_PREFIXES) or (is_success and path.endswith(_MEDIA_SUFFIXES))
    headers = {
        **_SECURITY_HEADERS,
        "Content-Security-Policy": f"{_CONTENT_SECURITY_POLICY}; {ancestors}",
        "Cross-Origin-Resource-Policy": "cross-origin" if is_shared else "same-origin",
        hdrs.SERVER: "clapper",
    }
    if not is_embedded:
        headers["X-Frame-Options"] = "DENY"
    if path.startswith(_API_PREFIXES):
        headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = "*"
        headers[hdrs.ACCESS_CONTROL_EXPOSE_HEADERS] = "ETag, Retry-After"
    if is_https:
        headers["Strict-Transport-Security"] = _STRICT_TRANSPORT
    return headers


@web.middleware
async def security_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Choose the language, apply the limits, and turn every error into a response."""
    request[PAGE_TEXTS] = PageTexts(DEFAULT_LANGUAGE)
    cost = 0.0
    try:
        cookie = request.cookies.get(pages.LANGUAGE_COOKIE)
        language = choose_language(
            cookie,
            request.headers.get(hdrs.ACCEPT_LANGUAGE),
            wanted=request.query.get(LANGUAGE_PARAMETER),
        )
        request[PAGE_TEXTS] = PageTexts(language)
        visitor = get_client_ip(request)
        cost = _compute_cost(request)
        wait_s = request.app[TOKEN_BUCKET].take_tokens(visitor, cost)
        if wait_s > 0:
            return _refuse_request(request, wait_s)
        if request.version < HttpVersion10:
            raise web.HTTPBadRequest
        if _is_preflight(request):
            return web.Response(status=204, headers=_PREFLIGHT_HEADERS)
        with request.app[REQUEST_LIMIT].hold_one(visitor):
            return await handler(request)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        # every client error costs as much as a page, so that guessing URLs is expensive
        extra_cost = max(0.0, 1 - cost) if error.status < 500 else 0.0
        wait_s = request.app[TOKEN_BUCKET].take_tokens(get_client_ip(request), extra_cost)
        if wait_s > 0:
            return _refuse_request(request, wait_s)
        kept_names = (str(hdrs.ALLOW), str(hdrs.RETRY_AFTER))
        headers = {name: error.headers[name] for name in kept_names if name in error.headers}
        return _respond_error(request, error.status, headers)
    except TooManyOpen as error:
        request.app[WEB_INSTRUMENTS].refusals.labels(error.reason).inc()
        status = 503 if error.is_for_everyone else 429
        return _respond_error(request, status, {hdrs.RETRY_AFTER: _RETRY_AFTER_S})
    except (DatabaseUnavailable, MediaUnavailable):
        return _respond_error(request, 503, {hdrs.RETRY_AFTER: _RETRY_AFTER_S})
    except ConnectionError:
        raise  # the client has disconnected
    except Exception:
        _log.exception("web.request_failed", route=_get_route(request))
        return _respond_error(request, 500)


@contextmanager
def hold_stream(request: web.Request) -> Iterator[None]:
    """Count a video that is sent or prepared while the block runs. Raises `TooManyOpen`."""
    with request.app[STREAM_LIMIT].hold_one(get_client_ip(request)):
        yield


def get_peer(request: web.Request) -> str | None:
    """Return the address at the other end of the connection: the client's, or a proxy's."""
    peer = request.transport.get_extra_info("peername") if request.transport else None
    return peer[0] if peer else None


def get_client_ip(request: web.Request) -> Address:
    forwarded = request.headers.getall(hdrs.X_FORWARDED_FOR, ())
    trusted_proxies = request.app[TRUSTED_PROXIES]
    return resolve_client_ip(get_peer(request), forwarded, trusted_proxies)


def _compute_cost(request: web.Request) -> float:
    """Return the tokens that a request costs. A page costs 1, and so does the page of an error."""
    if request.match_info.http_exception is not None and not _is_preflight(request):
        return 1.0
    if request.path.endswith(_MEDIA_SUFFIXES):
        return _LOW_COST
    costs = _REQUEST_COSTS.items()
    return next((cost for prefix, cost in costs if request.path.startswith(prefix)), 1.0)


def _is_preflight(request: web.Request) -> bool:
    """Return whether it is a CORS preflight request to the API (Fetch standard, 4.8)."""
    return (
        request.method == hdrs.METH_OPTIONS
        and hdrs.ACCESS_CONTROL_REQUEST_METHOD in request.headers
        and request.path.startswith(_API_PREFIXES)
    )


def _get_route(request: web.Request) -> str:
    """Return the pattern of the path for use as a label, so that visitors cannot invent values."""
    resource = request.match_info.route.resource
    return "other" if resource is None else resource.canonical


def _refuse_request(request: web.Request, wait_s: float) -> web.Response:
    request.app[WEB_INSTRUMENTS].refusals.labels("requests").inc()
    return _respond_error(request, 429, {hdrs.RETRY_AFTER: str(int(wait_s) + 1)})


def _respond_error(
    request: web.Request, status: int, headers: Mapping[str, str] | None = None
) -> web.Response:
    if request.path.startswith((*_API_PREFIXES, WEBHOOK_PREFIX)):  # programs read no pages
        title = _ERROR_TITLES.get(status, "Internal error")
        response = responses.respond_problem(request, status, title)
    else:
        response = pages.render_failure(request, status)
    response.headers.update({hdrs.CACHE_CONTROL: "no-store", **(headers or {})})
    return response


_ERROR_TITLES: Final = {
    400: "Bad request",
    401: "Not verified",
    404: "Not found",
    405: "Method not allowed",
    408: "Too slow",
    413: "Too large",
    429: "Too many requests",
    503: "Not available at the moment",
}
