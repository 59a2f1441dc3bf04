"""`/server gallery`: the server's page in the web gallery, as a form."""

from collections.abc import Mapping
from dataclasses import dataclass

import discord
from discord import app_commands
from discord.ext import commands

from bot.discord.client import respond_privately
from bot.domain.showcase.server_page import PageField, read_page_form
from bot.i18n.catalogs import build_command_text
from bot.services.showcase.server_pages import ServerPages
from bot.services.showcase.showcase import ShowcaseService
from bot.ui.custom_ids import FormKind
from bot.ui.router import InteractionRouter
from bot.ui.server_page import format_saved_page
from cogs._common.context import require_manager
from cogs._common.modals import build_server_page_form, read_for_form


@dataclass(kw_only=True, eq=False)
class GalleryPageCommands(commands.Cog):
    """`/server gallery` (part of the `/server` group) and its form."""

    router: InteractionRouter
    server_pages: ServerPages
    showcase_service: ShowcaseService

    def __post_init__(self) -> None:
        self.router.register_form(FormKind.SERVER_PAGE, self.save_page)

    @app_commands.command(name="gallery", description=build_command_text("command.server.gallery"))
    async def open_form(self, interaction: discord.Interaction) -> None:
        """Show what is set, in a form that changes it."""
        guild = require_manager(interaction)
        page = await read_for_form(self.server_pages.store.load_server_page(guild.id))
        form = build_server_page_form(read_page_form(page), interaction.locale.value)
        await interaction.response.send_modal(form)

    async def save_page(
        self, interaction: discord.Interaction, _number: int, fields: Mapping[str, str]
    ) -> None:
        guild = require_manager(interaction)
        await interaction.response.defer(ephemeral=True, thinking=True)
        form = {field: fields.get(field, "") for field in PageField}
        _, unusable = await self.server_pages.change_page(
            guild.id, form, actor_id=interaction.user.id
        )
        settings = await self.showcase_service.settings.load_settings(guild.id)
        gallery_url = self.showcase_service.gallery_url
        text = format_saved_page(
            form,
            unusable,
            interaction.locale.value,
            is_public=settings.public,
            address=None if gallery_url is None else f"{gallery_url.rstrip('/')}/s/{guild.id}",
        )
        await respond_privately(interaction, text)
