"""A client takes over the sessions of the one before, against the sandbox's gateway."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import discord
import pytest
import yarl

from bot.discord.client import DiscordClient
from bot.discord.user_install import TokenCipher
from bot.domain.sharding import ShardSession
from sandbox.discord.gateway_faults import GatewayFault
from sandbox.server import SandboxServer
from tests.fakes.clock import VirtualClock
from tests.harness.waiting import eventually


class RecordingClient(DiscordClient):
    """Records the messages that reach listeners, and whether their server was known."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            clock=VirtualClock(start=datetime(2026, 11, 1, tzinfo=UTC)),
            token_cipher=TokenCipher("secret"),
            **options,
        )
        self._connection.guild_ready_timeout = 0.05
        self.texts: list[str] = []
        self.interactions: list[Any] = []
        self._connection.parsers["INTERACTION_CREATE"] = self.interactions.append
        self.has_unknown_guild = False
        self.may_finish = asyncio.Event()
        self.may_finish.set()

    async def on_message(self, message: discord.Message, /) -> None:
        self.texts.append(message.content)
        self.has_unknown_guild |= message.guild is None or message.guild.unavailable
        await self.may_finish.wait()


class Stage:
    """One sandbox, and clients that come one after the other."""

    def __init__(self, sandbox: SandboxServer, http: aiohttp.ClientSession) -> None:
        self.sandbox = sandbox
        self.http = http
        self.clients: list[RecordingClient] = []
        self.running: list[asyncio.Task[None]] = []

    async def start(
        self,
        sessions: Mapping[int, ShardSession] | None = None,
        *,
        ready_after_s: float = 0.05,
    ) -> RecordingClient:
        """Start a client, which is ready ``ready_after_s`` after the last server arrived."""

        async def load(_: int) -> Mapping[int, ShardSession]:
            return sessions or {}

        client = RecordingClient(shard_count=1, load_sessions=load)
        client._connection.guild_ready_timeout = ready_after_s
        await self._log_in(client)
        return client

    async def start_sharing(self) -> RecordingClient:
        client = RecordingClient(shares_shards=True)
        await self._log_in(client)
        return client

    async def _log_in(self, client: RecordingClient) -> None:
        self.clients.append(client)
        await client.log_in_with_retry(self.sandbox.world.token)
        self.running.append(asyncio.create_task(client.connect()))

    async def say(self, text: str) -> None:
        bot = self.sandbox.world.bot_user["id"]
        body = {"user": "Ada", "channel": "clips", "content": f"<@{bot}> {text}"}
        async with self.http.post("messages", json=body) as response:
            assert response.status == 200, await response.text()

    def words(self, client: RecordingClient) -> list[str]:
        return [text.split()[-1] for text in client.texts]


@pytest.fixture
async def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    async with AsyncExitStack() as stack:
        sandbox = await SandboxServer.start(directory=tmp_path, ratelimit_scale=None)
        stack.push_async_callback(sandbox.close)
        environment = sandbox.bot_environment()
        gateway = yarl.URL(environment["DISCORD_GATEWAY_URL"])
        monkeypatch.setattr(discord.http.Route, "BASE", environment["DISCORD_API_URL"])
        monkeypatch.setattr(discord.gateway.DiscordWebSocket, "DEFAULT_GATEWAY", gateway)
        http = aiohttp.ClientSession(f"{sandbox.base}/control/")
        made = Stage(sandbox, await stack.enter_async_context(http))
        yield made
        for client in made.clients:
            await hand_over(client)
            await client.close()
        await asyncio.gather(*made.running, return_exceptions=True)


def is_connected(client: RecordingClient) -> bool:
    return client.is_connected


async def hand_over(client: RecordingClient) -> dict[int, ShardSession]:
    sessions = await client.client_shards.close(client.client_shards.ids)
    return {shard_id: session for shard_id, session in sessions.items() if session is not None}


async def test_the_next_client_receives_what_nobody_received(stage: Stage) -> None:
    first = await stage.start()
    await eventually(lambda: first.is_connected)
    await stage.say("one")
    await eventually(lambda: first.texts)
    sessions = await hand_over(first)
    await stage.say("two")
    await stage.say("three")
    second = await stage.start(sessions)
    await eventually(lambda: len(second.texts) >= 2)
    assert stage.words(second) == ["two", "three"]
    assert stage.words(first) == ["one"]
    assert not second.has_unknown_guild, "messages wait for their servers"
    # the old session ends, and the new one goes on
    await eventually(lambda: len(list(stage.sandbox.gateway.sessions)) == 1)
    await stage.say("four")
    await eventually(lambda: "four" in stage.words(second))
    assert stage.sandbox.gateway.counters.resumed == 1


