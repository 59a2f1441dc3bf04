"""Finds permissions that the bot needs to post a clip in a channel but does not have.

In the text chat of voice and stage channels, Discord also requires the permission to connect.
"""

from collections.abc import Sequence
from typing import Final

import discord

GuildChannelOrThread = discord.abc.GuildChannel | discord.Thread

REQUIRED_PERMISSIONS: Final = (
    "view_channel",
    "send_messages",
    "attach_files",
    "embed_links",
    "read_message_history",
)
"""What the bot needs to post a clip. In threads, another permission is needed for sending."""
STAR_PERMISSION: Final = "add_reactions"
"""What the bot needs to put the first star under a clip. Without it there is just no star."""


def list_required_permissions(channel: object) -> list[str]:
    """Return the permissions for posting in ``channel``, by discord.py's names."""
    names = list(REQUIRED_PERMISSIONS)
    if isinstance(channel, discord.Thread):
        names[names.index("send_messages")] = "send_messages_in_threads"
    elif isinstance(channel, (discord.VoiceChannel, discord.StageChannel)):
        names.insert(1, "connect")
    return names


def find_missing_permissions(granted: discord.Permissions, channel: object = None) -> list[str]:
    return [name for name in list_required_permissions(channel) if not getattr(granted, name)]


def find_missing_in_channel(channel: GuildChannelOrThread) -> list[str]:
    return find_missing_permissions(channel.permissions_for(channel.guild.me), channel)


def find_missing_for_text(channel: GuildChannelOrThread) -> list[str]:
    """Return what the bot lacks to write in ``channel``, and to find what it has written."""
    missing = find_missing_in_channel(channel)
    return [name for name in missing if name not in ("attach_files", "embed_links")]


def can_everyone_read(guild: discord.Guild | None, channel_id: int | None) -> bool:
    """Return whether every member can read a channel; of an unknown one, nothing is known."""
    channel = None if guild is None or channel_id is None else guild.get_channel(channel_id)
    if guild is None or channel is None:
        return False
    return channel.permissions_for(guild.default_role).view_channel


def find_missing_with_star(granted: discord.Permissions, channel: object = None) -> list[str]:
    """Return the permissions that are missing in a server whose showcase is on."""
    missing = find_missing_permissions(granted, channel)
    return missing if getattr(granted, STAR_PERMISSION) else [*missing, STAR_PERMISSION]


def drop_implied_permissions(missing: Sequence[str]) -> Sequence[str]:
    """Return the permissions to report: if the bot cannot see or write, others do not matter."""
    if "view_channel" in missing:
        return ["view_channel"]
    if "connect" in missing:
        return ["connect"]
    if any(name.startswith("send_messages") for name in missing):
        return [name for name in missing if name not in ("attach_files", "embed_links")]
    return missing


def find_missing_for_post(
    client: discord.Client, *, guild_id: int | None, channel_id: int
) -> Sequence[str]:
    """Return the permissions that are missing for a post, or none if the channel is unknown."""
    guild = None if guild_id is None else client.get_guild(guild_id)
    channel = None if guild is None else guild.get_channel_or_thread(channel_id)
    if channel is None:  # the channel is gone, or is an archived thread
        return ()
    return drop_implied_permissions(find_missing_in_channel(channel))
