"""Sends many requests at once against a small limit, through two processes.

On PostgreSQL both processes serve the same shard, as during a rolling update: both receive every
request, and the first to acknowledge it handles it. SQLite has one process.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, Final

from tests.chaos.cluster import PostgresCluster
from tests.chaos.records import ScenarioResult
from tests.chaos.stage import ChaosStage, open_stage
from tests.harness.control import has_answer

_LONG_LEASE: Final = {"LEASE_S": "30"}  # nothing is killed here, and a rush may take seconds
_ACKNOWLEDGE_DELAY_S: Final = 1.0
_REFUSED: Final = "LimitReached"

MEMBER_LIMIT: Final = 5
BUDGET_LIMIT: Final = 7

Rush = Callable[[Path, PostgresCluster | None], Awaitable[ScenarioResult]]


async def play_member_limit(
    directory: Path, cluster: PostgresCluster | None, *, requests: int = 200
) -> ScenarioResult:
    """One member makes 200 requests at once, with a limit of five. Raises as the others do."""
    settings = {**_LONG_LEASE, "DEFAULT_MEMBER_CLIPS_PER_DAY": str(MEMBER_LIMIT)}
    processes = 1 if cluster is None else 2
    async with open_stage(
        directory, cluster=cluster, processes=processes, settings=settings, shards=1
    ) as stage:
        await stage.control.scale_ratelimits(None)
        await _run_at_once(stage, [stage.request_clip() for _ in range(requests)])
        return await _check_exact_count(
            stage, MEMBER_LIMIT, f"{requests} requests of one member, limit 5"
        )


async def play_server_budget(
    directory: Path, cluster: PostgresCluster | None, *, members: int = 50
) -> ScenarioResult:
    """Fifty members request at once, with a server budget for seven.

    Raises `AssertionError` unless exactly seven are accepted.
    """
    processes = 1 if cluster is None else 2
    async with open_stage(
        directory, cluster=cluster, processes=processes, settings=_LONG_LEASE, shards=1
    ) as stage:
        await stage.control.scale_ratelimits(None)
        guild = (await stage.control.world())["guilds"][0]["id"]
        people = [f"member{n}" for n in range(members)]
        for name in people:
            await stage.control.add_member(guild, name)
        budget = await stage.control.command(
            "Ada", "clips", "server budget", {"clips_per_day": BUDGET_LIMIT}
        )
        await stage.control.wait_interaction(budget, has_answer)
        await _run_at_once(stage, [stage.request_clip(name) for name in people])
        return await _check_exact_count(
            stage, BUDGET_LIMIT, f"{members} members, a server's budget for 7"
        )


async def play_bot_budget(
    directory: Path, cluster: PostgresCluster | None, *, members: int = 50
) -> ScenarioResult:
    """Fifty members of two servers on two shards request at once, with a bot budget for seven.

    Raises `AssertionError` unless exactly seven are accepted.
    """
    processes = 1 if cluster is None else 2
    settings = {**_LONG_LEASE, "BOT_CLIPS_PER_DAY": str(BUDGET_LIMIT)}
    async with open_stage(
        directory, cluster=cluster, processes=processes, settings=settings
    ) as stage:
        await stage.control.scale_ratelimits(None)
        guilds = await stage.create_guilds()
        people = [(f"member{n}", guilds[n % len(guilds)]) for n in range(members)]
        for name, guild in people:
            await stage.control.add_member(guild["id"], name)
        await asyncio.gather(
            *(stage.request_clip(name, guild["channels"][0]["id"]) for name, guild in people)
        )
        return await _check_exact_count(
            stage, BUDGET_LIMIT, f"{members} members, the bot's budget for 7"
        )


RUSHES: Final[dict[str, Rush]] = {
    "one member": play_member_limit,
    "a server's budget": play_server_budget,
    "the bot's budget": play_bot_budget,
}


async def _run_at_once(
    stage: ChaosStage, requests: Sequence[Coroutine[Any, Any, str | None]]
) -> None:
    """Run all requests at once; each of two processes acknowledges one half.

    Each process is paused while the other receives its half, and acknowledgements are slow: so
    both have received theirs before either has decided anything.
    """
    if len(stage.bots) == 1:
        await asyncio.gather(*requests)
        return
    first, second = stage.bots
    half = len(requests) // 2
    fault = await stage.control.fault(
        "discord", method="POST", path="/callback", times=None, delay_s=_ACKNOWLEDGE_DELAY_S
    )
    first.pause()
    tasks = [asyncio.create_task(request) for request in requests[:half]]
    await stage.wait_for_fault(fault, half)
    second.pause()
    first.resume()
    tasks += [asyncio.create_task(request) for request in requests[half:]]
    await stage.wait_for_fault(
        fault, half + len(requests)
    )  # it heard of the other half too, and is late
    second.resume()
    await asyncio.gather(*tasks)


async def _check_exact_count(stage: ChaosStage, limit: int, scenario: str) -> ScenarioResult:
    refused = [bot.read_log().count(_REFUSED) for bot in stage.bots]
    assert all(refused), f"not every process refused some requests: {refused}"
    result = await stage.conclude_scenario(scenario)
    assert result.accepted == limit == len(stage.accepted_prompts), result
    return result
