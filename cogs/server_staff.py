"""`/server staff`: the channel in which moderators see what they decide about."""

from collections.abc import Iterator
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
from bot.domain.guild import GuildRules, ReviewScope
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
        access = find_staff_access(interaction.guild, status.rules)
        await respond_privately(interaction, describe_staff_channel(status, access, locale))


def find_staff_access(guild: discord.Guild | None, rules: GuildRules) -> StaffChannelAccess:
    """Return what Discord says about the staff channel of a server now."""
    channel_id = rules.staff_channel
    if guild is None or channel_id is None:
        return StaffChannelAccess()
    channel = guild.get_channel(channel_id)
    if channel is None:
        return StaffChannelAccess(missing=None)
    missing = drop_implied_permissions(find_missing_in_channel(channel))
    return StaffChannelAccess(
        missing,
        is_public=can_everyone_read(guild, channel_id),
        hides_clips=not _is_age_restricted(channel)
        and any(_is_age_restricted(each) for each in _list_channels_for_clips(guild, rules)),
    )


def _list_channels_for_clips(
    guild: discord.Guild, rules: GuildRules
) -> Iterator[discord.abc.GuildChannel]:
    """Yield the channels in which the server and its permissions let the bot make clips."""
    for channel in guild.channels:
        is_allowed = not rules.allowed_channels or channel.id in rules.allowed_channels
        if is_allowed and not find_missing_in_channel(channel):
            yield channel


def _is_age_restricted(channel: discord.abc.GuildChannel) -> bool:
    return bool(getattr(channel, "nsfw", False))
