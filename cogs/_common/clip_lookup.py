"""Finds the clip that a person means: by its number, a message link, or the message itself."""

import re
from contextlib import suppress
from typing import Final

import discord

from bot.discord.user_install import home_of
from bot.domain.clips.clip import Clip
from bot.domain.errors import NotFound
from bot.i18n.catalogs import say
from bot.services.clips.library import Library
from bot.ui.custom_ids import Action, ActionButton, number_on, numbers_on

_NUMBER: Final = re.compile(r"\s*#?\s*(\d{1,15})\s*")
_LINK: Final = re.compile(
    r"\s*<?https://(?:\w+\.)?discord(?:app)?\.com/channels/(?:\d+|@me)/(\d{1,20})/(\d{15,20})/?>?\s*"
)


async def clip_seen(number: int, library: Library, interaction: discord.Interaction) -> Clip:
    """Return the clip of a number, for whoever sees it where ``interaction`` happens.

    Raises `NotFound`.
    """
    return await library.clip(
        number,
        user_id=interaction.user.id,
        guild_id=home_of(interaction),
        channel_id=interaction.channel_id,
    )


async def clip_named(given: str, library: Library, interaction: discord.Interaction) -> Clip:
    """Return the clip that ``given`` (a number or a message link) means.

    Raises `NotFound`, also for a clip of another server that is not the person's own.
    """
    clip_id = await _clip_id(given, library, interaction)
    return await clip_seen(clip_id, library, interaction)


async def _clip_id(given: str, library: Library, interaction: discord.Interaction) -> int:
    number = _NUMBER.fullmatch(given)
    if number is not None:
        return int(number[1])
    link = _LINK.fullmatch(given)
    if link is None:
        raise NotFound("clip_reference")
    channel_id, message_id = int(link[1]), int(link[2])
    recorded = await library.clip_of_message(message_id)
    if recorded is not None:
        return recorded.id
    # posted a moment ago and not recorded yet, posted again, or in the showcase: its buttons know
    channel = interaction.client.get_partial_messageable(channel_id)
    try:
        message = await channel.fetch_message(message_id)
    except (discord.NotFound, discord.Forbidden):
        raise NotFound("clip") from None
    shown = []
    if message.author.id == interaction.application_id:
        shown = await clips_of(message, library)
    if not shown:
        raise NotFound("clip")
    return shown[0].id


async def clip_asked_for(interaction: discord.Interaction, given: str, library: Library) -> Clip:
    """Return the clip that somebody names in a command.

    Raises `NotFound`, also for a clip of others in a channel that the person does not see: a number
    is easily guessed.
    """
    found = await clip_named(given, library, interaction)
    if found.user_id != interaction.user.id and not await _sees(interaction, found.channel_id):
        raise NotFound("clip")
    return found


async def _sees(interaction: discord.Interaction, channel_id: int) -> bool:
    """Return whether the person may see a channel of this server; no where nobody can tell."""
    guild, member = interaction.guild, interaction.user
    if channel_id == interaction.channel_id:
        return True
    if guild is None or not isinstance(member, discord.Member):
        return False
    channel = guild.get_channel_or_thread(channel_id)
    if channel is None:  # a thread that is archived, or a channel that is gone
        try:
            channel = await guild.fetch_channel(channel_id)
        except (discord.HTTPException, discord.InvalidData):
            return False
    had = channel.permissions_for(member)
    if isinstance(channel, discord.Thread) and channel.is_private() and not had.manage_threads:
        return False
    return had.view_channel


async def clips_of(message: discord.Message, library: Library) -> list[Clip]:
    """Return the clips that a message of the bot shows, in order; empty where it shows none.

    A clip that was posted again, or in the showcase, stands under another message id than the
    recorded one; its buttons still say which it is.
    """
    recorded = await library.clip_of_message(message.id)
    if recorded is not None:
        clips = await library.clips_of(recorded.job_id)
        return [clip for clip in clips if clip.message_id == message.id] or [recorded]
    if not message.components:
        return []
    named = numbers_on(message, Action.EXTEND) + numbers_on(message, Action.SHOWCASE)
    job_id = job_shown(message)
    if job_id is not None:
        clips = await library.clips_of(job_id)
        return [clip for clip in clips if clip.id in named] or clips
    if not named or message.guild is None or not numbers_on(message, Action.WITHDRAW):
        return []
    with suppress(NotFound):  # a post in the showcase
        return [await library.clip(named[0], user_id=0, guild_id=message.guild.id)]
    return []


def which_of(
    clips: list[Clip], action: Action, locale: str | None
) -> tuple[str, list[ActionButton]]:
    """Return the question which of several clips is meant, and a button for each.

    ``action`` is `Action.EXTEND` or `Action.SHOWCASE`.
    """
    buttons = [
        ActionButton(
            action, clip.id, label=say(f"button.{action}_one", locale, clip=clip.id), primary=True
        )
        for clip in clips
    ]
    return say("clip.which", locale), buttons


def job_shown(message: discord.Message) -> int | None:
    """Return the job whose clip card ``message`` is, read from its buttons."""
    return number_on(message, Action.DETAILS)
