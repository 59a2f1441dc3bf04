"""A WebSocket of the gateway, with compression, heartbeat deadline, send limit and close codes.

Opcodes are passed to the gateway, which interprets them.
"""

import asyncio
import json
from collections.abc import Callable
from typing import Any

from aiohttp import WSMsgType, web

from sandbox.clock import SandboxClock
from sandbox.discord.compression import create_compressor
from sandbox.discord.protocol import CloseCode, GatewayClosed, Opcode, decode_frame
from sandbox.discord.sessions import GatewaySession

SENDS_PER_MINUTE = 120
"""https://docs.discord.com/developers/events/gateway#rate-limiting"""
OUTBOX_LIMIT = 10_000
"""Frames queued for a client that does not read. With more, the connection is cut."""


class GatewayConnection:
    """One client's WebSocket. ``handle`` gets opcodes with data, and may raise GatewayClosed."""

    def __init__(
        self,
        socket: web.WebSocketResponse,
        request: web.Request,
        clock: SandboxClock,
        *,
        heartbeat_interval_s: float,
        handle: Callable[["GatewayConnection", int, Any], None],
        says_hello: bool = True,
    ) -> None:
        self.session: GatewaySession | None = None
        self.client_code: int | None = None
        self._socket = socket
        self._request = request
        self._clock = clock
        self._interval = heartbeat_interval_s
        self._handle = handle
        self._says_hello = says_hello
        self._outbox: asyncio.Queue[str] = asyncio.Queue()
        self._ending: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
        self._window_started = clock.now()
        self._window_count = 0
        # Bound once: sessions compare it by identity to know which connection is attached.
        self.send_text: Callable[[str], None] = self._enqueue

    def send(self, opcode: Opcode, data: Any) -> None:
        """Queue a message that is not an event."""
        self._enqueue(json.dumps({"op": opcode, "s": None, "t": None, "d": data}))

    def close(self, code: int | None) -> None:
        """End the connection with a close frame, or without one if ``code`` is None."""
        if not self._ending.done():
            self._ending.set_result(code)

    async def run(self) -> int | None:
        """Serve until either side ends it, and return the server's close code, if it sent one."""
        if self._ending.done():  # before HELLO
            await self._close_socket(self._ending.result(), "")
            return self._ending.result()
        reading = asyncio.create_task(self._read_frames())
        writing = asyncio.create_task(self._write_frames())
        code, reason = None, ""
        try:
            waited: set[asyncio.Future[Any]] = {reading, writing, self._ending}
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            if self._ending.done():
                code = self._ending.result()
            else:
                await (reading if reading.done() else writing)
        except GatewayClosed as closed:
            code, reason = int(closed.code), closed.reason
        except ConnectionError:
            pass  # The client disconnected.
        except Exception:
            code, reason = int(CloseCode.UNKNOWN_ERROR), "internal error"
            raise
        finally:
            for task in (reading, writing):
                task.cancel()
            await asyncio.gather(reading, writing, return_exceptions=True)
            await self._close_socket(code, reason)
        return code

    async def _close_socket(self, code: int | None, reason: str) -> None:
        transport = self._request.transport
        abort = code is None and self._ending.done()
        if code is not None:
            try:
                # A client that does not read (a stopped process) must not block the server.
                async with asyncio.timeout(1.0):
                    await self._socket.close(code=code, message=reason.encode())
            except (ConnectionError, TimeoutError):
                abort = True
        if abort and transport is not None:
            transport.abort()

    def _enqueue(self, text: str) -> None:
        if self._outbox.qsize() >= OUTBOX_LIMIT:
            self.close(None)
        else:
            self._outbox.put_nowait(text)

    async def _write_frames(self) -> None:
        try:
            stream = create_compressor(self._request.query.get("compress"))
        except KeyError as error:
            raise GatewayClosed(CloseCode.DECODE_ERROR, "unknown compression") from error
        while True:
            text = await self._outbox.get()
            if stream is None:
                await self._socket.send_str(text)
            else:
                await self._socket.send_bytes(stream.compress(text))

    async def _read_frames(self) -> None:
        if self._request.query.get("v") != "10":
            raise GatewayClosed(CloseCode.INVALID_API_VERSION, "Invalid API version.")
        if self._request.query.get("encoding", "json") != "json":
            raise GatewayClosed(CloseCode.DECODE_ERROR, "This sandbox speaks JSON only.")
        if self._says_hello:
            self.send(Opcode.HELLO, {"heartbeat_interval": round(self._interval * 1000)})
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._interval * 1.5
        while True:
            try:
                message = await self._socket.receive(timeout=max(deadline - loop.time(), 0.001))
            except TimeoutError as error:
                raise GatewayClosed(CloseCode.SESSION_TIMED_OUT, "Session timed out.") from error
            if message.type is WSMsgType.CLOSE:
                self.client_code = message.data
            if message.type in (WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED):
                return
            if message.type is WSMsgType.ERROR:
                raise ConnectionResetError
            self._count_received()
            opcode, data = decode_frame(message.type, message.data)
            if opcode == Opcode.HEARTBEAT:
                deadline = loop.time() + self._interval * 1.5
            self._handle(self, opcode, data)

    def _count_received(self) -> None:
        now = self._clock.now()
        if now - self._window_started >= 60:
            self._window_started, self._window_count = now, 0
        self._window_count += 1
        if self._window_count > SENDS_PER_MINUTE:
            raise GatewayClosed(CloseCode.RATE_LIMITED, "You are being rate limited.")
