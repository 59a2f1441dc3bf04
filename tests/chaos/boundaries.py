"""Kills the bot with SIGKILL at each step of a job.

The sandbox stops the bot at that step by delaying a request or withholding its answer.
"""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from tests.chaos.cluster import PostgresCluster
from tests.chaos.records import ScenarioResult
from tests.chaos.stage import ChaosStage, open_stage, order_submit_fault

JOBS: Final = 4
_HOLD_S: Final = 250
"""Longer than a busy machine needs until the kill."""
_HOLD_CALL_S: Final = 44
"""The bot gives up a call after 45 s, and submits."""
_POSTS: Final = r"/channels/\d+/messages$"
_FILES: Final = r"/files/[^/:]+$"
_UPLOADS: Final = r"/upload/"


async def kill_before_submit(stage: ChaosStage) -> None:
    """Jobs are accepted and queued; nothing has been sent."""
    async with stage.control.hold_google():
        await stage.request_clips(JOBS)
        await stage.wait_for_states(polling=1, queued=JOBS - 1)
        await stage.kill_bot()


async def kill_before_first_byte(stage: ChaosStage) -> None:
    """The submission is recorded; Google is still asked about the clip to extend."""
    await stage.request_clips(1)
    await stage.wait_for_states(done=1)
    fault = await stage.control.fault(
        "google", method="GET", path=_FILES, times=JOBS, delay_s=_HOLD_CALL_S
    )
    await stage.request_clips(JOBS, extend=await stage.reader.get_newest_clip())
    await stage.wait_for_fault(fault, JOBS)
    await stage.wait_for_states(submitting=JOBS)
    await stage.kill_bot()


async def kill_during_upload(stage: ChaosStage) -> None:
    """The submission is recorded; the copy of a clip of Veo, to be edited, is on its way."""
    await stage.request_clips(1)
    await stage.wait_for_states(done=1)
    fault = await stage.control.fault(
        "google", method="POST", path=_UPLOADS, times=JOBS, delay_s=_HOLD_S, drop="before"
    )
    await stage.request_clips(JOBS, edit=await stage.reader.get_newest_clip())
    await stage.wait_for_fault(fault, 1)
    await stage.wait_for_states(submitting=JOBS)
    await stage.kill_bot()


async def kill_after_submit(stage: ChaosStage) -> None:
    """Google has started the operation, but its name never arrives."""
    fault = await order_submit_fault(stage.control, JOBS, hold_s=_HOLD_S)
    await stage.request_clips(JOBS)
    await stage.wait_for_fault(fault, JOBS)
    await _wait_for_submits(stage)
    await stage.kill_bot()


async def kill_with_submit_lost(stage: ChaosStage) -> None:
    """The request was lost on the way, so Google has started nothing."""
    fault = await order_submit_fault(stage.control, JOBS, delay_s=_HOLD_S, drop="before")
    await stage.request_clips(JOBS)
    await stage.wait_for_fault(fault, JOBS)
    await stage.kill_bot()


async def kill_while_polling(stage: ChaosStage) -> None:
    """Google is working on it."""
    async with stage.control.hold_google():
        await stage.request_clips(JOBS)
        await stage.wait_for_states(polling=JOBS)
        await stage.kill_bot()


async def kill_before_post(stage: ChaosStage) -> None:
    """The clip is downloaded; Discord never received the post."""
    async with stage.control.hold_google():
        await stage.request_clips(JOBS)
        await stage.wait_for_states(polling=JOBS)
        fault = await stage.control.fault(
            "discord", method="POST", path=_POSTS, times=JOBS, delay_s=_HOLD_S, drop="before"
        )
    await stage.wait_for_states(posting=JOBS)
    await stage.wait_for_fault(fault, 1)
    await stage.kill_bot()


async def kill_before_post_recorded(stage: ChaosStage) -> None:
    """The clip stands in the channel; the bot does not know."""
    async with stage.control.hold_google():
        await stage.request_clips(JOBS)
        await stage.wait_for_states(polling=JOBS)
        fault = await stage.control.fault(
            "discord", method="POST", path=_POSTS, times=JOBS, hold_s=_HOLD_S
        )
    await stage.wait_for_states(posting=JOBS)
    await stage.wait_for_fault(fault, 1)
    await stage.control.wait_message("clips", lambda message: message["files"])
    await stage.kill_bot()


async def _wait_for_submits(stage: ChaosStage) -> None:
    async def are_all_started() -> bool:
        return len((await stage.control.call("GET", "google"))["submits"]) == JOBS

    await stage.control.wait_until(are_all_started, what="Google having started everything")


BOUNDARIES: Final[dict[str, Callable[[ChaosStage], Awaitable[None]]]] = {
    "killed before submit": kill_before_submit,
    "killed with leave to submit, before its first byte": kill_before_first_byte,
    "killed with leave to submit, while a copy is uploaded": kill_during_upload,
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
        # kills at any moment, including this one
        "killed in mid-write",
        "killed at random",
        "a fleet whose database fails over",
    }
)


async def play_boundary(
    name: str, directory: Path, cluster: PostgresCluster | None
) -> ScenarioResult:
    """Kill the bot at one boundary, start it again, and count."""
    act = BOUNDARIES[name]
    slow = {"MAX_CONCURRENT_JOBS": "1"} if act is kill_before_submit else {}
    async with open_stage(directory, cluster=cluster, settings=slow) as on:
        await act(on)
        await on.control.clear_faults()
        await on.bot.start()
        return await on.conclude_scenario(name)
