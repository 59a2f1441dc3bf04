"""Events that the world publishes and the gateway filters by session.

Intent bits: https://docs.discord.com/developers/events/gateway#gateway-intents
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntFlag
from typing import Any


class Intents(IntFlag):
    """Discord's gateway intents."""

    NONE = 0
    GUILDS = 1 << 0
    GUILD_MEMBERS = 1 << 1
    GUILD_MODERATION = 1 << 2
    GUILD_EXPRESSIONS = 1 << 3
    GUILD_INTEGRATIONS = 1 << 4
    GUILD_WEBHOOKS = 1 << 5
    GUILD_INVITES = 1 << 6
    GUILD_VOICE_STATES = 1 << 7
    GUILD_PRESENCES = 1 << 8
    GUILD_MESSAGES = 1 << 9
    GUILD_MESSAGE_REACTIONS = 1 << 10
    GUILD_MESSAGE_TYPING = 1 << 11
    DIRECT_MESSAGES = 1 << 12
    DIRECT_MESSAGE_REACTIONS = 1 << 13
    DIRECT_MESSAGE_TYPING = 1 << 14
    MESSAGE_CONTENT = 1 << 15
    GUILD_SCHEDULED_EVENTS = 1 << 16
    AUTO_MODERATION_CONFIGURATION = 1 << 20
    AUTO_MODERATION_EXECUTION = 1 << 21
    GUILD_MESSAGE_POLLS = 1 << 24
    DIRECT_MESSAGE_POLLS = 1 << 25


PRIVILEGED_INTENTS = Intents.GUILD_MEMBERS | Intents.GUILD_PRESENCES | Intents.MESSAGE_CONTENT
ALL_INTENTS = Intents(sum(intent.value for intent in Intents))


@dataclass(frozen=True, slots=True)
class GatewayEvent:
    """One dispatch, before it is filtered for a session.

    ``guild_id`` is None for direct messages and application events, which go to shard 0. A session
    needs any of ``intents``; events with NONE, such as INTERACTION_CREATE, are always delivered.
    ``payload`` is called at publishing time with the session's intents, because the content depends
    on them.
    """

    name: str
    payload: Callable[[Intents], dict[str, Any]]
    guild_id: int | None
    intents: Intents = Intents.NONE


class EventHub:
    """Calls every receiver with each event, synchronously and in order."""

    def __init__(self) -> None:
        self._receivers: list[Callable[[GatewayEvent], None]] = []

    def subscribe(self, receiver: Callable[[GatewayEvent], None]) -> None:
        """Add a receiver, which must not block."""
        self._receivers.append(receiver)

    def unsubscribe(self, receiver: Callable[[GatewayEvent], None]) -> None:
        """Remove a receiver if it was added."""
        if receiver in self._receivers:
            self._receivers.remove(receiver)

    def publish(self, event: GatewayEvent) -> None:
        """Deliver to all receivers before it returns."""
        for receiver in tuple(self._receivers):
            receiver(event)
