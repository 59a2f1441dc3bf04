"""A process that dies on the way: the clip arrives all the same, and once."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest_asyncio

from tests.e2e.stage import Stage, clips_of, open_stage, operator


@pytest_asyncio.fixture
async def own(tmp_path: Path) -> AsyncIterator[Stage]:
    """Return a stage of its own for a test: restarted processes must end with it."""
    sandbox, bot = await open_stage(tmp_path)
    try:
        await bot.start()
        stage = Stage(sandbox, bot)
        await stage.look()
        yield stage
    finally:
        await bot.close()
        await sandbox.close()


async def test_killed_while_google_works_the_clip_arrives_once(own: Stage) -> None:
    room, other = await own.room(), await own.room()
    async with own.control.google_at_work():
        await own.told(await own.generate(room), "Accepted")
        await own.control.wait_request(r"/operations/")
        await own.bot.kill_and_wait()
    await own.bot.start()
    clip = await own.clip_in(room)
    await own.settled(room)
    assert len(clips_of(await own.control.messages(room))) == 1
    assert len(await own.submits()) == 1

    # and its buttons, its form and replies to it live on, also over one more restart
    opened = await own.press(clip, "Extend")
    await own.control.wait_interaction(opened, lambda seen: seen.get("modal"))
    await own.bot.restart()
    await own.told(await own.submit(opened, "it jumps"), "Accepted")
    await own.clip_in(room, 2)
    await own.told(await own.press(clip, "Details"), "Prompt:")
    await own.control.message(own.people["Ada"], room, "it sleeps", reply_to=clip["id"])
    await own.clip_in(room, 3)
    number = clips_of(await own.control.messages(room))[0]
    get = await own.control.command(
        own.people["Ada"], other, "video get", {"clip": f"#{clip_number(number)}"}
    )
    await own.told(get, "posted again")


async def test_killed_between_post_and_record_nothing_is_posted_twice(own: Stage) -> None:
    room = await own.room()
    async with own.control.google_at_work():
        await own.told(await own.generate(room), "Accepted")
        await own.said_in(room, "generating")
        # the post is carried out and its answer held back until the process is gone
        posts = rf"/channels/{room}/messages$"
        await own.control.fault("discord", method="POST", path=posts, delay_s=0, drop="after")
    await own.control.wait_request(r":download")
    await own.clip_in(room)
    await own.bot.kill_and_wait()
    await own.bot.start()
    await own.settled(room)
    assert len(clips_of(await own.control.messages(room))) == 1


async def test_a_stop_gives_the_work_to_the_next_process(own: Stage) -> None:
    room = await own.room()
    async with own.control.google_at_work():
        await own.told(await own.generate(room), "Accepted")
        await own.control.wait_request(r"/operations/")
        assert await own.bot.terminate(timeout=10) == 0
    await own.bot.start()
    await own.clip_in(room)
    assert len(await own.submits()) == 1
    # the commands have not changed, so they were registered once
    registrations = await own.control.requests(method="PUT", path=r"/commands$")
    assert len(registrations) == 1


async def test_a_restored_backup_is_not_paid_again(tmp_path: Path) -> None:
    """One clip is being made when the backup is made, and one waits; both are posted after it."""
    sandbox, bot = await open_stage(tmp_path, settings={"BOT_IN_FLIGHT": "1"})
    try:
        await bot.start()
        stage = Stage(sandbox, bot)
        await stage.look()
        room = await stage.room()
        database = bot.log.parent / "data" / "clapper.db"
        async with stage.control.google_at_work():
            await stage.told(await stage.generate(room), "Accepted")
            await stage.control.wait_request(r"/operations/")
            waiting = await stage.generate(room, "a boat that waits")
            await stage.told(waiting, "Accepted")
            backup = await asyncio.to_thread(_saved, database)
        await stage.clip_in(room, 2)
        await stage.settled(room)
        assert "stop every process" in await operator(stage, "bot.restored", status=1)
        assert await bot.terminate(timeout=10) == 0

        await asyncio.to_thread(_restored, database, backup)
        assert "been made since: 1" in await operator(stage, "bot.restored")
        assert "No job waits" in await operator(stage, "bot.restored")
        await bot.start()
        await stage.said_in(room, "nobody can tell")
        await stage.settled(room)
        assert len(await stage.submits()) == 2
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
