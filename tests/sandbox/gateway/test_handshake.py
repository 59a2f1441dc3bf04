"""Hello, identify and heartbeats, and the close codes for a client's errors."""

import json
from pathlib import Path
from typing import Any

import pytest

from sandbox.clock import SandboxClock
from sandbox.discord import gateway
from sandbox.discord.connection import SENDS_PER_MINUTE
from sandbox.discord.events import ALL_INTENTS, Intents
from sandbox.server import SandboxServer
from tests.harness.websocket import identify_payload, open_gateway


async def test_ready_names_bot_shard_and_resume_url(
    sandbox: SandboxServer, gateway_url: str
) -> None:
    async with open_gateway(gateway_url) as client:
        ready = await client.identify(sandbox.world.token, intents=1)

    assert ready["v"] == 10
    assert ready["user"]["bot"] is True
    assert ready["shard"] == [0, 1]
    assert ready["resume_gateway_url"] == gateway_url
    assert ready["application"]["id"] == sandbox.world.application["id"]
    guild_ids = [str(guild) for guild in sandbox.world.guild_ids()]
    assert ready["guilds"] == [{"id": guild, "unavailable": True} for guild in guild_ids]
    assert guild_ids


async def test_guilds_follow_ready_only_with_the_guilds_intent(
    sandbox: SandboxServer, gateway_url: str
) -> None:
    async with open_gateway(gateway_url) as client:
        await client.expect(10)
        await client.send(2, identify_payload(sandbox.world.token, intents=int(Intents.GUILDS)))
        await client.expect_event("READY")
        assert (await client.expect_event("GUILD_CREATE"))["name"] == "Test Server"
    async with open_gateway(gateway_url) as client:
        await client.identify(sandbox.world.token, intents=int(Intents.GUILD_MESSAGES) & ~1)
        await client.assert_no_event()


async def test_heartbeats_are_acknowledged_before_and_after_identify(
    sandbox: SandboxServer, gateway_url: str
) -> None:
    async with open_gateway(gateway_url) as client:
        hello = await client.expect(10)
        assert hello["heartbeat_interval"] == 41250
        await client.send(1, None)
        await client.expect(11)
        await client.send(2, identify_payload(sandbox.world.token))
        await client.expect_event("READY")
        await client.send(1, client.sequence)
        await client.expect(11)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"token": "wrong"}, 4004),
        ({"token": None}, 4002),
        ({"properties": None}, 4002),
        ({"shard": [2, 2]}, 4010),
        ({"shard": [0, 0]}, 4010),
        ({"shard": "0"}, 4010),
        ({"intents": None}, 4013),
        ({"intents": -1}, 4013),
        ({"intents": 1 << 30}, 4013),
        ({"intents": int(Intents.MESSAGE_CONTENT)}, 4014),
        ({"intents": int(Intents.GUILD_MEMBERS)}, 4014),
        ({"intents": int(ALL_INTENTS)}, 4014),
    ],
)
async def test_a_wrong_identify_is_closed(
    sandbox: SandboxServer, gateway_url: str, change: dict[str, Any], code: int
) -> None:
    async with open_gateway(gateway_url) as client:
        await client.expect(10)
        await client.send(2, identify_payload(sandbox.world.token) | change)
        assert await client.read_close_code() == code
    assert not list(sandbox.gateway.sessions)


async def test_a_granted_privileged_intent_is_accepted(
    sandbox: SandboxServer, gateway_url: str
) -> None:
    sandbox.world.app.intents = Intents.MESSAGE_CONTENT
    async with open_gateway(gateway_url) as client:
        await client.identify(sandbox.world.token, intents=int(Intents.MESSAGE_CONTENT))


@pytest.mark.parametrize("op", [3, 4, 8])
async def test_nothing_but_a_heartbeat_before_identify(
    sandbox: SandboxServer, gateway_url: str, op: int
) -> None:
    async with open_gateway(gateway_url) as client:
        await client.expect(10)
        await client.send(op, {})
        assert await client.read_close_code() == 4003


