"""Message menus: *Extend this clip* and *Animate this image*."""

import asyncio
from collections.abc import Mapping
from typing import Final

import discord
from discord import app_commands
from discord.ext import commands

from bot.discord.client import answer
from bot.discord.user_install import acknowledge
from bot.domain.errors import NotAllowed, NotFound, StoreAway
from bot.domain.jobs.request import VideoRequest
from bot.domain.ports import Clock
from bot.i18n.catalogs import command_text, say
from bot.services.clips.input_images import Inputs
from bot.services.clips.library import Library
from bot.ui.custom_ids import Action, ActionButton, Form, Presses
from cogs._common.answers import PrivateAnswer, row_of
from cogs._common.clip_lookup import clips_of, which_of
from cogs._common.context import origin_of, require_permissions, surroundings_of
from cogs._common.modals import FORM_PATIENCE_S, PROMPT, animate_form, extend_form
from cogs._common.pending import STRANGER_WAITS_S, Draft, Offers
from cogs._common.request_flow import Asking

_IMAGE_NAMES: Final = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".heic", ".heif", ".avif")


class Menus(commands.Cog):
    """The menus of a message; discord.py wants them added to the tree one by one."""

    def __init__(
        self,
        *,
        presses: Presses,
        asking: Asking,
        offers: Offers,
        library: Library,
        inputs: Inputs,
        clock: Clock,
    ) -> None:
        self._clock = clock
        self._asking = asking
        self._offers = offers
        self._library = library
        self._inputs = inputs
        self._menus = (
            app_commands.ContextMenu(
                name=command_text("menu.extend"), callback=self.extend_this_clip
            ),
            app_commands.ContextMenu(
                name=command_text("menu.animate"), callback=self.animate_this_image
            ),
        )
        presses.on_press(Action.ANIMATE, self.animate_one)
        presses.on_submit(Form.ANIMATE, self.submit_animate)

    def add_to(self, tree: app_commands.CommandTree[commands.AutoShardedBot]) -> None:
        """Add the menus to ``tree``."""
        for menu in self._menus:
            tree.add_command(menu)

    async def extend_this_clip(
        self, interaction: discord.Interaction, message: discord.Message
    ) -> None:
        """Ask what happens next in the clip that ``message`` shows."""
        try:
            async with asyncio.timeout(FORM_PATIENCE_S):
                ours = message.author.id == interaction.application_id
                clips = await clips_of(message, self._library) if ours else []
        except TimeoutError as fault:
            raise StoreAway("no answer in time for the form") from fault
        if not clips:
            raise NotFound("clip_in_message")
        if len(clips) > 1:
            text, buttons = which_of(clips, Action.EXTEND, interaction.locale.value)
            view = row_of(buttons) or discord.utils.MISSING
            await interaction.response.send_message(text, view=view, ephemeral=True)
            return
        await interaction.response.send_modal(extend_form(clips[0].id, interaction.locale.value))

    async def animate_this_image(
        self, interaction: discord.Interaction, message: discord.Message
    ) -> None:
        """Ask what moves in the image of ``message``; of several, first which.

        Only attachments: what a link's preview shows lies anywhere on the web.
        """
        images = [each for each in message.attachments if _is_image(each)]
        if not images:
            raise NotFound("image_in_message")
        numbers = [
            self._offers.put(Draft(image.url, image.size, interaction.user.id)) for image in images
        ]
        locale = interaction.locale.value
        if len(numbers) == 1:
            await interaction.response.send_modal(animate_form(numbers[0], locale))
            return
        buttons = [
            ActionButton(
                Action.ANIMATE,
                number,
                label=f"{say('button.animate', locale)} {place}",
                primary=True,
            )
            for place, number in enumerate(numbers, start=1)
        ]
        view = row_of(buttons) or discord.utils.MISSING
        await interaction.response.send_message(
            say("animate.which", locale), view=view, ephemeral=True
        )

    async def animate_one(self, interaction: discord.Interaction, number: int) -> None:
        """Ask what moves in the image that was chosen."""
        if self._offers.draft(number) is None:
            await self._clock.sleep(STRANGER_WAITS_S)  # another process may know it
        await interaction.response.send_modal(animate_form(number, interaction.locale.value))

    async def submit_animate(
        self, interaction: discord.Interaction, number: int, fields: Mapping[str, str]
    ) -> None:
        """Animate the image as was written."""
        draft = self._offers.draft(number)
        if draft is None:
            await self._clock.sleep(STRANGER_WAITS_S)  # another process may know it
            await interaction.response.defer(ephemeral=True, thinking=True)
            await answer(interaction, say("ask.gone", interaction.locale.value))
            return
        if draft.user_id != interaction.user.id:
            raise NotAllowed("offer")
        await acknowledge(interaction)
        require_permissions(interaction)
        image = await self._inputs.image(draft.url, size=draft.size)
        await self._asking.ask(
            VideoRequest(prompt=fields.get(PROMPT, ""), image=image),
            asker=interaction,
            origin=origin_of(interaction),
            surroundings=surroundings_of(interaction),
            answer=PrivateAnswer(interaction),
        )


def _is_image(attachment: discord.Attachment) -> bool:
    if (attachment.content_type or "").startswith("image/"):
        return True
    return attachment.filename.lower().endswith(_IMAGE_NAMES)
