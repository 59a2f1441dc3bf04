"""What a fault of Discord means for a post: too large, hopeless, or to be tried again."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import aiohttp
import discord

from bot.domain.errors import ChannelClosed, DeliveryBusy, DeliveryError, FileTooLarge

FAULTS: Final = (discord.DiscordException, aiohttp.ClientError, OSError, RuntimeError)
"""Everything that a call of discord.py raises when Discord, or the way to it, is at fault;
`RuntimeError` says that the HTTP session is closed, during shutdown."""
NO_MESSAGE: Final = 10008
TOKEN_OVER: Final = frozenset({10015, 50027})
"""Unknown webhook, invalid webhook token: an interaction can be answered no more."""
CHANNEL_GONE: Final = frozenset({10003, 50001})
"""Unknown channel, missing access."""
_TOO_LARGE: Final = 40005
_NO_HISTORY: Final = 160002


def delivery_error(fault: BaseException) -> DeliveryError:
    """Return what a fault of a post means: too large, hopeless, or to be tried again."""
    if isinstance(fault, discord.RateLimited):
        return DeliveryBusy("rate limited", retry_after_s=fault.retry_after)
    if isinstance(fault, discord.HTTPException):
        if fault.status == 413 or fault.code == _TOO_LARGE:
            return FileTooLarge("refused by Discord for its size")
        if fault.code == _NO_HISTORY:
            return ChannelClosed("cannot reply", missing=("read_message_history",))
        if fault.code in TOKEN_OVER:
            return ChannelClosed("the interaction's time is over")
        if fault.status == 401 or fault.status == 429 or fault.status >= 500:
            return DeliveryBusy(f"Discord answered {fault.status}")
        return ChannelClosed(f"Discord answered {fault.status}, code {fault.code}")
    return DeliveryBusy(type(fault).__name__)


def raise_if_it_passes(fault: BaseException) -> None:
    """Raise `DeliveryBusy` for a fault that is worth another try; a refusal is none."""
    error = delivery_error(fault)
    if isinstance(error, DeliveryBusy):
        raise error from fault


@asynccontextmanager
async def as_delivery_errors() -> AsyncIterator[None]:
    """Raise what a fault within the body means instead of the fault."""
    try:
        yield
    except FAULTS as fault:
        raise delivery_error(fault) from fault


def brief(fault: BaseException) -> str:
    """Return a fault as it may stand in the log: never with what was sent."""
    if isinstance(fault, discord.HTTPException):
        return f"{fault.status} ({fault.code})"
    return type(fault).__name__
