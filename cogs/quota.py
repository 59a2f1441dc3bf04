"""`/quota`: what a member has left, and when more becomes available."""

import discord
from discord import app_commands
from discord.ext import commands

from bot.discord.client import respond_privately
from bot.i18n.catalogs import build_command_text
from bot.services.jobs.requests import RequestService
from bot.ui.text_lists import format_quota_lines
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
        await respond_privately(interaction, format_quota_lines(status, interaction.locale.value))
