"""What the bot may do in a channel that nobody is asking from: read from what Discord has told."""

import discord

from bot.domain.errors import MissingPermissions
from cogs._common.context import NEEDED

Room = discord.abc.GuildChannel | discord.Thread


def lacking(had: discord.Permissions, *, in_thread: bool = False) -> list[str]:
    """Return what is needed to post clips and is not among ``had``."""
    needed = [
        "send_messages_in_threads" if in_thread and name == "send_messages" else name
        for name in NEEDED
    ]
    return [name for name in needed if not getattr(had, name)]


def lacking_in(channel: Room) -> list[str]:
    """Return what the bot lacks in ``channel`` to post clips there."""
    had = channel.permissions_for(channel.guild.me)
    return lacking(had, in_thread=isinstance(channel, discord.Thread))


def require_in(channel: Room) -> None:
    """Raise `MissingPermissions` for what the bot lacks in ``channel`` to post clips there."""
    missing = lacking_in(channel)
    if missing:
        raise MissingPermissions(missing)


def rooms_to_speak(guild: discord.Guild) -> list[discord.TextChannel]:
    """Return the text channels in which the bot may speak, the server's own for news first."""
    rooms = sorted(guild.text_channels, key=lambda each: (each.position, each.id))
    if guild.system_channel is not None:
        rooms = [guild.system_channel, *(each for each in rooms if each != guild.system_channel)]
    return [room for room in rooms if _may_speak(room)]


def _may_speak(room: discord.TextChannel) -> bool:
    had = room.permissions_for(room.guild.me)
    return had.view_channel and had.send_messages
