"""Checks before each IDENTIFY whether Discord still allows one.

After 1,000 IDENTIFYs in a day, Discord resets the bot's token, and only the operator can fix that.
This could happen if a process restarts again and again, or if the gateway refuses every session.
Within five seconds Discord accepts one IDENTIFY of each bucket of shards, whichever process sends
it.

https://docs.discord.com/developers/events/gateway#session-start-limit-object
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final, Protocol

import discord
import structlog

from bot.discord.connection_waits import CONNECTION_ERRORS, ConnectionWait
from bot.domain.errors import DatabaseUnavailable
from bot.domain.ports import Clock

_log: Final = structlog.get_logger(__name__)

IDENTIFY_INTERVAL: Final = timedelta(seconds=5)
"""The minimum that Discord requires between the IDENTIFYs of a bucket."""
_CONNECT_ALLOWANCE: Final = timedelta(seconds=10)
"""How long a slot is kept for a process that has not sent its IDENTIFY yet."""
RESERVED_STARTS: Final = 5
"""Never used, because other processes of this bot may read the same number at the same time."""
_MAXIMUM_CHECK_INTERVAL_S: Final = 900.0


class IdentifySlots(Protocol):
    """The times at which a shard of each bucket may IDENTIFY."""

    async def reserve(self, bucket: int, length: timedelta) -> float:
        """Take the bucket's slot for ``length``; otherwise return the seconds until it is free."""
        ...

    async def hold(self, bucket: int, length: timedelta) -> None:
        """Keep the slot for ``length`` from now."""
        ...


class LocalIdentifySlots(IdentifySlots):
    """The slots of the only process."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._free_at: dict[int, float] = {}

    async def reserve(self, bucket: int, length: timedelta) -> float:
        wait_s = self._free_at.get(bucket, float("-inf")) - self._clock.monotonic()
        if wait_s > 0:
            return wait_s
        await self.hold(bucket, length)
        return 0.0

    async def hold(self, bucket: int, length: timedelta) -> None:
        self._free_at[bucket] = self._clock.monotonic() + length.total_seconds()


class SessionStarts:
    """Allows IDENTIFYs within Discord's limits, and none while they cannot be read."""

    def __init__(
        self,
        read_limits: Callable[[], Awaitable[discord.SessionStartLimits]],
        slots: IdentifySlots,
        clock: Clock,
    ) -> None:
        self._read_limits = read_limits
        self._slots = slots
        self._clock = clock
        self._locks: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._max_concurrency = 1

    async def acquire(self, shard_id: int) -> None:
        """Return when this shard may identify."""
        async with self._locks[shard_id % self._max_concurrency]:
            await self._wait_for_allowance(shard_id)
            await self._wait_for_slot(shard_id % self._max_concurrency)

    async def record_identify(self, shard_id: int) -> None:
        """Note that an IDENTIFY is sent now: from here Discord counts the time to the next one."""
        try:
            await self._slots.hold(shard_id % self._max_concurrency, IDENTIFY_INTERVAL)
        except DatabaseUnavailable as error:  # the slot stays taken for longer
            _log.warning("gateway.identify_not_recorded", shard=shard_id, error=str(error))

    async def _wait_for_slot(self, bucket: int) -> None:
        wait = ConnectionWait(self._clock)
        while True:
            try:
                wait_s = await self._slots.reserve(bucket, _CONNECT_ALLOWANCE)
            except DatabaseUnavailable as error:
                await wait.wait_after("gateway.identify_postponed", error)
                continue
            if wait_s <= 0:
                return
            await self._clock.sleep(wait_s)

    async def _wait_for_allowance(self, shard_id: int) -> None:
        wait = ConnectionWait(self._clock)
        while True:
            try:
                limits = await self._read_limits()
            except CONNECTION_ERRORS as error:
                await wait.wait_after("discord.unreachable", error)
                continue
            self._max_concurrency = max(limits.max_concurrency, 1)
            if limits.remaining > max(RESERVED_STARTS, self._max_concurrency):
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
