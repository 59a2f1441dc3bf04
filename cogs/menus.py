"""Message menus: *Extend this clip*, *Edit this clip* and *Animate this image*."""

from collections.abc import Mapping
from dataclasses import dataclass

import discord
from discord import app_commands
from discord.ext import commands

from bot.discord.client import respond_privately
from bot.discord.user_install import acknowledge_request
from bot.domain.clips.clip import Clip
from bot.domain.errors import ImageRefused, NotAllowed, RecordNotFound
from bot.domain.jobs.request import VideoRequest
from bot.domain.ports import Clock
from bot.i18n.catalogs import build_command_text
from bot.ui.custom_ids import ButtonAction, FormKind
from bot.ui.router import InteractionRouter
from cogs._common.answers import build_button_row, respond_with
from cogs._common.clip_lookup import ClipFinder, build_clip_choice
from cogs._common.modals import (
    PROMPT_FIELD,
    build_animate_form,
    build_edit_form,
    build_extend_form,
    read_for_form,
)
from cogs._common.options import describe_attachment, find_images
from cogs._common.pending import OTHER_PROCESS_GRACE_S, ImageDraft, PendingConfirmations
from cogs._common.request_flow import RequestFlow, RequestSource


@dataclass(kw_only=True, eq=False)
class MessageMenus(commands.Cog):
    """The message menus. discord.py does not add them with the cog, so `add_to` does."""

    router: InteractionRouter
    request_flow: RequestFlow
    confirmations: PendingConfirmations
    clip_finder: ClipFinder
    clock: Clock

    def __post_init__(self) -> None:
        self._menus = (
            app_commands.ContextMenu(
                name=build_command_text("menu.extend"), callback=self.extend_this_clip
            ),
            app_commands.ContextMenu(
                name=build_command_text("menu.edit"), callback=self.edit_this_clip
            ),
            app_commands.ContextMenu(
                name=build_command_text("menu.animate"), callback=self.animate_this_image
            ),
        )
        self.router.register_button(ButtonAction.ANIMATE, self.open_animate_form)
        self.router.register_form(FormKind.ANIMATE, self.submit_animate)

    def add_to(self, tree: app_commands.CommandTree[commands.AutoShardedBot]) -> None:
        for menu in self._menus:
            tree.add_command(menu)

    async def extend_this_clip(
        self, interaction: discord.Interaction, message: discord.Message
    ) -> None:
        clip = await self._find_one_clip(interaction, message, ButtonAction.EXTEND)
        if clip is not None:
            form = build_extend_form(clip.id, interaction.locale.value)
            await interaction.response.send_modal(form)

    async def edit_this_clip(
        self, interaction: discord.Interaction, message: discord.Message
    ) -> None:
        clip = await self._find_one_clip(interaction, message, ButtonAction.EDIT)
        if clip is not None:
            form = build_edit_form(clip.id, interaction.locale.value)
            await interaction.response.send_modal(form)

    async def _find_one_clip(
        self, interaction: discord.Interaction, message: discord.Message, action: ButtonAction
    ) -> Clip | None:
        """Return the clip of ``message``. If it has several, ask which and return `None`."""
        clips = await read_for_form(self.clip_finder.require_in_message(message, interaction))
        if len(clips) == 1:
            return clips[0]
        text, buttons = build_clip_choice(clips, action, interaction.locale.value)
        await respond_privately(interaction, text, build_button_row(buttons))
        return None

    async def animate_this_image(
        self, interaction: discord.Interaction, message: discord.Message
    ) -> None:
        """Ask how to animate the image of ``message``. If it has several, ask which first.

        Only attachments are used, because previews of links come from anywhere on the web.
        """
        images = find_images(message.attachments)
        if not images:
            for attachment in message.attachments:
                raise ImageRefused("not_an_image").with_name("image", attachment.filename)
            raise RecordNotFound("image_in_message")
        locale = interaction.locale.value
        drafts = [ImageDraft(describe_attachment(image), interaction.user.id) for image in images]
        drafts[0].image.require_usable()  # report a problem before the member types a prompt
        if len(drafts) == 1:
            number = self.confirmations.add(drafts[0])
            await interaction.response.send_modal(build_animate_form(number, locale))
            return
        text, buttons = self.confirmations.build_image_choice(drafts, locale)
        await respond_privately(interaction, text, build_button_row(buttons))

    async def open_animate_form(self, interaction: discord.Interaction, number: int) -> None:
        draft = self.confirmations.find_draft(number)
        if draft is None:
            await self.clock.sleep(OTHER_PROCESS_GRACE_S)  # another process may know it
        prompt, locale = "" if draft is None else draft.prompt, interaction.locale.value
        await interaction.response.send_modal(build_animate_form(number, locale, prompt))

    async def submit_animate(
        self, interaction: discord.Interaction, number: int, fields: Mapping[str, str]
    ) -> None:
        draft = self.confirmations.find_draft(number)
        if draft is None:
            await self.clock.sleep(OTHER_PROCESS_GRACE_S)  # another process may know it
            await interaction.response.defer(ephemeral=True, thinking=True)
            await respond_with(interaction, "ask.gone")
            return
        if draft.user_id != interaction.user.id:
            raise NotAllowed("offer")
        await acknowledge_request(interaction)
        request = VideoRequest(prompt=fields.get(PROMPT_FIELD, ""), image=draft.image)
        source = RequestSource.from_interaction(interaction)
        await self.request_flow.submit_request(request, source)
