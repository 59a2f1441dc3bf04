"""When shards may IDENTIFY: by bucket, over several processes, and not without the database."""

import asyncio
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import discord

from bot.discord.session_starts import LocalIdentifySlots, SessionStarts
from bot.domain.errors import DatabaseUnavailable
from tests.fakes.clock import VirtualClock

START = datetime(2026, 11, 1, tzinfo=UTC)


class LimitedDiscord:
    """Tells its limits, and records when each bucket identified."""

    def __init__(self, clock: VirtualClock, *, max_concurrency: int = 1) -> None:
        self.clock = clock
        self.max_concurrency = max_concurrency
        self.remaining = 1000
        self.identified_at: defaultdict[int, list[float]] = defaultdict(list)

    async def read_limits(self) -> discord.SessionStartLimits:
        return discord.SessionStartLimits(
            total=1000,
            remaining=self.remaining,
            reset_after=0,
            max_concurrency=self.max_concurrency,
        )

    async def identify(self, starts: SessionStarts, shard_id: int, connect_s: float) -> None:
        await starts.acquire(shard_id)
        await self.clock.sleep(connect_s)
        await starts.record_identify(shard_id)
        self.identified_at[shard_id % self.max_concurrency].append(self.clock.monotonic())


async def test_processes_share_the_slots_of_each_bucket() -> None:
    """However long each of them takes from its slot to its IDENTIFY."""
    clock = VirtualClock(start=START)
    server, slots = LimitedDiscord(clock, max_concurrency=2), LocalIdentifySlots(clock)
    processes = [SessionStarts(server.read_limits, slots, clock) for _ in range(2)]
    for shard_id in range(8):
        await server.identify(processes[shard_id % 2], shard_id, connect_s=4.0 - shard_id / 2)
    for times in server.identified_at.values():
        assert len(times) == 4
        gaps = [later - earlier for earlier, later in pairwise(times)]
        assert min(gaps) >= 5


async def test_different_buckets_do_not_wait_for_each_other() -> None:
    clock = VirtualClock(start=START)
    server = LimitedDiscord(clock, max_concurrency=16)
    starts = SessionStarts(server.read_limits, LocalIdentifySlots(clock), clock)
    await asyncio.gather(*(server.identify(starts, shard_id, 0.0) for shard_id in range(16)))
    assert clock.monotonic() < 5


async def test_the_reserve_grows_with_what_may_happen_at_once() -> None:
    """Sixteen processes may read the same number at the same moment."""
    clock = VirtualClock(start=START)
    server = LimitedDiscord(clock, max_concurrency=16)
    server.remaining = 16
    starts = SessionStarts(server.read_limits, LocalIdentifySlots(clock), clock)
    waiting = asyncio.create_task(starts.acquire(0))
    while clock.monotonic() < 60:
        await asyncio.sleep(0)
    assert not waiting.done()
    server.remaining = 17
    await waiting


class AwaySlots(LocalIdentifySlots):
    """Slots in a database that does not answer the first times."""

    def __init__(self, clock: VirtualClock, failures: int) -> None:
        super().__init__(clock)
        self.failures = failures

    async def reserve(self, bucket: int, length: timedelta) -> float:
        self._fail()
        return await super().reserve(bucket, length)

    async def hold(self, bucket: int, length: timedelta) -> None:
        self._fail()
        await super().hold(bucket, length)

    def _fail(self) -> None:
        if self.failures > 0:
            self.failures -= 1
            raise DatabaseUnavailable("gone")


async def test_nobody_identifies_while_the_database_is_away() -> None:
    clock = VirtualClock(start=START)
    server, slots = LimitedDiscord(clock), AwaySlots(clock, failures=3)
    starts = SessionStarts(server.read_limits, slots, clock)
    await starts.acquire(0)
    assert slots.failures == 0
    assert clock.monotonic() > 3
    slots.failures = 1
    await starts.record_identify(0)  # the slot stays taken for longer, and nothing else happens
