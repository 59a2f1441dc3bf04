"""Health, readiness and metrics.

`/healthz` is public. `/readyz` and `/metrics` are only for ``METRICS_ALLOWED_NETWORKS``. Everyone
else gets 404, and so do requests through an untrusted proxy or under a host name that an attacker
may have pointed here.
"""

from collections.abc import Awaitable, Callable, Mapping
from enum import StrEnum
from ipaddress import ip_address
from typing import Final

from aiohttp import HttpVersion11, hdrs, web

from bot.observability.metrics import MetricsEndpoint
from bot.web.rate_limit import Network, is_in_networks, resolve_client_ip
from bot.web.security import TRUSTED_PROXIES, get_client_ip, get_peer
from bot.web.site import SITE

ReadinessCheck = Callable[[], Awaitable[bool]]

READINESS_CHECKS: Final = web.AppKey("readiness checks", Mapping[str, ReadinessCheck])
METRICS_SOURCE: Final = web.AppKey("metrics source", MetricsEndpoint)
METRICS_ALLOWED_NETWORKS: Final = web.AppKey[tuple[Network, ...]]("metrics networks")
VISITOR_HEADER: Final = "Clapper-Visitor"
"""Says in the response of `/healthz` how the visitor was told apart, for `clapper doctor`."""
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
"""Prefixes of headers that proxies and content delivery networks add."""
_PRIVATE_DOMAINS: Final = (".internal", ".local", ".localhost", ".localdomain", ".lan", ".arpa")
"""Domains that nobody can register, so names in them belong to the operator."""
_METRICS_CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


class VisitorSource(StrEnum):
    """How the server learned who a request is from. It reveals no address."""

    DIRECT = "direct"
    """From the connection, on which nothing was forwarded."""
    PROXY = "proxy"
    """From a trusted proxy."""
    SILENT_PROXY = "silent-proxy"
    """From a trusted proxy that names no visitor, so it counts as the visitor itself."""
    UNTRUSTED_PROXY = "untrusted-proxy"
    """From something that forwards, or pretends to, and is not among ``TRUSTED_PROXIES``."""


def find_visitor_source(request: web.Request) -> VisitorSource:
    peer = resolve_client_ip(get_peer(request), forwarded=(), trusted_proxies=())
    trusted_proxies = request.app[TRUSTED_PROXIES]
    is_trusted = is_in_networks(peer, trusted_proxies)
    is_forwarded = hdrs.X_FORWARDED_FOR in request.headers
    if is_trusted and is_forwarded:
        return VisitorSource.PROXY
    if is_trusted:
        return VisitorSource.SILENT_PROXY
    return VisitorSource.UNTRUSTED_PROXY if is_forwarded else VisitorSource.DIRECT


async def report_health(request: web.Request) -> web.Response:
    """Respond with 200 as long as the event loop runs."""
    headers = {hdrs.CACHE_CONTROL: "no-store", VISITOR_HEADER: find_visitor_source(request).value}
    return web.Response(text="ok\n", headers=headers)


async def report_readiness(request: web.Request) -> web.Response:
    """Return the result of each check by name, with status 503 if one has failed."""
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
    """Raise `web.HTTPNotFound` for a client outside of the allowed networks.

    A proxy's own address may be an allowed one. So a forwarded request is only accepted if the
    proxy is trusted and names the client.
    """
    client = get_client_ip(request)
    peer = resolve_client_ip(get_peer(request), forwarded=(), trusted_proxies=())
    is_named_by_proxy = client != peer
    is_direct = not is_named_by_proxy and not _has_sign_of_proxy(request)
    host = parse_host(request.headers.get(hdrs.HOST, ""))
    if is_named_by_proxy:
        is_safe_host = is_local_name(host) or host == request.app[SITE].base_url.host
    else:
        is_safe_host = is_direct and is_local_name(host)
    allowed_networks = request.app[METRICS_ALLOWED_NETWORKS]
    if not is_safe_host or not is_in_networks(client, allowed_networks):
        raise web.HTTPNotFound


def _has_sign_of_proxy(request: web.Request) -> bool:
    """Return whether the request seems to come through a proxy.

    HTTP/1.0 counts as a sign: nginx uses it by default, and programs that read metrics do not.
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
    """Return whether ``host`` is safe from DNS rebinding.

    Safe are IP addresses, names without a dot (such as those of containers), and names in domains
    that nobody can register.
    """
    try:
        ip_address(host)
    except ValueError:
        name = host.rstrip(".")
        return bool(name) and ("." not in name or name.endswith(_PRIVATE_DOMAINS))
    return True
