"""The gateway with the real discord.py."""

import asyncio
import time
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import discord
import pytest
import yarl

from sandbox.discord.events import GatewayEvent, Intents
from sandbox.server import SandboxServer
from tests.harness.waiting import eventually, stretch_timeout


class Client(discord.AutoShardedClient):
    """A client configured like the bot's, which records the events it receives."""

    def __init__(self, shards: int | None, intents: discord.Intents) -> None:
        super().__init__(
            intents=intents,
            shard_count=shards,
            chunk_guilds_at_startup=False,
            member_cache_flags=discord.MemberCacheFlags.none(),
            max_messages=None,
            guild_ready_timeout=0.1,
        )
        self.seen: list[str] = []
        self.ready = asyncio.Event()

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """discord.py starts shards five seconds apart; the sandbox does not ask for it."""

    async def on_ready(self) -> None:
        self.ready.set()

    async def on_socket_event_type(self, event_type: str) -> None:
        self.seen.append(event_type)


class ZlibContext:
    """discord.py uses this zlib context if zstandard is not installed."""

    COMPRESSION_TYPE = "zlib-stream"

    def __init__(self) -> None:
        self._stream = zlib.decompressobj()

    def decompress(self, data: bytes, /) -> str | None:
        return self._stream.decompress(data).decode()


Login = Callable[..., AbstractAsyncContextManager[Client]]


@pytest.fixture
def login(sandbox: SandboxServer, monkeypatch: pytest.MonkeyPatch) -> Login:
    environment = sandbox.bot_environment()
    gateway = yarl.URL(environment["DISCORD_GATEWAY_URL"])
    monkeypatch.setattr(discord.http.Route, "BASE", environment["DISCORD_API_URL"])
    monkeypatch.setattr(discord.gateway.DiscordWebSocket, "DEFAULT_GATEWAY", gateway)

    @asynccontextmanager
    async def logged_in(
        *, shards: int | None = 1, intents: discord.Intents | None = None
    ) -> AsyncIterator[Client]:
        client = Client(shards, intents or discord.Intents(guilds=True))
        running = asyncio.create_task(client.start(environment["DISCORD_TOKEN"]))
        ready = asyncio.create_task(client.ready.wait())
        try:
            async with asyncio.timeout(stretch_timeout(10)):
                await asyncio.wait({running, ready}, return_when=asyncio.FIRST_COMPLETED)
            if running.done():
                await running
            yield client
        finally:
            ready.cancel()
            await client.close()
            await asyncio.gather(running, ready, return_exceptions=True)

    return logged_in


def publish(sandbox: SandboxServer, name: str) -> None:
    sandbox.world.hub.publish(GatewayEvent(name, lambda _: {}, None))


async def seen(client: Client, *names: str) -> None:
    await eventually(lambda: set(names) <= set(client.seen), what=f"{names} arriving")


@pytest.mark.parametrize("compression", ["zstd-stream", "zlib-stream"])
async def test_login_and_events_over_each_compression(
    sandbox: SandboxServer, login: Login, monkeypatch: pytest.MonkeyPatch, compression: str
) -> None:
    if compression == "zlib-stream":
        monkeypatch.setattr(discord.utils, "_ActiveDecompressionContext", ZlibContext)
    used = discord.utils._ActiveDecompressionContext.COMPRESSION_TYPE
    assert used == compression
    async with login() as client:
        assert client.user is not None
        assert client.user.name == sandbox.world.bot_user["username"]
        (guild,) = client.guilds
        assert guild.name == "Test Server"
        assert discord.utils.get(guild.text_channels, name="clips") is not None
        assert isinstance(discord.utils.get(guild.channels, name="ideas"), discord.ForumChannel)
        publish(sandbox, "TEST")
        await seen(client, "TEST")


async def test_a_lost_connection_is_resumed_without_missed_events(
    sandbox: SandboxServer, login: Login
) -> None:
    async with login() as client:
        sandbox.gateway.disconnect_clients()
        publish(sandbox, "MISSED")
        await seen(client, "RESUMED")
        assert client.seen.index("MISSED") < client.seen.index("RESUMED")
        assert client.seen.count("READY") == 1


