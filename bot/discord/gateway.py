"""Keeps a shard connected in cases that discord.py's own loop does not handle.

If a connection ends before or right after its first message, discord.py reconnects and identifies
without a pause. It also ends the process after a frame that it cannot read.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final

import aiohttp
import discord
import structlog
import yarl
from discord.gateway import DiscordWebSocket, ReconnectWebSocket
from discord.shard import EventItem, EventType, Shard

from bot.discord.connection_waits import CONNECTION_ERRORS, ConnectionWait
from bot.discord.event_guard import UNREADABLE_FRAME_ERRORS, EventGuard
from bot.discord.session_starts import SessionStarts
from bot.domain.ports import Clock

_log: Final = structlog.get_logger(__name__)

STABLE_AFTER_S: Final = 60.0
"""After a connection of this length, the waits start with the shortest again."""
_MAXIMUM_CONNECT_WAIT_S: Final = 60.0
_MAXIMUM_IDENTIFY_WAIT_S: Final = 600.0
"""Limits sessions that end at once to about 150 a day. Discord allows 1,000 IDENTIFYs."""
_DISALLOWED_INTENTS_CODE: Final = 4014


class ConnectionLost(Exception):
    """The gateway ended a connection. The message says how."""


class ShardConnector:
    """Opens the connections of one shard, with waits that grow until one is stable."""

    def __init__(
        self, client: discord.Client, shard_id: int, session_starts: SessionStarts, clock: Clock
    ) -> None:
        self._client = client
        self._shard_id = shard_id
        self._session_starts = session_starts
        self._clock = clock
        self._connect_wait = ConnectionWait(clock, maximum_s=_MAXIMUM_CONNECT_WAIT_S)
        self._identify_wait = ConnectionWait(
            clock, initial_s=5.0, maximum_s=_MAXIMUM_IDENTIFY_WAIT_S
        )
        self._has_identified = False
        self._connected_at = float("-inf")

    async def open(self, gateway: yarl.URL, *, initial: bool) -> DiscordWebSocket:
        """Return the first connection. Raises `discord.ConnectionClosed` if it is refused."""
        return await self._connect(None, gateway, initial=initial)

    async def reopen(self, lost: DiscordWebSocket, *, may_resume: bool) -> DiscordWebSocket:
        """Return a new connection that replaces ``lost``, with the same session if possible.

        Raises `discord.ConnectionClosed` if it is refused.
        """
        session = lost if may_resume and lost.session_id is not None else None
        how = "resume" if session is not None else "identify"
        code = lost.socket.close_code
        if self._clock.monotonic() - self._connected_at >= STABLE_AFTER_S:
            self._connect_wait.reset()
            self._identify_wait.reset()
            _log.info("gateway.reconnecting", shard=self._shard_id, code=code, by=how)
        else:
            await self._wait(ConnectionLost(f"closed with {code}"), by=how)
        return await self._connect(session, None)

    async def _connect(
        self, session: DiscordWebSocket | None, gateway: yarl.URL | None, *, initial: bool = False
    ) -> DiscordWebSocket:
        while True:
            try:
                if session is None:
                    await self._session_starts.acquire(self._shard_id)
                opened = await DiscordWebSocket.from_client(
                    self._client,
                    initial=initial,
                    gateway=gateway if session is None else session.gateway,
                    shard_id=self._shard_id,
                    session=None if session is None else session.session_id,
                    sequence=None if session is None else session.sequence,
                    resume=session is not None,
                )
            except discord.ConnectionClosed:
                raise
            except ReconnectWebSocket as error:
                session = session if error.resume else None
                await self._wait(ConnectionLost("closed before the first message"))
            except (*CONNECTION_ERRORS, *UNREADABLE_FRAME_ERRORS) as error:
                await self._wait(error)
            else:
                self._has_identified = session is None
                self._connected_at = self._clock.monotonic()
                return opened

    async def _wait(self, error: Exception, **facts: object) -> None:
        """Wait before the next attempt, longer after an IDENTIFY, as their number is limited."""
        wait = self._identify_wait if self._has_identified else self._connect_wait
        self._has_identified = False
        is_lost = isinstance(error, ConnectionLost)
        event = "gateway.connection_lost" if is_lost else "gateway.unreachable"
        await wait.wait_after(event, error, shard=self._shard_id, **facts)


class PersistentShard(Shard):
    """A shard that reconnects in its own task until Discord refuses the bot permanently."""

    def __init__(
        self,
        ws: DiscordWebSocket,
        client: discord.AutoShardedClient,
        queue_put: Callable[[EventItem], None],
        *,
        connector: ShardConnector,
        event_guard: EventGuard,
    ) -> None:
        super().__init__(ws, client, queue_put)
        self._connector = connector
        self._event_guard = event_guard

    async def worker(self) -> None:
        """Read events and reconnect. discord.py runs this as the shard's task."""
        try:
            while not self._client.is_closed():
                may_resume = await self._read_events()
                self._dispatch("disconnect")
                self._dispatch("shard_disconnect", self.id)
                self.ws = await self._connector.reopen(self.ws, may_resume=may_resume)
        except asyncio.CancelledError:
            return  # the client is being closed
        except Exception as error:
            self._queue_put(EventItem(EventType.terminate, self, _name_refusal(error, self.id)))

    def stop_reading(self) -> None:
        """End the shard's task. The connection stays open, and its session as it is now."""
        self._cancel_task()

    async def _read_events(self) -> bool:
        """Read until the connection is lost, and return whether its session can be resumed.

        Raises `discord.ConnectionClosed` if Discord refuses this bot.
        """
        while True:
            try:
                await self.ws.poll_event()
            except ReconnectWebSocket as error:
                return error.resume
            except discord.ConnectionClosed:
                raise
            except (aiohttp.ClientError, OSError):
                return True
            except UNREADABLE_FRAME_ERRORS as error:
                self._event_guard.record_dropped("unreadable frame", error)
            except Exception as error:  # such as a broken compressed stream
                self._event_guard.record_dropped("unreadable stream", error)
                await self.ws.close(code=4000)
                return True


def _name_refusal(error: Exception, shard_id: int) -> Any:
    if isinstance(error, discord.ConnectionClosed) and error.code == _DISALLOWED_INTENTS_CODE:
        return discord.PrivilegedIntentsRequired(shard_id)
    return error
