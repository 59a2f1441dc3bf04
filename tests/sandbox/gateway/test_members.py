"""Opcode 8: requesting the members of a guild."""

import pytest

from sandbox.discord.events import Intents
from sandbox.server import SandboxServer
from tests.harness.websocket import open_gateway


def guild_of(sandbox: SandboxServer) -> int:
    return next(iter(sandbox.world.guild_ids()))


async def test_members_by_name_and_by_id(sandbox: SandboxServer, gateway_url: str) -> None:
    guild = str(guild_of(sandbox))
    async with open_gateway(gateway_url) as client:
        await client.identify(sandbox.world.token)
        await client.send(8, {"guild_id": guild, "query": "be", "limit": 5, "nonce": "n"})
        chunk = await client.expect_event("GUILD_MEMBERS_CHUNK")
        assert [member["user"]["username"] for member in chunk["members"]] == ["bea"]
        assert (chunk["nonce"], chunk["chunk_index"], chunk["chunk_count"]) == ("n", 0, 1)
        bea = chunk["members"][0]["user"]["id"]

        await client.send(8, {"guild_id": guild, "user_ids": [bea, "1"], "nonce": "x" * 33})
        chunk = await client.expect_event("GUILD_MEMBERS_CHUNK")
        assert [member["user"]["id"] for member in chunk["members"]] == [bea]
        assert chunk["not_found"] == ["1"]
        assert "nonce" not in chunk


async def test_the_whole_list_needs_the_members_intent(
    sandbox: SandboxServer, gateway_url: str
) -> None:
    everyone = {"guild_id": str(guild_of(sandbox)), "query": "", "limit": 0}
    async with open_gateway(gateway_url) as client:
        await client.identify(sandbox.world.token)
        await client.send(8, everyone)
        assert await client.read_close_code() == 4014
    sandbox.world.app.intents = Intents.GUILD_MEMBERS
    async with open_gateway(gateway_url) as client:
        await client.identify(sandbox.world.token, intents=int(Intents.GUILD_MEMBERS))
        await client.send(8, everyone)
        chunk = await client.expect_event("GUILD_MEMBERS_CHUNK")
        assert len(chunk["members"]) == 5


@pytest.mark.parametrize(
    "data",
    [
        {"guild_id": "x", "query": "a", "limit": 1},
        {"guild_id": "1"},
        {"guild_id": "1", "query": "a", "user_ids": ["1"]},
        {"guild_id": "1", "query": 7, "limit": 1},
        {"guild_id": "1", "query": "a", "limit": "1"},
        [],
    ],
)
async def test_a_malformed_request_is_closed(
    sandbox: SandboxServer, gateway_url: str, data: object
) -> None:
    async with open_gateway(gateway_url) as client:
        await client.identify(sandbox.world.token)
        await client.send(8, data)
        assert await client.read_close_code() == 4002


async def test_a_guild_of_another_shard_is_ignored(
    sandbox: SandboxServer, gateway_url: str
) -> None:
    async with open_gateway(gateway_url) as client:
        await client.identify(sandbox.world.token)
        await client.send(8, {"guild_id": "1", "query": "a", "limit": 1})
        await client.assert_no_event()
