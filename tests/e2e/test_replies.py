"""Replies to clips and context menus."""

import asyncio
import io
from pathlib import Path

import pytest
from PIL import Image

from tests.e2e.stage import BotStage, buttons_of, clip_number_of, clips_of, text_of
from tests.harness.texts import quote_text

pytestmark = pytest.mark.asyncio(loop_scope="module")


def write_image(path: Path, colour: str) -> Path:
    """Write an image of one color and return its path."""
    data = io.BytesIO()
    Image.new("RGB", (640, 360), colour).save(data, "PNG")
    path.write_bytes(data.getvalue())
    return path


async def fetch_bot_id(stage: BotStage) -> str:
    """Return the bot's user id."""
    return str((await stage.control.world())["application"]["id"])


async def test_clip_can_be_extended_by_several_members(stage: BotStage) -> None:
    room = await stage.open_channel()
    clip = await stage.make_clip(room)
    number = clip_number_of(clip)
    replies = await asyncio.gather(
        *(
            stage.control.message(stage.people[name], room, f"{name} goes on", reply_to=clip["id"])
            for name in ("Cem", "Dia")
        )
    )
    await stage.wait_for_clip(room, 3)
    children = clips_of(await stage.control.messages(room))[1:]
    assert {m["message_reference"]["message_id"] for m in children} == set(replies)
    label = quote_text("card.extension", parent=f"#{number}")
    assert all(label in text_of(m) for m in children)


async def test_empty_reply_gets_question(stage: BotStage) -> None:
    room = await stage.open_channel()
    clip = await stage.make_clip(room)
    await stage.control.message(
        stage.people["Cem"], room, f"<@{await fetch_bot_id(stage)}>", reply_to=clip["id"]
    )
    question = await stage.wait_for_message(room, quote_text("reply.empty"))
    assert set(buttons_of(question)) == {
        quote_text("button.extend"),
        quote_text("button.edit_clip"),
        quote_text("button.redo"),
    }
    form = await stage.press_button(question, quote_text("button.extend"), "Cem")
    await stage.wait_for_answer(
        await stage.submit_form(form, "it jumps", "Cem"), quote_text("ask.accepted")
    )
    await stage.wait_for_clip(room, 2)


async def test_concurrent_redo_makes_one_clip_per_member(stage: BotStage) -> None:
    room = await stage.open_channel()
    clip = await stage.make_clip(room)
    before = len(await stage.list_submits())
    await asyncio.gather(
        *(
            stage.press_button(clip, quote_text("button.redo"), name)
            for name in ("Cem", "Dia", "Cem")
        )
    )
    await stage.wait_for_clip(room, 3)
    await stage.wait_until_idle(room)
    assert len(await stage.list_submits()) == before + 2


async def test_failed_job_is_retried_once_for_concurrent_presses(stage: BotStage) -> None:
    room = await stage.open_channel()
    await stage.control.google(outcome="failed")
    await stage.request_clip(room)
    failed = await stage.wait_for_message(room, quote_text("outcome.operation_failed"))
    await stage.control.google(outcome="done")
    before = len(await stage.list_submits())
    pressed = await asyncio.gather(
        *(
            stage.press_button(failed, quote_text("button.retry"), name)
            for name in ("Cem", "Dia", "Ada")
        )
    )
    answers = [await stage.wait_for_answer(answer) for answer in pressed]
    assert sum(quote_text("ask.accepted") in answer for answer in answers) == 1
    assert sum(quote_text("error.already_accepted") in answer for answer in answers) == 2
    await stage.wait_for_clip(room)
    assert len(await stage.list_submits()) == before + 1


async def test_animate_this_image(stage: BotStage, tmp_path: Path) -> None:
    room, ada = await stage.open_channel(), stage.people["Ada"]
    pictures = [write_image(tmp_path / f"{name}.png", name) for name in ("red", "blue")]
    one = await stage.control.message("Cem", room, "look", attachments=pictures[:1])
    menu = await stage.control.context_menu(ada, quote_text("menu.animate"), one)
    await stage.wait_for_answer(
        await stage.submit_form(menu, "it glows"), quote_text("ask.accepted")
    )
    await stage.wait_for_clip(room)
    # with several images the bot asks which one
    two = await stage.control.message("Cem", room, "look", attachments=pictures)
    menu = await stage.control.context_menu(ada, quote_text("menu.animate"), two)
    await stage.wait_for_answer(menu, quote_text("animate.which"))
    form = await stage.press_answer(menu, f"{quote_text('button.animate')} 2")
    await stage.wait_for_answer(
        await stage.submit_form(form, "it waves"), quote_text("ask.accepted")
    )
    await stage.wait_for_clip(room, 2)
    images = [
        submit["json"]["instances"][0]["image"] for submit in (await stage.list_submits())[-2:]
    ]
    assert images[0] != images[1]
    # a message without an image or clip
    none = await stage.control.message("Cem", room, "https://example.com/cat.png")
    menu = await stage.control.context_menu(ada, quote_text("menu.animate"), none)
    await stage.wait_for_answer(menu, quote_text("not_found.image_in_message"))
    menu = await stage.control.context_menu(ada, quote_text("menu.extend"), none)
    await stage.wait_for_answer(menu, quote_text("not_found.clip_in_message"))
