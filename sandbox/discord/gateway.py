"""The gateway: Discord's WebSocket, version 10, JSON only.

It interprets opcodes, and lets the control API disturb connections. Frames are handled in
``connection``, event filtering in ``sessions``, payloads in ``world``. Heartbeats use real time,
because the clients are real processes. Everything else uses the sandbox's clock.

https://docs.discord.com/developers/events/gateway
"""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSCloseCode, web

from sandbox.discord.connection import GatewayConnection
from sandbox.discord.events import Intents
from sandbox.discord.gateway_faults import GatewayFault, GatewayFaults
from sandbox.discord.protocol import (
    CloseCode,
    GatewayClosed,
    Opcode,
    raise_decode_error,
    read_intents,
    read_object,
    read_shard,
    read_snowflake,
)
from sandbox.discord.session_starts import SessionStartLimit
from sandbox.discord.sessions import GatewaySession, SessionRegistry
from sandbox.discord.world import DiscordWorld

HEARTBEAT_INTERVAL_S = 41.25
HEARTBEAT_ROUND_TRIP_S = 0.1
MAX_GUILDS_OF_SHARD = 2500
"""https://docs.discord.com/developers/events/gateway#sharding"""
CHUNK_SIZE = 1000
"""Members in one GUILD_MEMBERS_CHUNK."""


@dataclass(slots=True)
class GatewayCounters:
    """Counters for tests: sessions started and resumed, events replayed, connections refused."""

    connected: int = 0
    identify_attempts: int = 0
    identified: int = 0
    resumed: int = 0
    replayed: int = 0
    refused: int = 0
    closed: dict[int, int] = field(default_factory=dict)


