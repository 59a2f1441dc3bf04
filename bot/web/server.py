"""The application on a port, from start to stop, in whatever process has it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import web

_KEEP_ALIVE_S: Final = 30.0
_SHUTDOWN_TIMEOUT_S: Final = 2.0
"""Seconds that downloads under way get at a stop; they can go on with a range afterwards."""


class PortInUse(Exception):
    """The server cannot listen where it was told to; the message is fit for a terminal."""


@asynccontextmanager
async def serve_application(app: web.Application, *, host: str, port: int) -> AsyncIterator[int]:
    """Serve ``app`` and yield the port (0 asks for a free one). Raises `PortTaken`."""
    runner = web.AppRunner(
        app, access_log=None, keepalive_timeout=_KEEP_ALIVE_S, shutdown_timeout=_SHUTDOWN_TIMEOUT_S
    )
    await runner.setup()
    try:
        listener = web.TCPSite(runner, host, port)
        try:
            await listener.start()
        except (OSError, UnicodeError) as error:  # the latter for what cannot be a host's name
            why = getattr(error, "strerror", None) or "no such host"
            raise PortInUse(
                f"WEB_HOST and WEB_PORT: cannot listen on {host}:{port} ({why})."
            ) from error
        found = int(runner.addresses[0][1])
        yield found
    finally:
        await runner.cleanup()


def build_local_url(host: str, port: int) -> str:
    """Return how somebody on this machine reaches a server that listens there."""
    if host in ("0.0.0.0", "::", ""):  # noqa: S104 - compared, not listened on
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
