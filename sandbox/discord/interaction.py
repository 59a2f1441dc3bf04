"""The record of an interaction.

A bot has 3 seconds to acknowledge it and 15 minutes to use its token. The state that a person sees
is computed from the record and the clock, so nothing runs in the background.

Rules: https://docs.discord.com/developers/interactions/receiving-and-responding
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Literal

from sandbox.clock import SandboxClock
from sandbox.discord.entities import InteractionKind, Json, MessageOrigin

ACKNOWLEDGE_TIMEOUT_S = 3.0
INTERACTION_TOKEN_LIFETIME_S = 15 * 60.0
MAX_USER_INSTALL_FOLLOW_UPS = 5

InteractionState = Literal["pending", "deferred", "answered", "failed"]


class CallbackKind(IntEnum):
    """Discord's interaction callback types."""

    PONG = 1
    MESSAGE = 4
    DEFERRED_MESSAGE = 5
    DEFERRED_UPDATE = 6
    UPDATE = 7
    AUTOCOMPLETE = 8
    MODAL = 9


@dataclass(slots=True)
class Interaction:
    """What a person did, the event's payload, and the bot's responses so far.

    Times are in unix seconds. With ``forced_ephemeral``, responses of a user-installed app are only
    visible to the member, because they may not use external apps there. ``focused_kind`` is the
    type of the option that is being autocompleted.
    """

    id: int
    token: str
    kind: InteractionKind
    user_id: int
    channel_id: int
    guild_id: int | None
    created_at: float
    owners: dict[str, str]
    command_name: str = ""
    message_id: int | None = None
    target_id: int | None = None
    modal_trigger: "Interaction | None" = None
    focused_kind: int = 3
    forced_ephemeral: bool = False
    payload: Json = field(default_factory=dict)
    acknowledged_at: float | None = None
    acknowledged_by: CallbackKind | None = None
    response_id: int | None = None
    first_follow_up_due: bool = False
    message_ids: list[int] = field(default_factory=list)
    follow_ups: int = 0
    modal: Json | None = None
    modal_submitted: bool = False
    choices: list[Json] | None = None
    on_acknowledged: Callable[[], None] | None = None

    @property
    def is_user_install(self) -> bool:
        """Whether a user-installed app is used where the app is not installed in the guild."""
        return "0" not in self.owners

    @property
    def file_limit_bytes(self) -> int:
        """The most bytes of a file in a response."""
        limit: int = self.payload["attachment_size_limit"]
        return limit

    def is_late(self, now: float) -> bool:
        """Whether it is too late for an initial response."""
        return self.acknowledged_at is None and now - self.created_at > ACKNOWLEDGE_TIMEOUT_S

    def is_expired(self, now: float) -> bool:
        """Whether the token is no longer valid."""
        return now - self.created_at > INTERACTION_TOKEN_LIFETIME_S

    def state(self, now: float) -> InteractionState:
        """Return what the person sees."""
        if self.acknowledged_at is None:
            return "failed" if self.is_late(now) else "pending"
        if self.first_follow_up_due:
            return "failed" if self.is_expired(now) else "deferred"
        if self.acknowledged_by is CallbackKind.DEFERRED_UPDATE and not self.message_ids:
            return "deferred"
        return "answered"

    def message_origin(self, original_response_id: int | None = None) -> MessageOrigin:
        """Return the origin of messages that respond to this interaction."""
        trigger = self.modal_trigger.message_origin() if self.modal_trigger else None
        return MessageOrigin(
            interaction_id=self.id,
            kind=self.kind,
            user_id=self.user_id,
            name=self.command_name,
            owners=self.owners,
            message_id=self.message_id,
            target_id=self.target_id,
            original_response_id=original_response_id,
            trigger=trigger,
        )


async def wait_for_acknowledgement(interaction: Interaction, clock: SandboxClock) -> None:
    """Wait for the bot's response, for as long as Discord would."""
    answered = asyncio.Event()
    interaction.on_acknowledged = answered.set
    waits = {
        asyncio.create_task(answered.wait()),
        asyncio.create_task(clock.sleep(ACKNOWLEDGE_TIMEOUT_S)),
    }
    try:
        if interaction.acknowledged_at is None:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        interaction.on_acknowledged = None
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)
