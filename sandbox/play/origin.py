"""Refuses requests that another web page makes to the page's API and to the control API.

Both act as anybody without a password, so a page that is open in the same browser must not reach
them: neither by a request of its own (``Origin``), nor under a name that it lets point to this
machine (``Host``).
"""

from typing import Final

from aiohttp import web
from aiohttp.typedefs import Middleware
from yarl import URL

from sandbox.error_responses import json_response
from sandbox.request_log import Handler

_LOOPBACK_NAMES: Final = frozenset({"127.0.0.1", "localhost", "::1"})


def is_guarded(path: str) -> bool:
    """Whether a path belongs to the page, its API or the control API."""
    return path == "/" or path.startswith(("/play", "/control"))


def build_origin_check(base: str) -> Middleware:
    """Return the middleware for a server whose address is ``base``."""

    @web.middleware
    async def refuse_other_pages(request: web.Request, handler: Handler) -> web.StreamResponse:
        if is_guarded(request.path) and not is_own_request(request, base):
            message = "requests of other web pages are refused"
            return json_response({"error": "forbidden", "message": message}, status=403)
        return await handler(request)

    return refuse_other_pages


def is_own_request(request: web.Request, base: str) -> bool:
    """Whether a request comes from the server's own page or from no page at all."""
    own = URL(base)
    try:
        host = URL(f"{own.scheme}://{request.host}")
    except ValueError:
        return False
    if host.host not in _LOOPBACK_NAMES or host.port != own.port:
        return False
    origin = request.headers.get("Origin")
    if origin is not None and origin != base:
        return False
    # A link on another page may open this one; nothing else may come from there.
    is_opened = request.path == "/" and request.headers.get("Sec-Fetch-Mode") == "navigate"
    return request.headers.get("Sec-Fetch-Site", "none") in {"none", "same-origin"} or is_opened
