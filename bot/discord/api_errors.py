"""Classifies errors of discord.py: a file is too large, a message impossible, or a retry may help.

The codes are listed at https://discord.com/developers/docs/topics/opcodes-and-status-codes#json.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import aiohttp
import discord

from bot.domain.errors import (
    ChannelUnavailable,
    ContentBlocked,
    DeliveryError,
    DiscordUnavailable,
    FileTooLarge,
    UploadInterrupted,
)

DISCORD_ERRORS: Final = (discord.DiscordException, aiohttp.ClientError, OSError, RuntimeError)
"""Everything that a call of discord.py raises if Discord or the network fails. `RuntimeError` means
that the HTTP session was closed by a shutdown."""
UNKNOWN_CHANNEL_CODE: Final = 10003
UNKNOWN_MESSAGE_CODE: Final = 10008
UNKNOWN_EMOJI_CODE: Final = 10014
EDIT_LIMIT_CODE: Final = 30046
"""A message that is older than an hour was edited too often."""
EXPIRED_TOKEN_CODES: Final = frozenset({10015, 50027})
"""Unknown webhook and invalid webhook token. Both mean that the interaction's token has expired."""
UNAVAILABLE_CHANNEL_CODES: Final = frozenset({10003, 50001})
"""Unknown channel and missing access."""
_FILE_TOO_LARGE_CODE: Final = 40005
_FILTER_BY_CODE: Final = {
    20009: "explicit",
    200000: "automod",
    200001: "automod",
    240000: "harmful_links",
}
"""Explicit content, AutoMod (for a message and for a title), and the filter for harmful links."""
_MISSING_HISTORY_PERMISSION_CODE: Final = 160002


def to_delivery_error(error: BaseException) -> DeliveryError:
    """Return the delivery error that an error of a post or an edit stands for."""
    if isinstance(error, discord.RateLimited):
        return DiscordUnavailable("rate limited", retry_after_s=error.retry_after)
    if isinstance(error, discord.HTTPException):
        if error.status == 413 or error.code == _FILE_TOO_LARGE_CODE:
            return FileTooLarge("refused by Discord for its size")
        if error.code == _MISSING_HISTORY_PERMISSION_CODE:
            return ChannelUnavailable("cannot reply", missing=("read_message_history",))
        if error.code in _FILTER_BY_CODE:
            return ContentBlocked(_FILTER_BY_CODE[error.code])
        if error.code in EXPIRED_TOKEN_CODES:
            return ChannelUnavailable("the interaction's token has expired")
        if error.status in (401, 429) or error.status >= 500:
            return DiscordUnavailable(f"Discord answered {error.status}")
        return ChannelUnavailable(
            f"Discord answered {error.status}, code {error.code}",
            is_gone=error.code == UNKNOWN_CHANNEL_CODE,
        )
    if _is_connection_lost(error):
        return UploadInterrupted(type(error).__name__)
    return DiscordUnavailable(type(error).__name__)


def _is_connection_lost(error: BaseException) -> bool:
    """Whether an open connection was closed. A failure to connect does not count."""
    if isinstance(error, aiohttp.ClientConnectorError):
        return False
    return isinstance(
        error, (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError, ConnectionError)
    )


def raise_if_transient(error: BaseException) -> None:
    """Raise `DiscordUnavailable` if a retry may succeed; do nothing after a refusal."""
    delivery_error = to_delivery_error(error)
    if isinstance(delivery_error, DiscordUnavailable):
        raise delivery_error from error


@asynccontextmanager
async def convert_discord_errors() -> AsyncIterator[None]:
    """Convert errors of discord.py in the body to `DeliveryError`."""
    try:
        yield
    except DISCORD_ERRORS as error:
        raise to_delivery_error(error) from error


def summarize_error(error: BaseException) -> str:
    """Return an error for the log, without any content of the request."""
    if isinstance(error, discord.HTTPException):
        return f"{error.status} ({error.code})"
    return type(error).__name__
