"""Checks before each IDENTIFY whether Discord still allows one.

After 1,000 IDENTIFYs in a day, Discord resets the bot's token, and only the operator can fix that.
This could happen if a process restarts again and again, or if the gateway refuses every session.

https://docs.discord.com/developers/events/gateway#session-start-limit-object
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import discord
import structlog

from bot.discord.connection_waits import CONNECTION_ERRORS, ConnectionWait
from bot.domain.ports import Clock

_log: Final = structlog.get_logger(__name__)

IDENTIFY_INTERVAL_S: Final = 5.0
"""The minimum that Discord requires between IDENTIFYs if ``max_concurrency`` is 1."""
RESERVED_STARTS: Final = 5
"""Never used, because other processes of this bot may read the same number at the same time."""
_MAXIMUM_CHECK_INTERVAL_S: Final = 900.0


class SessionStarts:
    """Allows one IDENTIFY at a time, and none while Discord's limit cannot be read."""

    def __init__(
        self, read_limits: Callable[[], Awaitable[discord.SessionStartLimits]], clock: Clock
    ) -> None:
        self._read_limits = read_limits
        self._clock = clock
        self._lock = asyncio.Lock()
        self._next_identify_at = float("-inf")

    async def acquire(self, shard_id: int) -> None:
        """Return when this shard may identify."""
        async with self._lock:
            await self._wait_for_allowance(shard_id)
            pause_s = self._next_identify_at - self._clock.monotonic()
            if pause_s > 0:
                await self._clock.sleep(pause_s)
            self._next_identify_at = self._clock.monotonic() + IDENTIFY_INTERVAL_S

    async def _wait_for_allowance(self, shard_id: int) -> None:
        wait = ConnectionWait(self._clock)
        while True:
            try:
                limits = await self._read_limits()
            except CONNECTION_ERRORS as error:
                await wait.wait_after("discord.unreachable", error)
                continue
            if limits.remaining > RESERVED_STARTS:
                return
            reset_s = limits.reset_after / 1000
            _log.error(
                "gateway.session_starts_used_up",
                shard=shard_id,
                remaining=limits.remaining,
                total=limits.total,
                reset_in_s=round(reset_s),
            )
            await self._clock.sleep(min(max(reset_s, 1.0), _MAXIMUM_CHECK_INTERVAL_S))
