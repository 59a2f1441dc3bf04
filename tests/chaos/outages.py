"""The database crashes, a process dies in mid-write, a process is stopped past its lease."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

from tests.chaos.books import Finding, Row
from tests.chaos.cluster import Cluster
from tests.chaos.stage import Stage, stage
from tests.harness.bot import BotProcess
from tests.harness.waiting import eventually

_HOLD_S: Final = 20.0


@asynccontextmanager
async def asking(on: Stage, jobs: int, *, at_once: int = 6) -> AsyncIterator[None]:
    """Have members ask all through the body, until so many were told that they are accepted.

    Asking goes on after the body until the number is reached: whoever was refused asks again.
    """
    gate = asyncio.Semaphore(at_once)
    left = jobs

    async def one() -> None:
        nonlocal left
        async with gate:
            while left > 0:
                left -= 1
                if await on.ask() is None:
                    left += 1

    members = [asyncio.create_task(one()) for _ in range(at_once)]
    try:
        yield
        await asyncio.gather(*members)
    finally:
        for member in members:
            member.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*members, return_exceptions=True)


async def postgres_crashes(
    directory: Path, cluster: Cluster, *, crashes: int = 3, jobs: int = 40
) -> Finding:
    """Crash PostgreSQL under load, several times."""
    async with stage(directory, cluster=cluster, processes=2) as on:
        await on.control.scale_ratelimits(None)
        await on.spread()
        async with asking(on, jobs):
            for crash in range(1, crashes + 1):
                await _progress(on, jobs * crash // (crashes + 1))
                await cluster.crash()
                on.kills += 1
        return await on.finding("PostgreSQL restarted under load")


async def killed_in_mid_write(directory: Path, *, kills: int = 3, jobs: int = 24) -> Finding:
    """Kill SQLite's only process while it accepts, saves and posts."""
    async with stage(directory) as on:
        await on.control.scale_ratelimits(None)
        async with asking(on, jobs):
            for kill in range(1, kills + 1):
                await _progress(on, jobs * kill // (kills + 1))
                await on.kill()
                await on.bot.start()
        return await on.finding("killed in mid-write")


async def stopped_past_its_lease(directory: Path, cluster: Cluster, *, jobs: int = 8) -> Finding:
    """Stop a process with running jobs until another has adopted them, then let it go on."""
    async with stage(directory, cluster=cluster, processes=2) as on:
        await on.control.scale_ratelimits(None)
        owners = "SELECT DISTINCT owner FROM jobs WHERE owner IS NOT NULL"
        before: set[Row] = set()

        async def adopted() -> bool:
            return not before & set(await on.books.rows(owners))

        async with on.control.google_at_work():
            await on.ask_many(jobs)
            await on.until_states(polling=jobs)
            before |= set(await on.books.rows(owners))
            # whichever process answered owns the jobs; the guild lives on one shard
            busy = await _owner_process(on)
            busy.pause()
            await eventually(adopted, timeout=120, what="the other process adopting")
        busy.resume()
        on.kills += 1
        return await on.finding("stopped past its lease, then continued")


async def stopped_in_mid_post(directory: Path, cluster: Cluster, *, jobs: int = 4) -> Finding:
    """Stop a process while its posts hang, until another has seen to its jobs.

    One clip stands in the channel, but Discord keeps its answer back for longer than the lease
    lasts; the others wait behind it in the library, and go on when the process does.
    """
    async with stage(directory, cluster=cluster, processes=2) as on:
        await on.control.scale_ratelimits(None)
        async with on.control.google_at_work():
            await on.ask_many(jobs)
            await on.until_states(polling=jobs)
            busy = await _owner_process(on)
            fault = await on.control.fault(
                "discord", method="POST", path=r"/channels/\d+/messages$", times=1, hold_s=_HOLD_S
            )
        await on.until_struck(fault, 1)
        await on.control.wait_message("clips", lambda each: each["files"])
        busy.pause()
        await on.until_states(done=jobs)
        busy.resume()
        on.kills += 1
        return await on.finding("stopped in mid-post, then continued")


async def _owner_process(on: Stage) -> BotProcess:
    """Return the process that has logged a claim of the running jobs."""
    (worker,) = (await on.books.rows("SELECT owner FROM jobs WHERE owner IS NOT NULL LIMIT 1"))[0]
    return next(bot for bot in on.bots if str(worker) in bot.said())


async def _progress(on: Stage, accepted: int) -> None:
    async def enough() -> bool:
        with suppress(Exception):
            return (await on.books.states()).total() >= accepted
        return False

    await eventually(enough, timeout=120, interval=0.05, what=f"{accepted} accepted jobs")
