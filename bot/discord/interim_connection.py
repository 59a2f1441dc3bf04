"""Receives the events of a session that is about to be replaced.

A process that takes a shard over resumes the session of the one before, and gets every event that
nobody has received. But Discord describes the servers only to a new session. So the shard begins
one, and the old session's connection stays open beside it until the servers are known. Discord
allows several sessions of a shard. What both receive is handled once
(`bot.discord.repeated_events`).
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import discord
import structlog
import yarl
from discord.gateway import DiscordWebSocket, ReconnectWebSocket

from bot.discord.connection_waits import CONNECTION_ERRORS
from bot.discord.event_guard import UNREADABLE_FRAME_ERRORS, EventParser
from bot.domain.sharding import ShardSession

_log: Final = structlog.get_logger(__name__)

_MAXIMUM_HELD_EVENTS: Final = 10_000
_MAXIMUM_REPLAY_S: Final = 30.0
"""How long a finished connection may still replay what was missed."""
_CLOSE_TIMEOUT_S: Final = 1.0
_ATTEMPTS: Final = 3
_RESUMABLE_CODE: Final = 4000
_ENDING_CODE: Final = 1000
"""With this close code, Discord ends the session."""

_IMMEDIATE_EVENTS: Final = frozenset({"INTERACTION_CREATE"})
"""Must be acknowledged within three seconds, and describe their server themselves."""
_HELD_EVENTS: Final = frozenset(
    {
        "MESSAGE_CREATE",
        "MESSAGE_UPDATE",
        "MESSAGE_DELETE",
        "MESSAGE_DELETE_BULK",
        "MESSAGE_REACTION_ADD",
        "MESSAGE_REACTION_REMOVE",
        "MESSAGE_REACTION_REMOVE_ALL",
        "MESSAGE_REACTION_REMOVE_EMOJI",
    }
)
"""What people did. It waits for the servers, whose state the new session tells."""


class InterimConnection:
    """One connection of an old session, in a task of its own, until it is finished."""

    def __init__(self, client: discord.AutoShardedClient, shard_id: int) -> None:
        self._client = client
        self._shard_id = shard_id
        self._socket: DiscordWebSocket | None = None
        self._session: ShardSession | None = None
        self._held: list[tuple[int, EventParser, Any]] | None = None
        self._has_replayed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @classmethod
    def resume(
        cls, client: discord.AutoShardedClient, shard_id: int, session: ShardSession
    ) -> "InterimConnection":
        """Resume a session, and hold back what people did until `finish`."""
        connection = cls(client, shard_id)
        connection._session, connection._held = session, []
        connection._start(connection._resume())
        return connection

    @classmethod
    def read_on(
        cls, client: discord.AutoShardedClient, shard_id: int, socket: DiscordWebSocket
    ) -> "InterimConnection":
        """Go on reading an open connection whose events need not wait."""
        connection = cls(client, shard_id)
        connection._socket = socket
        connection._has_replayed.set()
        connection._start(connection._read())
        return connection

    @property
    def session(self) -> ShardSession | None:
        """The session, before the first event that is still held back; `None` if it is lost."""
        session = self._session
        if self._socket is not None:
            session = read_session(self._socket)
        if session is None or not self._held:
            return session
        return ShardSession(session.session_id, self._held[0][0] - 1, session.resume_url)

    async def finish(self) -> None:
        """Deliver what was held back and the rest of the replay, and end the session."""
        self._deliver_held()
        replay = asyncio.create_task(self._has_replayed.wait())
        waits = {replay} if self._task is None else {replay, self._task}
        try:
            await asyncio.wait(
                waits, timeout=_MAXIMUM_REPLAY_S, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            replay.cancel()
        await self._close(_ENDING_CODE)

    async def interrupt(self) -> ShardSession | None:
        """Close the connection, and return the session for the next process."""
        session = self.session
        await self._close(_RESUMABLE_CODE)
        return session

    def _start(self, work: Any) -> None:
        self._task = asyncio.create_task(work, name=f"interim connection {self._shard_id}")

    async def _resume(self) -> None:
        for _ in range(_ATTEMPTS):
            session = self.session
            if session is None:
                break
            try:
                socket = await DiscordWebSocket.from_client(
                    self._client,
                    gateway=yarl.URL(session.resume_url),
                    shard_id=self._shard_id,
                    session=session.session_id,
                    sequence=session.sequence,
                    resume=True,
                )
            except (
                *CONNECTION_ERRORS,
                *UNREADABLE_FRAME_ERRORS,
                discord.ConnectionClosed,
                ReconnectWebSocket,
            ) as error:
                _log.info("gateway.resume_failed", shard=self._shard_id, error=type(error).__name__)
                continue
            socket._discord_parsers = self._select_parsers()
            self._socket = socket
            if not await self._read():
                break
        self._has_replayed.set()

    async def _read(self) -> bool:
        """Read until the connection ends, and return whether its session can be resumed again."""
        assert self._socket is not None, "only an open connection is read"
        while True:
            try:
                await self._socket.poll_event()
            except ReconnectWebSocket as error:
                _log.info("gateway.old_session_ended", shard=self._shard_id, resumable=error.resume)
                return error.resume
            except (*CONNECTION_ERRORS, discord.ConnectionClosed) as error:
                _log.info("gateway.old_session_ended", shard=self._shard_id, error=str(error))
                return False
            except UNREADABLE_FRAME_ERRORS as error:
                _log.warning("gateway.old_session_unreadable", error=type(error).__name__)

    def _select_parsers(self) -> dict[str, Callable[[Any], Any]]:
        """Return parsers for what people did; the new session tells everything else."""
        parsers = self._client._connection.parsers
        return {
            "RESUMED": lambda _: self._has_replayed.set(),
            **{name: parsers[name] for name in _IMMEDIATE_EVENTS},
            **{name: partial(self._receive, parsers[name]) for name in _HELD_EVENTS},
        }

    def _receive(self, parse: EventParser, data: Any) -> None:
        if self._held is None or self._socket is None:
            parse(data)
            return
        self._held.append((self._socket.sequence or 0, parse, data))
        if len(self._held) >= _MAXIMUM_HELD_EVENTS:
            _log.warning("gateway.too_many_held_events", shard=self._shard_id)
            self._deliver_held()

    def _deliver_held(self) -> None:
        held, self._held = self._held or [], None
        for _, parse, data in held:
            parse(data)

    async def _close(self, code: int) -> None:
        if self._task is not None:
            self._task.cancel()
            [result] = await asyncio.gather(self._task, return_exceptions=True)
            if isinstance(result, Exception):
                _log.error("gateway.old_session_failed", exc_info=result)
        if self._socket is not None:
            await close_socket(self._socket, code)


def read_session(socket: DiscordWebSocket) -> ShardSession | None:
    """Return the session of a connection as it is now; `None` before READY or after its end."""
    if socket.session_id is None or socket.sequence is None:
        return None
    return ShardSession(socket.session_id, socket.sequence, str(socket.gateway))


async def close_socket(socket: DiscordWebSocket, code: int) -> None:
    """Close a connection, without waiting long for Discord's answer."""
    try:
        async with asyncio.timeout(_CLOSE_TIMEOUT_S):
            await socket.close(code=code)
    except (*CONNECTION_ERRORS, TimeoutError) as error:
        _log.info("gateway.close_failed", error=type(error).__name__)
