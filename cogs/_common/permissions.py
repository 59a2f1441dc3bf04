"""What the bot may do in a channel that nobody is asking from: read from what Discord has told."""

import discord

from bot.domain.errors import MissingPermissions
from cogs._common.context import REQUIRED_PERMISSIONS

GuildChannelOrThread = discord.abc.GuildChannel | discord.Thread


def find_missing_permissions(granted: discord.Permissions, *, in_thread: bool = False) -> list[str]:
    """Return what is needed to post clips and is not among ``had``."""
    needed = [
        "send_messages_in_threads" if in_thread and name == "send_messages" else name
        for name in REQUIRED_PERMISSIONS
    ]
    return [name for name in needed if not getattr(granted, name)]


def find_missing_in_channel(channel: GuildChannelOrThread) -> list[str]:
    """Return what the bot lacks in ``channel`` to post clips there."""
    had = channel.permissions_for(channel.guild.me)
    return find_missing_permissions(had, in_thread=isinstance(channel, discord.Thread))


def require_channel_permissions(channel: GuildChannelOrThread) -> None:
    """Raise `MissingPermissions` for what the bot lacks in ``channel`` to post clips there."""
    missing = find_missing_in_channel(channel)
    if missing:
        raise MissingPermissions(missing)


def list_writable_channels(guild: discord.Guild) -> list[discord.TextChannel]:
    """Return the text channels in which the bot may speak, the server's own for news first."""
    rooms = sorted(guild.text_channels, key=lambda each: (each.position, each.id))
    if guild.system_channel is not None:
        rooms = [guild.system_channel, *(each for each in rooms if each != guild.system_channel)]
    return [room for room in rooms if _can_write(room)]


def _can_write(channel: discord.TextChannel) -> bool:
    had = channel.permissions_for(channel.guild.me)
    return had.view_channel and had.send_messages
