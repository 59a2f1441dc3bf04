"""Several processes on one PostgreSQL, killed at random while members keep asking."""

import asyncio
import random
from pathlib import Path

from tests.chaos.books import ScenarioResult
from tests.chaos.cluster import PostgresCluster
from tests.chaos.outages import keep_asking
from tests.chaos.stage import ChaosStage, open_stage

PROCESSES = 3
_SEED = 20261123


async def play_random_kills(
    directory: Path, cluster: PostgresCluster, *, jobs: int = 300, kills: int = 20
) -> ScenarioResult:
    """Kill one of three processes at a time, at random moments, until all has been asked for."""
    chance = random.Random(_SEED)
    async with open_stage(directory, cluster=cluster, processes=PROCESSES, seconds=2.0) as on:
        await on.control.scale_ratelimits(None)
        await on.create_guilds()
        async with keep_asking(on, jobs, at_once=8):
            for kill in range(1, kills + 1):
                await _wait_for_accepted(on, jobs * kill // (kills + 2))
                await asyncio.sleep(chance.random())
                await _restart_random_bot(on, chance)
        while on.kills < kills:
            await _restart_random_bot(on, chance)
        return await on.conclude_scenario("killed at random")


async def _restart_random_bot(on: ChaosStage, chance: random.Random) -> None:
    victim = chance.choice(on.bots)
    await on.kill_bot(victim)
    await victim.start()


async def _wait_for_accepted(on: ChaosStage, count: int) -> None:
    async def has_enough() -> bool:
        return len(on.accepted_prompts) >= count

    await on.control.wait_until(has_enough, timeout=180, what=f"{count} accepted requests")
