"""Waits while Discord is unreachable or limits requests, and logs each wait."""

from typing import Final

import aiohttp
import discord
import structlog

from bot.domain.backoff import Backoff
from bot.domain.ports import Clock

_log: Final = structlog.get_logger(__name__)

CONNECTION_ERRORS: Final = (
    aiohttp.ClientError,
    OSError,
    discord.HTTPException,
    discord.GatewayNotFound,
    discord.RateLimited,
)
"""What a request to Discord raises if Discord, the network or a rate limit prevents it."""


class ConnectionWait:
    """Waits that grow up to ``maximum_s``. If Discord asks for a longer one, it is respected."""

    def __init__(self, clock: Clock, *, initial_s: float = 1.0, maximum_s: float = 30.0) -> None:
        self._clock = clock
        self._backoff = Backoff(initial=initial_s, maximum=maximum_s)

    async def wait_after(self, event: str, error: BaseException, **facts: object) -> None:
        """Log ``event`` with the time of the next attempt, and wait until then."""
        wait_s = self._backoff.next_delay(read_retry_after(error))
        _log.warning(event, error=_describe_error(error), retry_in_s=round(wait_s, 1), **facts)
        await self._clock.sleep(wait_s)

    def reset(self) -> None:
        """Start with the shortest wait again."""
        self._backoff.reset()


def read_retry_after(error: BaseException) -> float | None:
    """Return the seconds that Discord or its edge asks to wait; `None` if it does not ask."""
    if isinstance(error, discord.RateLimited):
        return error.retry_after
    if isinstance(error, discord.GatewayNotFound) and error.__cause__ is not None:
        return read_retry_after(error.__cause__)
    if isinstance(error, discord.HTTPException) and error.status == 429:
        try:
            return max(float(error.response.headers.get("Retry-After", "")), 0.0)
        except ValueError:
            return None
    return None


def _describe_error(error: BaseException) -> str:
    """Return an error for the log, without the HTML page that an edge server may have sent."""
    if isinstance(error, discord.GatewayNotFound) and error.__cause__ is not None:
        return _describe_error(error.__cause__)
    if isinstance(error, discord.HTTPException):
        return f"{type(error).__name__}: {error.status} (code {error.code})"
    return f"{type(error).__name__}: {error}"
