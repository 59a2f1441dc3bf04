"""`/quota`: what a member has left, and when more frees."""

import discord
from discord import app_commands
from discord.ext import commands

from bot.discord.client import answer
from bot.i18n.catalogs import command_text
from bot.services.admin.quotas import Quotas
from bot.ui.text_lists import standing
from cogs._common.context import origin_of


class Quota(commands.GroupCog, group_name="quota", group_description=command_text("command.quota")):
    """The `/quota` group."""

    def __init__(self, *, quotas: Quotas) -> None:
        self._quotas = quotas

    @app_commands.command(name="show", description=command_text("command.quota.show"))
    async def show(self, interaction: discord.Interaction) -> None:
        """Show every limit that holds for the person here, to them alone."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        status = await self._quotas.standing(origin_of(interaction))
        await answer(interaction, standing(status, interaction.locale.value))
