"""A clip that moderators see first is shown and posted exactly once, whoever is killed when."""

import asyncio
from pathlib import Path
from typing import Final

import pytest

from tests.e2e.stage import BotStage, Json, clips_of, run_two_processes
from tests.e2e.test_content_check import MODEL, list_asked
from tests.harness.texts import quote_text

_POST: Final = {"server": "discord", "method": "POST"}


async def open_review(stage: BotStage) -> tuple[str, str]:
    """Switch reviews on; return a channel for clips and the staff channel."""
    room, staff = await stage.open_channel(), await stage.open_channel()
    for command, options in (("staff", {"channel": staff}), ("review", {"clips": "everyone"})):
        asked = await stage.control.command(stage.people["Ada"], room, f"server {command}", options)
        await stage.wait_for_answer(asked, f"<#{staff}>")
    return room, staff


async def press(stage: BotStage, message: Json, decision: str = "post") -> str:
    return await stage.press_button(message, quote_text(f"button.review_{decision}"))


async def hold_posts(stage: BotStage, channel: str, *, drop: str | None = None) -> None:
    """Let posts in a channel arrive late, or lose their answers (``drop`` is "after")."""
    await stage.control.fault(
        **_POST,
        path=rf"/channels/{channel}/messages$",
        drop=drop or "before",
        delay_s=0 if drop else 600,
    )


async def require_posted_once(stage: BotStage, room: str, staff: str) -> None:
    await stage.wait_for_clip(room)
    await stage.wait_until_idle(room)
    await stage.wait_for_message(staff, quote_text("review.decided.post"))
    assert len(clips_of(await stage.control.messages(room))) == 1
    assert len(await stage.control.messages(staff)) == 1
    assert len(await stage.list_submits()) == 1


@pytest.mark.parametrize("is_shown", [False, True])
async def test_killed_around_the_moderators_message(fresh_stage: BotStage, is_shown: bool) -> None:
    """Killed before the message in the staff channel is made, and after it without a record."""
    stage = fresh_stage
    room, staff = await open_review(stage)
    await hold_posts(stage, staff, drop="after" if is_shown else None)
    await stage.request_clip(room, user="Cem")
    if is_shown:
        await stage.wait_for_clip(staff)
    else:
        await stage.wait_for_message(room, quote_text("stage.review"))
    await stage.bot.kill_and_wait()
    await stage.control.clear_faults()
    await stage.bot.start()
    await press(stage, await stage.wait_for_clip(staff))
    await require_posted_once(stage, room, staff)


@pytest.mark.parametrize("is_posted", [False, True])
async def test_killed_between_the_press_and_the_record(
    fresh_stage: BotStage, is_posted: bool
) -> None:
    """Killed after the decision before the post, and after the post without a record."""
    stage = fresh_stage
    room, staff = await open_review(stage)
    await stage.request_clip(room, user="Cem")
    asked = await stage.wait_for_clip(staff)
    await hold_posts(stage, room, drop="after" if is_posted else None)
    await stage.wait_for_answer(await press(stage, asked), quote_text("review.done.post"))
    if is_posted:
        await stage.wait_for_clip(room)
    else:
        await stage.wait_for_message(staff, quote_text("review.decided.post"))
    await stage.bot.kill_and_wait()
    await stage.control.clear_faults()
    await stage.bot.start()
    await require_posted_once(stage, room, staff)


@pytest.mark.postgresql
async def test_two_processes_show_and_post_once(tmp_path: Path) -> None:
    """Each press arrives twice, two moderators press at once, and one process dies with the job.

    A text model judges each request and each result once.
    """
    checks = {"MODERATION_MODEL": MODEL, "MODERATE_RESULTS": "true"}
    async with run_two_processes(tmp_path, **checks) as (stage, second, _):
        room, staff = await open_review(stage)
        await stage.request_clip(room, user="Cem")
        asked = await stage.wait_for_clip(staff)
        await asyncio.gather(press(stage, asked), press(stage, asked, "refuse_charged"))

        async def is_decided() -> bool:
            return not clips_of(await stage.control.messages(staff))

        await stage.wait_until(is_decided, "the decision being shown")
        await stage.wait_until_idle(room)
        assert len(await stage.control.messages(staff)) == 1
        assert len(await stage.control.messages(room)) == 1

        room, staff = await open_review(stage)
        await stage.request_clip(room, "another fox", user="Cem")
        asked = await stage.wait_for_clip(staff)
        await stage.bot.kill()
        await stage.wait_for_answer(await press(stage, asked), quote_text("review.done.post"))
        await stage.wait_for_clip(room)
        await stage.wait_until_idle(room)
        assert len(clips_of(await stage.control.messages(room))) == 1
        assert len(await list_asked(stage)) == 4
        assert '"level": "error"' not in second.read_log()
