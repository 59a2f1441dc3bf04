"""SIGKILL at each boundary of a job's life, on purpose and not by luck.

The sandbox holds the bot exactly there: it delays a request before it is carried out, or keeps back
the answer after it was.
"""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from tests.chaos.books import Finding
from tests.chaos.cluster import Cluster
from tests.chaos.stage import Stage, held_submits, stage

JOBS: Final = 4
_HOLD_S: Final = 30
_POSTS: Final = r"/channels/\d+/messages$"
_FILES: Final = r"/files/[^/:]+$"


async def before_submit(on: Stage) -> None:
    """Accepted and queued: nothing has been sent yet."""
    async with on.control.google_at_work():
        await on.ask_many(JOBS)
        await on.until_states(polling=1, queued=JOBS - 1)
        await on.kill()


async def before_first_byte(on: Stage) -> None:
    """The leave to submit is saved, and Google is still asked about the clip to extend."""
    await on.ask_many(1)
    await on.until_states(done=1)
    fault = await on.control.fault("google", method="GET", path=_FILES, times=JOBS, delay_s=_HOLD_S)
    await on.ask_many(JOBS, extend=await on.books.clip())
    await on.until_struck(fault, JOBS)
    await on.until_states(submitting=JOBS)
    await on.kill()


async def after_submit(on: Stage) -> None:
    """Google has started the operation, and its name never arrives."""
    fault = await held_submits(on.control, JOBS, hold_s=_HOLD_S)
    await on.ask_many(JOBS)
    await on.until_struck(fault, JOBS)
    await _carried_out(on)
    await on.kill()


async def submit_never_arrived(on: Stage) -> None:
    """As before for the bot, but the request was lost on the way: Google has nothing."""
    fault = await held_submits(on.control, JOBS, delay_s=_HOLD_S, drop="before")
    await on.ask_many(JOBS)
    await on.until_struck(fault, JOBS)
    await on.kill()


async def polling(on: Stage) -> None:
    """Google works on it."""
    async with on.control.google_at_work():
        await on.ask_many(JOBS)
        await on.until_states(polling=JOBS)
        await on.kill()


async def fetched(on: Stage) -> None:
    """The bytes are kept; the post was never carried out."""
    async with on.control.google_at_work():
        await on.ask_many(JOBS)
        await on.until_states(polling=JOBS)
        fault = await on.control.fault(
            "discord", method="POST", path=_POSTS, times=JOBS, delay_s=_HOLD_S, drop="before"
        )
    await on.until_states(posting=JOBS)
    await on.until_struck(fault, 1)
    await on.kill()


async def posted(on: Stage) -> None:
    """The clip stands in the channel; the bot does not know."""
    async with on.control.google_at_work():
        await on.ask_many(JOBS)
        await on.until_states(polling=JOBS)
        fault = await on.control.fault(
            "discord", method="POST", path=_POSTS, times=JOBS, hold_s=_HOLD_S
        )
    await on.until_states(posting=JOBS)
    await on.until_struck(fault, 1)
    await on.control.wait_message("clips", lambda each: each["files"])
    await on.kill()


async def _carried_out(on: Stage) -> None:
    async def begun() -> bool:
        return len((await on.control.call("GET", "google"))["submits"]) == JOBS

    await on.control.until(begun, what="Google having started everything")


BOUNDARIES: Final[dict[str, Callable[[Stage], Awaitable[None]]]] = {
    "killed before submit": before_submit,
    "killed with leave to submit, before its first byte": before_first_byte,
    "killed after submit, before its save": after_submit,
    "killed while the submit was lost on the way": submit_never_arrived,
    "killed while polling": polling,
    "killed when fetched, not posted": fetched,
    "killed when posted, not recorded": posted,
}
MAY_BE_UNKNOWN: Final = frozenset(
    {
        "killed after submit, before its save",
        "killed while the submit was lost on the way",
        # killed at any moment, so also at that one
        "killed in mid-write",
        "killed at random",
    }
)


async def at_boundary(name: str, directory: Path, cluster: Cluster | None) -> Finding:
    """Kill the bot at one boundary, start it again, and count."""
    act = BOUNDARIES[name]
    slow = {"BOT_IN_FLIGHT": "1"} if act is before_submit else {}
    async with stage(directory, cluster=cluster, settings=slow) as on:
        await act(on)
        await on.control.clear_faults()
        await on.bot.start()
        return await on.finding(name)
