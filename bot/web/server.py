"""Serves the application on a port: in the bot's process, or in one of its own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import web

_KEEP_ALIVE_S: Final = 30.0
_SHUTDOWN_TIMEOUT_S: Final = 2.0
"""Seconds that running downloads get at a stop; browsers resume them with a range later."""


class PortInUse(Exception):
    """The server cannot listen on its address; the message is one line for the terminal."""


@asynccontextmanager
async def serve_application(app: web.Application, *, host: str, port: int) -> AsyncIterator[int]:
    """Serve ``app`` and yield the port (0 asks for a free one). Raises `PortInUse`."""
    runner = web.AppRunner(
        app, access_log=None, keepalive_timeout=_KEEP_ALIVE_S, shutdown_timeout=_SHUTDOWN_TIMEOUT_S
    )
    await runner.setup()
    try:
        listener = web.TCPSite(runner, host, port)
        try:
            await listener.start()
        except (OSError, UnicodeError) as error:  # UnicodeError: not a possible host name
            reason = getattr(error, "strerror", None) or "no such host"
            message = f"WEB_HOST and WEB_PORT: cannot listen on {host}:{port} ({reason})."
            raise PortInUse(message) from error
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()


def build_local_url(host: str, port: int) -> str:
    """Return the URL at which programs on this machine reach the server."""
    if host in ("0.0.0.0", "::", ""):  # noqa: S104 - compared, not listened on
        host = "127.0.0.1"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
