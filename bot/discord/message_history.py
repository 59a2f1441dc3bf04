"""Finds messages that the bot has posted without storing their ids.

A process can die after a post, before it stores the id. The next process looks for the message in
the channel's history before it posts, and recognizes it by the numbers in its buttons.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

import discord

from bot.discord.api_errors import DISCORD_ERRORS, UNAVAILABLE_CHANNEL_CODES, UNKNOWN_MESSAGE_CODE
from bot.domain.errors import DiscordUnavailable

_CLOCK_SKEW: Final = timedelta(minutes=2)
"""How much this machine's clock and Discord's may differ."""


async def find_own_message(
    client: discord.Client,
    channel: discord.PartialMessageable | discord.DMChannel,
    *,
    after: discord.Object | datetime,
    matches: Callable[[discord.Message], bool],
    known_message_ids: Sequence[int] = (),
    limit: int | None = None,
) -> int | None:
    """Return the id of the bot's first matching message after a message or time.

    Without the permission Read Message History, Discord returns an empty history instead of an
    error. So an empty history counts only if one of ``known_message_ids`` can be read.

    Returns `None` if the channel is gone, because nothing can have been posted there. Looks at up
    to ``limit`` messages. Raises `DiscordUnavailable` if the history cannot be read.
    """
    own_id = client.user.id if client.user is not None else None
    start = after - _CLOCK_SKEW if isinstance(after, datetime) else after
    is_empty = True
    try:
        async for message in channel.history(limit=limit, after=start):
            is_empty = False
            if own_id in (None, message.author.id) and matches(message):
                return message.id
    except discord.NotFound:
        return None
    except discord.Forbidden as error:
        if error.code in UNAVAILABLE_CHANNEL_CODES:
            return None
        raise DiscordUnavailable("the channel's history may not be read") from error
    except DISCORD_ERRORS as error:
        raise DiscordUnavailable("the channel's history could not be read") from error
    if is_empty:
        await _require_readable(channel, known_message_ids)
    return None


async def _require_readable(
    channel: discord.PartialMessageable | discord.DMChannel, message_ids: Sequence[int]
) -> None:
    for message_id in message_ids:
        try:
            await channel.fetch_message(message_id)
        except DISCORD_ERRORS as error:
            if isinstance(error, discord.NotFound) and error.code == UNKNOWN_MESSAGE_CODE:
                continue  # it was deleted, which proves nothing
            raise DiscordUnavailable("the channel's history may not be read") from error
        return
