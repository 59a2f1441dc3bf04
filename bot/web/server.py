"""Serves the application on a port, in the bot's process or in a separate one."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

from aiohttp import web

from bot.web.connections import ArrivingConnection, ConnectionRegistry, GuardedRequestHandler
from bot.web.open_limits import OpenLimit
from bot.web.security import TOKEN_BUCKET, TRUSTED_PROXIES, build_security_headers
from bot.web.site import SITE, WEB_CAPACITY, WEB_INSTRUMENTS

_KEEP_ALIVE_S: Final = 30.0
"""Seconds that a connection may stay open without a complete request."""
_BACKLOG: Final = 512
"""Connections that may wait to be accepted."""
_ACCEPTS_AT_ONCE: Final = 8
"""Connections accepted in a row, before the event loop continues with other work."""
_SHUTDOWN_TIMEOUT_S: Final = 2.0
"""Seconds that downloads get to finish at a stop. Browsers resume the others with a range."""


class PortInUse(Exception):
    """The server cannot listen on its address. The message is one line for the terminal."""


@asynccontextmanager
async def serve_application(app: web.Application, *, host: str, port: int) -> AsyncIterator[int]:
    """Serve ``app`` and yield the port. Port 0 takes any free one. Raises `PortInUse`."""
    runner = web.AppRunner(
        app,
        access_log=None,
        handler_cancellation=True,  # stops handlers whose client has disconnected
        shutdown_timeout=_SHUTDOWN_TIMEOUT_S,
    )
    await runner.setup()
    server = runner.server
    assert server is not None
    registry = _build_registry(app)

    build_handler = partial(
        GuardedRequestHandler,
        server,
        registry,
        access_log=None,
        keepalive_timeout=_KEEP_ALIVE_S,
    )

    sweeper = asyncio.create_task(registry.drop_stalled_readers(), name="stalled readers")
    try:
        loop = asyncio.get_running_loop()
        try:
            listener = await loop.create_server(
                partial(ArrivingConnection, registry, build_handler),
                host,
                port,
                backlog=_ACCEPTS_AT_ONCE,
            )
        except (OSError, UnicodeError) as error:  # UnicodeError: not a valid host name
            reason = getattr(error, "strerror", None) or "no such host"
            raise PortInUse(
                f"cannot listen on WEB_HOST and WEB_PORT, {host}:{port} ({reason}): set others, or"
                " stop the program that uses them"
            ) from error
        _widen_backlog(listener)
        try:
            yield int(listener.sockets[0].getsockname()[1])
        finally:
            listener.close()
    finally:
        sweeper.cancel()
        await runner.cleanup()


def _widen_backlog(listener: asyncio.Server) -> None:
    """Let more connections wait than are accepted in a row. asyncio uses one number for both."""
    for listening in listener.sockets:
        with socket.fromfd(listening.fileno(), listening.family, listening.type) as duplicate:
            duplicate.listen(_BACKLOG)


def _build_registry(app: web.Application) -> ConnectionRegistry:
    capacity, site = app[WEB_CAPACITY], app[SITE]
    return ConnectionRegistry(
        limit=OpenLimit(
            "connections",
            per_visitor=capacity.connections_per_visitor,
            in_all=capacity.connections,
        ),
        token_bucket=app[TOKEN_BUCKET],
        trusted_proxies=app[TRUSTED_PROXIES],
        instruments=app[WEB_INSTRUMENTS],
        monotonic=site.clock.monotonic,
        stall_timeout_s=capacity.stall_timeout_s,
        refusal_headers=build_security_headers("/", 400, is_https=site.base_url.scheme == "https"),
    )


def build_local_url(host: str, port: int) -> str:
    """Return the URL of the server for programs on this machine."""
    if host in ("0.0.0.0", "::", ""):  # noqa: S104 - compared, not listened on
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
