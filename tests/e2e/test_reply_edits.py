"""A reply that asks for a change edits the clip; an unclear reply is answered with a question."""

from pathlib import Path
from typing import Any, Final

import pytest

from tests.e2e.stage import BotStage, buttons_of, clip_number_of, clips_of, text_of
from tests.e2e.test_replies import write_image
from tests.e2e.test_reply_spending import TAP, list_bot_texts, wait_for_tap
from tests.harness.texts import quote_text

pytestmark = pytest.mark.asyncio(loop_scope="module")

OMNI: Final[dict[str, Any]] = {
    "model": "gemini-omni-1.1-flash",
    "duration": 3,
    "resolution": "360p",
}
"""A short clip of a model that extends and edits."""
LONGEST: Final[dict[str, Any]] = {"model": "veo-3.1-fast-generate-preview", "duration": 8}


async def reply(
    stage: BotStage, room: str, clip: Any, words: str, user: str = "Cem", **more: Any
) -> str:
    """Reply to a clip; return the reply's id."""
    return await stage.control.message(stage.people[user], room, words, reply_to=clip["id"], **more)


async def list_new_submits(stage: BotStage, before: int) -> list[Any]:
    return (await stage.list_submits())[before:]


def find_button(message: Any, beginning: str) -> str:
    """Return the label of a message's button that begins with ``beginning``."""
    [label] = [label for label in buttons_of(message) if label.startswith(beginning)]
    assert "$" in label
    return label


async def test_make_it_dark_edits_without_a_question(stage: BotStage) -> None:
    room = await stage.open_channel()
    clip = await stage.make_clip(room, **OMNI)
    before = len(await stage.list_submits())
    asked = await reply(stage, room, clip, "make it dark")
    edited = await stage.wait_for_clip(room, 2)
    assert edited["message_reference"]["message_id"] == asked
    assert quote_text("card.edit", parent=f"#{clip_number_of(clip)}") in text_of(edited)
    [submit] = await list_new_submits(stage, before)
    assert (submit["route"], submit["seconds"]) == ("omni", 3)
    assert "make it dark" in str(submit["json"])
    assert submit["json"]["previous_interaction_id"].startswith("v1_")


async def test_what_happens_next_extends_an_omni_clip(stage: BotStage) -> None:
    room = await stage.open_channel()
    clip = await stage.make_clip(room, **OMNI)
    before = len(await stage.list_submits())
    await reply(stage, room, clip, "the fox starts to dance")
    longer = await stage.wait_for_clip(room, 2)
    assert quote_text("card.extension", parent=f"#{clip_number_of(clip)}") in text_of(longer)
    [submit] = await list_new_submits(stage, before)
    assert "Extend this video:" in str(submit["json"])


async def test_an_unclear_reply_is_answered_with_both_prices(stage: BotStage) -> None:
    """Nothing is spent; only the author can press, once, even after a restart."""
    room = await stage.open_channel()
    clip = await stage.make_clip(room, **OMNI)
    before = len(await stage.list_submits())
    asked = await reply(stage, room, clip, "then make it dark")
    question = await stage.wait_for_message(room, quote_text("reply.choose"))
    assert question["message_reference"]["message_id"] == asked
    find_button(question, f"{quote_text('button.reply')} · ")
    edit = find_button(question, f"{quote_text('button.reply_edit')} · ")
    assert len(buttons_of(question)) == 2
    assert await list_new_submits(stage, before) == []
    await stage.bot.restart()
    refused = await stage.press_button(question, edit, "Dia")
    await stage.wait_for_answer(refused, quote_text("not_allowed.offer"))
    await stage.press_button(question, edit, "Cem")
    edited = await stage.wait_for_clip(room, 2)
    assert edited["message_reference"]["message_id"] == asked
    assert quote_text("card.edit", parent=f"#{clip_number_of(clip)}") in text_of(edited)
    await stage.wait_until_idle(room)
    assert len(await list_new_submits(stage, before)) == 1
    assert question["id"] not in {m["id"] for m in await stage.control.messages(room)}


async def test_a_tap_on_a_polite_question_edits(stage: BotStage) -> None:
    """The bot only reacts to a question, and the author's tap confirms. [people-M3]"""
    room = await stage.open_channel()
    clip = await stage.make_clip(room, **OMNI)
    before, texts = len(await stage.list_submits()), len(await list_bot_texts(stage, room))
    asked = await reply(stage, room, clip, "can you make it dark?")
    await wait_for_tap(stage, room, asked)
    assert len(await list_bot_texts(stage, room)) == texts
    assert await list_new_submits(stage, before) == []
    await stage.control.reaction(stage.people["Cem"], asked, TAP)
    edited = await stage.wait_for_clip(room, 2)
    assert quote_text("card.edit", parent=f"#{clip_number_of(clip)}") in text_of(edited)


async def test_pictures_become_references(stage: BotStage, tmp_path: Path) -> None:
    """A direction with images edits; a comment with one does not. [people-M8, discord-D15]"""
    room = await stage.open_channel()
    clip = await stage.make_clip(room, **OMNI)
    before = len(await stage.list_submits())
    pictures = [write_image(tmp_path / f"{name}.png", name) for name in ("red", "blue")]
    comment = await reply(stage, room, clip, "lol same", attachments=pictures[:1])
    await wait_for_tap(stage, room, comment)
    assert await list_new_submits(stage, before) == []
    await reply(stage, room, clip, "put this hat on the fox", attachments=pictures)
    edited = await stage.wait_for_clip(room, 2)
    assert quote_text("card.edit", parent=f"#{clip_number_of(clip)}") in text_of(edited)
    [submit] = await list_new_submits(stage, before)
    assert str(submit["json"]["input"]).count("'type': 'image'") == 2


async def test_a_picture_with_a_story_is_asked_about(stage: BotStage, tmp_path: Path) -> None:
    """An extension takes no image, and the bot says so before payment. [people-M8]"""
    room = await stage.open_channel()
    clip = await stage.make_clip(room, **OMNI)
    before = len(await stage.list_submits())
    picture = write_image(tmp_path / "red.png", "red")
    await reply(stage, room, clip, "the fox jumps over the fence", attachments=[picture])
    question = await stage.wait_for_message(room, quote_text("reply.picture"))
    assert await list_new_submits(stage, before) == []
    await stage.press_button(
        question, find_button(question, quote_text("button.edit_with_image")), "Cem"
    )
    await stage.wait_for_clip(room, 2)
    [submit] = await list_new_submits(stage, before)
    assert "'type': 'image'" in str(submit["json"]["input"])


async def test_a_clip_that_is_too_long_to_edit_is_offered_an_extension(stage: BotStage) -> None:
    """The member reads the reason, and nothing is spent."""
    room = await stage.open_channel()
    clip = await stage.make_clip(room, **LONGEST)
    await reply(stage, room, clip, "the fox starts to dance")
    longer = await stage.wait_for_clip(room, 2)
    await stage.wait_until_idle(room)
    await reply(stage, room, longer, "the fox jumps over the fence")
    longest = await stage.wait_for_clip(room, 3)
    await stage.wait_until_idle(room)
    before = len(await stage.list_submits())
    await reply(stage, room, longest, "make it dark")
    question = await stage.wait_for_message(room, quote_text("rule.edit_source_too_long"))
    assert quote_text("reply.only_extend") in text_of(question)
    assert [label.split(" · ")[0] for label in buttons_of(question)] == [quote_text("button.reply")]
    assert await list_new_submits(stage, before) == []
    assert len(clips_of(await stage.control.messages(room))) == 3
