"""`/help`, and the guide that a server gets when the bot joins it."""

from contextlib import suppress
from typing import Final

import discord
import structlog
from discord import app_commands
from discord.ext import commands

from bot.domain.errors import DatabaseUnavailable
from bot.i18n.catalogs import build_command_text
from bot.services.admin.guild_rules import ServerRulesService
from bot.services.admin.quotas import QuotaService
from bot.services.admin.welcome import WelcomeService
from bot.ui.help_text import build_help_view, build_welcome_view
from cogs._common.context import build_origin
from cogs._common.permissions import list_writable_channels

_log: Final = structlog.get_logger(__name__)


class HelpCommands(commands.Cog):
    """Tells what the bot can do."""

    def __init__(
        self,
        *,
        quota_service: QuotaService,
        server_rules: ServerRulesService,
        welcome_service: WelcomeService,
    ) -> None:
        self._quota_service = quota_service
        self._server_rules = server_rules
        self._welcome_service = welcome_service

    @app_commands.command(name="help", description=build_command_text("command.help"))
    async def show_help(self, interaction: discord.Interaction) -> None:
        """Show it, to the person alone; help comes without the database, too."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        status = None
        with suppress(DatabaseUnavailable):
            status = await self._quota_service.get_quota_status(build_origin(interaction))
        admin = interaction.guild_id is not None and interaction.permissions.manage_guild
        await interaction.edit_original_response(
            view=build_help_view(status, interaction.locale.value, is_admin=admin)
        )

    @commands.Cog.listener()
    async def on_guild_join(self, guild: discord.Guild) -> None:
        """Post the guide where the bot may speak, unless it has been posted."""
        if not self._welcome_service.is_newly_joined(guild.me.joined_at):
            return
        rooms = list_writable_channels(guild)
        if not rooms:
            return
        try:
            locale = (
                await self._server_rules.get_rules(guild.id)
            ).locale or guild.preferred_locale.value
            if not await self._welcome_service.claim(guild.id):
                return
        except DatabaseUnavailable:  # the next session sees it
            return
        for room in rooms:
            try:
                await room.send(view=build_welcome_view(locale), nonce=f"guide-{guild.id}")
            except discord.Forbidden:
                continue  # closed in spite of what its permissions say
            except (discord.HTTPException, OSError) as fault:
                _log.warning("guide not posted", guild=guild.id, error=type(fault).__name__)
            return

    @commands.Cog.listener()
    async def on_guild_available(self, guild: discord.Guild) -> None:
        """The bot is in a server, which Discord also says of one that it has just come to."""
        await self.on_guild_join(guild)
