"""`/server staff`: the channel in which moderators see what they decide about."""

from dataclasses import dataclass

import discord
from discord import app_commands
from discord.ext import commands

from bot.discord.client import respond_privately
from bot.discord.permissions import (
    can_everyone_read,
    drop_implied_permissions,
    find_missing_in_channel,
)
from bot.domain.guild import ReviewScope
from bot.i18n.catalogs import build_command_text
from bot.services.moderation.staff_channel import StaffChannelService
from bot.ui.staff_channel import (
    StaffChannelAccess,
    describe_staff_channel,
    describe_unusable_channel,
)
from cogs._common.answers import respond_with
from cogs._common.context import require_guild_id
from cogs._common.options import describe_options


@dataclass(kw_only=True, eq=False)
class StaffChannelCommands(commands.Cog):
    """Part of the `/server` group."""

    staff_channels: StaffChannelService

    @app_commands.command(name="staff", description=build_command_text("command.server.staff"))
    @describe_options(channel="staff_channel", clear="staff_clear")
    async def set_staff_channel(
        self,
        interaction: discord.Interaction,
        channel: discord.TextChannel | None = None,
        clear: bool = False,
    ) -> None:
        """Show or set the staff channel. What waits is posted there as soon as it is set."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        guild_id, locale = require_guild_id(interaction), interaction.locale.value
        status = await self.staff_channels.load_status(guild_id)
        if channel is not None:
            missing = find_missing_in_channel(channel)
            if missing:
                names = drop_implied_permissions(missing)
                text = describe_unusable_channel(channel.id, names, locale)
                await respond_privately(interaction, text)
                return
        elif clear and status.rules.review_scope is not ReviewScope.OFF:
            # without the channel, clips would wait where nobody sees them
            staff = f"<#{status.rules.staff_channel}>"
            await respond_with(interaction, "server.staff.needed", staff=staff)
            return
        if channel is not None or clear:
            status = await self.staff_channels.change_rules(
                guild_id,
                actor_id=interaction.user.id,
                staff_channel=None if channel is None else channel.id,
            )
        access = find_staff_access(interaction.guild, status.rules.staff_channel)
        await respond_privately(interaction, describe_staff_channel(status, access, locale))


def find_staff_access(guild: discord.Guild | None, channel_id: int | None) -> StaffChannelAccess:
    """Return what Discord says about the staff channel of a server now."""
    if guild is None or channel_id is None:
        return StaffChannelAccess()
    channel = guild.get_channel(channel_id)
    if channel is None:
        return StaffChannelAccess(missing=None)
    missing = drop_implied_permissions(find_missing_in_channel(channel))
    return StaffChannelAccess(missing, can_everyone_read(guild, channel_id))
