"""Drafts are submitted once and posted once, whoever is killed when."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from tests.e2e.stage import BotStage, run_two_processes
from tests.e2e.takes import list_choices, list_videos, make_takes, wait_for_choice, wait_for_end
from tests.harness.texts import quote_text

_POST: Final = {"server": "discord", "method": "POST"}


async def require_posted_once(stage: BotStage, room: str, count: int) -> None:
    await wait_for_choice(stage, room, count)
    card = await wait_for_end(stage, room)
    assert len(list_videos(card)) == count
    assert len(await stage.list_submits()) == count


async def test_killed_while_google_works(fresh_stage: BotStage) -> None:
    stage, room = fresh_stage, await fresh_stage.open_channel()
    async with stage.control.hold_google():
        await make_takes(stage, room, takes=3)

        async def are_sent() -> bool:
            return len(await stage.list_submits()) == 3

        await stage.wait_until(are_sent, "three drafts at Google")
        await stage.wait_for_message(room, quote_text("state.polling"))
        await stage.bot.kill_and_wait()
    await stage.bot.start()
    await require_posted_once(stage, room, 3)


@pytest.mark.parametrize("is_posted", [False, True])
async def test_killed_around_the_post(fresh_stage: BotStage, is_posted: bool) -> None:
    """Killed before the post arrives, and after it without a record."""
    stage, room = fresh_stage, await fresh_stage.open_channel()
    async with stage.control.hold_google():
        await make_takes(stage, room, takes=2)
        await stage.wait_for_message(room, quote_text("state.polling"))
        await stage.control.fault(
            **_POST,
            path=rf"/channels/{room}/messages$",
            drop="after" if is_posted else "before",
            delay_s=0 if is_posted else 600,
        )
    if is_posted:
        await wait_for_choice(stage, room, 2)
    else:
        await stage.wait_for_message(room, quote_text("takes.ready"))
    await stage.bot.kill_and_wait()
    await stage.control.clear_faults()
    await stage.bot.start()
    await require_posted_once(stage, room, 2)


@pytest.mark.postgresql
async def test_two_processes_post_once_and_one_dies(tmp_path: Path) -> None:
    """Each event arrives twice; one process dies with drafts at Google, and a press is one clip."""
    async with run_two_processes(tmp_path) as (stage, second, _):
        room = await stage.open_channel()
        async with stage.control.hold_google():
            await make_takes(stage, room, takes=2)

            async def are_sent() -> bool:
                return len(await stage.list_submits()) == 2

            await stage.wait_until(are_sent, "two drafts at Google")
            await stage.bot.kill_and_wait()
        await require_posted_once(stage, room, 2)
        [choice] = await stage.control.messages(room)
        await asyncio.gather(stage.press_button(choice, "1"), stage.press_button(choice, "1"))
        await stage.wait_for_clip(room, 2)
        await stage.wait_until_idle(room)
        assert len(await stage.list_submits()) == 3
        assert '"level": "error"' not in second.read_log()


async def test_after_a_day_only_the_chosen_draft_is_left(fresh_stage: BotStage) -> None:
    stage, room = fresh_stage, await fresh_stage.open_channel()
    await make_takes(stage, room, takes=3)
    choice = await wait_for_choice(stage, room, 3)
    await wait_for_end(stage, room)
    await stage.press_button(choice, "2")
    await stage.wait_for_clip(room, 2)
    await stage.wait_until_idle(room)
    await stage.bot.kill_and_wait()
    file = stage.bot.log.parent / "data" / "clapper.db"
    with closing(sqlite3.connect(file, timeout=30)) as database, database:
        past = "UPDATE clips SET draft_until = '2020-01-01 00:00:00.000000+00:00'"
        database.execute(f"{past} WHERE draft_until IS NOT NULL")
    await stage.bot.start()
    left = await stage.wait_for_message(room, quote_text("takes.only_chosen"))
    assert left["id"] == choice["id"]
    assert list_choices(left) == []
    assert len(list_videos(left)) == 1
