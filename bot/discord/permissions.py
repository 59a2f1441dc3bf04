"""What the bot may not do in a channel, although posting a clip needs it.

Voice and stage channels have a text chat, which Discord closes to whoever may not connect.
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
"""What the bot needs to post a clip; in a thread, sending has a permission of its own."""


def list_required_permissions(channel: object) -> list[str]:
    """Return what posting needs in ``channel``, by discord.py's names."""
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


def drop_implied_permissions(missing: Sequence[str]) -> Sequence[str]:
    """Return what has to be granted: without seeing or writing, no other permission counts."""
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
    """Return what is known to be missing where a post was refused; nothing if that is unknown."""
    guild = None if guild_id is None else client.get_guild(guild_id)
    channel = None if guild is None else guild.get_channel_or_thread(channel_id)
    if channel is None:  # it is gone, or an archived thread
        return ()
    return drop_implied_permissions(find_missing_in_channel(channel))
