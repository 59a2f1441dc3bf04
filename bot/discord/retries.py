"""Retries calls to Discord while it is busy, for answers that nothing else would retry."""

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from bot.discord.api_errors import convert_discord_errors
from bot.domain.backoff import Backoff
from bot.domain.errors import DiscordUnavailable
from bot.domain.ports import Clock

RETRY_WINDOW_S: Final = 300.0
"""After this time, an answer to a message is no longer useful."""

_Result = TypeVar("_Result")


async def retry_while_busy(call: Callable[[], Awaitable[_Result]], clock: Clock) -> _Result:
    """Return the result of ``call``, and retry it while Discord is busy. Raises `DeliveryError`.

    ``call`` must be safe to repeat, so a message needs a nonce.
    """
    backoff = Backoff(initial=1.0, maximum=20.0)
    give_up_at = clock.monotonic() + RETRY_WINDOW_S
    while True:
        try:
            async with convert_discord_errors():
                return await call()
        except DiscordUnavailable as error:
            delay_s = backoff.next_delay(error.retry_after_s)
            if clock.monotonic() + delay_s > give_up_at:
                raise
            await clock.sleep(delay_s)