async def test_reconnect_is_followed_by_a_resume(sandbox: SandboxServer, login: Login) -> None:
    async with login() as client:
        sandbox.gateway.request_reconnect()
        publish(sandbox, "MISSED")
        await seen(client, "RESUMED", "MISSED")
        assert client.seen.count("READY") == 1


async def test_an_invalid_session_is_followed_by_a_fresh_identify(
    sandbox: SandboxServer, login: Login
) -> None:
    async with login() as client:
        sandbox.gateway.invalidate_sessions()
        await eventually(lambda: client.seen.count("READY") == 2, what="a second READY")
        publish(sandbox, "TEST")
        await seen(client, "TEST")
        assert "RESUMED" not in client.seen


async def test_a_refused_resume_is_followed_by_a_fresh_identify(
    sandbox: SandboxServer, login: Login
) -> None:
    async with login() as client:
        for session in sandbox.gateway.sessions:
            sandbox.gateway.sessions.end_session(session)
        sandbox.gateway.disconnect_clients()
        await eventually(lambda: client.seen.count("READY") == 2, what="a second READY")


async def test_two_shards_share_the_guilds(sandbox: SandboxServer, login: Login) -> None:
    async with login(shards=2) as client:
        assert set(client.shards) == {0, 1}
        assert [session.shard.count for session in sandbox.gateway.sessions] == [2, 2]
        (guild,) = client.guilds
        assert guild.shard_id == (guild.id >> 22) % 2


async def test_the_recommended_shard_count_is_used(sandbox: SandboxServer, login: Login) -> None:
    async with login(shards=None) as client:
        assert client.shard_count == 1


async def test_intents_filter_what_arrives(sandbox: SandboxServer, login: Login) -> None:
    async with login(intents=discord.Intents(guilds=True, guild_messages=True)) as client:
        for name, intent in (
            ("REACTION", Intents.GUILD_MESSAGE_REACTIONS),
            ("MESSAGE", Intents.GUILD_MESSAGES),
        ):
            sandbox.world.hub.publish(GatewayEvent(name, lambda _: {}, None, intent))
        await seen(client, "MESSAGE")
        assert "REACTION" not in client.seen


async def test_a_privileged_intent_that_was_not_granted_is_fatal(
    sandbox: SandboxServer, login: Login
) -> None:
    with pytest.raises(discord.PrivilegedIntentsRequired):
        async with login(intents=discord.Intents(guilds=True, message_content=True)):
            pass


async def test_members_are_found_by_name(sandbox: SandboxServer, login: Login) -> None:
    async with login() as client:
        (guild,) = client.guilds
        found: list[Any] = await guild.query_members("be", limit=5)
        assert [member.name for member in found] == ["bea"]
        found = await guild.query_members(user_ids=[found[0].id, 1])
        assert [member.name for member in found] == ["bea"]


async def test_a_heartbeat_is_answered_after_a_round_trip(
    sandbox: SandboxServer, login: Login, caplog: pytest.LogCaptureFixture
) -> None:
    """discord.py measures its latest heartbeat, not the one before. [people-O26]"""
    async with login() as client:
        keep_alive = client.shards[0]._parent.ws._keep_alive
        assert keep_alive is not None
        before = keep_alive._last_ack
        # as if the last heartbeat had been sent an interval ago
        keep_alive._last_send -= 41.25
        data = keep_alive.get_payload()

        def beat() -> None:
            """Send as discord.py's thread does, and note the time afterwards."""
            asyncio.run_coroutine_threadsafe(keep_alive.ws.send_heartbeat(data), loop).result(10)
            keep_alive._last_send = time.perf_counter()

        loop = asyncio.get_running_loop()
        await asyncio.to_thread(beat)
        await eventually(lambda: keep_alive._last_ack > before)
        assert keep_alive.latency < 10
        assert "Can't keep up" not in caplog.text
