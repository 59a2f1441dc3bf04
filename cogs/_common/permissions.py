"""What the bot may do in a channel other than the one it is asked from."""

import discord

from bot.domain.errors import MissingPermissions
from cogs._common.context import find_missing_permissions

GuildChannelOrThread = discord.abc.GuildChannel | discord.Thread


def find_missing_in_channel(channel: GuildChannelOrThread) -> list[str]:
    """Return what the bot lacks in ``channel`` to post clips there."""
    granted = channel.permissions_for(channel.guild.me)
    return find_missing_permissions(granted, in_thread=isinstance(channel, discord.Thread))


def require_channel_permissions(channel: GuildChannelOrThread) -> None:
    """Raise `MissingPermissions` for what the bot lacks in ``channel`` to post clips there."""
    if missing := find_missing_in_channel(channel):
        raise MissingPermissions(missing)


def list_writable_channels(guild: discord.Guild) -> list[discord.TextChannel]:
    """Return the text channels that the bot may write in, the server's system channel first."""
    channels = sorted(
        guild.text_channels,
        key=lambda channel: (channel != guild.system_channel, channel.position, channel.id),
    )
    return [channel for channel in channels if _can_write(channel)]


def _can_write(channel: discord.TextChannel) -> bool:
    granted = channel.permissions_for(channel.guild.me)
    return granted.view_channel and granted.send_messages
