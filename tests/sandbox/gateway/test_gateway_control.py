"""Disturbing the gateway through the control API."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from sandbox.clock import SandboxClock
from sandbox.server import SandboxServer
from tests.harness.websocket import open_gateway


@pytest_asyncio.fixture
async def http(sandbox: SandboxServer) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(f"{sandbox.base}/control/") as session:
        yield session


async def control_gateway(http: aiohttp.ClientSession, **order: Any) -> int:
    async with http.post("gateway", json=order) as response:
        assert response.status == 200, await response.text()
        struck: int = (await response.json())["connections"]
        return struck


async def test_after_a_disconnect_the_session_can_resume(
    sandbox: SandboxServer, gateway_url: str, http: aiohttp.ClientSession
) -> None:
    async with open_gateway(gateway_url) as client:
        ready = await client.identify(sandbox.world.token)
        assert await control_gateway(http, action="disconnect") == 1
        assert await client.read_close_code() == 1006
    async with open_gateway(gateway_url) as client:
        await client.resume(sandbox.world.token, ready["session_id"], 1)
        await client.expect_event("RESUMED")


async def test_disconnect_with_a_code(
    sandbox: SandboxServer, gateway_url: str, http: aiohttp.ClientSession
) -> None:
    async with open_gateway(gateway_url) as client:
        await client.identify(sandbox.world.token)
        await control_gateway(http, action="disconnect", code=4000)
        assert await client.read_close_code() == 4000


async def test_reconnect_sends_opcode_7(
    sandbox: SandboxServer, gateway_url: str, http: aiohttp.ClientSession
) -> None:
    async with open_gateway(gateway_url) as client:
        await client.identify(sandbox.world.token)
        await control_gateway(http, action="reconnect")
        assert await client.expect(7) is None
        await client.assert_no_event()


@pytest.mark.parametrize("resumable", [False, True])
async def test_invalid_session(
    sandbox: SandboxServer, gateway_url: str, http: aiohttp.ClientSession, resumable: bool
) -> None:
    async with open_gateway(gateway_url) as client:
        ready = await client.identify(sandbox.world.token)
        await control_gateway(http, action="invalid_session", resumable=resumable)
        assert await client.expect(9) is resumable
        await client.socket.close(code=4000)
    async with open_gateway(gateway_url) as client:
        await client.resume(sandbox.world.token, ready["session_id"], 1)
        if resumable:
            await client.expect_event("RESUMED")
        else:
            assert await client.expect(9) is False


async def test_one_shard_can_be_disconnected(
    sandbox: SandboxServer, gateway_url: str, http: aiohttp.ClientSession
) -> None:
    async with open_gateway(gateway_url) as zero, open_gateway(gateway_url) as one:
        await zero.identify(sandbox.world.token, shard=(0, 2))
        await one.identify(sandbox.world.token, shard=(1, 2))
        assert await control_gateway(http, action="disconnect", shard=1) == 1
        assert await one.read_close_code() == 1006
        await zero.assert_no_event()


async def test_down_refuses_connections_for_a_time(
    sandbox: SandboxServer, gateway_url: str, http: aiohttp.ClientSession, clock: SandboxClock
) -> None:
    async with open_gateway(gateway_url) as client:
        ready = await client.identify(sandbox.world.token)
        await control_gateway(http, action="down", seconds=30)
        assert await client.read_close_code() == 1006
    with pytest.raises(aiohttp.WSServerHandshakeError, match="503"):
        async with open_gateway(gateway_url):
            pass
    clock.advance(30)
    async with open_gateway(gateway_url) as client:
        await client.resume(sandbox.world.token, ready["session_id"], 1)
        await client.expect_event("RESUMED")


async def test_down_until_up(
    sandbox: SandboxServer, gateway_url: str, http: aiohttp.ClientSession, clock: SandboxClock
) -> None:
    await control_gateway(http, action="down")
    clock.advance(1e6)
    with pytest.raises(aiohttp.WSServerHandshakeError):
        async with open_gateway(gateway_url):
            pass
    await control_gateway(http, action="up")
    async with open_gateway(gateway_url) as client:
        await client.identify(sandbox.world.token)


async def test_sessions_list_connected_clients(
    sandbox: SandboxServer, gateway_url: str, http: aiohttp.ClientSession
) -> None:
    async with open_gateway(gateway_url) as client:
        ready = await client.identify(sandbox.world.token, intents=1, shard=(0, 1))
        async with http.get("sessions") as response:
            seen = await response.json()
    assert (seen["connected"], seen["identified"], seen["resumed"]) == (1, 1, 0)
    (session,) = seen["sessions"]
    assert session["session_id"] == ready["session_id"]
    assert session["intents"] == 1
    assert session["properties"]["browser"] == "raw"


@pytest.mark.parametrize("order", [{}, {"action": "explode"}, {"action": "down", "seconds": "x"}])
async def test_invalid_orders_are_refused(
    http: aiohttp.ClientSession, order: dict[str, Any]
) -> None:
    async with http.post("gateway", json=order) as response:
        assert response.status == 400
        assert (await response.json())["error"] == "invalid"


async def test_the_clock_only_advances(http: aiohttp.ClientSession, clock: SandboxClock) -> None:
    before = clock.now()
    async with http.post("clock", json={"advance_s": 90}) as response:
        assert await response.json() == {"now": before + 90}
    async with http.post("clock", json={"advance_s": -1}) as response:
        assert response.status == 400
    assert clock.now() == before + 90
