"""After a kill or stop, a clip still arrives exactly once."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

from tests.e2e.stage import (
    BotStage,
    clip_number_of,
    clips_of,
    run_operator_program,
    run_stage,
)
from tests.harness.texts import quote_text


async def test_kill_while_polling_delivers_once(fresh_stage: BotStage) -> None:
    room, other = await fresh_stage.open_channel(), await fresh_stage.open_channel()
    async with fresh_stage.control.hold_google():
        await fresh_stage.wait_for_answer(
            await fresh_stage.request_clip(room), quote_text("ask.accepted")
        )
        await fresh_stage.control.wait_request(r"/operations/")
        await fresh_stage.bot.kill_and_wait()
    await fresh_stage.bot.start()
    clip = await fresh_stage.wait_for_clip(room)
    await fresh_stage.wait_until_idle(room)
    assert len(clips_of(await fresh_stage.control.messages(room))) == 1
    assert len(await fresh_stage.list_submits()) == 1

    # its buttons, form and replies keep working, also after another restart
    opened = await fresh_stage.press_button(clip, quote_text("button.extend"))
    await fresh_stage.control.wait_interaction(opened, lambda state: state.get("modal"))
    await fresh_stage.bot.restart()
    await fresh_stage.wait_for_answer(
        await fresh_stage.submit_form(opened, "it jumps"), quote_text("ask.accepted")
    )
    await fresh_stage.wait_for_clip(room, 2)
    await fresh_stage.wait_for_answer(
        await fresh_stage.press_button(clip, quote_text("button.details")),
        quote_text("details.prompt"),
    )
    await fresh_stage.control.message(
        fresh_stage.people["Ada"], room, "it falls asleep slowly", reply_to=clip["id"]
    )
    await fresh_stage.wait_for_clip(room, 3)
    first = clips_of(await fresh_stage.control.messages(room))[0]
    get = await fresh_stage.control.command(
        fresh_stage.people["Ada"], other, "video get", {"clip": f"#{clip_number_of(first)}"}
    )
    await fresh_stage.wait_for_answer(get, quote_text("get.done"))


async def test_kill_before_post_recorded_does_not_duplicate(
    fresh_stage: BotStage,
) -> None:
    room = await fresh_stage.open_channel()
    async with fresh_stage.control.hold_google():
        await fresh_stage.wait_for_answer(
            await fresh_stage.request_clip(room), quote_text("ask.accepted")
        )
        await fresh_stage.wait_for_message(room, quote_text("stage.polling"))
        # the post is made, but its answer is lost
        posts = rf"/channels/{room}/messages$"
        await fresh_stage.control.fault(
            "discord", method="POST", path=posts, delay_s=0, drop="after"
        )
    await fresh_stage.control.wait_request(r":download")
    await fresh_stage.wait_for_clip(room)
    await fresh_stage.bot.kill_and_wait()
    await fresh_stage.bot.start()
    await fresh_stage.wait_until_idle(room)
    assert len(clips_of(await fresh_stage.control.messages(room))) == 1


async def test_stop_hands_jobs_to_next_process(fresh_stage: BotStage) -> None:
    room = await fresh_stage.open_channel()
    async with fresh_stage.control.hold_google():
        await fresh_stage.wait_for_answer(
            await fresh_stage.request_clip(room), quote_text("ask.accepted")
        )
        await fresh_stage.control.wait_request(r"/operations/")
        assert await fresh_stage.bot.terminate(timeout=10) == 0
    # what members write meanwhile arrives with the session, which the next process resumes
    me = (await fresh_stage.control.world())["application"]["id"]
    await fresh_stage.control.message(fresh_stage.people["Cem"], room, f"<@{me}> hello")
    await fresh_stage.bot.start()
    await fresh_stage.wait_for_clip(room)
    await fresh_stage.wait_for_message(room, quote_text("mention.help"))
    assert len(await fresh_stage.list_submits()) == 1
    # the commands have not changed, so they were registered once
    registrations = await fresh_stage.control.requests(method="PUT", path=r"/commands$")
    assert len(registrations) == 1


async def test_restored_backup_is_not_paid_again(tmp_path: Path) -> None:
    """At the backup one job is running and one is queued; both are delivered after it."""
    async with run_stage(tmp_path, settings={"MAX_CONCURRENT_JOBS": "1"}) as stage:
        bot = stage.bot
        room = await stage.open_channel()
        database = bot.log.parent / "data" / "clapper.db"
        async with stage.control.hold_google():
            await stage.wait_for_answer(await stage.request_clip(room), quote_text("ask.accepted"))
            await stage.control.wait_request(r"/operations/")
            waiting = await stage.request_clip(room, "a boat that waits")
            await stage.wait_for_answer(waiting, quote_text("ask.accepted"))
            backup = await asyncio.to_thread(_back_up, database)
        await stage.wait_for_clip(room, 2)
        await stage.wait_until_idle(room)
        assert "stop every process" in await run_operator_program(stage, "bot.restored", status=1)
        assert await bot.terminate(timeout=10) == 0

        await asyncio.to_thread(_restore, database, backup)
        assert "waiting in this backup: 1" in await run_operator_program(stage, "bot.restored")
        assert "No job was waiting" in await run_operator_program(stage, "bot.restored")
        await bot.start()
        await stage.wait_for_message(room, quote_text("outcome.submit_unknown"))
        await stage.wait_until_idle(room)
        assert len(await stage.list_submits()) == 2
        assert len(clips_of(await stage.control.messages(room))) == 2


def _back_up(database: Path) -> bytes:
    """Return an online backup of the database."""
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(":memory:")) as copy:
        source.backup(copy)
        return copy.serialize()


def _restore(database: Path, backup: bytes) -> None:
    for path in database.parent.glob("clapper.db*"):
        path.unlink()
    database.write_bytes(backup)
