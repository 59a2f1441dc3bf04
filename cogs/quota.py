"""`/quota`: what a member has left, when more becomes available, and whether they are blocked."""

from dataclasses import dataclass

import discord
from discord import app_commands
from discord.ext import commands

from bot.discord.interaction_edits import edit_response
from bot.i18n.catalogs import build_command_text
from bot.services.admin.guild_rules import ServerRulesService
from bot.services.jobs.requests import RequestService
from bot.ui.components import build_section_views
from bot.ui.error_messages import describe_error
from bot.ui.text_lists import list_quota_sections
from cogs._common.context import build_origin


@dataclass(kw_only=True, eq=False)
class QuotaCommands(
    commands.GroupCog, group_name="quota", group_description=build_command_text("command.quota")
):
    request_service: RequestService
    server_rules: ServerRulesService

    @app_commands.command(name="show", description=build_command_text("command.quota.show"))
    async def show_quota(self, interaction: discord.Interaction) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        locale = interaction.locale.value
        context = await self.server_rules.load_context(build_origin(interaction))
        status = await self.request_service.load_quota_status(context.origin)
        sections = list_quota_sections(status, locale)
        if context.request_block is not None:
            sections.insert(0, describe_error(context.request_block.as_error(), locale))
        [view] = build_section_views(sections)
        await edit_response(interaction, view=view)
