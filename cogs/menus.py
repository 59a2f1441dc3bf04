"""Message menus: *Extend this clip* and *Animate this image*."""

import asyncio
from collections.abc import Mapping
from typing import Final

import discord
from discord import app_commands
from discord.ext import commands

from bot.discord.client import respond_privately
from bot.discord.user_install import acknowledge_request
from bot.domain.errors import DatabaseUnavailable, NotAllowed, RecordNotFound
from bot.domain.jobs.request import VideoRequest
from bot.domain.ports import Clock
from bot.i18n.catalogs import build_command_text, translate
from bot.services.clips.input_images import InputImages
from bot.services.clips.library import ClipLibrary
from bot.ui.custom_ids import ActionButton, ButtonAction, FormKind, InteractionRouter
from cogs._common.answers import PrivateAnswer, build_button_row
from cogs._common.clip_lookup import build_clip_choice, find_message_clips
from cogs._common.context import build_channel_context, build_origin, require_permissions
from cogs._common.modals import FORM_TIMEOUT_S, PROMPT_FIELD, build_animate_form, build_extend_form
from cogs._common.pending import OTHER_PROCESS_GRACE_S, ImageDraft, PendingConfirmations
from cogs._common.request_flow import RequestFlow

_IMAGE_SUFFIXES: Final = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".heic", ".heif", ".avif")


class MessageMenus(commands.Cog):
    """The menus of a message; discord.py wants them added to the tree one by one."""

    def __init__(
        self,
        *,
        router: InteractionRouter,
        request_flow: RequestFlow,
        confirmations: PendingConfirmations,
        clip_library: ClipLibrary,
        input_images: InputImages,
        clock: Clock,
    ) -> None:
        self._clock = clock
        self._request_flow = request_flow
        self._confirmations = confirmations
        self._clip_library = clip_library
        self._input_images = input_images
        self._menus = (
            app_commands.ContextMenu(
                name=build_command_text("menu.extend"), callback=self.extend_this_clip
            ),
            app_commands.ContextMenu(
                name=build_command_text("menu.animate"), callback=self.animate_this_image
            ),
        )
        router.register_button(ButtonAction.ANIMATE, self.open_animate_form)
        router.register_form(FormKind.ANIMATE, self.submit_animate)

    def add_to(self, tree: app_commands.CommandTree[commands.AutoShardedBot]) -> None:
        """Add the menus to ``tree``."""
        for menu in self._menus:
            tree.add_command(menu)

    async def extend_this_clip(
        self, interaction: discord.Interaction, message: discord.Message
    ) -> None:
        """Ask what happens next in the clip that ``message`` shows."""
        try:
            async with asyncio.timeout(FORM_TIMEOUT_S):
                ours = message.author.id == interaction.application_id
                clips = await find_message_clips(message, self._clip_library) if ours else []
        except TimeoutError as fault:
            raise DatabaseUnavailable("no answer in time for the form") from fault
        if not clips:
            raise RecordNotFound("clip_in_message")
        if len(clips) > 1:
            text, buttons = build_clip_choice(clips, ButtonAction.EXTEND, interaction.locale.value)
            view = build_button_row(buttons) or discord.utils.MISSING
            await interaction.response.send_message(text, view=view, ephemeral=True)
            return
        await interaction.response.send_modal(
            build_extend_form(clips[0].id, interaction.locale.value)
        )

    async def animate_this_image(
        self, interaction: discord.Interaction, message: discord.Message
    ) -> None:
        """Ask what moves in the image of ``message``; of several, first which.

        Only attachments: what a link's preview shows lies anywhere on the web.
        """
        images = [each for each in message.attachments if _is_image(each)]
        if not images:
            raise RecordNotFound("image_in_message")
        numbers = [
            self._confirmations.add(ImageDraft(image.url, image.size, interaction.user.id))
            for image in images
        ]
        locale = interaction.locale.value
        if len(numbers) == 1:
            await interaction.response.send_modal(build_animate_form(numbers[0], locale))
            return
        buttons = [
            ActionButton(
                ButtonAction.ANIMATE,
                number,
                label=f"{translate('button.animate', locale)} {place}",
                primary=True,
            )
            for place, number in enumerate(numbers, start=1)
        ]
        view = build_button_row(buttons) or discord.utils.MISSING
        await interaction.response.send_message(
            translate("animate.which", locale), view=view, ephemeral=True
        )

    async def open_animate_form(self, interaction: discord.Interaction, number: int) -> None:
        """Ask what moves in the image that was chosen."""
        if self._confirmations.find_draft(number) is None:
            await self._clock.sleep(OTHER_PROCESS_GRACE_S)  # another process may know it
        await interaction.response.send_modal(build_animate_form(number, interaction.locale.value))

    async def submit_animate(
        self, interaction: discord.Interaction, number: int, fields: Mapping[str, str]
    ) -> None:
        """Animate the image as was written."""
        draft = self._confirmations.find_draft(number)
        if draft is None:
            await self._clock.sleep(OTHER_PROCESS_GRACE_S)  # another process may know it
            await interaction.response.defer(ephemeral=True, thinking=True)
            await respond_privately(interaction, translate("ask.gone", interaction.locale.value))
            return
        if draft.user_id != interaction.user.id:
            raise NotAllowed("offer")
        await acknowledge_request(interaction)
        require_permissions(interaction)
        image = await self._input_images.import_image(draft.url, size=draft.size_bytes)
        await self._request_flow.submit_request(
            VideoRequest(prompt=fields.get(PROMPT_FIELD, ""), image=image),
            requester=interaction,
            origin=build_origin(interaction),
            channel_context=build_channel_context(interaction),
            answer=PrivateAnswer(interaction),
        )


def _is_image(attachment: discord.Attachment) -> bool:
    if (attachment.content_type or "").startswith("image/"):
        return True
    return attachment.filename.lower().endswith(_IMAGE_SUFFIXES)
