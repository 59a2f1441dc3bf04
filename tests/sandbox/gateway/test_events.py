"""Which sessions receive an event: intents, shards, and several clients with one token."""

from contextlib import AsyncExitStack
from typing import Any

import pytest

from sandbox.discord.events import GatewayEvent, Intents
from sandbox.server import SandboxServer
from tests.harness.websocket import open_gateway


def on_shard(shard: int, count: int) -> int:
    return (7 * count + shard) << 22


def publish(
    sandbox: SandboxServer, name: str, payload: dict[str, Any], guild: int | None = None
) -> None:
    sandbox.world.hub.publish(GatewayEvent(name, lambda _: payload, guild))


@pytest.mark.parametrize(
    ("needed", "has", "sees"),
    [
        (Intents.NONE, Intents.NONE, True),
        (Intents.GUILD_MESSAGES, Intents.GUILD_MESSAGES, True),
        (Intents.GUILD_MESSAGES | Intents.DIRECT_MESSAGES, Intents.DIRECT_MESSAGES, True),
        (Intents.GUILD_MESSAGES, Intents.DIRECT_MESSAGES, False),
        (Intents.GUILD_MESSAGES, Intents.NONE, False),
    ],
)
async def test_an_event_needs_any_of_its_intents(
    sandbox: SandboxServer, gateway_url: str, needed: Intents, has: Intents, sees: bool
) -> None:
    async with open_gateway(gateway_url) as client:
        await client.identify(sandbox.world.token, intents=int(has))
        sandbox.world.hub.publish(GatewayEvent("TEST", lambda _: {}, None, needed))
        if sees:
            await client.expect_event("TEST")
        await client.assert_no_event()


async def test_the_payload_depends_on_the_sessions_intents(
    sandbox: SandboxServer, gateway_url: str
) -> None:
    def payload(intents: Intents) -> dict[str, Any]:
        return {"members": Intents.GUILD_MODERATION in intents}

    moderation = int(Intents.GUILD_MODERATION)
    async with open_gateway(gateway_url) as plain, open_gateway(gateway_url) as moderating:
        await plain.identify(sandbox.world.token)
        await moderating.identify(sandbox.world.token, intents=moderation)
        sandbox.world.hub.publish(GatewayEvent("TEST", payload, None))
        assert await plain.expect_event("TEST") == {"members": False}
        assert await moderating.expect_event("TEST") == {"members": True}


async def test_two_shards_share_the_guilds_and_shard_0_has_the_rest(
    sandbox: SandboxServer, gateway_url: str
) -> None:
    async with open_gateway(gateway_url) as zero, open_gateway(gateway_url) as one:
        ready_zero = await zero.identify(sandbox.world.token, shard=(0, 2), intents=1)
        ready_one = await one.identify(sandbox.world.token, shard=(1, 2), intents=1)
        assert (ready_zero["shard"], ready_one["shard"]) == ([0, 2], [1, 2])
        guilds = [guild["id"] for guild in ready_zero["guilds"] + ready_one["guilds"]]
        assert sorted(guilds) == sorted(str(guild) for guild in sandbox.world.guild_ids())

        for shard in (0, 1):
            publish(sandbox, "TEST", {"for": shard}, on_shard(shard, 2))
        sandbox.world.hub.publish(GatewayEvent("DIRECT", lambda _: {}, None))
        assert await zero.expect_event("TEST") == {"for": 0}
        await zero.expect_event("DIRECT")
        await zero.assert_no_event()
        assert await one.expect_event("TEST") == {"for": 1}
        await one.assert_no_event()


async def test_every_session_of_a_shard_gets_the_event_with_its_own_sequence(
    sandbox: SandboxServer, gateway_url: str
) -> None:
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(open_gateway(gateway_url)) for _ in range(3)]
        for client in clients:
            await client.identify(sandbox.world.token)
            sandbox.world.hub.publish(GatewayEvent("EARLY", lambda _: {}, None))
        sandbox.world.hub.publish(GatewayEvent("TEST", lambda _: {}, None))
        for index, client in enumerate(clients):
            for _ in range(3 - index):
                await client.expect_event("EARLY")
            await client.expect_event("TEST")
            assert client.sequence == 5 - index


async def test_events_keep_their_order_under_load(sandbox: SandboxServer, gateway_url: str) -> None:
    async with open_gateway(gateway_url, compress="zstd-stream") as client:
        await client.identify(sandbox.world.token)
        for number in range(1000):
            publish(sandbox, "TEST", {"number": number})
        received = [(await client.expect_event("TEST"))["number"] for _ in range(1000)]
        assert received == list(range(1000))
