"""Gateway sessions, which continue after their connections end.

A session numbers its events and keeps those that the client has not acknowledged. So a client that
lost its connection can RESUME without missing events.
"""

import json
import secrets
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from sandbox.clock import SandboxClock
from sandbox.discord.events import GatewayEvent, Intents

RESUME_WINDOW_S = 180.0
"""How long a dropped session can be resumed. Discord does not document it; it is minutes."""
MAX_BUFFERED_EVENTS = 2000
"""Unacknowledged events kept for a replay. With more, the session cannot be resumed."""


@dataclass(frozen=True, slots=True)
class GatewayShard:
    """A shard: the guilds with ``(guild_id >> 22) % count == id``."""

    id: int
    count: int

    def owns_guild(self, guild_id: int | None) -> bool:
        """Whether a guild's events go to this shard; direct messages (None) go to shard 0."""
        if guild_id is None:
            return self.id == 0
        return (guild_id >> 22) % self.count == self.id


@dataclass(slots=True, eq=False)
class GatewaySession:
    """One identified client. ``send`` is None while no connection is attached."""

    id: str
    shard: GatewayShard
    intents: Intents
    properties: dict[str, Any] = field(default_factory=dict)
    sequence: int = 0
    acknowledged: int = 0
    detached_at: float | None = None
    send: Callable[[str], None] | None = None
    buffer: deque[tuple[int, str]] = field(
        default_factory=lambda: deque(maxlen=MAX_BUFFERED_EVENTS)
    )

    @property
    def is_connected(self) -> bool:
        """Whether a connection is attached."""
        return self.send is not None

    def can_see(self, event: GatewayEvent) -> bool:
        """Whether the event is for this session: its shard, and any of the intents it needs."""
        if not self.shard.owns_guild(event.guild_id):
            return False
        return not event.intents or bool(event.intents & self.intents)

    def dispatch_event(self, name: str, data: str) -> None:
        """Number an event (``data`` is JSON), keep it for a replay and send it."""
        self.sequence += 1
        frame = f'{{"op":0,"s":{self.sequence},"t":"{name}","d":{data}}}'
        self.buffer.append((self.sequence, frame))
        if self.send is not None:
            self.send(frame)

    def acknowledge_sequence(self, sequence: int) -> None:
        """Drop the events up to the last sequence that the client has seen, as in a heartbeat."""
        self.acknowledged = max(self.acknowledged, min(sequence, self.sequence))
        while self.buffer and self.buffer[0][0] <= self.acknowledged:
            self.buffer.popleft()

    def frames_after(self, after: int) -> list[str] | None:
        """Return the frames after a sequence, or None if some of them are no longer kept."""
        if after < self.sequence and (not self.buffer or self.buffer[0][0] > after + 1):
            return None
        return [frame for sequence, frame in self.buffer if sequence > after]


class SessionRegistry:
    """All sessions, connected or resumable. Receives every event of the world."""

    def __init__(self, clock: SandboxClock, *, resumable_s: float = RESUME_WINDOW_S) -> None:
        self._clock = clock
        self._resumable_s = resumable_s
        self._sessions: dict[str, GatewaySession] = {}

    def __iter__(self) -> Iterator[GatewaySession]:
        self._expire_sessions()
        return iter(tuple(self._sessions.values()))

    def start_session(
        self,
        shard: GatewayShard,
        intents: Intents,
        properties: dict[str, Any],
        send: Callable[[str], None],
    ) -> GatewaySession:
        """Start a session with a connection attached."""
        session = GatewaySession(secrets.token_hex(16), shard, intents, properties, send=send)
        self._sessions[session.id] = session
        return session

    def find_session(self, session_id: str) -> GatewaySession | None:
        """Return the session, or None if it is unknown, has ended or was dropped too long ago."""
        self._expire_sessions()
        return self._sessions.get(session_id)

    def detach_session(self, session: GatewaySession, send: Callable[[str], None]) -> None:
        """Make the session resumable after its connection ended.

        Ignored if another connection has resumed the session meanwhile.
        """
        if session.send is send:
            session.send = None
            session.detached_at = self._clock.now()

    def attach_session(self, session: GatewaySession, send: Callable[[str], None]) -> None:
        """Attach a new connection to a resumed session."""
        session.send = send
        session.detached_at = None

    def end_session(self, session: GatewaySession) -> None:
        """End the session: it cannot be resumed."""
        session.send = None
        self._sessions.pop(session.id, None)

    def receive_event(self, event: GatewayEvent) -> None:
        """Dispatch an event to every session that may see it.

        The payload only depends on the intents, so it is built once for each set of intents.
        """
        payloads: dict[Intents, str] = {}
        for session in self:
            if not session.can_see(event):
                continue
            data = payloads.get(session.intents)
            if data is None:
                data = json.dumps(event.payload(session.intents), separators=(",", ":"))
                payloads[session.intents] = data
            session.dispatch_event(event.name, data)

    def _expire_sessions(self) -> None:
        now = self._clock.now()
        expired = [
            session
            for session in self._sessions.values()
            if session.detached_at is not None and now - session.detached_at > self._resumable_s
        ]
        for session in expired:
            self.end_session(session)
