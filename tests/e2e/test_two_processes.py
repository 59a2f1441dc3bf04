"""Two processes on one PostgreSQL receive each event twice and handle it once."""

import asyncio
from pathlib import Path

import pytest

from tests.e2e.stage import clip_number_of, clips_of, run_two_processes
from tests.e2e.test_replies import write_image
from tests.harness.texts import quote_text


@pytest.mark.postgresql
async def test_every_flow_runs_once_with_two_processes(tmp_path: Path) -> None:
    async with run_two_processes(tmp_path) as (stage, second, _):
        room, ada = await stage.open_channel(), stage.people["Ada"]
        # buttons and forms
        clip = await stage.make_clip(room)
        form = await stage.press_button(clip, quote_text("button.extend"), "Cem")
        await stage.wait_for_answer(
            await stage.submit_form(form, "it jumps", "Cem"), quote_text("ask.accepted")
        )
        await stage.wait_for_clip(room, 2)
        await asyncio.gather(
            stage.press_button(clip, quote_text("button.redo")),
            stage.press_button(clip, quote_text("button.redo")),
        )
        await stage.wait_for_clip(room, 3)
        form = await stage.press_button(clip, quote_text("button.reword"))
        await stage.wait_for_answer(
            await stage.submit_form(form, "a blue fox"), quote_text("ask.accepted")
        )
        fourth = await stage.wait_for_clip(room, 4)
        await stage.wait_for_answer(
            await stage.press_button(fourth, quote_text("button.details")),
            quote_text("details.prompt"),
        )
        await stage.delete_clip(fourth)
        # a confirmation lives in one process; its button works in both, once
        for _ in range(3):
            interaction = await stage.request_clip(room, resolution="1080p", duration=4)
            await stage.wait_for_answer(interaction, quote_text("ask.nearest"))
            await stage.wait_for_answer(
                await stage.press_answer(interaction, quote_text("button.nearest")),
                quote_text("ask.accepted"),
            )
        await stage.wait_for_clip(room, 6)
        picture = await stage.control.message(
            "Cem", room, "look", attachments=[write_image(tmp_path / "a.png", "red")]
        )
        menu = await stage.control.context_menu(ada, quote_text("menu.animate"), picture)
        await stage.wait_for_answer(
            await stage.submit_form(menu, "it glows"), quote_text("ask.accepted")
        )
        await stage.wait_for_clip(room, 7)
        # messages are answered once
        other_channel = await stage.open_channel()
        copy = await stage.control.command(
            ada, other_channel, "video get", {"clip": clip_number_of(clip)}
        )
        await stage.wait_for_answer(copy, quote_text("get.done"))
        copy_clip = await stage.wait_for_clip(other_channel)
        await stage.control.message(ada, other_channel, "again", reply_to=copy_clip["id"])
        await stage.wait_for_message(other_channel, quote_text("reply.again"))
        await stage.control.message(ada, other_channel, "x", reply_to=copy_clip["id"], ping=False)
        await stage.wait_for_message(other_channel, quote_text("reply.ping_hint"))
        await stage.wait_until_idle(other_channel)
        assert len(await stage.control.messages(other_channel)) == 5
        # user install: whichever process finishes the job edits the one reply
        await stage.control.change_user("Ada", has_app=True)
        guild = await stage.control.add_guild("Away", owner="Cem", members=["Ada"], bot=False)
        away = guild["channels"][0]["id"]
        async with stage.control.hold_google():
            await stage.wait_for_answer(
                await stage.request_clip(away, "a visiting fox"), quote_text("ask.accepted")
            )
            status = await stage.wait_for_message(away, quote_text("stage.polling"))
            await stage.bot.kill()  # the other process takes over
        visited = await stage.wait_for_clip(away)
        assert visited["id"] == status["id"]
        await stage.wait_for_answer(
            await stage.press_button(visited, quote_text("button.redo")), quote_text("ask.accepted")
        )
        await stage.wait_for_clip(away, 2)
        await stage.wait_until_idle(room)
        assert len(clips_of(await stage.control.messages(room))) == 7
        assert len(await stage.list_submits()) == 10
        for process in (stage.bot, second):
            assert "Traceback" not in process.read_log(), process.read_log()[-4000:]
            assert '"level": "error"' not in process.read_log()


@pytest.mark.postgresql
async def test_duplicate_event_is_handled_once(tmp_path: Path) -> None:
    async with run_two_processes(tmp_path) as (stage, _, _):
        guild = await stage.control.add_guild("New", owner="Ada", channels=["hall"])
        hall = guild["channels"][0]["id"]
        await stage.wait_for_message(hall, quote_text("welcome.title"))
        room = await stage.open_channel()
        await stage.control.google(seconds=0.5)
        clip = await stage.make_clip(room)
        await stage.control.message(
            stage.people["Ada"], room, "it jumps over the fence", reply_to=clip["id"]
        )
        await stage.wait_for_clip(room, 2)
        await stage.wait_until_idle(room)
        assert len(clips_of(await stage.control.messages(room))) == 2
        assert len(await stage.list_submits()) == 2
        # one process dies: the other finishes its jobs
        async with stage.control.hold_google():
            last_request = (await stage.control.requests())[-1]["n"]
            await stage.wait_for_answer(await stage.request_clip(room), quote_text("ask.accepted"))
            await stage.control.wait_request(r"/operations/", after=last_request)
            await stage.bot.kill()
        await stage.wait_for_clip(room, 3)
        await stage.wait_until_idle(room)
        assert len(await stage.list_submits()) == 3
        assert len(clips_of(await stage.control.messages(room))) == 3
        assert len(await stage.control.messages(hall)) == 1  # one guide
