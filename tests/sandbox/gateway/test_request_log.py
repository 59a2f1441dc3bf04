"""The request log lists what the sandbox received and answered."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest_asyncio
from aiohttp.test_utils import make_mocked_request
from yarl import URL

from sandbox.clock import SandboxClock
from sandbox.request_log import RequestLog, redact_path, shorten_blobs
from sandbox.server import SandboxServer
from tests.harness.websocket import open_gateway


@pytest_asyncio.fixture
async def http(sandbox: SandboxServer) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(sandbox.base) as session:
        yield session


async def log_of(http: aiohttp.ClientSession, query: str = "") -> list[dict[str, Any]]:
    async with http.get(f"/control/requests?{query}") as response:
        assert response.status == 200
        entries: list[dict[str, Any]] = await response.json()
        return entries


async def call(http: aiohttp.ClientSession, method: str, path: str, **more: Any) -> int:
    async with http.request(method, path, **more) as response:
        await response.read()
        return response.status


async def test_every_request_is_logged_even_for_unknown_routes(
    sandbox: SandboxServer, http: aiohttp.ClientSession, clock: SandboxClock
) -> None:
    assert await call(http, "POST", "/api/v10/moon/landing?at=1", json={"a": 1}) == 404
    clock.advance(5)
    assert await call(http, "GET", "/google/moon") == 404
    first, second = await log_of(http)
    assert first == {
        "n": 1,
        "server": "discord",
        "method": "POST",
        "path": "/api/v10/moon/landing?at=1",
        "json": {"a": 1},
        "status": 404,
        "at": clock.now() - 5,
    }
    assert (second["n"], second["server"], second["at"]) == (2, "google", clock.now())
    assert sandbox.request_log.unknown_routes == 2


async def test_unknown_routes_get_discords_404(
    http: aiohttp.ClientSession,
) -> None:
    async with http.get("/api/v10/moon") as response:
        assert response.status == 404
        assert response.headers["Content-Type"] == "application/json"
        assert await response.json() == {"message": "404: Not Found", "code": 0}


async def test_after_bodies_and_filters(http: aiohttp.ClientSession) -> None:
    for number in range(3):
        await call(http, "GET", f"/api/v10/moon/{number}")
    await call(http, "POST", "/google/moon")
    assert [entry["n"] for entry in await log_of(http, "after=2")] == [3, 4]
    assert [entry["n"] for entry in await log_of(http, "server=google")] == [4]
    assert [entry["n"] for entry in await log_of(http, "method=GET&path=moon/[12]")] == [2, 3]
    (entry,) = await log_of(http, "after=2&server=discord&bodies=1")
    assert entry["response"] == {"message": "404: Not Found", "code": 0}
    assert entry["request_type"] == "application/octet-stream"
    async with http.get("/control/requests?after=x") as response:
        assert response.status == 400


async def test_control_and_gateway_are_not_logged(
    sandbox: SandboxServer, http: aiohttp.ClientSession, gateway_url: str
) -> None:
    async with open_gateway(gateway_url) as client:
        await client.identify(sandbox.world.token)
    await call(http, "GET", "/control/health")
    assert await log_of(http) == []


async def test_waiting_for_the_next_request(http: aiohttp.ClientSession) -> None:
    waiting = asyncio.create_task(log_of(http, "path=moon&wait=10"))
    await call(http, "GET", "/api/v10/sun")
    assert not waiting.done()
    await call(http, "GET", "/api/v10/moon")
    (entry,) = await waiting
    assert (entry["n"], entry["path"]) == (2, "/api/v10/moon")
    assert await log_of(http, "after=2&wait=0.01") == []


async def test_broken_json_is_logged_as_none(http: aiohttp.ClientSession) -> None:
    headers = {"Content-Type": "application/json"}
    await call(http, "POST", "/api/v10/moon", data=b"{", headers=headers)
    (entry,) = await log_of(http)
    assert entry["json"] is None


def test_keys_are_redacted() -> None:
    url = URL("http://h/google/v1beta/models?key=secret&pageSize=2&access_token=s")
    assert redact_path(url) == "/google/v1beta/models?key=…&pageSize=2&access_token=…"
    assert redact_path(URL("http://h/a")) == "/a"


def test_only_blobs_are_shortened() -> None:
    words = "a long prompt " * 200
    value = {"image": [{"bytesBase64Encoded": "QUJD" * 1000}], "prompt": words, "n": 1}
    assert shorten_blobs(value) == {
        "image": [{"bytesBase64Encoded": "<4000 characters>"}],
        "prompt": words,
        "n": 1,
    }


async def test_the_log_is_bounded(clock: SandboxClock) -> None:
    traffic = RequestLog(clock, max_entries=2)
    for number in range(5):
        traffic._add_entry(_request(f"/api/v10/{number}"), "discord")
    assert [entry.number for entry in traffic.entries_after(0)] == [4, 5]
    assert [entry.number for entry in traffic.entries_after(4)] == [5]
    assert traffic.entries_after(5) == []


def _request(path: str) -> Any:
    return make_mocked_request("GET", path)
