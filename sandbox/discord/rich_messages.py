"""What messages may contain besides text and files: polls, stickers, forwards, voice.

Bots send polls and forwards too. Stickers are sent by people only: the servers here have none.

Rules: https://docs.discord.com/developers/resources/message and …/resources/poll
"""

from dataclasses import dataclass, replace
from typing import Any, Final

from sandbox.discord import payloads
from sandbox.discord.entities import Json, Message, MessageFlag, MessageReference
from sandbox.discord.errors import ActionRefused
from sandbox.discord.form_fields import FormFields
from sandbox.discord.world import DiscordWorld

_POLL_HOURS: Final = 24
_MAX_POLL_HOURS: Final = 32 * 24
_MAX_QUESTION: Final = 300
_MAX_ANSWER: Final = 55
_MAX_ANSWERS: Final = 10
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
        if self.poll is not None:
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
    if not isinstance(question, str) or not 1 <= len(question) <= _MAX_QUESTION:
        raise ActionRefused(f"a poll's question has 1 to {_MAX_QUESTION} characters")
    if not isinstance(answers, list) or not 1 <= len(answers) <= _MAX_ANSWERS:
        raise ActionRefused(f"a poll has 1 to {_MAX_ANSWERS} answers")
    hours = _POLL_HOURS if value.get("expires", True) else None
    return _build_poll(world, question, [{"text": str(answer)} for answer in answers], hours)


def read_sent_poll(world: DiscordWorld, fields: FormFields | None) -> Json | None:
    """Return the poll of a message that a bot sends; errors are added to the form."""
    if fields is None:
        return None
    question = fields.child_object("question", required=True)
    text = question and question.text("text", low=1, high=_MAX_QUESTION, required=True)
    answers: list[Json] = []
    for answer in fields.objects("answers", low=1, high=_MAX_ANSWERS, required=True):
        media = answer.child_object("poll_media", required=True)
        if media is not None:
            shown: Json = {"text": media.text("text", low=1, high=_MAX_ANSWER, required=True)}
            if (emoji := media.child_object("emoji")) is not None:
                number = emoji.snowflake("id")
                shown["emoji"] = {
                    "id": None if number is None else str(number),
                    "name": emoji.text("name", high=32),
                }
            answers.append(shown)
    hours = fields.integer("duration", low=1, high=_MAX_POLL_HOURS) or _POLL_HOURS
    fields.one_of("layout_type", [1])
    allows_several = fields.boolean("allow_multiselect")
    return _build_poll(world, text or "", answers, hours, allows_several=allows_several)


def _build_poll(
    world: DiscordWorld,
    question: str,
    answers: list[Json],
    hours: int | None,
    *,
    allows_several: bool = False,
) -> Json:
    expiry = None
    if hours is not None:
        expiry = payloads.format_timestamp(world.clock.now() + hours * 3600)
    return {
        "question": {"text": question},
        "answers": [
            {"answer_id": number, "poll_media": media}
            for number, media in enumerate(answers, start=1)
        ],
        "expiry": expiry,
        "allow_multiselect": allows_several,
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
