"""`/server log`: what moderators and admins did, and the channel where it is posted."""

from dataclasses import dataclass
from typing import Final

import discord
from discord import app_commands
from discord.ext import commands

from bot.discord.client import respond_privately
from bot.discord.permissions import (
    can_everyone_read,
    drop_implied_permissions,
    find_missing_for_text,
)
from bot.domain.errors import MissingPermissions
from bot.i18n.catalogs import build_command_text, translate
from bot.services.moderation.log_channels import LogChannelChoice
from bot.store.showcase.settings import ShowcaseSettingsStore
from bot.ui.audit_log import describe_log_channel, format_audit_log
from cogs._common.context import require_guild_id
from cogs._common.options import describe_options

AUDIT_LOG_LENGTH: Final = 25


@dataclass(kw_only=True, eq=False)
class LogCommands(commands.Cog):
    """Part of the `/server` group."""

    showcase_settings: ShowcaseSettingsStore
    log_channels: LogChannelChoice

    @app_commands.command(name="log", description=build_command_text("command.server.log"))
    @describe_options(channel="log_channel", off="log_off")
    async def show_log(
        self,
        interaction: discord.Interaction,
        channel: discord.TextChannel | None = None,
        off: bool = False,
    ) -> None:
        """Show the log, after choosing a channel for it or turning that off."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        guild_id, actor_id = require_guild_id(interaction), interaction.user.id
        locale = interaction.locale.value
        known = await self.log_channels.channels.find(guild_id)
        note = None
        if off:
            if known is not None:
                await self.log_channels.turn_off(guild_id, actor_id=actor_id)
            known, note = None, translate("server.log.off", locale)
        elif channel is not None:
            if missing := find_missing_for_text(channel):
                raise MissingPermissions(drop_implied_permissions(missing))
            is_chosen = known is not None and known.channel_id == channel.id
            if known is None or not is_chosen or known.stopped_at is not None:
                known = await self.log_channels.choose(guild_id, channel.id, actor_id=actor_id)
        if known is not None:
            is_public = can_everyone_read(interaction.guild, known.channel_id)
            note = describe_log_channel(known, locale, is_public=is_public)
        entries = await self.showcase_settings.list_audit_entries(guild_id, limit=AUDIT_LOG_LENGTH)
        await respond_privately(interaction, format_audit_log(entries, locale, note=note))
