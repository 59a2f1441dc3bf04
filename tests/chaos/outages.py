"""The database crashes, a process dies in mid-write, a process is stopped past its lease."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

from tests.chaos.books import Row, ScenarioResult
from tests.chaos.cluster import PostgresCluster
from tests.chaos.stage import ChaosStage, open_stage
from tests.harness.bot import BotProcess
from tests.harness.waiting import eventually

_HOLD_S: Final = 20.0


@asynccontextmanager
async def keep_asking(on: ChaosStage, jobs: int, *, at_once: int = 6) -> AsyncIterator[None]:
    """Have members ask all through the body, until so many were told that they are accepted.

    Asking goes on after the body until the number is reached: whoever was refused asks again.
    """
    gate = asyncio.Semaphore(at_once)
    left = jobs

    async def ask_until_done() -> None:
        nonlocal left
        async with gate:
            while left > 0:
                left -= 1
                if await on.ask_for_clip() is None:
                    left += 1

    members = [asyncio.create_task(ask_until_done()) for _ in range(at_once)]
    try:
        yield
        await asyncio.gather(*members)
    finally:
        for member in members:
            member.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*members, return_exceptions=True)


async def play_postgres_crashes(
    directory: Path, cluster: PostgresCluster, *, crashes: int = 3, jobs: int = 40
) -> ScenarioResult:
    """Crash PostgreSQL under load, several times."""
    async with open_stage(directory, cluster=cluster, processes=2) as on:
        await on.control.scale_ratelimits(None)
        await on.create_guilds()
        async with keep_asking(on, jobs):
            for crash in range(1, crashes + 1):
                await _wait_for_jobs(on, jobs * crash // (crashes + 1))
                await cluster.crash_and_restart()
                on.kills += 1
        return await on.conclude_scenario("PostgreSQL restarted under load")


async def play_kill_during_write(
    directory: Path, *, kills: int = 3, jobs: int = 24
) -> ScenarioResult:
    """Kill SQLite's only process while it accepts, saves and posts."""
    async with open_stage(directory) as on:
        await on.control.scale_ratelimits(None)
        async with keep_asking(on, jobs):
            for kill in range(1, kills + 1):
                await _wait_for_jobs(on, jobs * kill // (kills + 1))
                await on.kill_bot()
                await on.bot.start()
        return await on.conclude_scenario("killed in mid-write")


async def play_stop_past_lease(
    directory: Path, cluster: PostgresCluster, *, jobs: int = 8
) -> ScenarioResult:
    """Stop a process with running jobs until another has adopted them, then let it go on."""
    async with open_stage(directory, cluster=cluster, processes=2) as on:
        await on.control.scale_ratelimits(None)
        owners = "SELECT DISTINCT owner FROM jobs WHERE owner IS NOT NULL"
        before: set[Row] = set()

        async def is_adopted() -> bool:
            return not before & set(await on.reader.fetch_rows(owners))

        async with on.control.hold_google():
            await on.ask_for_clips(jobs)
            await on.wait_for_states(polling=jobs)
            before |= set(await on.reader.fetch_rows(owners))
            # whichever process answered owns the jobs; the guild lives on one shard
            busy = await _find_owner_process(on)
            busy.pause()
            await eventually(is_adopted, timeout=120, what="the other process adopting")
        busy.resume()
        on.kills += 1
        return await on.conclude_scenario("stopped past its lease, then continued")


async def play_stop_during_post(
    directory: Path, cluster: PostgresCluster, *, jobs: int = 4
) -> ScenarioResult:
    """Stop a process while its posts hang, until another has seen to its jobs.

    One clip stands in the channel, but Discord keeps its answer back for longer than the lease
    lasts; the others wait behind it in the library, and go on when the process does.
    """
    async with open_stage(directory, cluster=cluster, processes=2) as on:
        await on.control.scale_ratelimits(None)
        async with on.control.hold_google():
            await on.ask_for_clips(jobs)
            await on.wait_for_states(polling=jobs)
            busy = await _find_owner_process(on)
            fault = await on.control.fault(
                "discord", method="POST", path=r"/channels/\d+/messages$", times=1, hold_s=_HOLD_S
            )
        await on.wait_for_fault(fault, 1)
        await on.control.wait_message("clips", lambda each: each["files"])
        busy.pause()
        await on.wait_for_states(done=jobs)
        busy.resume()
        on.kills += 1
        return await on.conclude_scenario("stopped in mid-post, then continued")


async def _find_owner_process(on: ChaosStage) -> BotProcess:
    """Return the process that has logged a claim of the running jobs."""
    (worker,) = (
        await on.reader.fetch_rows("SELECT owner FROM jobs WHERE owner IS NOT NULL LIMIT 1")
    )[0]
    return next(bot for bot in on.bots if str(worker) in bot.read_log())


async def _wait_for_jobs(on: ChaosStage, accepted: int) -> None:
    async def has_enough() -> bool:
        with suppress(Exception):
            return (await on.reader.count_states()).total() >= accepted
        return False

    await eventually(has_enough, timeout=120, interval=0.05, what=f"{accepted} accepted jobs")
