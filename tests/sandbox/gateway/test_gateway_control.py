"""Gateway failures ordered through the control API."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from sandbox.clock import SandboxClock
from sandbox.server import SandboxServer
from tests.harness.websocket import GatewayClosed, identify_payload, open_gateway


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


@pytest.mark.parametrize("code", [None, 4000])
async def test_a_connection_ends_before_hello(
    sandbox: SandboxServer, gateway_url: str, http: aiohttp.ClientSession, code: int | None
) -> None:
    """[discord-S7]"""
    await control_gateway(http, action="fail", at="connect", code=code)
    async with open_gateway(gateway_url) as client:
        with pytest.raises(GatewayClosed) as closed:
            await client.receive()
    assert closed.value.code == (code or 1006)
    async with open_gateway(gateway_url) as client:
        await client.identify(sandbox.world.token)


async def test_an_identify_is_answered_with_opcode_9(
    sandbox: SandboxServer, gateway_url: str, http: aiohttp.ClientSession
) -> None:
    """[discord-S7]"""
    await control_gateway(http, action="fail", at="identify", effect="invalid_session")
    async with open_gateway(gateway_url) as client:
        await client.expect(10)
        await client.send(2, identify_payload(sandbox.world.token))
        assert await client.expect(9) is False
        await client.send(2, identify_payload(sandbox.world.token))
        await client.expect_event("READY")


async def test_a_resume_is_answered_with_a_close_code(
    sandbox: SandboxServer, gateway_url: str, http: aiohttp.ClientSession
) -> None:
    """The session can still be resumed afterwards. [discord-S7]"""
    await control_gateway(http, action="fail", at="resume", code=4000)
    async with open_gateway(gateway_url) as client:
        ready = await client.identify(sandbox.world.token)
        await control_gateway(http, action="disconnect")
    async with open_gateway(gateway_url) as client:
        await client.resume(sandbox.world.token, ready["session_id"], 1)
        assert await client.read_close_code() == 4000
    async with open_gateway(gateway_url) as client:
        await client.resume(sandbox.world.token, ready["session_id"], 1)
        await client.expect_event("RESUMED")


async def test_heartbeats_are_not_acknowledged(
    sandbox: SandboxServer, gateway_url: str, http: aiohttp.ClientSession
) -> None:
    """[discord-S7]"""
    async with open_gateway(gateway_url) as client:
        await client.identify(sandbox.world.token)
        await control_gateway(http, action="fail", at="heartbeat", effect="ignore", times=None)
        await client.send(1, client.sequence)
        await control_gateway(http, action="recover")
        await control_gateway(http, action="send", text="{")
        with pytest.raises(ValueError, match="property name"):
            await client.receive()
        await client.assert_no_event()


async def test_any_event_can_be_sent(
    sandbox: SandboxServer, gateway_url: str, http: aiohttp.ClientSession
) -> None:
    """[discord-S7, discord-D01]"""
    async with open_gateway(gateway_url) as client:
        await client.identify(sandbox.world.token)
        await control_gateway(http, action="send", event="CHANNEL_CREATE", data={"type": 13})
        assert await client.expect_event("CHANNEL_CREATE") == {"type": 13}


async def test_one_identify_too_many_resets_the_token(
    sandbox: SandboxServer, gateway_url: str, http: aiohttp.ClientSession, clock: SandboxClock
) -> None:
    """[discord-S9]"""
    token = sandbox.world.token
    authorization = {"Authorization": f"Bot {token}"}
    url = f"{sandbox.base}/api/v10/gateway/bot"
    await control_gateway(http, action="limit_session_starts", remaining=1, seconds=600)
    async with open_gateway(gateway_url) as client:
        await client.identify(token)
        async with http.get(url, headers=authorization) as response:
            limit = (await response.json())["session_start_limit"]
        assert (limit["remaining"], limit["reset_after"]) == (0, 600_000)
        clock.advance(600)
        async with http.get(url, headers=authorization) as response:
            assert (await response.json())["session_start_limit"]["remaining"] == 1000
        await control_gateway(http, action="limit_session_starts", remaining=0)
        async with open_gateway(gateway_url) as other:
            await other.expect(10)
            await other.send(2, identify_payload(token))
            assert await other.read_close_code() == 4004
        assert await client.read_close_code() == 4004
    assert sandbox.world.token != token


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


@pytest.mark.parametrize(
    "order",
    [
        {},
        {"action": "explode"},
        {"action": "down", "seconds": "x"},
        {"action": "fail"},
        {"action": "fail", "at": "heartbeat", "effect": "invalid_session"},
        {"action": "fail", "at": "resume", "code": 7},
        {"action": "fail", "at": "resume", "times": 0},
        {"action": "send"},
        {"action": "limit_session_starts"},
    ],
)
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


async def test_identify_limits_are_set(
    sandbox: SandboxServer, gateway_url: str, http: aiohttp.ClientSession, clock: SandboxClock
) -> None:
    await control_gateway(http, action="limit_identifies", max_concurrency=2)
    await control_gateway(http, action="recommend_shards", shards=4)
    headers = {"Authorization": f"Bot {sandbox.world.token}"}
    async with http.get("/api/v10/gateway/bot", headers=headers) as response:
        answer = await response.json()
    assert answer["shards"] == 4
    assert answer["session_start_limit"]["max_concurrency"] == 2
    async with open_gateway(gateway_url) as client:
        await client.identify(sandbox.world.token, shard=(0, 4))
    async with open_gateway(gateway_url) as client:
        await client.expect(10)
        await client.send(2, identify_payload(sandbox.world.token, shard=(0, 4)))
        assert await client.expect(9) is False
        clock.advance(5)
        await client.send(2, identify_payload(sandbox.world.token, shard=(0, 4)))
        await client.expect_event("READY")


@pytest.mark.parametrize(
    "order",
    [
        {"action": "limit_identifies", "max_concurrency": 0},
        {"action": "recommend_shards"},
        {"action": "recommend_shards", "shards": "many"},
    ],
)
async def test_a_wrong_limit_is_refused(http: aiohttp.ClientSession, order: dict[str, Any]) -> None:
    async with http.post("gateway", json=order) as response:
        assert response.status == 400
