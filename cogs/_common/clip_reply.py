"""A member's reply to a message of the bot.

It is handled when it is new, when its author taps the bot's reaction, and when a button is pressed.
Reactions and buttons work after a restart, because the words are read from Discord again. The
reply's message id makes sure that it results in only one clip.
"""

import re
from dataclasses import dataclass, replace
from typing import Final

import discord

from bot.domain.clips.clip import Clip
from bot.domain.jobs.reply_forms import ReplyAim
from bot.domain.jobs.reply_intent import (
    ReplyKind,
    ReplyReading,
    asks_for_video,
    has_pictured_words,
    read_reply,
)
from bot.i18n.catalogs import translate
from bot.ui.button_words import list_button_words
from cogs._common.answers import ElsewhereAnswer
from cogs._common.context import OtherChannel, build_channel_context
from cogs._common.reply_choice import ReplyContent
from cogs._common.request_flow import RequestSource

MESSAGE_TYPES: Final = (discord.MessageType.default, discord.MessageType.reply)
"""Messages that members write. Others come from Discord, such as those about new threads."""


@dataclass(frozen=True, slots=True)
class ClipReply:
    """A reply to ``target``, a message of the bot.

    ``words`` are its text without mentions of the bot. ``is_named`` is set if the text mentions the
    bot, ``is_readable`` if Discord lets the bot read it.
    """

    message: discord.Message
    target: discord.Message
    words: str
    reading: ReplyReading
    content: ReplyContent
    is_named: bool
    is_readable: bool

    @classmethod
    def from_message(cls, message: discord.Message, bot_user_id: int) -> "ClipReply | None":
        """Return ``message`` as a reply, or `None` if it does not reply to the bot."""
        if message.author.bot or message.type is not discord.MessageType.reply:
            return None
        target = message.reference.resolved if message.reference is not None else None
        if not isinstance(target, discord.Message) or target.author.id != bot_user_id:
            return None
        is_named = bot_user_id in message.raw_mentions
        is_pinged = is_named or any(user.id == bot_user_id for user in message.mentions)
        words = strip_mentions(message.content, bot_user_id)
        content = ReplyContent.from_message(message, words)
        return cls(
            message,
            target,
            words,
            read_reply(words, list_button_words(), has_picture=bool(content.references)),
            content,
            is_named,
            is_readable=is_pinged or message.guild is None,
        )

    @property
    def may_be_meant(self) -> bool:
        """Whether it may be a request, so that the bot may ask. Clear comments are not."""
        kinds = (ReplyKind.DIRECTION, ReplyKind.UNCLEAR)
        return self.reading.kind in kinds or asks_for_video(self.words)

    @property
    def can_use_images(self) -> bool:
        """Whether the request uses all attached images. Only edits can use images."""
        return self.reading.aim is ReplyAim.EDIT or not self.content.references

    @property
    def has_prompt(self) -> bool:
        """Whether its words can be a prompt. Links, mentions and custom emojis alone cannot."""
        return has_pictured_words(self.words)


def strip_mentions(text: str, bot_user_id: int) -> str:
    return re.sub(rf"<@!?{bot_user_id}>", " ", text).strip()


def is_in_channel(message: discord.Message, channel_id: int | None) -> bool:
    """Return whether ``message`` is in a channel or one of its threads."""
    if channel_id is None:
        return False
    channel = message.channel
    return channel.id == channel_id or getattr(channel, "parent_id", None) == channel_id


def move_to_clip_channel(
    source: RequestSource, message: discord.Message, clip: Clip, member: discord.abc.User
) -> RequestSource | None:
    """Return ``source`` for the channel where ``clip`` was made, or `None` if that is impossible.

    The channel must exist in the same server, and ``member`` must see it.
    """
    guild = message.guild
    if guild is None or clip.guild_id != guild.id or clip.channel_id == message.channel.id:
        return None
    channel = guild.get_channel_or_thread(clip.channel_id)
    if channel is None or not isinstance(member, discord.Member):
        return None
    permissions = channel.permissions_for(member)
    is_private = isinstance(channel, discord.Thread) and channel.is_private()
    if not permissions.view_channel or (is_private and not permissions.manage_threads):
        return None
    target = OtherChannel(channel)
    origin = replace(
        source.origin,
        channel_id=channel.id,
        request_message_id=None,
        age_restricted=build_channel_context(target).age_restricted,
    )
    text = translate("reply.elsewhere", origin.locale, channel=f"<#{channel.id}>", clip=clip.id)
    answer = ElsewhereAnswer(source.answer, text)
    return RequestSource(target, origin, build_channel_context(target), answer)
