"""`/help`, and the guide that a server gets when the bot joins it."""

from contextlib import suppress
from typing import Final

import discord
import structlog
from discord import app_commands
from discord.ext import commands

from bot.domain.errors import StoreAway
from bot.i18n.catalogs import command_text
from bot.services.admin.guild_rules import Servers
from bot.services.admin.quotas import Quotas
from bot.services.admin.welcome import Greeting
from bot.ui.help_text import help_view, welcome_view
from cogs._common.context import origin_of
from cogs._common.permissions import rooms_to_speak

_log: Final = structlog.get_logger(__name__)


class Help(commands.Cog):
    """Tells what the bot can do."""

    def __init__(self, *, quotas: Quotas, servers: Servers, greeting: Greeting) -> None:
        self._quotas = quotas
        self._servers = servers
        self._greeting = greeting

    @app_commands.command(name="help", description=command_text("command.help"))
    async def help(self, interaction: discord.Interaction) -> None:
        """Show it, to the person alone; help comes without the database, too."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        status = None
        with suppress(StoreAway):
            status = await self._quotas.standing(origin_of(interaction))
        admin = interaction.guild_id is not None and interaction.permissions.manage_guild
        await interaction.edit_original_response(
            view=help_view(status, interaction.locale.value, admin=admin)
        )

    @commands.Cog.listener()
    async def on_guild_join(self, guild: discord.Guild) -> None:
        """Post the guide where the bot may speak, unless it has been posted."""
        if not self._greeting.is_new(guild.me.joined_at):
            return
        rooms = rooms_to_speak(guild)
        if not rooms:
            return
        try:
            locale = (await self._servers.rules(guild.id)).locale or guild.preferred_locale.value
            if not await self._greeting.claim(guild.id):
                return
        except StoreAway:  # the next session sees it
            return
        for room in rooms:
            try:
                await room.send(view=welcome_view(locale), nonce=f"guide-{guild.id}")
            except discord.Forbidden:
                continue  # closed in spite of what its permissions say
            except (discord.HTTPException, OSError) as fault:
                _log.warning("guide not posted", guild=guild.id, error=type(fault).__name__)
            return

    @commands.Cog.listener()
    async def on_guild_available(self, guild: discord.Guild) -> None:
        """The bot is in a server, which Discord also says of one that it has just come to."""
        await self.on_guild_join(guild)
