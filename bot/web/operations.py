"""Health, readiness and metrics.

`/healthz` is open to all. `/readyz` and `/metrics` exist only for METRICS_ALLOWED_NETWORKS: from
anywhere else, or through a proxy that is not trusted, they are 404.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from aiohttp import hdrs, web

from bot.observability.metrics import MetricsEndpoint
from bot.web.rate_limit import Network, is_in_networks, resolve_client_ip
from bot.web.security import get_client_ip, get_peer

ReadinessCheck = Callable[[], Awaitable[bool]]

READINESS_CHECKS: Final = web.AppKey("readiness checks", Mapping[str, ReadinessCheck])
METRICS_SOURCE: Final = web.AppKey("metrics source", MetricsEndpoint)
METRICS_ALLOWED_NETWORKS: Final = web.AppKey[tuple[Network, ...]]("metrics networks")
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
    the proxy is trusted to name the client.
    """
    client = get_client_ip(request)
    peer = resolve_client_ip(get_peer(request), forwarded=(), trusted_proxies=())
    is_untrusted_forward = hdrs.X_FORWARDED_FOR in request.headers and client == peer
    allowed_networks = request.app[METRICS_ALLOWED_NETWORKS]
    if is_untrusted_forward or not is_in_networks(client, allowed_networks):
        raise web.HTTPNotFound
