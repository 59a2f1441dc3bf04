"""When Discord fails, clips are still posted once or kept."""

import asyncio
import re

import pytest

from tests.e2e.stage import BotStage, buttons_of, clips_of, text_of
from tests.harness.texts import quote_text

pytestmark = pytest.mark.asyncio(loop_scope="module")


def build_posts_path(room: str) -> str:
    return rf"/channels/{room}/messages$"


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_temporarily_refused_post_is_retried(stage: BotStage, status: int) -> None:
    room = await stage.open_channel()
    body = (
        {"message": "slow down", "code": 0, "retry_after": 0.5, "global": False}
        if status == 429
        else None
    )
    headers = {"Via": "1.1 google"} if status == 429 else {}
    await stage.control.fault(
        "discord",
        method="POST",
        path=build_posts_path(room),
        status=status,
        times=2,
        body=body,
        headers=headers,
    )
    await stage.request_clip(room)
    await stage.wait_for_clip(room)
    await stage.wait_until_idle(room)
    assert len(clips_of(await stage.control.messages(room))) == 1


async def test_oversized_clip_is_kept_and_announced(stage: BotStage) -> None:
    room, elsewhere = await stage.open_channel(), await stage.open_channel()
    async with stage.control.hold_google():
        interaction = await stage.request_clip(room, "a heron")
        await stage.wait_for_answer(interaction, quote_text("ask.accepted"))
        await stage.wait_for_message(room, quote_text("stage.polling"))
        await stage.refuse_files(room, None)  # every upload option
    message = await stage.wait_for_message(room, quote_text("outcome.delivery_failed"))
    assert "$0.40" in text_of(message)
    ada = stage.people["Ada"]
    history = await stage.wait_for_answer(
        await stage.control.command(ada, room, "video history"), "heron"
    )
    number = re.search(r"#(\d+)", history)
    assert number is not None
    again = await stage.control.command(ada, elsewhere, "video get", {"clip": number[1]})
    await stage.wait_for_answer(again, quote_text("get.done"))
    await stage.wait_for_clip(elsewhere)


@pytest.mark.parametrize("drop", ["before", "after"])
async def test_lost_post_answer_does_not_duplicate(stage: BotStage, drop: str) -> None:
    room = await stage.open_channel()
    async with stage.control.hold_google():
        await stage.request_clip(room)
        await stage.wait_for_message(room, quote_text("stage.polling"))
        await stage.control.fault("discord", method="POST", path=build_posts_path(room), drop=drop)
    await stage.wait_for_clip(room)
    await stage.wait_until_idle(room)
    assert len(clips_of(await stage.control.messages(room))) == 1


async def test_unwritable_status_does_not_delay_clip(stage: BotStage) -> None:
    room = await stage.open_channel()
    await stage.control.fault(
        "discord", method="PATCH", path=rf"/channels/{room}/messages/", status=403, times=None
    )
    await stage.request_clip(room)
    await stage.wait_for_clip(room)


@pytest.mark.parametrize("action", ["disconnect", "reconnect", "invalid_session"])
async def test_gateway_reconnect_misses_nothing(stage: BotStage, action: str) -> None:
    room = await stage.open_channel()
    clip = await stage.make_clip(room)
    await stage.control.gateway(action)
    reply = await stage.control.message(
        stage.people["Ada"], room, "it jumps over the fence", reply_to=clip["id"]
    )
    if action == "invalid_session":  # events before a new session are lost

        async def is_connected() -> bool:
            return await stage.control.count_connections() == 1

        await stage.wait_until(is_connected, "the bot being back")
        reply = await stage.control.message(
            stage.people["Ada"], room, "it jumps over the fence", reply_to=clip["id"]
        )
    second = await stage.wait_for_clip(room, 2)
    await stage.wait_until_idle(room)
    if action != "invalid_session":
        assert second["message_reference"]["message_id"] == reply
        assert len(clips_of(await stage.control.messages(room))) == 2


async def test_jobs_go_on_while_the_gateway_is_down(stage: BotStage) -> None:
    room = await stage.open_channel()
    async with stage.control.hold_google():
        await stage.wait_for_answer(await stage.request_clip(room), quote_text("ask.accepted"))
        await stage.control.gateway("down")
    await stage.wait_for_clip(room)
    await stage.control.gateway("up")

    async def is_connected() -> bool:
        return await stage.control.count_connections() == 1

    await stage.wait_until(is_connected, "the bot being back")


async def test_deleted_status_does_not_affect_job(stage: BotStage) -> None:
    room = await stage.open_channel()
    await stage.control.fault(
        "discord",
        method="PATCH",
        path=rf"/channels/{room}/messages/",
        status=404,
        times=None,
        body={"message": "Unknown Message", "code": 10008},
    )
    await stage.control.google(seconds=0.2, outcome="failed")
    await stage.request_clip(room)
    await stage.wait_for_message(room, quote_text("outcome.operation_failed"))


async def test_concurrent_requests_are_acknowledged_in_time(stage: BotStage) -> None:
    room = await stage.open_channel()
    interactions = await asyncio.gather(
        *(stage.control.command(stage.people["Dia"], room, "quota show") for _ in range(20))
    )
    for interaction in interactions:
        await stage.wait_for_answer(interaction, quote_text("quota.unlimited"))
        state = await stage.control.interaction(interaction)
        assert state["acknowledged_ms"] < stage.control.acknowledge_limit_ms


async def test_buttons_work_after_message_edits(stage: BotStage) -> None:
    """discord.py drops a dynamic item when the view that had it is replaced."""
    room = await stage.open_channel()
    clip = await stage.make_clip(room)
    await stage.control.google(seconds=0.2, outcome="failed")
    await stage.wait_for_answer(
        await stage.press_button(clip, quote_text("button.redo")), quote_text("ask.accepted")
    )
    await stage.wait_for_message(room, quote_text("outcome.operation_failed"))
    assert quote_text("button.details") in buttons_of(clip)
    await stage.wait_for_answer(
        await stage.press_button(clip, quote_text("button.details")), quote_text("details.prompt")
    )
