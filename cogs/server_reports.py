"""`/server reports`: how many reports hide a clip by themselves."""

from dataclasses import dataclass

import discord
from discord import app_commands
from discord.app_commands import Range
from discord.ext import commands

from bot.discord.client import respond_privately
from bot.discord.permissions import can_everyone_read
from bot.domain.moderation.report import MAX_REPORTS_TO_HIDE
from bot.i18n.catalogs import build_command_text
from bot.services.admin.guild_rules import ServerRulesService
from bot.store.guilds import GuildStore
from bot.ui.reports import describe_report_rules
from cogs._common.context import require_guild_id
from cogs._common.options import describe_options


@dataclass(kw_only=True, eq=False)
class ReportRuleCommands(commands.Cog):
    """Part of the `/server` group."""

    server_rules: ServerRulesService
    guilds: GuildStore

    @app_commands.command(name="reports", description=build_command_text("command.server.reports"))
    @describe_options(hide_after="reports_to_hide")
    async def set_report_rules(
        self,
        interaction: discord.Interaction,
        hide_after: Range[int, 0, MAX_REPORTS_TO_HIDE] | None = None,
    ) -> None:
        """Show or set how many reports hide a clip, and show where they are posted."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        guild_id = require_guild_id(interaction)
        if hide_after is None:
            rules = await self.guilds.load_rules(guild_id)
        else:
            rules = await self.server_rules.change_rules(
                guild_id, actor_id=interaction.user.id, reports_to_hide=hide_after
            )
        text = describe_report_rules(
            rules,
            interaction.locale.value,
            is_public=can_everyone_read(interaction.guild, rules.staff_channel),
        )
        await respond_privately(interaction, text)
