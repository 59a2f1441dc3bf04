"""Finds the clip that a person means: by its number, a message link, or the message itself."""

import re
from contextlib import suppress
from typing import Final

import discord

from bot.discord.user_install import guild_of
from bot.domain.clips.clip import Clip
from bot.domain.errors import RecordNotFound
from bot.i18n.catalogs import translate
from bot.services.clips.library import ClipLibrary
from bot.ui.custom_ids import ActionButton, ButtonAction, find_button_number, find_button_numbers

_CLIP_NUMBER: Final = re.compile(r"\s*#?\s*(\d{1,15})\s*")
_MESSAGE_LINK: Final = re.compile(
    r"\s*<?https://(?:\w+\.)?discord(?:app)?\.com/channels/(?:\d+|@me)/(\d{1,20})/(\d{15,20})/?>?\s*"
)


async def get_accessible_clip(
    clip_id: int, clip_library: ClipLibrary, interaction: discord.Interaction
) -> Clip:
    """Return the clip of a number, for whoever sees it where ``interaction`` happens.

    Raises `NotFound`.
    """
    return await clip_library.get_clip(
        clip_id,
        user_id=interaction.user.id,
        guild_id=guild_of(interaction),
        channel_id=interaction.channel_id,
    )


async def resolve_clip_reference(
    reference: str, clip_library: ClipLibrary, interaction: discord.Interaction
) -> Clip:
    """Return the clip that ``given`` (a number or a message link) means.

    Raises `NotFound`, also for a clip of another server that is not the person's own.
    """
    clip_id = await _resolve_clip_id(reference, clip_library, interaction)
    return await get_accessible_clip(clip_id, clip_library, interaction)


async def _resolve_clip_id(
    reference: str, clip_library: ClipLibrary, interaction: discord.Interaction
) -> int:
    number = _CLIP_NUMBER.fullmatch(reference)
    if number is not None:
        return int(number[1])
    link = _MESSAGE_LINK.fullmatch(reference)
    if link is None:
        raise RecordNotFound("clip_reference")
    channel_id, message_id = int(link[1]), int(link[2])
    recorded = await clip_library.clip_of_message(message_id)
    if recorded is not None:
        return recorded.id
    # posted a moment ago and not recorded yet, posted again, or in the showcase: its buttons know
    channel = interaction.client.get_partial_messageable(channel_id)
    try:
        message = await channel.fetch_message(message_id)
    except (discord.NotFound, discord.Forbidden):
        raise RecordNotFound("clip") from None
    shown = []
    if message.author.id == interaction.application_id:
        shown = await find_message_clips(message, clip_library)
    if not shown:
        raise RecordNotFound("clip")
    return shown[0].id


async def resolve_visible_clip(
    interaction: discord.Interaction, reference: str, clip_library: ClipLibrary
) -> Clip:
    """Return the clip that somebody names in a command.

    Raises `NotFound`, also for a clip of others in a channel that the person does not see: a number
    is easily guessed.
    """
    found = await resolve_clip_reference(reference, clip_library, interaction)
    if found.user_id != interaction.user.id and not await _can_view_channel(
        interaction, found.channel_id
    ):
        raise RecordNotFound("clip")
    return found


async def _can_view_channel(interaction: discord.Interaction, channel_id: int) -> bool:
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


async def find_message_clips(message: discord.Message, clip_library: ClipLibrary) -> list[Clip]:
    """Return the clips that a message of the bot shows, in order; empty where it shows none.

    A clip that was posted again, or in the showcase, stands under another message id than the
    recorded one; its buttons still say which it is.
    """
    recorded = await clip_library.clip_of_message(message.id)
    if recorded is not None:
        clips = await clip_library.clips_of_job(recorded.job_id)
        return [clip for clip in clips if clip.message_id == message.id] or [recorded]
    if not message.components:
        return []
    named = find_button_numbers(message, ButtonAction.EXTEND) + find_button_numbers(
        message, ButtonAction.SHOWCASE
    )
    job_id = read_job_id(message)
    if job_id is not None:
        clips = await clip_library.clips_of_job(job_id)
        return [clip for clip in clips if clip.id in named] or clips
    if (
        not named
        or message.guild is None
        or not find_button_numbers(message, ButtonAction.WITHDRAW)
    ):
        return []
    with suppress(RecordNotFound):  # a post in the showcase
        return [await clip_library.get_clip(named[0], user_id=0, guild_id=message.guild.id)]
    return []


def build_clip_choice(
    clips: list[Clip], action: ButtonAction, locale: str | None
) -> tuple[str, list[ActionButton]]:
    """Return the question which of several clips is meant, and a button for each.

    ``action`` is `Action.EXTEND` or `Action.SHOWCASE`.
    """
    buttons = [
        ActionButton(
            action,
            clip.id,
            label=translate(f"button.{action}_one", locale, clip=clip.id),
            primary=True,
        )
        for clip in clips
    ]
    return translate("clip.which", locale), buttons


def read_job_id(message: discord.Message) -> int | None:
    """Return the job whose clip card ``message`` is, read from its buttons."""
    return find_button_number(message, ButtonAction.DETAILS)
