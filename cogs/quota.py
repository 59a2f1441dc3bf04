"""`/quota`: what a member has left, and when more becomes available."""

import discord
from discord import app_commands
from discord.ext import commands

from bot.discord.interaction_edits import edit_response
from bot.i18n.catalogs import build_command_text
from bot.services.jobs.requests import RequestService
from bot.ui.components import build_section_views
from bot.ui.text_lists import list_quota_sections
from cogs._common.context import build_origin


class QuotaCommands(
    commands.GroupCog, group_name="quota", group_description=build_command_text("command.quota")
):
    def __init__(self, *, request_service: RequestService) -> None:
        self._request_service = request_service

    @app_commands.command(name="show", description=build_command_text("command.quota.show"))
    async def show_quota(self, interaction: discord.Interaction) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        status = await self._request_service.load_quota_status(build_origin(interaction))
        [view] = build_section_views(list_quota_sections(status, interaction.locale.value))
        await edit_response(interaction, view=view)
