"""Where Google takes no uploaded videos, a reply is told why and what works instead."""

import pytest

from tests.e2e.stage import BotStage, buttons_of, clips_of, text_of
from tests.harness.texts import quote_text

pytestmark = pytest.mark.asyncio(loop_scope="module")

BOT_SETTINGS = {"GOOGLE_REGION": "eu"}


async def test_an_edit_of_a_veo_clip_is_explained_and_an_extension_offered(
    stage: BotStage,
) -> None:
    """Nothing is spent until its author presses the button with the price."""
    room = await stage.open_channel()
    clip = await stage.make_clip(room)
    before = len(await stage.list_submits())
    asked = await stage.control.message(
        stage.people["Cem"], room, "make it dark", reply_to=clip["id"]
    )
    question = await stage.wait_for_message(room, quote_text("rule.source_region"))
    assert quote_text("reply.only_extend") in text_of(question)
    [label] = buttons_of(question)
    assert label.startswith(f"{quote_text('button.reply')} · $")
    assert len(await stage.list_submits()) == before
    await stage.press_button(question, label, "Cem")
    longer = await stage.wait_for_clip(room, 2)
    assert longer["message_reference"]["message_id"] == asked
    assert len(await stage.list_submits()) == before + 1


async def test_an_omni_clip_is_edited_here_too(stage: BotStage) -> None:
    """Google keeps its own clips, so nothing has to be sent."""
    room = await stage.open_channel()
    clip = await stage.make_clip(room, model="gemini-omni-1.1-flash", duration=3, resolution="360p")
    await stage.control.message(stage.people["Cem"], room, "make it dark", reply_to=clip["id"])
    await stage.wait_for_clip(room, 2)


async def test_a_clip_that_cannot_be_extended_or_edited_says_why(stage: BotStage) -> None:
    room = await stage.open_channel()
    clip = await stage.make_clip(room, resolution="1080p", duration=8)
    assert (
        not {quote_text("button.extend"), quote_text("button.edit_clip")} & buttons_of(clip).keys()
    )
    before = len(await stage.list_submits())
    for words in ("the fox jumps over it", "make it dark"):
        await stage.control.message(stage.people["Ada"], room, words, reply_to=clip["id"])
    await stage.wait_for_message(room, quote_text("rule.source_resolution"))
    await stage.wait_for_message(room, quote_text("rule.source_region"))
    assert len(await stage.list_submits()) == before
    assert len(clips_of(await stage.control.messages(room))) == 1
