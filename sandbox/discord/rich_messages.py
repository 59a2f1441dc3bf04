"""What people's messages may contain besides text and files: polls, stickers, forwards, voice.

Rules: https://docs.discord.com/developers/resources/message and …/resources/poll
"""

from dataclasses import dataclass, replace
from typing import Any, Final

from sandbox.discord import payloads
from sandbox.discord.entities import Json, Message, MessageFlag, MessageReference
from sandbox.discord.errors import ActionRefused
from sandbox.discord.world import DiscordWorld

_POLL_HOURS: Final = 24
_WAVEFORM: Final = "AAAAAAAAAAAA"
_MAX_STICKERS: Final = 3


@dataclass(frozen=True, slots=True)
class RichParts:
    """What a person adds to a message."""

    poll: Json | None = None
    stickers: tuple[Json, ...] = ()
    forward: Message | None = None
    is_voice: bool = False

    @property
    def is_empty(self) -> bool:
        return self.poll is None and not self.stickers and self.forward is None

    def apply_to(self, world: DiscordWorld, message: Message) -> None:
        """Put the parts into a message that is not published yet."""
        message.poll = self.poll
        message.stickers = list(self.stickers)
        if self.is_voice:
            message.flags |= MessageFlag.IS_VOICE_MESSAGE
            for attachment in message.attachments:
                attachment.voice_s = 3.0
        if self.forward is not None:
            channel = world.channels[self.forward.channel_id]
            message.reference = MessageReference(
                self.forward.id, channel.id, channel.guild_id, is_forward=True
            )
            message.flags |= MessageFlag.HAS_SNAPSHOT
            message.snapshot = replace(self.forward)


def read_poll(world: DiscordWorld, value: dict[str, Any]) -> Json:
    """Return a poll from ``{question, answers, expires?}``; ``expires`` false has no end (null).

    Raises ActionRefused.
    """
    question, answers = value.get("question"), value.get("answers")
    if not isinstance(question, str) or not 1 <= len(question) <= 300:
        raise ActionRefused("a poll's question has 1 to 300 characters")
    if not isinstance(answers, list) or not 1 <= len(answers) <= 10:
        raise ActionRefused("a poll has 1 to 10 answers")
    expires_at = world.clock.now() + _POLL_HOURS * 3600
    return {
        "question": {"text": question},
        "answers": [
            {"answer_id": number, "poll_media": {"text": str(answer)}}
            for number, answer in enumerate(answers, start=1)
        ],
        "expiry": payloads.format_timestamp(expires_at) if value.get("expires", True) else None,
        "allow_multiselect": False,
        "layout_type": 1,
        "results": {"is_finalized": False, "answer_counts": []},
    }


def read_stickers(world: DiscordWorld, names: list[Any]) -> tuple[Json, ...]:
    """Sticker items by their names. Raises ActionRefused."""
    if len(names) > _MAX_STICKERS:
        raise ActionRefused(f"a message has at most {_MAX_STICKERS} stickers")
    return tuple(
        {"id": str(world.ids.next_id()), "name": str(name), "format_type": 1} for name in names
    )


def serialize_parts(message: Message, *, is_hidden: bool) -> Json:
    """Return the fields that only such messages have in their JSON."""
    fields: Json = {}
    if message.poll is not None and not is_hidden:
        fields["poll"] = message.poll
    if message.stickers:
        fields["sticker_items"] = message.stickers
    return fields


def serialize_voice(voice_s: float) -> Json:
    """Return the fields of a voice message's attachment."""
    return {"duration_secs": voice_s, "waveform": _WAVEFORM}
