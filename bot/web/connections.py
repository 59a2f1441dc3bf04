"""Limits the connections to the web server, and drops those whose reader stalls.

aiohttp alone would wait forever for slow readers, and accept connections until the process has no
file descriptors left. It would also log a traceback for everything that is not HTTP, and tell the
client its name.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final, cast

import structlog
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from bot.observability.web_metrics import WebInstruments
from bot.web.open_limits import OpenLimit, TooManyOpen
from bot.web.rate_limit import (
    Address,
    Network,
    TokenBucket,
    is_in_networks,
    resolve_client_ip,
)

_SWEEP_INTERVAL_S: Final = 1.0
_REFUSAL_LINGER_S: Final = 1.0
_MAX_REFUSALS: Final = 32
"""Refused connections that may stay open until the client has read the response."""
_RETRY_AFTER_S: Final = 5

_log: Final = structlog.get_logger(__name__)


class ConnectionRegistry:
    """Counts and watches the open connections, and refuses others."""

    def __init__(
        self,
        *,
        limit: OpenLimit,
        token_bucket: TokenBucket,
        trusted_proxies: tuple[Network, ...],
        instruments: WebInstruments,
        monotonic: Callable[[], float],
        stall_timeout_s: float,
        refusal_headers: Mapping[str, str],
    ) -> None:
        self._limit = limit
        self._token_bucket = token_bucket
        self._trusted_proxies = trusted_proxies
        self._instruments = instruments
        self._monotonic = monotonic
        self._stall_timeout_s = stall_timeout_s
        self._last_progress: dict[asyncio.Transport, tuple[int, float]] = {}
        self._refused_count = 0
        self.refusal_headers: Final = refusal_headers
        instruments.connections.set_function(lambda: limit.open_count)

    def open_connection(self, transport: asyncio.Transport) -> None:
        """Count a new connection. Raises `TooManyOpen`."""
        visitor = _get_address(transport)
        is_proxy = is_in_networks(visitor, self._trusted_proxies)
        self._limit.open_one(visitor, is_proxy=is_proxy)
        self._last_progress[transport] = (0, self._monotonic())

    def close_connection(self, transport: asyncio.Transport) -> None:
        if self._last_progress.pop(transport, None) is not None:
            self._limit.close_one(_get_address(transport))

    def refuse_connection(self, transport: asyncio.Transport, refusal: TooManyOpen) -> None:
        """Respond with 503 or 429 without reading the request, and close the connection."""
        self._instruments.refusals.labels(refusal.reason).inc()
        if self._refused_count >= _MAX_REFUSALS:
            transport.abort()
            return
        self._refused_count += 1
        status = "503 Service Unavailable" if refusal.is_for_everyone else "429 Too Many Requests"
        headers = {
            "Content-Length": "0",
            "Connection": "close",
            "Retry-After": str(_RETRY_AFTER_S),
            **self.refusal_headers,
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        transport.write(f"HTTP/1.1 {status}\r\n{head}\r\n".encode("latin-1"))
        transport.write_eof()
        # if it were closed now, the unread request would reset it and the response would be lost
        asyncio.get_running_loop().call_later(_REFUSAL_LINGER_S, self._end_refusal, transport)

    def _end_refusal(self, transport: asyncio.Transport) -> None:
        self._refused_count -= 1
        transport.abort()

    def may_answer_malformed(self, transport: asyncio.Transport | None) -> bool:
        """Count a request that is not HTTP, and return whether it gets a response.

        Visitors who send too many of them get none.
        """
        self._instruments.requests.labels("malformed", "400").inc()
        if transport is None:
            return False
        return self._token_bucket.take_tokens(_get_address(transport), 1.0) == 0

    async def drop_stalled_readers(self) -> None:
        """Check all connections every second, and drop those whose reader has stalled."""
        while True:
            await asyncio.sleep(_SWEEP_INTERVAL_S)
            self.sweep()

    def sweep(self) -> None:
        now = self._monotonic()
        for transport, (last_size, last_at) in list(self._last_progress.items()):
            size = transport.get_write_buffer_size()
            if size == 0 or size < last_size:
                self._last_progress[transport] = (size, now)
            elif now - last_at < self._stall_timeout_s:
                self._last_progress[transport] = (size, last_at)
            else:
                self._instruments.stalled_readers.inc()
                transport.abort()


class ArrivingConnection(asyncio.Protocol):
    """A new connection. It is either refused or gets the protocol of ``build_handler``."""

    def __init__(
        self, registry: ConnectionRegistry, build_handler: Callable[[], asyncio.Protocol]
    ) -> None:
        self._registry = registry
        self._build_handler = build_handler

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast(asyncio.Transport, transport)
        try:
            self._registry.open_connection(transport)
        except TooManyOpen as refusal:
            self._registry.refuse_connection(transport, refusal)
            return
        handler = self._build_handler()
        transport.set_protocol(handler)
        handler.connection_made(transport)


class GuardedRequestHandler(web.RequestHandler):
    """aiohttp's handler, for a connection that the registry has accepted."""

    def __init__(self, server: web.Server, registry: ConnectionRegistry, **options: Any) -> None:
        super().__init__(server, loop=asyncio.get_running_loop(), **options)
        self._registry = registry
        self._accepted: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._accepted = cast(asyncio.Transport, transport)
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        if self._accepted is not None:
            self._registry.close_connection(self._accepted)
        super().connection_lost(exc)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Respond with one line to what is not HTTP, and log only our own faults.

        Raises `ConnectionError` if the client is gone or has sent too many malformed requests.
        """
        if isinstance(exc, ConnectionError) or request.writer.output_size > 0:
            raise ConnectionResetError from exc
        if isinstance(exc, HttpProcessingError):
            if not self._registry.may_answer_malformed(self.transport):
                raise ConnectionResetError from exc
        else:
            _log.error("web.connection_failed", exc_info=exc)
        text = "Bad request\n" if status < 500 else "Internal error\n"
        headers = self._registry.refusal_headers
        response = web.Response(status=status, text=text, headers=headers)
        response.force_close()
        return response


def _get_address(transport: asyncio.Transport) -> Address:
    peer = transport.get_extra_info("peername")
    return resolve_client_ip(peer[0] if peer else None, forwarded=(), trusted_proxies=())
