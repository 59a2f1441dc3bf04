"""Takes: drafts of one prompt in one message, of which one is made in full."""

import pytest

from tests.e2e.omni import ON_BOTH_DATABASES
from tests.e2e.stage import BotStage
from tests.e2e.takes import ask_for_takes, list_choices, list_videos, wait_for_choice
from tests.harness.texts import quote_text

pytestmark = [pytest.mark.asyncio(loop_scope="module"), ON_BOTH_DATABASES]


async def test_drafts_are_posted_in_one_message_and_one_is_made_in_full(stage: BotStage) -> None:
    room, before = await stage.open_channel(), len(await stage.list_submits())
    asked = await ask_for_takes(stage, room)
    price = await stage.wait_for_answer(asked, quote_text("takes.explain"))
    assert quote_text("ask.takes", count=4) in price
    assert len(await stage.list_submits()) == before
    await stage.press_answer(asked, quote_text("button.accept"))
    choice = await wait_for_choice(stage, room, 4)
    await stage.wait_until_idle(room)
    assert list_choices(choice) == ["1", "2", "3", "4"]
    assert len(list_videos(choice)) == 4
    assert [each["id"] for each in await stage.control.messages(room)] == [choice["id"]]
    drafts = (await stage.list_submits())[before:]
    assert [draft["resolution"] for draft in drafts] == ["360p"] * 4
    assert {draft["seconds"] for draft in drafts} == {3}

    pressed = await stage.press_button(choice, "2")
    await stage.wait_for_answer(pressed, quote_text("takes.rendered"))
    await stage.wait_for_clip(room, 2)
    await stage.wait_until_idle(room)
    [full] = (await stage.list_submits())[before + 4 :]
    assert full["resolution"] == "720p"
    again = await stage.press_button(choice, "2")
    await stage.wait_for_answer(again, quote_text("already_accepted"))
    assert len(await stage.list_submits()) == before + 5
