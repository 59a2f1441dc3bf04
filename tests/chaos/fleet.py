"""Several processes on one PostgreSQL, killed at random while members keep asking."""

import asyncio
import random
from pathlib import Path

from tests.chaos.books import Finding
from tests.chaos.cluster import Cluster
from tests.chaos.outages import asking
from tests.chaos.stage import Stage, stage

PROCESSES = 3
_SEED = 20261123


async def random_kills(
    directory: Path, cluster: Cluster, *, jobs: int = 300, kills: int = 20
) -> Finding:
    """Kill one of three processes at a time, at random moments, until all has been asked for."""
    chance = random.Random(_SEED)
    async with stage(directory, cluster=cluster, processes=PROCESSES, seconds=2.0) as on:
        await on.control.scale_ratelimits(None)
        await on.spread()
        async with asking(on, jobs, at_once=8):
            for kill in range(1, kills + 1):
                await _accepted(on, jobs * kill // (kills + 2))
                await asyncio.sleep(chance.random())
                await _kill_and_start(on, chance)
        while on.kills < kills:
            await _kill_and_start(on, chance)
        return await on.finding("killed at random")


async def _kill_and_start(on: Stage, chance: random.Random) -> None:
    victim = chance.choice(on.bots)
    await on.kill(victim)
    await victim.start()


async def _accepted(on: Stage, count: int) -> None:
    async def enough() -> bool:
        return len(on.told) >= count

    await on.control.until(enough, timeout=180, what=f"{count} accepted requests")