@pytest.mark.parametrize("op", [2, 6])
async def test_identifying_twice_is_closed(
    sandbox: SandboxServer, gateway_url: str, op: int
) -> None:
    async with open_gateway(gateway_url) as client:
        await client.identify(sandbox.world.token)
        await client.send(op, identify_payload(sandbox.world.token))
        assert await client.read_close_code() == 4005


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("no json", 4002),
        ("[]", 4002),
        ('{"op": "1"}', 4002),
        ('{"op": 1, "d": "x"}', 4002),
        (json.dumps({"op": 1, "d": None, "padding": "x" * 4096}), 4002),
        ('{"op": 77, "d": null}', 4001),
        ('{"op": 0, "d": null}', 4001),
    ],
)
async def test_unreadable_payloads_are_closed(
    sandbox: SandboxServer, gateway_url: str, text: str, code: int
) -> None:
    async with open_gateway(gateway_url) as client:
        await client.expect(10)
        await client.socket.send_str(text)
        assert await client.read_close_code() == code


async def test_binary_frames_hold_json_as_well(sandbox: SandboxServer, gateway_url: str) -> None:
    async with open_gateway(gateway_url) as client:
        await client.expect(10)
        await client.socket.send_bytes(b'{"op": 1, "d": null}')
        await client.expect(11)
        await client.socket.send_bytes(b"\x83\xff")
        assert await client.read_close_code() == 4002


@pytest.mark.parametrize(
    ("query", "code"),
    [({"v": "9"}, 4012), ({"encoding": "etf"}, 4002), ({"compress": "brotli-stream"}, 4002)],
)
async def test_other_versions_and_encodings_are_closed(
    sandbox: SandboxServer, gateway_url: str, query: dict[str, str], code: int
) -> None:
    async with open_gateway(gateway_url, **query) as client:
        assert await client.read_close_code() == code


async def test_more_than_120_sends_a_minute_are_closed(
    sandbox: SandboxServer, gateway_url: str, clock: SandboxClock
) -> None:
    async with open_gateway(gateway_url) as client:
        await client.identify(sandbox.world.token)
        for _ in range(SENDS_PER_MINUTE - 1):
            await client.send(1, None)
        for _ in range(SENDS_PER_MINUTE - 1):
            await client.expect(11)
        clock.advance(60)
        await client.assert_no_event()
        for _ in range(SENDS_PER_MINUTE):
            await client.send(1, None)
        assert await client.read_close_code() == 4008


async def test_a_silent_client_is_closed_and_can_resume(
    clock: SandboxClock, tmp_path: Path
) -> None:
    running = await SandboxServer.start(directory=tmp_path, clock=clock, heartbeat_interval_s=0.05)
    url = running.bot_environment()["DISCORD_GATEWAY_URL"]
    try:
        async with open_gateway(url) as client:
            ready = await client.identify(running.world.token)
            assert await client.read_close_code() == 4009
        async with open_gateway(url) as client:
            await client.resume(running.world.token, ready["session_id"], 1)
            await client.expect_event("RESUMED")
    finally:
        await running.close()


async def test_identifying_too_fast_is_an_invalid_session_when_asked_for(
    sandbox: SandboxServer, gateway_url: str, clock: SandboxClock
) -> None:
    sandbox.world.session_starts.identify_interval_s = 5.0
    async with open_gateway(gateway_url) as first, open_gateway(gateway_url) as second:
        await first.identify(sandbox.world.token)
        await second.expect(10)
        await second.send(2, identify_payload(sandbox.world.token))
        assert await second.expect(9) is False
        clock.advance(5)
        await second.send(2, identify_payload(sandbox.world.token))
        await second.expect_event("READY")


async def test_shards_of_different_buckets_may_identify_together(
    sandbox: SandboxServer, gateway_url: str
) -> None:
    limit = sandbox.world.session_starts
    limit.identify_interval_s, limit.max_concurrency = 5.0, 2
    async with open_gateway(gateway_url) as zero, open_gateway(gateway_url) as one:
        await zero.identify(sandbox.world.token, shard=(0, 4))
        await one.identify(sandbox.world.token, shard=(1, 4))
    async with open_gateway(gateway_url) as two:
        await two.expect(10)
        await two.send(2, identify_payload(sandbox.world.token, shard=(2, 4)))
        assert await two.expect(9) is False


async def test_a_shard_of_too_many_guilds_is_closed(
    sandbox: SandboxServer, gateway_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gateway, "MAX_GUILDS_OF_SHARD", 0)
    (guild,) = sandbox.world.guild_ids()
    own = (guild >> 22) % 2
    async with open_gateway(gateway_url) as client:
        await client.expect(10)
        await client.send(2, identify_payload(sandbox.world.token, shard=(own, 2)))
        assert await client.read_close_code() == 4011
    async with open_gateway(gateway_url) as client:
        await client.identify(sandbox.world.token, shard=(1 - own, 2))
