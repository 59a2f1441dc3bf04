"""SIGKILL at each boundary of a job's life, on purpose and not by luck.

The sandbox holds the bot exactly there: it delays a request before it is carried out, or keeps back
the answer after it was.
"""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from tests.chaos.books import ScenarioResult
from tests.chaos.cluster import PostgresCluster
from tests.chaos.stage import ChaosStage, open_stage, order_submit_fault

JOBS: Final = 4
_HOLD_S: Final = 30
_POSTS: Final = r"/channels/\d+/messages$"
_FILES: Final = r"/files/[^/:]+$"


async def kill_before_submit(on: ChaosStage) -> None:
    """Accepted and queued: nothing has been sent yet."""
    async with on.control.hold_google():
        await on.ask_for_clips(JOBS)
        await on.wait_for_states(polling=1, queued=JOBS - 1)
        await on.kill_bot()


async def kill_before_first_byte(on: ChaosStage) -> None:
    """The leave to submit is saved, and Google is still asked about the clip to extend."""
    await on.ask_for_clips(1)
    await on.wait_for_states(done=1)
    fault = await on.control.fault("google", method="GET", path=_FILES, times=JOBS, delay_s=_HOLD_S)
    await on.ask_for_clips(JOBS, extend=await on.reader.get_newest_clip())
    await on.wait_for_fault(fault, JOBS)
    await on.wait_for_states(submitting=JOBS)
    await on.kill_bot()


async def kill_after_submit(on: ChaosStage) -> None:
    """Google has started the operation, and its name never arrives."""
    fault = await order_submit_fault(on.control, JOBS, hold_s=_HOLD_S)
    await on.ask_for_clips(JOBS)
    await on.wait_for_fault(fault, JOBS)
    await _wait_for_submits(on)
    await on.kill_bot()


async def kill_with_submit_lost(on: ChaosStage) -> None:
    """As before for the bot, but the request was lost on the way: Google has nothing."""
    fault = await order_submit_fault(on.control, JOBS, delay_s=_HOLD_S, drop="before")
    await on.ask_for_clips(JOBS)
    await on.wait_for_fault(fault, JOBS)
    await on.kill_bot()


async def kill_while_polling(on: ChaosStage) -> None:
    """Google works on it."""
    async with on.control.hold_google():
        await on.ask_for_clips(JOBS)
        await on.wait_for_states(polling=JOBS)
        await on.kill_bot()


async def kill_before_post(on: ChaosStage) -> None:
    """The bytes are kept; the post was never carried out."""
    async with on.control.hold_google():
        await on.ask_for_clips(JOBS)
        await on.wait_for_states(polling=JOBS)
        fault = await on.control.fault(
            "discord", method="POST", path=_POSTS, times=JOBS, delay_s=_HOLD_S, drop="before"
        )
    await on.wait_for_states(posting=JOBS)
    await on.wait_for_fault(fault, 1)
    await on.kill_bot()


async def kill_before_post_recorded(on: ChaosStage) -> None:
    """The clip stands in the channel; the bot does not know."""
    async with on.control.hold_google():
        await on.ask_for_clips(JOBS)
        await on.wait_for_states(polling=JOBS)
        fault = await on.control.fault(
            "discord", method="POST", path=_POSTS, times=JOBS, hold_s=_HOLD_S
        )
    await on.wait_for_states(posting=JOBS)
    await on.wait_for_fault(fault, 1)
    await on.control.wait_message("clips", lambda each: each["files"])
    await on.kill_bot()


async def _wait_for_submits(on: ChaosStage) -> None:
    async def are_all_started() -> bool:
        return len((await on.control.call("GET", "google"))["submits"]) == JOBS

    await on.control.wait_until(are_all_started, what="Google having started everything")


BOUNDARIES: Final[dict[str, Callable[[ChaosStage], Awaitable[None]]]] = {
    "killed before submit": kill_before_submit,
    "killed with leave to submit, before its first byte": kill_before_first_byte,
    "killed after submit, before its save": kill_after_submit,
    "killed while the submit was lost on the way": kill_with_submit_lost,
    "killed while polling": kill_while_polling,
    "killed when fetched, not posted": kill_before_post,
    "killed when posted, not recorded": kill_before_post_recorded,
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


async def play_boundary(
    name: str, directory: Path, cluster: PostgresCluster | None
) -> ScenarioResult:
    """Kill the bot at one boundary, start it again, and count."""
    act = BOUNDARIES[name]
    slow = {"BOT_IN_FLIGHT": "1"} if act is kill_before_submit else {}
    async with open_stage(directory, cluster=cluster, settings=slow) as on:
        await act(on)
        await on.control.clear_faults()
        await on.bot.start()
        return await on.conclude_scenario(name)
