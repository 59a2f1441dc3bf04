"""Two processes on one PostgreSQL hear every event twice over: each is acted upon once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.chaos.cluster import Cluster, NoPostgres
from tests.e2e.stage import SETTINGS, Json, Stage, buttons_of, clips_of, open_stage
from tests.e2e.test_replies import a_picture
from tests.harness.bot import BotProcess


@asynccontextmanager
async def twins(directory: Path, **settings: str) -> AsyncIterator[tuple[Stage, BotProcess]]:
    """Run two processes of one bot on one PostgreSQL; the stage knows the first."""
    try:
        cluster = Cluster()
    except NoPostgres as reason:
        pytest.skip(str(reason))
    async with cluster:
        shared = {"DATABASE_URL": await cluster.new_database(), **settings}
        sandbox, first = await open_stage(directory, settings=shared)
        second = BotProcess(
            sandbox.control,
            sandbox.environment_for_bot,
            directory / "second",
            settings=SETTINGS | shared,
        )
        try:
            await sandbox.control.scale_ratelimits(None)
            await first.start()
            await second.start()
            stage = Stage(sandbox, first)
            await stage.look()
            yield stage, second
        finally:
            await first.close()
            await second.close()
            await sandbox.close()


@pytest.mark.postgresql
async def test_every_flow_works_once(tmp_path: Path) -> None:
    async with twins(tmp_path) as (stage, second):
        room, ada = await stage.room(), stage.people["Ada"]
        # buttons and forms
        clip = await stage.a_clip(room)
        form = await stage.press(clip, "Extend", "Cem")
        await stage.told(await stage.submit(form, "it jumps", "Cem"), "Accepted")
        await stage.clip_in(room, 2)
        await asyncio.gather(stage.press(clip, "Redo"), stage.press(clip, "Redo"))
        await stage.clip_in(room, 3)
        form = await stage.press(clip, "Edit prompt")
        await stage.told(await stage.submit(form, "a blue fox"), "Accepted")
        fourth = await stage.clip_in(room, 4)
        await stage.told(await stage.press(fourth, "Details"), "Prompt:")
        await stage.told(await stage.press(fourth, "Delete"), "deleted")
        # an offer lives in one of the two; its button works all the same, once
        for _ in range(3):
            asked = await stage.generate(room, resolution="1080p", duration=4)
            await stage.told(asked, "This would work")
            await stage.told(await stage.press_answer(asked, "Make this one"), "Accepted")
        await stage.clip_in(room, 6)
        picture = await stage.control.message(
            "Cem", room, "look", attachments=[a_picture(tmp_path / "a.png", "red")]
        )
        menu = await stage.control.context_menu(ada, "Animate this image", picture)
        await stage.told(await stage.submit(menu, "it glows"), "Accepted")
        await stage.clip_in(room, 7)
        # answers to messages are said once
        talk = await stage.room()
        copy = await stage.control.command(ada, talk, "video get", {"clip": number_of(clip)})
        await stage.told(copy, "posted again")
        shown = await stage.clip_in(talk)
        await stage.control.message(ada, talk, "again", reply_to=shown["id"])
        await stage.said_in(talk, "same once more")
        await stage.control.message(ada, talk, "x", reply_to=shown["id"], ping=False)
        await stage.said_in(talk, "@ ON")
        await stage.settled(talk)
        assert len(await stage.control.messages(talk)) == 5
        # a visit: whichever process finishes it edits the one answer
        await stage.control.change_user("Ada", has_app=True)
        guild = await stage.control.add_guild("Away", owner="Cem", members=["Ada"], bot=False)
        away = guild["channels"][0]["id"]
        async with stage.control.google_at_work():
            await stage.told(await stage.generate(away, "a visiting fox"), "Accepted")
            status = await stage.said_in(away, "generating")
            await stage.bot.kill()  # the other one takes over what was this one's
        visited = await stage.clip_in(away)
        assert visited["id"] == status["id"]
        await stage.told(await stage.press(visited, "Redo"), "Accepted")
        await stage.clip_in(away, 2)
        await stage.settled(room)
        assert len(clips_of(await stage.control.messages(room))) == 7
        assert len(await stage.submits()) == 10
        for process in (stage.bot, second):
            assert "Traceback" not in process.said(), process.said()[-4000:]
            assert '"level": "error"' not in process.said()


def number_of(message: Json) -> str:
    """Return the number of the clip that a message shows."""
    return buttons_of(message)["Extend"].rpartition(":")[2]


@pytest.mark.postgresql
async def test_an_event_that_is_delivered_twice_is_accepted_once(tmp_path: Path) -> None:
    async with twins(tmp_path) as (stage, _):
        guild = await stage.control.add_guild("New", owner="Ada", channels=["hall"])
        hall = guild["channels"][0]["id"]
        await stage.said_in(hall, "Hello! I am Clapper")
        room = await stage.room()
        await stage.control.google(seconds=0.5)
        clip = await stage.a_clip(room)
        await stage.control.message(stage.people["Ada"], room, "it jumps", reply_to=clip["id"])
        await stage.clip_in(room, 2)
        await stage.settled(room)
        assert len(clips_of(await stage.control.messages(room))) == 2
        assert len(await stage.submits()) == 2
        # one of them dies: what it has taken is finished by the other
        async with stage.control.google_at_work():
            seen = (await stage.control.requests())[-1]["n"]
            await stage.told(await stage.generate(room), "Accepted")
            await stage.control.wait_request(r"/operations/", after=seen)
            await stage.bot.kill()
        await stage.clip_in(room, 3)
        await stage.settled(room)
        assert len(await stage.submits()) == 3
        assert len(clips_of(await stage.control.messages(room))) == 3
        assert len(await stage.control.messages(hall)) == 1  # greeted by one of the two
