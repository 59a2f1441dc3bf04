"""Many requests at the same moment against a small limit, through two bots at once.

On PostgreSQL two processes serve the same shard, as while one version takes over from another: both
hear of every request, and whichever answers first has it. SQLite has one process.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, Final

from tests.chaos.books import ScenarioResult
from tests.chaos.cluster import PostgresCluster
from tests.chaos.stage import ChaosStage, open_stage
from tests.harness.control import has_answer

_NO_HASTE: Final = {"LEASE_S": "30"}  # nothing is killed here, and a rush may take seconds
_TAKING_S: Final = 1.0
_REFUSED: Final = "LimitReached"

MEMBER_LIMIT: Final = 5
BUDGET_LIMIT: Final = 7

Rush = Callable[[Path, PostgresCluster | None], Awaitable[ScenarioResult]]


async def play_member_limit(
    directory: Path, cluster: PostgresCluster | None, *, requests: int = 200
) -> ScenarioResult:
    """One member asks 200 times at once and may have five. Raises `AssertionError` otherwise."""
    settings = {**_NO_HASTE, "DEFAULT_MEMBER_CLIPS_PER_DAY": str(MEMBER_LIMIT)}
    processes = 1 if cluster is None else 2
    async with open_stage(
        directory, cluster=cluster, processes=processes, settings=settings, shards=1
    ) as on:
        await on.control.scale_ratelimits(None)
        await _run_at_once(on, [on.ask_for_clip() for _ in range(requests)])
        return await _check_exact_count(
            on, MEMBER_LIMIT, f"{requests} requests of one member, limit 5"
        )


async def play_server_budget(
    directory: Path, cluster: PostgresCluster | None, *, members: int = 50
) -> ScenarioResult:
    """Fifty members ask at once against their server's budget for seven.

    Raises `AssertionError` unless exactly seven are accepted.
    """
    processes = 1 if cluster is None else 2
    async with open_stage(
        directory, cluster=cluster, processes=processes, settings=_NO_HASTE, shards=1
    ) as on:
        await on.control.scale_ratelimits(None)
        guild = (await on.control.world())["guilds"][0]["id"]
        people = [f"member{n}" for n in range(members)]
        for name in people:
            await on.control.add_member(guild, name)
        budget = await on.control.command(
            "Ada", "clips", "server budget", {"clips_per_day": BUDGET_LIMIT}
        )
        await on.control.wait_interaction(budget, has_answer)
        await _run_at_once(on, [on.ask_for_clip(name) for name in people])
        return await _check_exact_count(
            on, BUDGET_LIMIT, f"{members} members, a server's budget for 7"
        )


async def play_bot_budget(
    directory: Path, cluster: PostgresCluster | None, *, members: int = 50
) -> ScenarioResult:
    """Fifty members of two servers on two shards ask at once against the bot's budget for seven.

    Raises `AssertionError` unless exactly seven are accepted.
    """
    processes = 1 if cluster is None else 2
    settings = {**_NO_HASTE, "BOT_CLIPS_PER_DAY": str(BUDGET_LIMIT)}
    async with open_stage(directory, cluster=cluster, processes=processes, settings=settings) as on:
        await on.control.scale_ratelimits(None)
        guilds = await on.create_guilds()
        people = [(f"member{n}", guilds[n % len(guilds)]) for n in range(members)]
        for name, guild in people:
            await on.control.add_member(guild["id"], name)
        await asyncio.gather(
            *(on.ask_for_clip(name, guild["channels"][0]["id"]) for name, guild in people)
        )
        return await _check_exact_count(
            on, BUDGET_LIMIT, f"{members} members, the bot's budget for 7"
        )


RUSHES: Final[dict[str, Rush]] = {
    "one member": play_member_limit,
    "a server's budget": play_server_budget,
    "the bot's budget": play_bot_budget,
}


async def _run_at_once(on: ChaosStage, asks: Sequence[Coroutine[Any, Any, str | None]]) -> None:
    """Ask everything at once; of two processes each takes one half, and both decide together.

    Discord is slow to let a request be taken, and each process sleeps while the other takes its
    half: so both have taken theirs before either has decided anything.
    """
    if len(on.bots) == 1:
        await asyncio.gather(*asks)
        return
    first, second = on.bots
    half = len(asks) // 2
    slow = await on.control.fault(
        "discord", method="POST", path="/callback", times=None, delay_s=_TAKING_S
    )
    first.pause()
    waiting = [asyncio.create_task(each) for each in asks[:half]]
    await on.wait_for_fault(slow, half)
    second.pause()
    first.resume()
    waiting += [asyncio.create_task(each) for each in asks[half:]]
    await on.wait_for_fault(slow, half + len(asks))  # it heard of the other half too, and is late
    second.resume()
    await asyncio.gather(*waiting)


async def _check_exact_count(on: ChaosStage, limit: int, scenario: str) -> ScenarioResult:
    refused = [bot.read_log().count(_REFUSED) for bot in on.bots]
    assert all(refused), f"not every process had a share of the rush: {refused}"
    finding = await on.conclude_scenario(scenario)
    assert finding.accepted == limit == len(on.accepted_prompts), finding
    return finding
