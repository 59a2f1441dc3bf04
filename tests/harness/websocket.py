"""A gateway client without a library, for tests of refusals.

discord.py never sends a bad opcode and never resumes a wrong sequence.
"""

import json
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import zstandard

from tests.harness.waiting import stretch_timeout

TIMEOUT_S = 30.0


class GatewayClosed(Exception):
    """The server closed the connection."""

    def __init__(self, code: int | None) -> None:
        super().__init__(f"closed with {code}")
        self.code = code


class RawGateway:
    """One connection, which decompresses as one stream, like clients."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, compress: str | None) -> None:
        self.socket = socket
        self.sequence: int | None = None
        self._zlib = zlib.decompressobj() if compress == "zlib-stream" else None
        self._zstd = (
            zstandard.ZstdDecompressor().decompressobj() if compress == "zstd-stream" else None
        )

    async def send(self, op: int, d: Any = None) -> None:
        """Send one opcode."""
        await self.socket.send_str(json.dumps({"op": op, "d": d}))

    async def receive(self) -> dict[str, Any]:
        """Return the next message. Raises `GatewayClosed`."""
        frame = await self.socket.receive(timeout=stretch_timeout(TIMEOUT_S))
        match frame.type:
            case aiohttp.WSMsgType.TEXT:
                text = frame.data
            case aiohttp.WSMsgType.BINARY:
                assert self._zlib or self._zstd, "a compressed frame that was not requested"
                data = self._zlib.decompress(frame.data) if self._zlib else b""
                text = (self._zstd.decompress(frame.data) if self._zstd else data).decode()
            case aiohttp.WSMsgType.CLOSE:
                raise GatewayClosed(frame.data)
            case _:
                raise GatewayClosed(self.socket.close_code)
        message: dict[str, Any] = json.loads(text)
        if message["s"] is not None:
            self.sequence = message["s"]
        return message

    async def expect(self, op: int) -> Any:
        """Return the data of the next message, which must have this opcode."""
        message = await self.receive()
        assert message["op"] == op, message
        return message["d"]

    async def expect_event(self, name: str) -> dict[str, Any]:
        """Return the data of the next message, which must be this event."""
        message = await self.receive()
        assert (message["op"], message["t"]) == (0, name), message
        data: dict[str, Any] = message["d"]
        return data

    async def read_close_code(self) -> int | None:
        """Read until the server closes; return the code."""
        try:
            while True:
                await self.receive()
        except GatewayClosed as error:
            return error.code

    async def identify(
        self, token: str, *, intents: int = 0, shard: tuple[int, int] | None = None, **more: Any
    ) -> dict[str, Any]:
        """Identify; return the READY event, after reading every GUILD_CREATE (guilds intent)."""
        await self.expect(10)
        await self.send(2, identify_payload(token, intents=intents, shard=shard, **more))
        ready = await self.expect_event("READY")
        if intents & 1:
            for _ in ready["guilds"]:
                await self.expect_event("GUILD_CREATE")
        return ready

    async def resume(self, token: str, session_id: str, sequence: int | None) -> None:
        """Read hello and resume."""
        await self.expect(10)
        await self.send(6, {"token": token, "session_id": session_id, "seq": sequence})

    async def assert_no_event(self) -> None:
        """Assert that no event is waiting, because the next message answers a heartbeat."""
        await self.send(1, self.sequence)
        await self.expect(11)


def identify_payload(
    token: str, *, intents: int = 0, shard: tuple[int, int] | None = None, **more: Any
) -> dict[str, Any]:
    """Return the data of an identify."""
    properties = {"os": "linux", "browser": "raw", "device": "raw"}
    data: dict[str, Any] = {"token": token, "intents": intents, "properties": properties}
    if shard is not None:
        data["shard"] = list(shard)
    return data | more


@asynccontextmanager
async def open_gateway(
    url: str, *, compress: str | None = None, v: str = "10", encoding: str = "json"
) -> AsyncIterator[RawGateway]:
    """Open a connection to a gateway url; it is closed at the end."""
    query = {"v": v, "encoding": encoding} | ({"compress": compress} if compress else {})
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(url, params=query, compress=0, max_msg_size=0) as socket,
    ):
        yield RawGateway(socket, compress)
