"""What a fault of Discord means for a post: too large, hopeless, or to be tried again."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import aiohttp
import discord

from bot.domain.errors import ChannelUnavailable, DeliveryError, DiscordUnavailable, FileTooLarge

DISCORD_ERRORS: Final = (discord.DiscordException, aiohttp.ClientError, OSError, RuntimeError)
"""Everything that a call of discord.py raises when Discord, or the way to it, is at fault;
`RuntimeError` says that the HTTP session is closed, during shutdown."""
UNKNOWN_MESSAGE_CODE: Final = 10008
EXPIRED_TOKEN_CODES: Final = frozenset({10015, 50027})
"""Unknown webhook, invalid webhook token: an interaction can be answered no more."""
UNAVAILABLE_CHANNEL_CODES: Final = frozenset({10003, 50001})
"""Unknown channel, missing access."""
_FILE_TOO_LARGE_CODE: Final = 40005
_MISSING_HISTORY_PERMISSION_CODE: Final = 160002


def to_delivery_error(fault: BaseException) -> DeliveryError:
    """Return what a fault of a post means: too large, hopeless, or to be tried again."""
    if isinstance(fault, discord.RateLimited):
        return DiscordUnavailable("rate limited", retry_after_s=fault.retry_after)
    if isinstance(fault, discord.HTTPException):
        if fault.status == 413 or fault.code == _FILE_TOO_LARGE_CODE:
            return FileTooLarge("refused by Discord for its size")
        if fault.code == _MISSING_HISTORY_PERMISSION_CODE:
            return ChannelUnavailable("cannot reply", missing=("read_message_history",))
        if fault.code in EXPIRED_TOKEN_CODES:
            return ChannelUnavailable("the interaction's time is over")
        if fault.status == 401 or fault.status == 429 or fault.status >= 500:
            return DiscordUnavailable(f"Discord answered {fault.status}")
        return ChannelUnavailable(f"Discord answered {fault.status}, code {fault.code}")
    return DiscordUnavailable(type(fault).__name__)


def raise_if_transient(fault: BaseException) -> None:
    """Raise `DeliveryBusy` for a fault that is worth another try; a refusal is none."""
    error = to_delivery_error(fault)
    if isinstance(error, DiscordUnavailable):
        raise error from fault


@asynccontextmanager
async def convert_discord_errors() -> AsyncIterator[None]:
    """Raise what a fault within the body means instead of the fault."""
    try:
        yield
    except DISCORD_ERRORS as fault:
        raise to_delivery_error(fault) from fault


def summarize_error(fault: BaseException) -> str:
    """Return a fault as it may stand in the log: never with what was sent."""
    if isinstance(fault, discord.HTTPException):
        return f"{fault.status} ({fault.code})"
    return type(fault).__name__
