"""A process that dies on the way: the clip arrives all the same, and once."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest_asyncio

from tests.e2e.stage import BotStage, clips_of, open_stage, run_operator_program


@pytest_asyncio.fixture
async def own(tmp_path: Path) -> AsyncIterator[BotStage]:
    """Return a stage of its own for a test: restarted processes must end with it."""
    sandbox, bot = await open_stage(tmp_path)
    try:
        await bot.start()
        stage = BotStage(sandbox, bot)
        await stage.load_world()
        yield stage
    finally:
        await bot.close()
        await sandbox.close()


async def test_killed_while_google_works_the_clip_arrives_once(own: BotStage) -> None:
    room, other = await own.open_channel(), await own.open_channel()
    async with own.control.hold_google():
        await own.wait_for_answer(await own.request_clip(room), "Accepted")
        await own.control.wait_request(r"/operations/")
        await own.bot.kill_and_wait()
    await own.bot.start()
    clip = await own.wait_for_clip(room)
    await own.wait_until_idle(room)
    assert len(clips_of(await own.control.messages(room))) == 1
    assert len(await own.list_submits()) == 1

    # and its buttons, its form and replies to it live on, also over one more restart
    opened = await own.press_button(clip, "Extend")
    await own.control.wait_interaction(opened, lambda seen: seen.get("modal"))
    await own.bot.restart()
    await own.wait_for_answer(await own.submit_form(opened, "it jumps"), "Accepted")
    await own.wait_for_clip(room, 2)
    await own.wait_for_answer(await own.press_button(clip, "Details"), "Prompt:")
    await own.control.message(own.people["Ada"], room, "it sleeps", reply_to=clip["id"])
    await own.wait_for_clip(room, 3)
    number = clips_of(await own.control.messages(room))[0]
    get = await own.control.command(
        own.people["Ada"], other, "video get", {"clip": f"#{clip_number(number)}"}
    )
    await own.wait_for_answer(get, "posted again")


async def test_killed_between_post_and_record_nothing_is_posted_twice(own: BotStage) -> None:
    room = await own.open_channel()
    async with own.control.hold_google():
        await own.wait_for_answer(await own.request_clip(room), "Accepted")
        await own.wait_for_message(room, "generating")
        # the post is carried out and its answer held back until the process is gone
        posts = rf"/channels/{room}/messages$"
        await own.control.fault("discord", method="POST", path=posts, delay_s=0, drop="after")
    await own.control.wait_request(r":download")
    await own.wait_for_clip(room)
    await own.bot.kill_and_wait()
    await own.bot.start()
    await own.wait_until_idle(room)
    assert len(clips_of(await own.control.messages(room))) == 1


async def test_a_stop_gives_the_work_to_the_next_process(own: BotStage) -> None:
    room = await own.open_channel()
    async with own.control.hold_google():
        await own.wait_for_answer(await own.request_clip(room), "Accepted")
        await own.control.wait_request(r"/operations/")
        assert await own.bot.terminate(timeout=10) == 0
    await own.bot.start()
    await own.wait_for_clip(room)
    assert len(await own.list_submits()) == 1
    # the commands have not changed, so they were registered once
    registrations = await own.control.requests(method="PUT", path=r"/commands$")
    assert len(registrations) == 1


async def test_a_restored_backup_is_not_paid_again(tmp_path: Path) -> None:
    """One clip is being made when the backup is made, and one waits; both are posted after it."""
    sandbox, bot = await open_stage(tmp_path, settings={"MAX_CONCURRENT_JOBS": "1"})
    try:
        await bot.start()
        stage = BotStage(sandbox, bot)
        await stage.load_world()
        room = await stage.open_channel()
        database = bot.log.parent / "data" / "clapper.db"
        async with stage.control.hold_google():
            await stage.wait_for_answer(await stage.request_clip(room), "Accepted")
            await stage.control.wait_request(r"/operations/")
            waiting = await stage.request_clip(room, "a boat that waits")
            await stage.wait_for_answer(waiting, "Accepted")
            backup = await asyncio.to_thread(_saved, database)
        await stage.wait_for_clip(room, 2)
        await stage.wait_until_idle(room)
        assert "stop every process" in await run_operator_program(stage, "bot.restored", status=1)
        assert await bot.terminate(timeout=10) == 0

        await asyncio.to_thread(_restored, database, backup)
        assert "been made since: 1" in await run_operator_program(stage, "bot.restored")
        assert "No job waits" in await run_operator_program(stage, "bot.restored")
        await bot.start()
        await stage.wait_for_message(room, "nobody can tell")
        await stage.wait_until_idle(room)
        assert len(await stage.list_submits()) == 2
        assert len(clips_of(await stage.control.messages(room))) == 2
    finally:
        await bot.close()
        await sandbox.close()


def _saved(database: Path) -> bytes:
    """Return what the document's backup would hold."""
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(":memory:")) as copy:
        source.backup(copy)
        return copy.serialize()


def _restored(database: Path, backup: bytes) -> None:
    for each in database.parent.glob("clapper.db*"):
        each.unlink()
    database.write_bytes(backup)


def clip_number(message: dict[str, object]) -> str:
    """Return the number of the clip that a message shows."""
    text = str(message)
    return text.split("clapper:extend:")[1].split("'")[0]
