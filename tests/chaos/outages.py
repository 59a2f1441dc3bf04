"""Outages: PostgreSQL crashes, or a process is killed while writing or paused past its lease."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

from tests.chaos.cluster import PostgresCluster
from tests.chaos.records import ScenarioResult
from tests.chaos.stage import ChaosStage, open_stage
from tests.harness.bot import BotProcess
from tests.harness.waiting import eventually

_HOLD_S: Final = 20.0
_EDIT_EVERY: Final = 3


@asynccontextmanager
async def keep_requesting(stage: ChaosStage, jobs: int, *, at_once: int = 6) -> AsyncIterator[None]:
    """Let members request clips during the body and after it, until ``jobs`` are accepted.

    Every third request edits the newest clip, whichever route has made it. Refused requests are
    repeated.
    """
    gate = asyncio.Semaphore(at_once)
    remaining = jobs

    async def ask_until_done() -> None:
        nonlocal remaining
        async with gate:
            while remaining > 0:
                remaining -= 1
                source = await _find_clip_to_edit(stage) if remaining % _EDIT_EVERY == 0 else None
                if await stage.request_clip(edit=source) is None:
                    remaining += 1

    members = [asyncio.create_task(ask_until_done()) for _ in range(at_once)]
    try:
        yield
        await asyncio.gather(*members)
    finally:
        for member in members:
            member.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*members, return_exceptions=True)


async def _find_clip_to_edit(stage: ChaosStage) -> int | None:
    """Return the newest clip; `None` while there is none, or no database to ask."""
    with suppress(Exception):
        return await stage.reader.get_newest_clip()
    return None


async def play_postgres_crashes(
    directory: Path, cluster: PostgresCluster, *, crashes: int = 3, jobs: int = 40
) -> ScenarioResult:
    """Crash PostgreSQL under load, several times."""
    async with open_stage(directory, cluster=cluster, processes=2) as stage:
        await stage.control.scale_ratelimits(None)
        await stage.create_guilds()
        async with keep_requesting(stage, jobs):
            for crash in range(1, crashes + 1):
                await _wait_for_jobs(stage, jobs * crash // (crashes + 1))
                await cluster.crash_and_restart()
                stage.kills += 1
        return await stage.conclude_scenario("PostgreSQL restarted under load")


async def play_kill_during_write(
    directory: Path, *, kills: int = 3, jobs: int = 24
) -> ScenarioResult:
    """Kill SQLite's only process while it accepts, saves and posts."""
    async with open_stage(directory) as stage:
        await stage.control.scale_ratelimits(None)
        async with keep_requesting(stage, jobs):
            for kill in range(1, kills + 1):
                await _wait_for_jobs(stage, jobs * kill // (kills + 1))
                await stage.kill_bot()
                await stage.bot.start()
        return await stage.conclude_scenario("killed in mid-write")


async def play_stop_past_lease(
    directory: Path, cluster: PostgresCluster, *, jobs: int = 8
) -> ScenarioResult:
    """Pause a process with running jobs until another has adopted them, then resume it."""
    async with open_stage(directory, cluster=cluster, processes=2) as stage:
        await stage.control.scale_ratelimits(None)
        async with stage.control.hold_google():
            await stage.request_clips(jobs)
            await stage.wait_for_states(polling=jobs)
            # either process may have claimed some of the jobs
            busy, worker = await _find_owner_process(stage)
            busy.pause()

            async def is_adopted() -> bool:
                owners = await stage.reader.fetch_rows("SELECT DISTINCT owner FROM jobs")
                return worker not in {owner for (owner,) in owners}

            await eventually(is_adopted, timeout=120, what="the other process adopting")
        busy.resume()
        stage.kills += 1
        return await stage.conclude_scenario("stopped past its lease, then continued")


async def play_stop_during_post(
    directory: Path, cluster: PostgresCluster, *, jobs: int = 4
) -> ScenarioResult:
    """Pause a process during its posts until another has finished its jobs, then resume it.

    One clip is posted, but Discord withholds the answer for longer than the lease; the other posts
    wait behind it in discord.py's rate limiter and continue when the process does.
    """
    async with open_stage(directory, cluster=cluster, processes=2) as stage:
        await stage.control.scale_ratelimits(None)
        async with stage.control.hold_google():
            await stage.request_clips(jobs)
            await stage.wait_for_states(polling=jobs)
            busy, _ = await _find_owner_process(stage)
            fault = await stage.control.fault(
                "discord", method="POST", path=r"/channels/\d+/messages$", times=1, hold_s=_HOLD_S
            )
        await stage.wait_for_fault(fault, 1)
        await stage.control.wait_message("clips", lambda message: message["files"])
        busy.pause()
        await stage.wait_for_states(done=jobs)
        busy.resume()
        stage.kills += 1
        return await stage.conclude_scenario("stopped in mid-post, then continued")


async def _find_owner_process(stage: ChaosStage) -> tuple[BotProcess, str]:
    """Return a process that owns running jobs, by its log, and its worker's id."""
    (worker,) = (
        await stage.reader.fetch_rows("SELECT owner FROM jobs WHERE owner IS NOT NULL LIMIT 1")
    )[0]
    return next(bot for bot in stage.bots if str(worker) in bot.read_log()), str(worker)


async def _wait_for_jobs(stage: ChaosStage, accepted: int) -> None:
    async def has_enough() -> bool:
        with suppress(Exception):
            return (await stage.reader.count_states()).total() >= accepted
        return False

    await eventually(has_enough, timeout=120, interval=0.05, what=f"{accepted} accepted jobs")
