"""A clip that cannot be extended is gone on from its last frame, and both become one clip."""

from pathlib import Path

import pytest

from bot.media.probe import PyAvMediaProbe
from tests.e2e.omni import NOTHING, ON_BOTH_DATABASES, OmniCharges, age_everything, reply
from tests.e2e.stage import BotStage, Json, buttons_of, clip_number_of, clips_of, text_of
from tests.harness.texts import quote_text

pytestmark = [pytest.mark.asyncio(loop_scope="module"), ON_BOTH_DATABASES]

BOT_SETTINGS = {"GOOGLE_REGION": "eu"}
"""Where Omni does not take the bot's copy of a clip that Google has deleted."""
EXPIRED_DAYS = 3


async def make_expired(stage: BotStage) -> tuple[str, Json]:
    """Make a clip that Google keeps no more; return its channel and message."""
    await stage.control.google(region="eu")
    room = await stage.open_channel()
    clip = await stage.make_clip(room)
    await age_everything(stage, EXPIRED_DAYS)
    return room, clip


async def wait_for_offer(stage: BotStage, room: str) -> Json:
    """Wait for a message with the button that goes on, which has not been pressed."""
    return await stage.control.wait_message(
        room, lambda message: quote_text("button.go_on") in buttons_of(message)
    )


async def go_on(stage: BotStage, room: str, clip: Json) -> None:
    """Ask for an extension that is refused, and accept the offer."""
    options = {"clip": f"#{clip_number_of(clip)}", "prompt": "it jumps"}
    refused = await stage.control.command(stage.people["Ada"], room, "video extend", options)
    pressed = await stage.press_answer(refused, quote_text("button.go_on"))
    await stage.wait_for_answer(pressed, quote_text("ask.accepted"))


def list_files(stage: BotStage, pattern: str = "*.mp4") -> list[Path]:
    """Return the stored videos, the newest last."""
    folder = stage.bot.log.parent / "data" / "clips"
    return sorted(folder.rglob(pattern), key=lambda path: path.stat().st_mtime_ns)


async def test_an_expired_clip_is_gone_on_from_and_joined(stage: BotStage) -> None:
    room, clip = await make_expired(stage)
    number = clip_number_of(clip)
    submits = len(await stage.list_submits())
    refused = await stage.control.command(
        stage.people["Ada"], room, "video extend", {"clip": f"#{number}", "prompt": "it jumps"}
    )
    text = await stage.wait_for_answer(refused, quote_text("ask.go_on"))
    assert quote_text("rule.source_expired") in text
    assert quote_text("plan.new_shot") in text
    assert len(await stage.list_submits()) == submits, "an offer costs nothing"
    pressed = await stage.press_answer(refused, quote_text("button.go_on"))
    await stage.wait_for_answer(pressed, quote_text("ask.accepted"))
    made = await stage.wait_for_clip(room, 2)
    await stage.wait_until_idle(room)
    assert len(await stage.list_submits()) == submits + 1
    assert quote_text("card.continuation", parent=f"#{number}") in text_of(made)
    assert len(clips_of(await stage.control.messages(room))) == 2
    assert not list_files(stage, "*.shot.mp4"), "the shot is not kept beside the clip"
    first, joined = list_files(stage)[-2:]
    probe = PyAvMediaProbe()
    before, after = await probe.read_facts(first), await probe.read_facts(joined)
    assert after.seconds > before.seconds + 3.5
    assert (after.width, after.height) == (before.width, before.height)
    assert after.has_audio


async def test_a_joined_clip_can_be_gone_on_from_again(stage: BotStage) -> None:
    room, clip = await make_expired(stage)
    for turn in (2, 3):
        await reply(stage, room, clip, "then it jumps over the fence")
        offer = await wait_for_offer(stage, room)
        await stage.press_button(offer, quote_text("button.go_on"))
        clip = await stage.wait_for_clip(room, turn)
        await stage.wait_until_idle(room)
    facts = await PyAvMediaProbe().read_facts(list_files(stage)[-1])
    assert facts.seconds > 11.5


async def test_without_the_file_nothing_is_spent(stage: BotStage) -> None:
    room, clip = await make_expired(stage)
    refused = await stage.control.command(
        stage.people["Ada"],
        room,
        "video extend",
        {"clip": f"#{clip_number_of(clip)}", "prompt": "it jumps"},
    )
    await stage.wait_for_answer(refused, quote_text("ask.go_on"))
    for path in list_files(stage):
        path.unlink()
    before = await OmniCharges.read(stage)
    pressed = await stage.press_answer(refused, quote_text("button.go_on"))
    await stage.wait_for_answer(pressed, quote_text("image.last_frame_gone"))
    assert await OmniCharges.read(stage) - before == NOTHING
