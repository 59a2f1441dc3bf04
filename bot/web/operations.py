"""What operators and their machines ask: alive, ready, and the figures.

`/healthz` tells everybody that the process answers. The rest is only for the networks that were
named: from anywhere else, or through any proxy, it is as if it were not there.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Protocol

from aiohttp import hdrs, web

from bot.web.rate_limit import Network, visitor, within
from bot.web.security import TRUSTED

Check = Callable[[], Awaitable[bool]]


class Figures(Protocol):
    """The metrics of this process and of the database."""

    async def exposition(self) -> bytes:
        """Return everything in Prometheus' text format, version 0.0.4."""
        ...


CHECKS: Final = web.AppKey("checks", Mapping[str, Check])
FIGURES: Final = web.AppKey("figures", Figures)
WATCHERS: Final = web.AppKey[tuple[Network, ...]]("watchers")
_EXPOSITION: Final = "text/plain; version=0.0.4; charset=utf-8"


async def healthz(_: web.Request) -> web.Response:
    """Alive: the loop turns and answers."""
    return web.Response(text="ok\n", headers={hdrs.CACHE_CONTROL: "no-store"})


async def readyz(request: web.Request) -> web.Response:
    """Ready: each part that work needs, by name; 503 where one is not."""
    _only_watchers(request)
    found = {name: await _holds(check) for name, check in request.app[CHECKS].items()}
    return web.json_response(
        {"ready": all(found.values()), "checks": found},
        status=200 if all(found.values()) else 503,
        headers={hdrs.CACHE_CONTROL: "no-store"},
    )


async def metrics(request: web.Request) -> web.Response:
    """Give the figures."""
    _only_watchers(request)
    body = await request.app[FIGURES].exposition()
    return web.Response(
        body=body, headers={hdrs.CONTENT_TYPE: _EXPOSITION, hdrs.CACHE_CONTROL: "no-store"}
    )


async def _holds(check: Check) -> bool:
    try:
        return await check()
    except Exception:
        return False


def _only_watchers(request: web.Request) -> None:
    """Refuse whoever is not on a watching network. Raises `web.HTTPNotFound`.

    A request that came through a proxy speaks for somebody else: the proxy's own address, which
    may well be a watching one, is not taken for theirs unless the proxy is trusted to say whose.
    """
    peer = request.transport.get_extra_info("peername") if request.transport else None
    forwarded = request.headers.getall(hdrs.X_FORWARDED_FOR, ())
    trusted, watchers = request.app[TRUSTED], request.app[WATCHERS]
    asks = visitor(peer[0] if peer else None, forwarded, trusted)
    direct = peer is not None and str(asks) == peer[0]
    if not within(asks, watchers) or (forwarded and direct):
        raise web.HTTPNotFound
