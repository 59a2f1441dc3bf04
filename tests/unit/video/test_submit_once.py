"""A submit is sent exactly once, as seen by a raw socket below every library.

The server counts connections and complete requests, and fails in the ways that proxies do.
"""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.config.model_catalog import load_catalog
from bot.domain.errors import GoogleUnavailable, LeaseLost, SubmitUncertain
from bot.domain.jobs.plan_resolution import resolve_plan
from bot.domain.jobs.request import InputImage
from bot.google.connection import GoogleConnection
from bot.google.gemini import GeminiModels
from bot.google.vertex import VertexModels
from tests.harness.waiting import eventually
from tests.unit.rules.examples import asked, offer

Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class RawServer:
    """Counts connections, and records head and body of each complete request."""

    connections: int = 0
    requests: list[tuple[bytes, bytes]] = field(default_factory=list)
    base: str = ""

    async def read_request(self, reader: asyncio.StreamReader) -> bytes:
        """Read and record one whole request; return its body."""
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            int(line.split(b":")[1])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length:")
        )
        body = await reader.readexactly(length)
        self.requests.append((head, body))
        return body


@asynccontextmanager
async def raw_server(behaviour: "Callable[[RawServer], Behaviour]") -> AsyncIterator[RawServer]:
    server = RawServer()
    act = behaviour(server)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.connections += 1
        try:
            await act(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    server.base = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        listener.close()
        await listener.wait_closed()


class RealClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("a submit waits for nothing")


class Token:
    async def get_authorization_headers(self) -> dict[str, str]:
        return {"Authorization": "Bearer token"}

    def invalidate_token(self) -> bool:
        return True

    def confirm_token(self) -> None:
        pass


def adapters(base: str, data_dir: Path) -> list[GeminiModels | VertexModels]:
    common: dict[str, Any] = {
        "data_dir": data_dir,
        "catalog": load_catalog(),
        "clock": RealClock(),
        "base_url": base,
    }
    return [
        GeminiModels(api_key="key", **common),
        VertexModels(project="p", location="l", credentials=Token(), **common),
    ]


def drop_after_request(server: RawServer) -> Behaviour:
    async def act(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.read_request(reader)

    return act


def reset_after_request(server: RawServer) -> Behaviour:
    async def act(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.read_request(reader)
        writer.transport.abort()

    return act


def answer_bytes(data: bytes) -> "Callable[[RawServer], Behaviour]":
    """Return a behavior that answers every request with ``data`` and closes the connection."""

    def behave(server: RawServer) -> Behaviour:
        async def act(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await server.read_request(reader)
            writer.write(data)
            await writer.drain()

        return act

    return behave


half_an_answer = answer_bytes(b'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"name":')
no_http = answer_bytes(b"SMTP ready\r\n\r\n")


def hang_up_at_once(server: RawServer) -> Behaviour:
    async def act(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    return act


@pytest.mark.parametrize(
    "behaviour", [drop_after_request, reset_after_request, half_an_answer, no_http]
)
async def test_lost_answer_is_never_retried(
    behaviour: Callable[[RawServer], Behaviour], tmp_path: Path
) -> None:
    async with raw_server(behaviour) as server:
        for number, adapter in enumerate(adapters(server.base, tmp_path), start=1):
            with pytest.raises(SubmitUncertain):
                await adapter.submit(resolve_plan(asked(), offer()), job_id=1)
            await adapter.close()
            assert len(server.requests) == number
            assert server.connections == number


async def test_connection_lost_while_sending_is_not_retried(tmp_path: Path) -> None:
    async with raw_server(hang_up_at_once) as server:
        (adapter, other) = adapters(server.base, tmp_path)
        with pytest.raises((SubmitUncertain, GoogleUnavailable)):
            await adapter.submit(resolve_plan(asked(), offer()), job_id=1)
        await adapter.close()
        await other.close()
        assert server.connections == 1


async def test_unreachable_server_starts_nothing(tmp_path: Path, unused_tcp_port: int) -> None:
    for adapter in adapters(f"http://127.0.0.1:{unused_tcp_port}", tmp_path):
        with pytest.raises(GoogleUnavailable, match="before sending"):
            await adapter.submit(resolve_plan(asked(), offer()), job_id=1)
        await adapter.close()


async def test_unresolved_name_starts_nothing(tmp_path: Path) -> None:
    for adapter in adapters("http://veo.invalid", tmp_path):
        with pytest.raises(GoogleUnavailable, match="before sending"):
            await adapter.submit(resolve_plan(asked(), offer()), job_id=1)
        await adapter.close()


def answer_and_keep_alive(server: RawServer) -> Behaviour:
    async def act(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await server.read_request(reader)
            body = json.dumps({"name": "models/veo/operations/1"}).encode()
            head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            writer.write(head + body)
            await writer.drain()

    return act


async def test_submit_without_permission_sends_nothing(tmp_path: Path) -> None:
    """The last check is made on the open connection: not one byte follows when it raises."""
    received: list[bytes] = []

    def listening(_: RawServer) -> Behaviour:
        async def act(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            received.append(await reader.read())

        return act

    async with raw_server(listening) as server:
        connected: list[int] = []

        async def lost() -> None:
            connected.append(server.connections)
            raise LeaseLost("adopted")

        for adapter in adapters(server.base, tmp_path):
            with pytest.raises(LeaseLost):
                await adapter.submit(resolve_plan(asked(), offer()), job_id=1, about_to_send=lost)
            await adapter.close()
        await eventually(lambda: len(received) == 2)
    assert received == [b"", b""]
    assert len(connected) == 2  # once a submit


async def test_about_to_send_runs_once_before_request(tmp_path: Path) -> None:
    async with raw_server(answer_and_keep_alive) as server:
        (gemini, vertex) = adapters(server.base, tmp_path)
        arrived: list[int] = []

        async def note() -> None:
            arrived.append(len(server.requests))

        await gemini.submit(resolve_plan(asked(), offer()), job_id=1, about_to_send=note)
        await gemini.close()
        await vertex.close()
        assert (arrived, len(server.requests)) == ([0], 1)


async def test_each_submit_opens_new_connection(tmp_path: Path) -> None:
    """A kept-alive connection may just be closing, which would lose the submit."""
    async with raw_server(answer_and_keep_alive) as server:
        (gemini, vertex) = adapters(server.base, tmp_path)
        for _ in range(3):
            await gemini.submit(resolve_plan(asked(), offer()), job_id=1)
        await gemini.close()
        await vertex.close()
        assert (server.connections, len(server.requests)) == (3, 3)


async def test_aiohttp_retries_idempotent_requests(tmp_path: Path) -> None:
    """Why that matters: on a kept-alive connection aiohttp repeats a GET, but not a POST."""

    def closes_on_the_second(server: RawServer) -> Behaviour:
        async def act(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            await writer.drain()
            await reader.readuntil(b"\r\n\r\n")
            server.requests.append((b"", b""))
            writer.transport.abort()

        return act

    for method, connections in (("GET", 2), ("POST", 1)):
        connector = aiohttp.TCPConnector(resolver=aiohttp.ThreadedResolver())
        async with (
            raw_server(closes_on_the_second) as server,
            aiohttp.ClientSession(connector=connector) as session,
        ):
            async with session.get(server.base) as answer:
                await answer.read()
            try:
                async with session.request(method, server.base) as answer:
                    await answer.read()
            except aiohttp.ClientError:
                assert method == "POST"
            assert server.connections == connections


async def test_timeout_after_sending_is_uncertain(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    silence = asyncio.Event()

    def silent(server: RawServer) -> Behaviour:
        async def act(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await server.read_request(reader)
            await silence.wait()

        return act

    monkeypatch.setattr("bot.google.connection.SUBMIT_S", 1.0)
    async with raw_server(silent) as server:
        (gemini, vertex) = adapters(server.base, tmp_path)
        with pytest.raises(SubmitUncertain, match="TimeoutError"):
            await gemini.submit(resolve_plan(asked(), offer()), job_id=1)
        silence.set()
        await gemini.close()
        await vertex.close()
        assert len(server.requests) == 1


async def test_images_are_sent_whole(tmp_path: Path) -> None:
    """File sizes of every remainder modulo three, and above one chunk of the encoder."""
    sizes = (1, 2, 3, 196_608, 196_609, 500_000)
    async with raw_server(answer_and_keep_alive) as server:
        (gemini, vertex) = adapters(server.base, tmp_path)
        for size in sizes:
            data = bytes(number % 251 for number in range(size))
            await asyncio.to_thread((tmp_path / "a.png").write_bytes, data)
            image = InputImage("a.png", "image/png", 640, 360, "0" * 64)
            request = asked(image=image, last_frame=image)
            await gemini.submit(resolve_plan(request, offer()), job_id=1)
            head, body = server.requests[-1]
            assert b"transfer-encoding" not in head.lower()
            sent = json.loads(body)["instances"][0]
            for name in ("image", "lastFrame"):
                assert base64.b64decode(sent[name]["bytesBase64Encoded"], validate=True) == data
                assert sent[name]["mimeType"] == "image/png"
        await gemini.close()
        await vertex.close()


async def test_prompt_cannot_inject_file(tmp_path: Path) -> None:
    """A prompt is always JSON text."""
    nasty = 'a "fox" \\ {"bytesBase64Encoded":"x"} file-00 \u2028 🦊'
    async with raw_server(answer_and_keep_alive) as server:
        (gemini, vertex) = adapters(server.base, tmp_path)
        await gemini.submit(resolve_plan(asked(prompt=nasty), offer()), job_id=1)
        await gemini.close()
        await vertex.close()
        assert json.loads(server.requests[0][1])["instances"][0] == {"prompt": nasty}


async def test_key_is_sent_to_api_origin_only() -> None:
    async def authorize() -> dict[str, str]:
        return {"x-goog-api-key": "key"}

    connection = GoogleConnection("https://api.test/google", authorize)
    own, others = (
        connection.build_url("v1beta/files/a"),
        (
            "http://api.test/google",
            "https://api.test.evil/google",
            "https://api.test:8443/google",
            "https://evil.test/google",
        ),
    )
    assert await connection.get_authorization_headers(own) == {"x-goog-api-key": "key"}
    for other in others:
        assert await connection.get_authorization_headers(type(own)(other)) == {}
