"""The shards of the client, which come and go while it is connected.

discord.py connects a fixed set of shards once. Here each of them is connected and disconnected by
itself, and its session passes on to the process that has the shard next.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final, cast

import discord
import structlog
import yarl
from discord.gateway import DiscordWebSocket
from discord.shard import EventItem, EventType, Shard

from bot.discord.connection_waits import CONNECTION_ERRORS, ConnectionWait
from bot.discord.event_guard import EventGuard
from bot.discord.gateway import PersistentShard, ShardConnector
from bot.discord.interim_connection import InterimConnection, close_socket, read_session
from bot.discord.session_starts import SessionStarts
from bot.domain.ports import Clock
from bot.domain.sharding import ShardConnections, ShardSession

_log: Final = structlog.get_logger(__name__)

_RESUMABLE_CODE: Final = 4000
_ENDING_CODE: Final = 1000


class ClientShards(ShardConnections):
    """The connections of one client."""

    def __init__(
        self,
        client: discord.AutoShardedClient,
        *,
        session_starts: SessionStarts,
        event_guard: EventGuard,
        clock: Clock,
    ) -> None:
        self._client = client
        self._session_starts = session_starts
        self._event_guard = event_guard
        self._clock = clock
        self._opening: dict[int, asyncio.Task[None]] = {}
        self._interim: dict[int, InterimConnection] = {}
        self._outgoing: list[InterimConnection] = []
        self._finishing: set[asyncio.Task[None]] = set()
        self._connected_ids: set[int] = set()

    @property
    def by_id(self) -> dict[int, Shard]:
        """discord.py's own shards, in an attribute that is private to its class."""
        return cast("dict[int, Shard]", self._client.__dict__["_AutoShardedClient__shards"])

    @property
    def count(self) -> int | None:
        return self._client.shard_count

    @property
    def ids(self) -> frozenset[int]:
        return frozenset(self._opening) | frozenset(self.by_id)

    @property
    def connected_ids(self) -> frozenset[int]:
        return frozenset(self._connected_ids)

    @property
    def is_changing_count(self) -> bool:
        return bool(self._outgoing)

    @property
    def is_connected(self) -> bool:
        """Whether all shards of this process are connected now."""
        return (
            self._client.is_ready()
            and self._connected_ids >= self.ids
            and all(shard.ws.open for shard in self.by_id.values())
        )

    async def recommend_count(self) -> int:
        wait = ConnectionWait(self._clock)
        while True:
            try:
                count, _, _ = await self._client.http.get_bot_gateway()
            except CONNECTION_ERRORS as error:
                await wait.wait_after("discord.unreachable", error)
            else:
                return count

    def change_count(self, count: int) -> None:
        for task in self._opening.values():
            task.cancel()
        self._opening.clear()
        self._outgoing += self._interim.values()
        for shard_id, shard in self.by_id.items():
            if isinstance(shard, PersistentShard):
                shard.stop_reading()
            self._outgoing.append(InterimConnection.read_on(self._client, shard_id, shard.ws))
        self._interim.clear()
        self.by_id.clear()
        self._connected_ids.clear()
        self._client.shard_count = self._client._connection.shard_count = count

    async def end_change(self) -> None:
        outgoing, self._outgoing = self._outgoing, []
        await asyncio.gather(*(connection.finish() for connection in outgoing))
        own = self.ids
        self._forget_guilds(lambda guild: guild.shard_id not in own)

    def open(self, shard_id: int, session: ShardSession | None) -> None:
        if session is not None:
            self.resume(shard_id, session)
        self._opening[shard_id] = asyncio.create_task(
            self._open(shard_id), name=f"open shard {shard_id}"
        )

    def resume(self, shard_id: int, session: ShardSession) -> None:
        """Receive the events of an earlier session until the shard is connected."""
        self._interim[shard_id] = InterimConnection.resume(self._client, shard_id, session)

    async def launch(self, gateway: yarl.URL, shard_id: int, *, initial: bool) -> None:
        """Connect one shard, which then reconnects on its own.

        Raises `discord.ConnectionClosed` if Discord refuses it.
        """
        connector = ShardConnector(self._client, shard_id, self._session_starts, self._clock)
        shard = PersistentShard(
            await connector.open(gateway, initial=initial),
            self._client,
            self.put_event,
            connector=connector,
            event_guard=self._event_guard,
        )
        self.by_id[shard_id] = shard
        shard.launch()

    def record_ready(self, shard_id: int) -> None:
        """Note that a shard knows its servers, so that the session before it can end."""
        if shard_id not in self.by_id:
            return
        self._connected_ids.add(shard_id)
        interim = self._interim.pop(shard_id, None)
        if interim is not None:
            task = asyncio.create_task(interim.finish(), name=f"end session of shard {shard_id}")
            self._finishing.add(task)
            task.add_done_callback(self._discard_finished)

    async def close(self, shard_ids: frozenset[int]) -> Mapping[int, ShardSession | None]:
        sessions = await asyncio.gather(*(self._close(shard_id) for shard_id in shard_ids))
        self._forget_guilds(lambda guild: guild.shard_id in shard_ids)
        return dict(zip(shard_ids, sessions, strict=True))

    def read_sessions(self) -> Mapping[int, ShardSession]:
        sessions = {shard_id: read_session(shard.ws) for shard_id, shard in self.by_id.items()}
        # what the earlier session holds back has not been handled
        sessions |= {shard_id: interim.session for shard_id, interim in self._interim.items()}
        return {shard_id: session for shard_id, session in sessions.items() if session is not None}

    def settle(self) -> None:
        """discord.py is ready when all shards of a fixed set are; a shared one may be empty."""
        if not self._client.is_ready() and self._connected_ids >= self.ids:
            self._client._connection.call_handlers("ready")

    async def end(self) -> None:
        """Close what is left of earlier sessions, because the client is being closed."""
        for task in self._finishing:
            task.cancel()
        await asyncio.gather(*self._finishing, return_exceptions=True)
        connections = [*self._interim.values(), *self._outgoing]
        self._interim.clear()
        self._outgoing.clear()
        await asyncio.gather(*(connection.interrupt() for connection in connections))

    def put_event(self, item: EventItem) -> None:
        """Send an event to discord.py's `connect`, which waits for one that ends the client."""
        self._client.__dict__["_AutoShardedClient__queue"].put_nowait(item)

    def _discard_finished(self, task: asyncio.Task[None]) -> None:
        self._finishing.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("background_task.failed", task=task.get_name(), exc_info=error)

    async def _open(self, shard_id: int) -> None:
        try:
            await self.launch(DiscordWebSocket.DEFAULT_GATEWAY, shard_id, initial=False)
        except Exception as error:  # Discord refuses the bot, so the process ends
            self.put_event(EventItem(EventType.terminate, None, error))
        finally:
            if self._opening.get(shard_id) is asyncio.current_task():
                del self._opening[shard_id]

    async def _close(self, shard_id: int) -> ShardSession | None:
        opening = self._opening.pop(shard_id, None)
        if opening is not None:
            opening.cancel()
            await asyncio.gather(opening, return_exceptions=True)
        interim = self._interim.pop(shard_id, None)
        shard = self.by_id.pop(shard_id, None)
        self._connected_ids.discard(shard_id)
        getting_ready = self._client._connection._ready_tasks.get(shard_id)
        if getting_ready is not None:
            getting_ready.cancel()
        session = None
        if shard is not None:
            if isinstance(shard, PersistentShard):
                shard.stop_reading()
            session = read_session(shard.ws)
            await close_socket(shard.ws, _RESUMABLE_CODE if interim is None else _ENDING_CODE)
        return session if interim is None else await interim.interrupt()

    def _forget_guilds(self, is_gone: Callable[[discord.Guild], bool]) -> None:
        """Remove servers whose events this process no longer receives from discord.py's cache."""
        state = self._client._connection
        for guild in self._client.guilds:
            if is_gone(guild):
                state._remove_guild(guild)
