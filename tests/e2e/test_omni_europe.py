"""Omni where Google takes no uploaded videos: the EEA, Switzerland and the UK."""

import pytest

from tests.e2e.omni import (
    DAY_S,
    NOTHING,
    OmniCharges,
    list_omni_submits,
    make_omni,
    reply,
    request_omni,
)
from tests.e2e.stage import BotStage, clip_number_of
from tests.harness.texts import quote_text

pytestmark = pytest.mark.asyncio(loop_scope="module")

BOT_SETTINGS = {"GOOGLE_REGION": "eu"}


async def test_own_clips_are_edited_while_google_keeps_them(stage: BotStage) -> None:
    await stage.control.google(region="eu")
    room, clip, _ = await make_omni(stage)
    before = await OmniCharges.read(stage)
    await reply(stage, room, clip, "make it dark")
    await stage.wait_for_clip(room, 2)
    await stage.wait_until_idle(room)
    assert (await OmniCharges.read(stage) - before).is_balanced


async def test_a_clip_of_veo_is_refused_before_anything_is_spent(stage: BotStage) -> None:
    await stage.control.google(region="eu")
    room = await stage.open_channel()
    clip = await stage.make_clip(room)
    before, refused = await OmniCharges.read(stage), await count_refused(stage)
    interaction = await request_omni(
        stage, room, "make it snow", command="video edit", clip=f"#{clip_number_of(clip)}"
    )
    text = await stage.wait_for_answer(interaction)
    assert quote_text("ask.accepted") not in text
    assert quote_text("rule.source_region") in text
    assert await OmniCharges.read(stage) - before == NOTHING
    assert await count_refused(stage) == refused


async def test_an_edit_after_55_days_spends_nothing(stage: BotStage) -> None:
    await stage.control.google(region="eu")
    room, clip, _ = await make_omni(stage)
    await stage.control.advance(55 * DAY_S + 60)
    before, submits = await OmniCharges.read(stage), len(await list_omni_submits(stage))
    await reply(stage, room, clip, "make it dark")
    await stage.wait_for_message(room, quote_text("outcome.source_expired"))
    await stage.wait_until_idle(room)
    assert await OmniCharges.read(stage) - before == NOTHING
    assert len(await list_omni_submits(stage)) == submits
    # and from then on it is refused immediately
    interaction = await request_omni(
        stage, room, "make it snow", command="video edit", clip=f"#{clip_number_of(clip)}"
    )
    assert quote_text("ask.accepted") not in await stage.wait_for_answer(interaction)


async def count_refused(stage: BotStage) -> int:
    """Return how many requests the sandbox's Google has refused."""
    refused: int = (await stage.control.call("GET", "google"))["refused"]
    return refused
