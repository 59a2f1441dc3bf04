"""What operators and their machines ask: alive, ready, and the figures.

`/healthz` tells everybody that the process answers. The rest is only for the networks that were
named: from anywhere else, or through any proxy, it is as if it were not there.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Protocol

from aiohttp import hdrs, web

from bot.web.rate_limit import Network, is_in_networks, resolve_client_ip
from bot.web.security import TRUSTED_PROXIES

ReadinessCheck = Callable[[], Awaitable[bool]]


class MetricsSource(Protocol):
    """The metrics of this process and of the database."""

    async def render_metrics(self) -> bytes:
        """Return everything in Prometheus' text format, version 0.0.4."""
        ...


READINESS_CHECKS: Final = web.AppKey("checks", Mapping[str, ReadinessCheck])
METRICS_SOURCE: Final = web.AppKey("figures", MetricsSource)
METRICS_CLIENTS: Final = web.AppKey[tuple[Network, ...]]("watchers")
_METRICS_CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


async def report_health(_: web.Request) -> web.Response:
    """Alive: the loop turns and answers."""
    return web.Response(text="ok\n", headers={hdrs.CACHE_CONTROL: "no-store"})


async def report_readiness(request: web.Request) -> web.Response:
    """Ready: each part that work needs, by name; 503 where one is not."""
    _require_network(request)
    found = {name: await _run_check(check) for name, check in request.app[READINESS_CHECKS].items()}
    return web.json_response(
        {"ready": all(found.values()), "checks": found},
        status=200 if all(found.values()) else 503,
        headers={hdrs.CACHE_CONTROL: "no-store"},
    )


async def report_metrics(request: web.Request) -> web.Response:
    """Give the figures."""
    _require_network(request)
    body = await request.app[METRICS_SOURCE].render_metrics()
    return web.Response(
        body=body,
        headers={hdrs.CONTENT_TYPE: _METRICS_CONTENT_TYPE, hdrs.CACHE_CONTROL: "no-store"},
    )


async def _run_check(check: ReadinessCheck) -> bool:
    try:
        return await check()
    except Exception:
        return False


def _require_network(request: web.Request) -> None:
    """Refuse whoever is not on a watching network. Raises `web.HTTPNotFound`.

    A request that came through a proxy speaks for somebody else: the proxy's own address, which
    may well be a watching one, is not taken for theirs unless the proxy is trusted to say whose.
    """
    peer = request.transport.get_extra_info("peername") if request.transport else None
    forwarded = request.headers.getall(hdrs.X_FORWARDED_FOR, ())
    trusted, watchers = request.app[TRUSTED_PROXIES], request.app[METRICS_CLIENTS]
    asks = resolve_client_ip(peer[0] if peer else None, forwarded, trusted)
    direct = peer is not None and str(asks) == peer[0]
    if not is_in_networks(asks, watchers) or (forwarded and direct):
        raise web.HTTPNotFound
