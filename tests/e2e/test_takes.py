"""Takes: drafts of one prompt in one message, of which one is made in full."""

import pytest

from tests.e2e.omni import ON_BOTH_DATABASES, OmniCharges
from tests.e2e.stage import QUICK_GOOGLE, BotStage, text_of
from tests.e2e.takes import (
    ask_for_takes,
    list_choices,
    list_videos,
    make_takes,
    wait_for_choice,
    wait_for_end,
)
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
    await stage.wait_for_answer(again, quote_text("error.already_accepted"))
    assert len(await stage.list_submits()) == before + 5


async def test_only_who_asked_may_choose_and_anybody_may_ask_for_more(stage: BotStage) -> None:
    room = await stage.open_channel()
    await make_takes(stage, room, takes=2)
    choice = await wait_for_choice(stage, room, 2)
    pressed = await stage.press_button(choice, "1", user="Cem")
    await stage.wait_for_answer(pressed, quote_text("not_allowed.take"))
    more = await stage.press_button(choice, quote_text("button.more_takes"), user="Cem")
    await stage.wait_for_answer(more, quote_text("ask.takes", count=2))
    await stage.press_answer(more, quote_text("button.decline"), user="Cem")


async def test_takes_of_a_clip(stage: BotStage) -> None:
    room = await stage.open_channel()
    clip = await stage.make_clip(room, "a lighthouse", model="gemini-omni-1.2-flash", duration=3)
    asked = await stage.press_button(clip, quote_text("button.takes"))
    await stage.press_answer(asked, quote_text("button.accept"))
    choice = await wait_for_choice(stage, room, 4)
    assert "a lighthouse" in text_of(choice)
    await stage.wait_until_idle(room)


async def test_a_failed_draft_is_told_and_not_paid(stage: BotStage) -> None:
    room = await stage.open_channel()
    before, charged = len(await stage.list_submits()), await OmniCharges.read(stage)
    async with stage.control.hold_google():
        await make_takes(stage, room, takes=3)

        async def are_sent() -> bool:
            return len(await stage.list_submits()) == before + 3

        await stage.wait_until(are_sent, "three drafts at Google")
        blocked = (await stage.list_submits())[before + 1]
        name = blocked["operation"].rpartition("/")[2]
        body = {"outcome": "filtered", "ready": True}
        await stage.control.call("POST", f"google/operations/{name}", body)
        await stage.wait_for_message(room, quote_text("outcome.blocked"))
    choice = await wait_for_choice(stage, room, 2)
    await stage.wait_until_idle(room)
    assert quote_text("outcome.blocked") in text_of(choice)
    assert len(list_videos(choice)) == 2
    after = await OmniCharges.read(stage)
    drafts = (await stage.list_submits())[before:]
    billed = sum(round(each["billed_usd"] * 1_000_000) for each in drafts if each["billed_usd"])
    assert after.members - charged.members == pytest.approx(billed, abs=3)


async def test_without_a_draft_the_reason_is_told_once(stage: BotStage) -> None:
    room, charged = await stage.open_channel(), await OmniCharges.read(stage)
    await stage.control.google(outcome="filtered")
    try:
        await make_takes(stage, room, takes=2)
        card = await wait_for_end(stage, room)
    finally:
        await stage.control.google(outcome="done")
    assert text_of(card).count(quote_text("outcome.blocked")) == 1
    assert (await OmniCharges.read(stage)).members == charged.members


async def test_cancel_stops_all_drafts(stage: BotStage) -> None:
    room, charged = await stage.open_channel(), await OmniCharges.read(stage)
    before = len(await stage.list_submits())
    await stage.control.google(seconds=600.0, omni={"cancel_s": 0.2, "bills_cancelled": False})
    try:
        await make_takes(stage, room, takes=2)

        async def are_sent() -> bool:
            return len(await stage.list_submits()) == before + 2

        await stage.wait_until(are_sent, "two drafts at Google")
        status = await stage.wait_for_message(room, quote_text("state.polling"))
        pressed = await stage.press_button(status, quote_text("button.cancel"))
        await stage.wait_for_answer(pressed, quote_text("cancel.stopping"))
        card = await wait_for_end(stage, room)
    finally:
        await stage.control.google(**QUICK_GOOGLE, omni={})
    assert quote_text("outcome.cancelled") in text_of(card)
    assert not list_videos(card)
    assert (await OmniCharges.read(stage)).members == charged.members


async def test_delete_removes_all_drafts(stage: BotStage) -> None:
    room = await stage.open_channel()
    await make_takes(stage, room, takes=2)
    choice = await wait_for_choice(stage, room, 2)
    await stage.wait_until_idle(room)
    await stage.delete_clip(choice)
    assert await stage.control.messages(room) == []