class Gateway:
    """All connections and sessions, and the ways to disturb them.

    ``heartbeat_interval_s`` is announced in HELLO, in real seconds. A client that is silent for 1.5
    times as long is closed with 4009.
    """

    def __init__(
        self,
        world: DiscordWorld,
        *,
        public_url: str,
        heartbeat_interval_s: float = HEARTBEAT_INTERVAL_S,
    ) -> None:
        self.sessions = SessionRegistry(world.clock)
        self.counters = GatewayCounters()
        self.faults = GatewayFaults()
        self._world = world
        self._clock = world.clock
        self._public_url = public_url
        self._heartbeat_interval_s = heartbeat_interval_s
        self._connections: set[GatewayConnection] = set()
        self._down_until: float | None = None
        world.hub.subscribe(self.sessions.receive_event)

    @property
    def session_starts(self) -> SessionStartLimit:
        return self._world.session_starts

    def build_routes(self) -> list[web.RouteDef]:
        """Return the gateway's one route, at the root of the server."""
        return [
            web.get("/gateway", self._serve_connection),
            web.get("/gateway/", self._serve_connection),
        ]

    def disconnect_clients(self, *, code: int | None = None, shard: int | None = None) -> int:
        """Drop connections that may resume, and return their number. Without a code, cut them."""
        connections = self._connections_of_shard(shard)
        for connection in connections:
            connection.close(code)
        return len(connections)

    def request_reconnect(self, *, shard: int | None = None) -> int:
        """Opcode 7: asks clients to reconnect and resume."""
        connections = self._connections_of_shard(shard)
        for connection in connections:
            connection.send(Opcode.RECONNECT, None)
        return len(connections)

    def invalidate_sessions(self, *, resumable: bool = False, shard: int | None = None) -> int:
        """Opcode 9: the sessions are over, or ``resumable`` on a new connection."""
        connections = self._connections_of_shard(shard)
        for connection in connections:
            connection.send(Opcode.INVALID_SESSION, resumable)
            if not resumable and connection.session is not None:
                self.sessions.end_session(connection.session)
                connection.session = None
        return len(connections)

    def go_down(self, seconds: float | None) -> int:
        """Drop all connections and refuse new ones for ``seconds`` (None: until ``come_up``)."""
        self._down_until = float("inf") if seconds is None else self._clock.now() + seconds
        return self.disconnect_clients()

    def come_up(self) -> None:
        """Accept connections again."""
        self._down_until = None

    def send_event(self, name: str, data: Any) -> int:
        """Dispatch any event, even a malformed one, to all sessions."""
        sessions = list(self.sessions)
        for session in sessions:
            session.dispatch_event(name, json.dumps(data))
        return len(sessions)

    def send_text(self, text: str) -> int:
        """Send a frame with any text on all connections."""
        for connection in self._connections:
            connection.send_text(text)
        return len(self._connections)

    def recommend_shards(self, count: int) -> None:
        """Recommend a number of shards at ``GET /gateway/bot``, however many guilds there are."""
        self._world.recommended_shards = count

    def close(self) -> None:
        """Close all connections with 1001, "going away"."""
        self._world.hub.unsubscribe(self.sessions.receive_event)
        self.disconnect_clients(code=WSCloseCode.GOING_AWAY)

    def _connections_of_shard(self, shard: int | None) -> list[GatewayConnection]:
        return [
            connection
            for connection in self._connections
            if shard is None
            or (connection.session is not None and connection.session.shard.id == shard)
        ]

    async def _serve_connection(self, request: web.Request) -> web.StreamResponse:
        if self._down_until is not None and self._clock.now() < self._down_until:
            self.counters.refused += 1
            return web.Response(status=503, text="upstream connect error")
        if request.headers.get("Upgrade", "").lower() != "websocket":
            return web.Response(status=400, text="this is the gateway: connect with WebSocket")
        # Discord has its own transport compression instead of permessage-deflate.
        socket = web.WebSocketResponse(compress=False, timeout=0.5, max_msg_size=1 << 20)
        await socket.prepare(request)
        self.counters.connected += 1
        fault = self.faults.strike_connection()
        connection = GatewayConnection(
            socket,
            request,
            self._clock,
            heartbeat_interval_s=self._heartbeat_interval_s,
            handle=self._handle_payload,
            says_hello=fault is None,
        )
        if fault is not None and fault.effect == "close":
            connection.close(fault.code)
        self._connections.add(connection)
        try:
            code = await connection.run()
            if code is not None:
                self.counters.closed[code] = self.counters.closed.get(code, 0) + 1
        finally:
            self._connections.discard(connection)
            self._detach_connection(connection)
        return socket

    def _detach_connection(self, connection: GatewayConnection) -> None:
        """Keep the session for a resume, unless the client closed with 1000 or 1001."""
        session, connection.session = connection.session, None
        if session is None:
            return
        if connection.client_code in (WSCloseCode.OK, WSCloseCode.GOING_AWAY):
            self.sessions.end_session(session)
        else:
            self.sessions.detach_session(session, connection.send_text)

    def _handle_payload(self, connection: GatewayConnection, opcode: int, data: Any) -> None:
        if opcode == Opcode.IDENTIFY:
            self._count_identify()
        if (fault := self.faults.strike_payload(opcode)) is not None:
            _apply_fault(connection, fault)
            return
        match opcode:
            case Opcode.HEARTBEAT:
                self._answer_heartbeat(connection, data)
            case Opcode.IDENTIFY | Opcode.RESUME if connection.session is not None:
                raise GatewayClosed(CloseCode.ALREADY_AUTHENTICATED, "Already authenticated.")
            case Opcode.IDENTIFY:
                self._start_session(connection, read_object(data))
            case Opcode.RESUME:
                self._resume_session(connection, read_object(data))
            case Opcode.PRESENCE_UPDATE | Opcode.VOICE_STATE_UPDATE:
                _require_session(connection)
                read_object(data)
            case Opcode.REQUEST_GUILD_MEMBERS:
                self._send_member_chunks(_require_session(connection), read_object(data))
            case _:
                raise GatewayClosed(CloseCode.UNKNOWN_OPCODE, "Unknown opcode.")

    def _count_identify(self) -> None:
        """Beyond the day's limit Discord ends all sessions and resets the token."""
        self.counters.identify_attempts += 1
        if not self._world.session_starts.count_identify():
            self._world.reset_token()
            self.disconnect_clients(code=CloseCode.AUTHENTICATION_FAILED)

    def _answer_heartbeat(self, connection: GatewayConnection, sequence: Any) -> None:
        if sequence is not None and not isinstance(sequence, int):
            raise_decode_error("a heartbeat carries a sequence")
        if connection.session is not None and sequence is not None:
            connection.session.acknowledge_sequence(sequence)
        # Wait for a realistic round trip. discord.py stores the time of sending after it has sent
        # the frame, so it would measure an earlier answer from the previous heartbeat.
        asyncio.get_running_loop().call_later(
            HEARTBEAT_ROUND_TRIP_S, connection.send, Opcode.HEARTBEAT_ACK, None
        )

    def _check_token(self, token: Any) -> None:
        if not isinstance(token, str):
            raise_decode_error("no token")
        if not self._world.check_token(token.removeprefix("Bot ")):
            raise GatewayClosed(CloseCode.AUTHENTICATION_FAILED, "Authentication failed.")

    def _start_session(self, connection: GatewayConnection, data: dict[str, Any]) -> None:
        properties = data.get("properties")
        if not isinstance(properties, dict):
            raise_decode_error("identify needs properties")
        self._check_token(data.get("token"))
        shard = read_shard(data.get("shard", [0, 1]))
        intents = read_intents(data.get("intents"), self._world.privileged_intents_granted)
        guilds = [guild for guild in self._world.guild_ids() if shard.owns_guild(guild)]
        if len(guilds) > MAX_GUILDS_OF_SHARD:
            raise GatewayClosed(CloseCode.SHARDING_REQUIRED, "Sharding required.")
        if not self.session_starts.start_session(shard.id):
            connection.send(Opcode.INVALID_SESSION, False)
            return
        self.counters.identified += 1
        session = self.sessions.start_session(shard, intents, properties, connection.send_text)
        connection.session = session
        session.dispatch_event("READY", json.dumps(self._ready_payload(session, guilds)))
        if intents & Intents.GUILDS:
            for guild in guilds:
                payload = self._world.guild_create_payload(guild, intents)
                session.dispatch_event("GUILD_CREATE", json.dumps(payload))

    def _ready_payload(self, session: GatewaySession, guilds: list[int]) -> dict[str, Any]:
        application = self._world.application
        return {
            "v": 10,
            "user": self._world.bot_user,
            "guilds": [{"id": str(guild), "unavailable": True} for guild in guilds],
            "session_id": session.id,
            "session_type": "normal",
            "resume_gateway_url": self._public_url,
            "shard": [session.shard.id, session.shard.count],
            "application": {"id": application["id"], "flags": application.get("flags", 0)},
            "user_settings": {},
            "relationships": [],
            "private_channels": [],
            "presences": [],
            "_trace": ["sandbox"],
        }

    def _resume_session(self, connection: GatewayConnection, data: dict[str, Any]) -> None:
        self._check_token(data.get("token"))
        session_id, sequence = data.get("session_id"), data.get("seq")
        session = self.sessions.find_session(session_id) if isinstance(session_id, str) else None
        if session is None:
            connection.send(Opcode.INVALID_SESSION, False)
            return
        if not isinstance(sequence, int) or not 0 <= sequence <= session.sequence:
            self._end_session(session)
            raise GatewayClosed(CloseCode.INVALID_SEQUENCE, "Invalid seq.")
        missed = session.frames_after(sequence)
        self._close_other_connections(session)
        if missed is None:
            self._end_session(session)
            connection.send(Opcode.INVALID_SESSION, False)
            return
        self.sessions.attach_session(session, connection.send_text)
        connection.session = session
        for frame in missed:
            connection.send_text(frame)
        self.counters.resumed += 1
        self.counters.replayed += len(missed)
        session.dispatch_event("RESUMED", json.dumps({"_trace": ["sandbox"]}))

    def _close_other_connections(self, session: GatewaySession) -> None:
        """Close the session's other connections, because a resume ends the earlier one."""
        for connection in self._connections:
            if connection.session is session:
                connection.session = None
                connection.close(CloseCode.UNKNOWN_ERROR)

    def _end_session(self, session: GatewaySession) -> None:
        self._close_other_connections(session)
        self.sessions.end_session(session)

    def _send_member_chunks(self, session: GatewaySession, data: dict[str, Any]) -> None:
        guild_id = read_snowflake(data.get("guild_id"))
        query, limit, user_ids = data.get("query"), data.get("limit", 0), data.get("user_ids")
        if (query is None) == (user_ids is None):
            raise_decode_error("one of query and user_ids")
        if not isinstance(limit, int) or not isinstance(query, str | None):
            raise_decode_error("query is text, limit a number")
        if query == "" and not session.intents & Intents.GUILD_MEMBERS:
            raise GatewayClosed(CloseCode.DISALLOWED_INTENTS, "The whole list needs GUILD_MEMBERS.")
        listed = user_ids if isinstance(user_ids, list) else [user_ids]
        requested_ids = [read_snowflake(user_id) for user_id in listed[:100] if user_id is not None]
        if guild_id not in self._world.guild_ids() or not session.shard.owns_guild(guild_id):
            return  # Discord does not answer for a guild that the session does not have.
        limit = min(limit or 100, 100) if query else limit
        members, missing = self._world.member_chunk(
            guild_id, query=query, limit=limit, user_ids=requested_ids
        )
        base: dict[str, Any] = {"guild_id": str(guild_id)}
        nonce = data.get("nonce")
        if isinstance(nonce, str) and len(nonce.encode()) <= 32:
            base["nonce"] = nonce
        if missing:
            base["not_found"] = missing
        count = max(-(-len(members) // CHUNK_SIZE), 1)
        for index in range(count):
            chunk = members[index * CHUNK_SIZE : (index + 1) * CHUNK_SIZE]
            part = {"members": chunk, "chunk_index": index, "chunk_count": count}
            session.dispatch_event("GUILD_MEMBERS_CHUNK", json.dumps(base | part))


def _apply_fault(connection: GatewayConnection, fault: GatewayFault) -> None:
    match fault.effect:
        case "close":
            connection.close(fault.code)
        case "invalid_session":
            connection.send(Opcode.INVALID_SESSION, False)
        case "ignore":
            pass


def _require_session(connection: GatewayConnection) -> GatewaySession:
    if connection.session is None:
        raise GatewayClosed(CloseCode.NOT_AUTHENTICATED, "Not authenticated.")
    return connection.session
