"""A request by a reply is held back for the undo time, and undoing it is free."""

import pytest

from tests.e2e.stage import BotStage, buttons_of, clips_of, text_of
from tests.e2e.test_replies import fetch_bot_id
from tests.e2e.test_reply_spending import TAP, wait_for_tap
from tests.harness.texts import quote_text

pytestmark = pytest.mark.asyncio(loop_scope="module")

BOT_SETTINGS = {"REPLY_UNDO_S": "600"}
"""Longer than any test: what is not undone is never sent."""


async def test_undo_costs_nothing_and_works_after_a_restart(stage: BotStage) -> None:
    """Only the author can use *Undo* on the status message. [people-M3]"""
    room = await stage.open_channel()
    clip = await stage.make_clip(room)  # a command is not held back
    before = len(await stage.list_submits())
    ask = "the fox jumps over the fence"
    await stage.control.message(stage.people["Cem"], room, ask, reply_to=clip["id"])
    status = await stage.wait_for_message(room, quote_text("stage.undo"))
    assert "$" in text_of(status)
    assert set(buttons_of(status)) == {quote_text("button.undo")}
    await stage.bot.restart()
    refused = await stage.press_button(status, quote_text("button.undo"), "Dia")
    await stage.wait_for_answer(refused, quote_text("not_allowed.cancel"))
    undone = await stage.press_button(status, quote_text("button.undo"), "Cem")
    await stage.wait_for_answer(undone, quote_text("cancel.cancelled"))
    assert len(await stage.list_submits()) == before
    assert len(clips_of(await stage.control.messages(room))) == 1


async def test_replies_as_the_server_has_chosen(stage: BotStage) -> None:
    """`/server replies` shows without an option; ask waits for a tap, off is silent. [people-M3]"""
    room, admin, cem = await stage.open_channel(), stage.people["Ada"], stage.people["Cem"]
    clip = await stage.make_clip(room)
    ask = "the fox jumps over the fence"

    async def set_mode(**options: str) -> str:
        given = await stage.control.command(admin, room, "server replies", options)
        return await stage.wait_for_answer(given)

    assert quote_text("server.replies.extend") in await set_mode()
    assert quote_text("server.replies.ask") in await set_mode(mode="ask")
    assert quote_text("server.replies.ask") in await set_mode()
    reply = await stage.control.message(cem, room, ask, reply_to=clip["id"])
    await wait_for_tap(stage, room, reply)
    await stage.control.reaction(cem, reply, TAP)
    status = await stage.wait_for_message(room, quote_text("stage.undo"))
    await stage.wait_for_answer(
        await stage.press_button(status, quote_text("button.undo"), "Cem"),
        quote_text("cancel.cancelled"),
    )
    assert quote_text("server.replies.off") in await set_mode(mode="off")
    await stage.control.message(cem, room, ask, reply_to=clip["id"])
    named = f"<@{await fetch_bot_id(stage)}> {ask}"
    await stage.control.message(cem, room, named, reply_to=clip["id"])
    await stage.wait_for_message(room, quote_text("reply.off"))
    await set_mode(mode="extend")
    assert len(clips_of(await stage.control.messages(room))) == 1


async def test_a_reply_in_the_showcase_is_a_comment(stage: BotStage) -> None:
    """If it mentions the bot, the clip is posted where the first one was made. [people-M10]"""
    wall, room = await stage.open_channel(), await stage.open_channel()
    admin, cem = stage.people["Ada"], stage.people["Cem"]
    arranged = await stage.control.command(admin, room, "server showcase", {"channel": wall})
    await stage.wait_for_answer(arranged)
    clip = await stage.make_clip(room)
    await stage.press_button(clip, quote_text("button.showcase"))
    post = await stage.control.wait_message(wall, lambda m: bool(clips_of([m])))
    ask = "the fox jumps over the fence"
    comment = await stage.control.message(cem, wall, ask, reply_to=post["id"])
    named = f"<@{await fetch_bot_id(stage)}> {ask}"
    await stage.control.message(cem, wall, named, reply_to=post["id"])
    told = await stage.wait_for_message(wall, quote_text("reply.elsewhere", channel=f"<#{room}>"))
    assert f"<#{room}>" in text_of(told)
    status = await stage.wait_for_message(room, quote_text("stage.undo"))
    assert quote_text("button.undo") in buttons_of(status)
    messages = await stage.control.messages(wall)
    assert len(clips_of(messages)) == 1
    assert not next(m for m in messages if m["id"] == comment).get("reactions")
    await stage.wait_for_answer(
        await stage.press_button(status, quote_text("button.undo"), "Cem"),
        quote_text("cancel.cancelled"),
    )
