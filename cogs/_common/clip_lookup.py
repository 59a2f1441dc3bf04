"""Finds clips by their number, a message link, or the message itself."""

import re
from typing import Final

import discord

from bot.discord.api_errors import DISCORD_ERRORS, raise_if_transient
from bot.domain.clips.clip import Clip
from bot.domain.errors import RecordNotFound
from bot.i18n.catalogs import translate
from bot.services.clips.library import ClipLibrary
from bot.store.jobs.clips import ClipStore
from bot.ui.components import ActionButton, build_button, find_button_number, find_button_numbers
from bot.ui.custom_ids import MAX_NUMBER, ButtonAction
from cogs._common.context import build_acting_person

_CLIP_NUMBER: Final = re.compile(r"\s*#?\s*(\d{1,15})\s*")
_MESSAGE_LINK: Final = re.compile(
    r"\s*<?https://(?:\w+\.)?discord(?:app)?\.com/channels/(?:\d+|@me)/(\d{1,20})/(\d{15,20})/?>?\s*"
)


class ClipFinder:
    def __init__(self, *, clips: ClipStore, clip_library: ClipLibrary) -> None:
        self._clips = clips
        self._clip_library = clip_library

    async def resolve(self, reference: str, interaction: discord.Interaction) -> Clip:
        """Return the clip for ``reference``, a number or a message link.

        Raises `RecordNotFound`, also for other members' clips of other servers.
        """
        clip_id = await self._resolve_clip_id(reference, interaction)
        return await self._clip_library.get_clip(clip_id, build_acting_person(interaction))

    async def resolve_visible(self, reference: str, interaction: discord.Interaction) -> Clip:
        """Return the clip for ``reference`` if it is the person's own or they see its channel.

        Otherwise anyone could guess numbers. Raises `RecordNotFound`.
        """
        clip = await self.resolve(reference, interaction)
        if not await self.may_view(clip, interaction):
            raise RecordNotFound("clip")
        return clip

    async def may_view(self, clip: Clip, interaction: discord.Interaction) -> bool:
        """Return whether a clip is the person's own or they see its channel."""
        is_own = clip.user_id == interaction.user.id
        return is_own or await _can_view_channel(interaction, clip.channel_id)

    async def find_in_message(self, message: discord.Message) -> list[Clip]:
        """Return the clips in a message of the bot, in order.

        If a clip was posted again or in the showcase, the recorded message id is a different one.
        Then the numbers in the buttons identify the clip.
        """
        recorded = await self._clips.find_by_message(message.id)
        if recorded is not None:
            clips = await self._clips.list_for_job(recorded.job_id)
            return [clip for clip in clips if clip.message_id == message.id] or [recorded]
        if not message.components:
            return []
        numbers = [
            number
            for action in (ButtonAction.EXTEND, ButtonAction.EDIT, ButtonAction.SHOWCASE)
            for number in find_button_numbers(message, action)
        ]
        job_id = find_button_number(message, ButtonAction.DETAILS)  # a clip card has this button
        if job_id is not None:
            clips = await self._clips.list_for_job(job_id)
            return [clip for clip in clips if clip.id in numbers] or clips
        is_post = bool(find_button_numbers(message, ButtonAction.WITHDRAW))
        if not numbers or message.guild is None or not is_post:
            return []
        clip = await self._clips.get(numbers[0])
        return [] if clip is None or clip.guild_id != message.guild.id else [clip]

    async def require_in_message(
        self, message: discord.Message, interaction: discord.Interaction
    ) -> list[Clip]:
        """Return the clips in a message of the bot. Raises `RecordNotFound` if there are none."""
        is_own = message.author.id == interaction.application_id
        clips = await self.find_in_message(message) if is_own else []
        if not clips:
            raise RecordNotFound("clip_in_message")
        return clips

    async def _resolve_clip_id(self, reference: str, interaction: discord.Interaction) -> int:
        if (number := _CLIP_NUMBER.fullmatch(reference)) is not None:
            return int(number[1])
        if (link := _MESSAGE_LINK.fullmatch(reference)) is None:
            raise RecordNotFound("clip_reference")
        channel_id, message_id = int(link[1]), int(link[2])
        if max(channel_id, message_id) > MAX_NUMBER:
            raise RecordNotFound("clip")
        recorded = await self._clips.find_by_message(message_id)
        if recorded is not None:
            return recorded.id
        # it is not recorded yet, was posted again, or is in the showcase, so read its buttons
        channel = interaction.client.get_partial_messageable(channel_id)
        try:
            message = await channel.fetch_message(message_id)
        except (discord.NotFound, discord.Forbidden):
            raise RecordNotFound("clip") from None
        except DISCORD_ERRORS as error:
            raise_if_transient(error)
            raise RecordNotFound("clip") from error
        is_own = message.author.id == interaction.application_id
        clips = await self.find_in_message(message) if is_own else []
        if not clips:
            raise RecordNotFound("clip")
        return clips[0].id


async def _can_view_channel(interaction: discord.Interaction, channel_id: int) -> bool:
    """Return whether the person sees a channel of this server. An unknown one counts as unseen."""
    guild, member = interaction.guild, interaction.user
    if channel_id == interaction.channel_id:
        return True
    if guild is None or not isinstance(member, discord.Member):
        return False
    channel = guild.get_channel_or_thread(channel_id)
    if channel is None:  # an archived thread, or a channel that is gone
        try:
            channel = await guild.fetch_channel(channel_id)
        except DISCORD_ERRORS:
            return False
    permissions = channel.permissions_for(member)
    if (
        isinstance(channel, discord.Thread)
        and channel.is_private()
        and not permissions.manage_threads
    ):
        return False
    return permissions.view_channel


def build_clip_choice(
    clips: list[Clip], action: ButtonAction, locale: str | None
) -> tuple[str, list[ActionButton]]:
    """Return the text and buttons of a question about which of several clips is meant."""
    buttons = [
        build_button(action, clip.id, locale, key=f"{action}_one", clip=clip.id, primary=True)
        for clip in clips
    ]
    return translate("clip.which", locale), buttons
