"""Health, readiness and metrics.

`/healthz` is open to all. `/readyz` and `/metrics` exist only for METRICS_ALLOWED_NETWORKS: from
anywhere else, through a proxy that is not trusted, or under a name that a stranger may have made
lead here, they are 404.
"""

from collections.abc import Awaitable, Callable, Mapping
from ipaddress import ip_address
from typing import Final

from aiohttp import HttpVersion11, hdrs, web

from bot.observability.metrics import MetricsEndpoint
from bot.web.rate_limit import Network, is_in_networks, resolve_client_ip
from bot.web.security import get_client_ip, get_peer
from bot.web.site import SITE

ReadinessCheck = Callable[[], Awaitable[bool]]

READINESS_CHECKS: Final = web.AppKey("readiness checks", Mapping[str, ReadinessCheck])
METRICS_SOURCE: Final = web.AppKey("metrics source", MetricsEndpoint)
METRICS_ALLOWED_NETWORKS: Final = web.AppKey[tuple[Network, ...]]("metrics networks")
_PROXY_HEADER_PREFIXES: Final = (
    "forwarded",
    "via",
    "x-forwarded",
    "x-real-ip",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-original-",
    "x-envoy-",
    "x-arr-",
    "x-azure-",
    "x-amzn-trace-id",
    "x-proxyuser-ip",
    "x-scheme",
    "x-request-id",
    "true-client-ip",
    "client-ip",
    "cdn-loop",
    "cf-",
    "fastly-",
    "fly-",
    "proxy-connection",
)
"""Beginnings of headers that proxies and content delivery networks add."""
_PRIVATE_DOMAINS: Final = (".internal", ".local", ".localhost", ".localdomain", ".lan", ".arpa")
"""Domains that nobody can register: a name in them is the operator's own."""
_METRICS_CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


async def report_health(_: web.Request) -> web.Response:
    """Alive: the event loop runs."""
    return web.Response(text="ok\n", headers={hdrs.CACHE_CONTROL: "no-store"})


async def report_readiness(request: web.Request) -> web.Response:
    """Ready: whether each part that work needs is there, by name; 503 if one is not."""
    _require_allowed_network(request)
    checks = request.app[READINESS_CHECKS]
    results = {name: await _run_check(check) for name, check in checks.items()}
    return web.json_response(
        {"ready": all(results.values()), "checks": results},
        status=200 if all(results.values()) else 503,
        headers={hdrs.CACHE_CONTROL: "no-store"},
    )


async def report_metrics(request: web.Request) -> web.Response:
    _require_allowed_network(request)
    return web.Response(
        body=await request.app[METRICS_SOURCE].render_metrics(),
        headers={hdrs.CONTENT_TYPE: _METRICS_CONTENT_TYPE, hdrs.CACHE_CONTROL: "no-store"},
    )


async def _run_check(check: ReadinessCheck) -> bool:
    try:
        return await check()
    except Exception:
        return False


def _require_allowed_network(request: web.Request) -> None:
    """Raise `web.HTTPNotFound` for a client outside the allowed networks.

    A proxy's own address may well be an allowed one, so a request that it forwards counts only if
    the proxy is trusted and names the client.
    """
    client = get_client_ip(request)
    peer = resolve_client_ip(get_peer(request), forwarded=(), trusted_proxies=())
    is_named_by_proxy = client != peer
    is_direct = not is_named_by_proxy and not _has_sign_of_proxy(request)
    host = parse_host(request.headers.get(hdrs.HOST, ""))
    if is_named_by_proxy:
        may_see = is_local_name(host) or host == request.app[SITE].base_url.host
    else:
        may_see = is_direct and is_local_name(host)
    allowed_networks = request.app[METRICS_ALLOWED_NETWORKS]
    if not may_see or not is_in_networks(client, allowed_networks):
        raise web.HTTPNotFound


def _has_sign_of_proxy(request: web.Request) -> bool:
    """Return whether a proxy has passed the request on.

    HTTP/1.0 counts as one: nginx speaks it to the servers behind it unless told otherwise, and
    nothing that reads metrics does.
    """
    return request.version < HttpVersion11 or any(
        name.lower().startswith(_PROXY_HEADER_PREFIXES) for name in request.headers
    )


def parse_host(header: str) -> str:
    """Return the name in a ``Host`` header, without port and brackets."""
    if header.startswith("["):
        return header[1:].partition("]")[0].lower()
    return header.partition(":")[0].lower()


def is_local_name(host: str) -> bool:
    """Return whether ``host`` cannot be a stranger's name that leads here (DNS rebinding).

    That is an address, a name of one word as containers have, or one of a domain that nobody can
    register.
    """
    try:
        ip_address(host)
    except ValueError:
        name = host.rstrip(".")
        return bool(name) and ("." not in name or name.endswith(_PRIVATE_DOMAINS))
    return True