async def test_what_both_sessions_receive_is_handled_once(stage: Stage) -> None:
    first = await stage.start()
    await eventually(lambda: first.is_connected)
    sessions = await hand_over(first)
    await stage.say("one")
    second = await stage.start(sessions, ready_after_s=3600)
    await eventually(lambda: any(not guild.unavailable for guild in second.guilds))
    await stage.say("two")
    await eventually(lambda: second.texts)
    interim = second.client_shards._interim[0]
    await eventually(lambda: len(interim._held or ()) == 2)
    second.client_shards.record_ready(0)
    await eventually(lambda: len(second.texts) >= 2)
    await eventually(lambda: len(list(stage.sandbox.gateway.sessions)) == 1)
    await stage.say("three")
    await eventually(lambda: "three" in stage.words(second))
    assert stage.words(second) == ["two", "one", "three"]


async def test_a_session_that_is_gone_costs_nothing(stage: Stage) -> None:
    gateway = stage.sandbox.bot_environment()["DISCORD_GATEWAY_URL"]
    client = await stage.start({0: ShardSession("0" * 32, 5, gateway)})
    await eventually(lambda: client.is_connected)
    await stage.say("hello")
    await eventually(lambda: client.texts)
    assert stage.sandbox.gateway.counters.resumed == 0


async def test_what_was_held_back_passes_on_to_the_process_after_next(stage: Stage) -> None:
    """The second client resumes, but stops before it knows the servers."""
    first = await stage.start()
    await eventually(lambda: first.is_connected)
    sessions = await hand_over(first)
    await stage.say("one")
    stage.sandbox.gateway.faults.add_fault(
        GatewayFault.parse({"at": "identify", "effect": "ignore", "times": None})
    )
    second = await stage.start(sessions)
    await eventually(lambda: stage.sandbox.gateway.counters.replayed)
    await stage.say("two")
    sequence = next(iter(stage.sandbox.gateway.sessions)).sequence
    interim = second.client_shards._interim[0]
    await eventually(lambda: interim._socket is not None and interim._socket.sequence == sequence)
    # an interaction cannot wait for a new session
    stage.sandbox.gateway.send_event("INTERACTION_CREATE", {"id": "7"})
    await eventually(lambda: second.interactions == [{"id": "7"}])
    passed_on = await hand_over(second)
    assert second.texts == []
    stage.sandbox.gateway.faults.remove_all()
    third = await stage.start(passed_on)
    await eventually(lambda: len(third.texts) >= 2)
    assert stage.words(third) == ["one", "two"]


async def test_a_stop_waits_for_what_is_being_handled(stage: Stage) -> None:
    client = await stage.start()
    await eventually(lambda: client.is_connected)
    client.may_finish.clear()
    await stage.say("one")
    await eventually(lambda: client.texts)
    await hand_over(client)
    finishing = asyncio.create_task(client.finish_requests())
    done, _ = await asyncio.wait({finishing}, timeout=0.05)
    assert not done
    client.may_finish.set()
    await finishing


async def test_shards_come_and_go(stage: Stage) -> None:
    """A client without shards is ready too, and knows only the servers of its shards."""
    client = await stage.start_sharing()
    shards = client.client_shards
    shards.change_count(2)
    shards.settle()
    assert is_connected(client)
    (guild,) = stage.sandbox.world.guild_ids()
    own = (guild >> 22) % 2
    shards.open(own, None)
    assert not is_connected(client)
    await eventually(lambda: shards.connected_ids)
    assert [known.id for known in client.guilds] == [guild]
    sessions = await hand_over(client)
    assert set(sessions) == {own}
    assert not list(client.guilds)
    assert is_connected(client)
    shards.open(own, sessions[own])
    await eventually(lambda: shards.connected_ids)
    assert [known.id for known in client.guilds] == [guild]


async def test_another_number_of_shards_loses_no_event(stage: Stage) -> None:
    client = await stage.start_sharing()
    shards = client.client_shards
    shards.change_count(1)
    shards.open(0, None)
    await eventually(lambda: shards.connected_ids == {0})
    shards.change_count(2)
    await stage.say("between")
    await eventually(lambda: client.texts)
    for shard_id in (0, 1):
        shards.open(shard_id, None)
    await eventually(lambda: shards.connected_ids == {0, 1})
    await shards.end_change()
    client.texts.clear()
    await stage.say("after")
    await eventually(lambda: client.texts)
    assert stage.words(client) == ["after"]
    assert {session.shard.count for session in stage.sandbox.gateway.sessions} == {2}


async def test_a_shard_that_discord_refuses_ends_the_client(stage: Stage) -> None:
    client = await stage.start_sharing()
    stage.sandbox.gateway.faults.add_fault(GatewayFault.parse({"at": "identify", "code": 4011}))
    client.client_shards.change_count(1)
    client.client_shards.open(0, None)
    await eventually(lambda: stage.running[0].done())
    error = stage.running[0].exception()
    assert isinstance(error, discord.ConnectionClosed)
    assert error.code == 4011
