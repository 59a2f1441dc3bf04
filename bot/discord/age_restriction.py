"""Asks Discord whether a channel is age-restricted, in any process."""

import discord

from bot.discord.api_errors import DISCORD_ERRORS, raise_if_transient


async def is_age_restricted(client: discord.Client, channel_id: int) -> bool:
    """Return whether a channel is known to be age-restricted. Raises `DiscordUnavailable`."""
    channel: object = client.get_channel(channel_id)
    if channel is None:
        try:
            channel = await client.fetch_channel(channel_id)
        except DISCORD_ERRORS as error:
            raise_if_transient(error)
            return False
    is_nsfw = getattr(channel, "is_nsfw", None)
    return callable(is_nsfw) and bool(is_nsfw())
