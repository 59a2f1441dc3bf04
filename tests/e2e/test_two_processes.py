"""Two processes on one PostgreSQL hear every event twice over: each is acted upon once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.chaos.cluster import PostgresCluster, PostgresNotInstalled
from tests.e2e.stage import UNLIMITED_SETTINGS, BotStage, Json, buttons_of, clips_of, open_stage
from tests.e2e.test_replies import a_picture
from tests.harness.bot import BotProcess


@asynccontextmanager
async def twins(directory: Path, **settings: str) -> AsyncIterator[tuple[BotStage, BotProcess]]:
    """Run two processes of one bot on one PostgreSQL; the stage knows the first."""
    try:
        cluster = PostgresCluster()
    except PostgresNotInstalled as reason:
        pytest.skip(str(reason))
    async with cluster:
        shared = {"DATABASE_URL": await cluster.create_database(), **settings}
        sandbox, first = await open_stage(directory, settings=shared)
        second = BotProcess(
            sandbox.control,
            sandbox.environment_for_bot,
            directory / "second",
            settings=UNLIMITED_SETTINGS | shared,
        )
        try:
            await sandbox.control.scale_ratelimits(None)
            await first.start()
            await second.start()
            stage = BotStage(sandbox, first)
            await stage.load_world()
            yield stage, second
        finally:
            await first.close()
            await second.close()
            await sandbox.close()


@pytest.mark.postgresql
async def test_every_flow_runs_once_with_two_processes(tmp_path: Path) -> None:
    async with twins(tmp_path) as (stage, second):
        room, ada = await stage.open_channel(), stage.people["Ada"]
        # buttons and forms
        clip = await stage.make_clip(room)
        form = await stage.press_button(clip, "Extend", "Cem")
        await stage.wait_for_answer(await stage.submit_form(form, "it jumps", "Cem"), "Accepted")
        await stage.wait_for_clip(room, 2)
        await asyncio.gather(stage.press_button(clip, "Redo"), stage.press_button(clip, "Redo"))
        await stage.wait_for_clip(room, 3)
        form = await stage.press_button(clip, "Edit prompt")
        await stage.wait_for_answer(await stage.submit_form(form, "a blue fox"), "Accepted")
        fourth = await stage.wait_for_clip(room, 4)
        await stage.wait_for_answer(await stage.press_button(fourth, "Details"), "Prompt:")
        await stage.wait_for_answer(await stage.press_button(fourth, "Delete"), "deleted")
        # an offer lives in one of the two; its button works all the same, once
        for _ in range(3):
            asked = await stage.request_clip(room, resolution="1080p", duration=4)
            await stage.wait_for_answer(asked, "This would work")
            await stage.wait_for_answer(
                await stage.press_answer(asked, "Make this one"), "Accepted"
            )
        await stage.wait_for_clip(room, 6)
        picture = await stage.control.message(
            "Cem", room, "look", attachments=[a_picture(tmp_path / "a.png", "red")]
        )
        menu = await stage.control.context_menu(ada, "Animate this image", picture)
        await stage.wait_for_answer(await stage.submit_form(menu, "it glows"), "Accepted")
        await stage.wait_for_clip(room, 7)
        # answers to messages are said once
        talk = await stage.open_channel()
        copy = await stage.control.command(ada, talk, "video get", {"clip": number_of(clip)})
        await stage.wait_for_answer(copy, "posted again")
        shown = await stage.wait_for_clip(talk)
        await stage.control.message(ada, talk, "again", reply_to=shown["id"])
        await stage.wait_for_message(talk, "same once more")
        await stage.control.message(ada, talk, "x", reply_to=shown["id"], ping=False)
        await stage.wait_for_message(talk, "@ ON")
        await stage.wait_until_idle(talk)
        assert len(await stage.control.messages(talk)) == 5
        # a visit: whichever process finishes it edits the one answer
        await stage.control.change_user("Ada", has_app=True)
        guild = await stage.control.add_guild("Away", owner="Cem", members=["Ada"], bot=False)
        away = guild["channels"][0]["id"]
        async with stage.control.hold_google():
            await stage.wait_for_answer(
                await stage.request_clip(away, "a visiting fox"), "Accepted"
            )
            status = await stage.wait_for_message(away, "generating")
            await stage.bot.kill()  # the other one takes over what was this one's
        visited = await stage.wait_for_clip(away)
        assert visited["id"] == status["id"]
        await stage.wait_for_answer(await stage.press_button(visited, "Redo"), "Accepted")
        await stage.wait_for_clip(away, 2)
        await stage.wait_until_idle(room)
        assert len(clips_of(await stage.control.messages(room))) == 7
        assert len(await stage.list_submits()) == 10
        for process in (stage.bot, second):
            assert "Traceback" not in process.read_log(), process.read_log()[-4000:]
            assert '"level": "error"' not in process.read_log()


def number_of(message: Json) -> str:
    """Return the number of the clip that a message shows."""
    return buttons_of(message)["Extend"].rpartition(":")[2]


@pytest.mark.postgresql
async def test_an_event_that_is_delivered_twice_is_accepted_once(tmp_path: Path) -> None:
    async with twins(tmp_path) as (stage, _):
        guild = await stage.control.add_guild("New", owner="Ada", channels=["hall"])
        hall = guild["channels"][0]["id"]
        await stage.wait_for_message(hall, "Hello! I am Clapper")
        room = await stage.open_channel()
        await stage.control.google(seconds=0.5)
        clip = await stage.make_clip(room)
        await stage.control.message(stage.people["Ada"], room, "it jumps", reply_to=clip["id"])
        await stage.wait_for_clip(room, 2)
        await stage.wait_until_idle(room)
        assert len(clips_of(await stage.control.messages(room))) == 2
        assert len(await stage.list_submits()) == 2
        # one of them dies: what it has taken is finished by the other
        async with stage.control.hold_google():
            seen = (await stage.control.requests())[-1]["n"]
            await stage.wait_for_answer(await stage.request_clip(room), "Accepted")
            await stage.control.wait_request(r"/operations/", after=seen)
            await stage.bot.kill()
        await stage.wait_for_clip(room, 3)
        await stage.wait_until_idle(room)
        assert len(await stage.list_submits()) == 3
        assert len(clips_of(await stage.control.messages(room))) == 3
        assert len(await stage.control.messages(hall)) == 1  # greeted by one of the two
