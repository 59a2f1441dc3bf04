"""Four processes share the shards; clips are in a bucket; PostgreSQL fails over in mid-run."""

import asyncio
import hashlib
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from tests.chaos.cluster import PostgresCluster
from tests.chaos.fleet import wait_for_accepted
from tests.chaos.outages import keep_requesting
from tests.chaos.records import ScenarioResult
from tests.chaos.stage import ChaosStage, open_stage
from tests.harness.object_store import S3Server
from tests.harness.process import find_free_port, run_to_end
from tests.harness.waiting import eventually

PROCESSES: Final = 4
_SEED: Final = 20261130
_LEASE_S: Final = "6"
_IN_PARTS: Final = 6_000_000
"""Bytes of a clip that is uploaded in two parts."""


class PostgresPair:
    """A primary and its synchronous standby, on which each commit is before it is confirmed."""

    def __init__(self, primary: PostgresCluster, standby: PostgresCluster) -> None:
        self.primary = primary
        self.standby = standby

    async def create_database(self) -> str:
        """Create a database and return its URL for the bot, with both servers."""
        url = await self.primary.create_database()
        first = f"127.0.0.1:{self.primary.port}"
        return url.replace(first, f"{first},127.0.0.1:{self.standby.port}")


@asynccontextmanager
async def run_postgres_pair() -> AsyncIterator[PostgresPair]:
    """Run both servers. Raises `PostgresNotInstalled`."""
    async with (
        PostgresCluster(durable=True) as primary,
        PostgresCluster(durable=True, primary=primary) as standby,
    ):
        await primary.run_statement("ALTER SYSTEM SET synchronous_standby_names = '*'")
        await primary.run_statement("SELECT pg_reload_conf()")

        async def is_synchronous() -> bool:
            rows = await primary.run_statement("SELECT sync_state FROM pg_stat_replication")
            return [row["sync_state"] for row in rows] == ["sync"]

        await eventually(is_synchronous, what="the standby being synchronous")
        yield PostgresPair(primary, standby)


async def play_failover(directory: Path, *, jobs: int = 60, kills: int = 6) -> ScenarioResult:
    """Kill processes at random, fail over, kill again, then restart one process after the other."""
    generator = random.Random(_SEED)
    s3 = S3Server("clips-of-chaos", port=find_free_port())
    async with (
        run_postgres_pair() as pair,
        s3.run(directory / "s3.log"),
        open_stage(
            directory,
            cluster=pair,
            processes=PROCESSES,
            settings={"LEASE_S": _LEASE_S},
            seconds=2.0,
            s3=s3,
            shares_shards=True,
        ) as stage,
    ):
        await stage.control.scale_ratelimits(None)
        await stage.create_guilds()
        async with keep_requesting(stage, jobs, at_once=8):
            await _kill_at_random(stage, generator, range(0, jobs // 2, jobs // kills))
            await wait_for_accepted(stage, jobs // 2)
            await stage.control.google(min_bytes=_IN_PARTS)
            await _fail_over(stage, pair, generator)
            await _wait_for_more_submits(stage, 3)
            await stage.control.google(min_bytes=0)  # large clips take Google's stand-in seconds
            await _kill_at_random(stage, generator, range(jobs // 2, jobs, jobs // kills))
        async with keep_requesting(stage, jobs // 4, at_once=1):
            await _restart_one_by_one(stage)
        result = await stage.conclude_scenario("a fleet whose database fails over")
        await _verify_ledger(stage)
        assert any("partNumber=2" in line for line in s3.requests), "no clip was large enough"
        return replace(result, missing_files=await _count_missing_files(stage, s3))


async def _kill_at_random(
    stage: ChaosStage, generator: random.Random, accepted_counts: range
) -> None:
    """Kill a process some time after each number of accepted requests, and start it again."""
    for count in accepted_counts:
        await wait_for_accepted(stage, count)
        await asyncio.sleep(generator.random())
        await _kill_and_launch(stage, generator)


async def _kill_and_launch(stage: ChaosStage, generator: random.Random) -> None:
    bot = generator.choice(stage.bots)
    bot.check_running()
    await bot.kill()  # it may have no shard, so no connection that Discord could miss
    stage.kills += 1
    await bot.launch()


async def _fail_over(stage: ChaosStage, pair: PostgresPair, generator: random.Random) -> None:
    """Crash the primary, then promote the standby; a process starts in between."""
    await pair.primary.crash()
    stage.kills += 1
    await _kill_and_launch(stage, generator)
    await pair.standby.promote()


async def _wait_for_more_submits(stage: ChaosStage, count: int) -> None:
    async def count_submits() -> int:
        return len((await stage.control.call("GET", "google"))["submits"])

    wanted = await count_submits() + count

    async def has_enough() -> bool:
        return await count_submits() >= wanted

    await eventually(has_enough, timeout=120, interval=0.2, what=f"{wanted} submits")


async def _restart_one_by_one(stage: ChaosStage) -> None:
    """Restart all processes as an upgrade does: the next when the last has its part."""
    await stage.wait_until_shared()
    for bot in stage.bots:
        status = await bot.terminate()
        assert status == 0, bot.read_log()[-4000:]
        await bot.launch()
        await stage.wait_until_shared()


async def _verify_ledger(stage: ChaosStage) -> None:
    status, output = await run_to_end(
        *("bot", "ledger", "verify"),
        folder=stage.bot.log.parent,
        environment=stage.bot.environment,
    )
    assert status == 0, output


async def _count_missing_files(stage: ChaosStage, s3: S3Server) -> int:
    """Count the clips whose file is not in the bucket as recorded, or only an unfinished upload."""
    clips = await stage.reader.fetch_rows("SELECT path, sha256 FROM clips")
    keys = set(await s3.list_keys())
    missing = 0
    for path, digest in clips:
        key = f"bot/{path}"
        content = await s3.read_object(key) if key in keys else b""
        missing += hashlib.sha256(content).hexdigest() != digest
    return missing
