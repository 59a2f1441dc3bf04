"""A session is resumed without losing events."""

import pytest

from sandbox.clock import SandboxClock
from sandbox.discord import sessions
from sandbox.discord.events import GatewayEvent
from sandbox.server import SandboxServer
from tests.harness.waiting import eventually
from tests.harness.websocket import RawGateway, open_gateway


def publish(sandbox: SandboxServer, number: int) -> None:
    sandbox.world.hub.publish(GatewayEvent("TEST", lambda _: {"number": number}, None))


async def drop(sandbox: SandboxServer, client: RawGateway) -> None:
    sandbox.gateway.disconnect_clients()
    assert await client.read_close_code() == 1006
    await eventually(lambda: all(not s.is_connected for s in sandbox.gateway.sessions))


async def test_missed_events_are_replayed_in_order(
    sandbox: SandboxServer, gateway_url: str
) -> None:
    async with open_gateway(gateway_url) as client:
        ready = await client.identify(sandbox.world.token)
        publish(sandbox, 1)
        assert await client.expect_event("TEST") == {"number": 1}
        seen = client.sequence
        await drop(sandbox, client)
    for number in (2, 3, 4):
        publish(sandbox, number)
    async with open_gateway(ready["resume_gateway_url"]) as client:
        await client.resume(sandbox.world.token, ready["session_id"], seen)
        for number in (2, 3, 4):
            assert await client.expect_event("TEST") == {"number": number}
        await client.expect_event("RESUMED")
        publish(sandbox, 5)
        assert await client.expect_event("TEST") == {"number": 5}
        assert client.sequence == 7


async def test_events_sent_but_not_seen_are_replayed_too(
    sandbox: SandboxServer, gateway_url: str
) -> None:
    async with open_gateway(gateway_url) as client:
        ready = await client.identify(sandbox.world.token)
        publish(sandbox, 1)
        await client.expect_event("TEST")
        await drop(sandbox, client)
    async with open_gateway(gateway_url) as client:
        await client.resume(sandbox.world.token, ready["session_id"], 1)
        assert await client.expect_event("TEST") == {"number": 1}
        await client.expect_event("RESUMED")


async def test_acknowledged_events_are_dropped(sandbox: SandboxServer, gateway_url: str) -> None:
    async with open_gateway(gateway_url) as client:
        ready = await client.identify(sandbox.world.token)
        publish(sandbox, 1)
        await client.expect_event("TEST")
        await client.assert_no_event()
        await drop(sandbox, client)
    async with open_gateway(gateway_url) as client:
        await client.resume(sandbox.world.token, ready["session_id"], 1)
        assert await client.expect(9) is False


async def test_an_unknown_session_is_invalid(sandbox: SandboxServer, gateway_url: str) -> None:
    async with open_gateway(gateway_url) as client:
        await client.resume(sandbox.world.token, "0" * 32, 1)
        assert await client.expect(9) is False


async def test_a_session_can_be_resumed_only_for_a_time(
    sandbox: SandboxServer, gateway_url: str, clock: SandboxClock
) -> None:
    async with open_gateway(gateway_url) as client:
        ready = await client.identify(sandbox.world.token)
        await drop(sandbox, client)
    clock.advance(sessions.RESUME_WINDOW_S - 1)
    async with open_gateway(gateway_url) as client:
        await client.resume(sandbox.world.token, ready["session_id"], 1)
        await client.expect_event("RESUMED")
        await drop(sandbox, client)
    clock.advance(sessions.RESUME_WINDOW_S + 1)
    async with open_gateway(gateway_url) as client:
        await client.resume(sandbox.world.token, ready["session_id"], 1)
        assert await client.expect(9) is False


async def test_a_connected_session_does_not_expire(
    sandbox: SandboxServer, gateway_url: str, clock: SandboxClock
) -> None:
    async with open_gateway(gateway_url) as client:
        await client.identify(sandbox.world.token)
        clock.advance(sessions.RESUME_WINDOW_S * 10)
        publish(sandbox, 1)
        assert await client.expect_event("TEST") == {"number": 1}


@pytest.mark.parametrize("sequence", [2, 999, -1, None])
async def test_a_sequence_never_sent_is_closed_and_ends_the_session(
    sandbox: SandboxServer, gateway_url: str, sequence: int | None
) -> None:
    async with open_gateway(gateway_url) as client:
        ready = await client.identify(sandbox.world.token)
        await drop(sandbox, client)
    async with open_gateway(gateway_url) as client:
        await client.resume(sandbox.world.token, ready["session_id"], sequence)
        assert await client.read_close_code() == 4007
    assert not list(sandbox.gateway.sessions)


async def test_a_resume_needs_the_token(sandbox: SandboxServer, gateway_url: str) -> None:
    async with open_gateway(gateway_url) as client:
        ready = await client.identify(sandbox.world.token)
        await drop(sandbox, client)
    async with open_gateway(gateway_url) as client:
        await client.resume("wrong", ready["session_id"], 1)
        assert await client.read_close_code() == 4004


async def test_missing_more_than_is_kept_is_an_invalid_session(
    sandbox: SandboxServer, gateway_url: str
) -> None:
    async with open_gateway(gateway_url) as client:
        ready = await client.identify(sandbox.world.token)
        await drop(sandbox, client)
    for number in range(sessions.MAX_BUFFERED_EVENTS + 1):
        publish(sandbox, number)
    async with open_gateway(gateway_url) as client:
        await client.resume(sandbox.world.token, ready["session_id"], 1)
        assert await client.expect(9) is False


async def test_a_resume_ends_the_previous_connection(
    sandbox: SandboxServer, gateway_url: str
) -> None:
    async with open_gateway(gateway_url) as old, open_gateway(gateway_url) as new:
        ready = await old.identify(sandbox.world.token)
        await new.resume(sandbox.world.token, ready["session_id"], 1)
        await new.expect_event("RESUMED")
        assert await old.read_close_code() == 4000
        publish(sandbox, 1)
        assert await new.expect_event("TEST") == {"number": 1}


@pytest.mark.parametrize(("code", "left"), [(1000, 0), (1001, 0), (4000, 1)])
async def test_closing_with_1000_or_1001_ends_the_session(
    sandbox: SandboxServer, gateway_url: str, code: int, left: int
) -> None:
    async with open_gateway(gateway_url) as client:
        await client.identify(sandbox.world.token)
        await client.socket.close(code=code)
    await eventually(lambda: all(not s.is_connected for s in sandbox.gateway.sessions))
    assert len(list(sandbox.gateway.sessions)) == left
