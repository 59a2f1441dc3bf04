"""`/server age`: whether a server's clips are made in age-restricted channels only."""

from dataclasses import dataclass

import discord
from discord import app_commands
from discord.ext import commands

from bot.discord.client import respond_privately
from bot.domain.guild import GuildRules
from bot.i18n.catalogs import build_command_text
from bot.services.admin.guild_rules import ServerRulesService
from bot.store.guilds import GuildStore
from bot.ui.server_age import describe_age_rule
from bot.ui.server_setup import CLIP_CHANNEL_TYPES
from cogs._common.context import require_guild_id
from cogs._common.options import describe_options


@dataclass(kw_only=True, eq=False)
class AgeCommands(commands.Cog):
    """`/server age` (part of the `/server` group). ``adults_only`` is the operator's choice."""

    server_rules: ServerRulesService
    guilds: GuildStore
    adults_only: bool = False

    @app_commands.command(name="age", description=build_command_text("command.server.age"))
    @describe_options(restricted="age_restricted_only")
    async def set_age_rule(
        self, interaction: discord.Interaction, restricted: bool | None = None
    ) -> None:
        """Show or set whether clips are made in age-restricted channels only."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        guild_id = require_guild_id(interaction)
        if restricted is None:
            rules = await self.guilds.load_rules(guild_id)
        else:
            rules = await self.server_rules.change_rules(
                guild_id, actor_id=interaction.user.id, age_restricted_only=restricted
            )
        text = describe_age_rule(
            rules,
            interaction.locale.value,
            adults_only=self.adults_only,
            has_channel=has_age_restricted_channel(interaction.guild, rules),
        )
        await respond_privately(interaction, text)


def has_age_restricted_channel(guild: discord.Guild | None, rules: GuildRules) -> bool:
    """Return whether clips can be made in an age-restricted channel of the server.

    Of a server that the bot cannot see, nothing is known, so nothing is missed.
    """
    if guild is None:
        return True
    allowed = rules.allowed_channels
    return any(
        channel.is_nsfw()
        for channel in guild.channels
        if channel.type in CLIP_CHANNEL_TYPES and (not allowed or channel.id in allowed)
    )
