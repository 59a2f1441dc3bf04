"""A clip that goes on from another is made, joined and posted once, whoever is killed when."""

import shutil
from pathlib import Path

import pytest

from bot.media.probe import PyAvMediaProbe
from tests.e2e.stage import BotStage, buttons_of, clips_of, run_stage
from tests.e2e.test_going_on import BOT_SETTINGS, go_on, list_files, make_expired
from tests.harness.texts import quote_text


@pytest.mark.parametrize("moment", ["downloading", "joining", "posting", "posted"])
async def test_killed_anywhere_it_is_made_joined_and_posted_once(
    tmp_path: Path, moment: str
) -> None:
    async with run_stage(tmp_path, settings=BOT_SETTINGS) as stage:
        room, clip = await make_expired(stage)
        submits, downloads = len(await stage.list_submits()), await count_downloads(stage)
        async with stage.control.hold_google():
            await go_on(stage, room, clip)
            await stage.control.wait_message(
                room, lambda message: quote_text("button.cancel") in buttons_of(message)
            )
            await hold_step(stage, room, moment)
        await wait_for_step(stage, room, moment, downloads)
        await stage.bot.kill_and_wait()
        if moment == "joining":
            unjoin(stage)
        await stage.control.clear_faults()
        await stage.bot.start()
        await stage.wait_for_clip(room, 2)
        await stage.wait_until_idle(room)
        assert len(clips_of(await stage.control.messages(room))) == 2
        assert len(await stage.list_submits()) == submits + 1
        facts = await PyAvMediaProbe().read_facts(list_files(stage)[-1])
        assert 7.5 < facts.seconds < 12.5, "one of each"


async def hold_step(stage: BotStage, room: str, moment: str) -> None:
    """Keep the bot from going beyond a step."""
    if moment in ("downloading", "joining"):
        path = r":download"
        await stage.control.fault("google", method="GET", path=path, delay_s=600)
        return
    await stage.control.fault(
        "discord",
        method="POST",
        path=rf"/channels/{room}/messages$",
        drop="after" if moment == "posted" else "before",
        delay_s=0 if moment == "posted" else 600,
    )


async def count_downloads(stage: BotStage) -> int:
    return len(await stage.control.requests(path=r":download"))


async def wait_for_step(stage: BotStage, room: str, moment: str, downloads: int) -> None:
    """``downloads`` is how many there were before the request."""
    if moment in ("downloading", "joining"):

        async def is_downloading() -> bool:
            return await count_downloads(stage) > downloads

        await stage.wait_until(is_downloading, "the download")
    elif moment == "posted":
        await stage.wait_for_clip(room, 2)
    else:

        async def is_joined() -> bool:
            return len(list_files(stage)) == 2 and not list_files(stage, "*.shot.mp4")

        await stage.wait_until(is_joined, "the joined file")


def unjoin(stage: BotStage) -> None:
    """Leave what a process leaves that dies after the download, before the file is joined."""
    [first] = list_files(stage)
    job = int(first.name.partition("-")[0])
    shutil.copyfile(first, first.with_name(f"{job + 1}-0.shot.mp4"))
