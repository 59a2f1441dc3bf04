"""Kills random processes of three on one PostgreSQL and one bucket while members request clips."""

import asyncio
import random
from pathlib import Path

from tests.chaos.cluster import PostgresCluster
from tests.chaos.outages import keep_requesting
from tests.chaos.records import ScenarioResult
from tests.chaos.stage import ChaosStage, open_stage
from tests.harness.object_store import S3Server
from tests.harness.process import find_free_port

PROCESSES = 3
_SEED = 20261123


async def play_random_kills(
    directory: Path, cluster: PostgresCluster, *, jobs: int = 300, kills: int = 20
) -> ScenarioResult:
    """Kill and restart one process at a time, at random moments, until ``jobs`` are accepted."""
    generator = random.Random(_SEED)
    s3 = S3Server("clips-of-a-fleet", port=find_free_port())
    async with (
        s3.run(directory / "s3.log"),
        open_stage(directory, cluster=cluster, processes=PROCESSES, seconds=2.0, s3=s3) as stage,
    ):
        await stage.control.scale_ratelimits(None)
        await stage.create_guilds()
        async with keep_requesting(stage, jobs, at_once=8):
            for kill in range(1, kills + 1):
                await wait_for_accepted(stage, jobs * kill // (kills + 2))
                await asyncio.sleep(generator.random())
                await _restart_random_bot(stage, generator)
        while stage.kills < kills:
            await _restart_random_bot(stage, generator)
        result = await stage.conclude_scenario("killed at random")
        originals = [key for key in await s3.list_keys() if key.endswith("-0.mp4")]
        assert len(originals) >= result.posts, "each posted clip has its original in the bucket"
        return result


async def _restart_random_bot(stage: ChaosStage, generator: random.Random) -> None:
    bot = generator.choice(stage.bots)
    await stage.kill_bot(bot)
    await bot.start()


async def wait_for_accepted(stage: ChaosStage, count: int) -> None:
    """Wait until members have seen ``count`` requests accepted."""

    async def has_enough() -> bool:
        return len(stage.accepted_prompts) >= count

    await stage.control.wait_until(has_enough, timeout=180, what=f"{count} accepted requests")
