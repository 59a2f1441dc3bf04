"""Omni clips that Google no longer keeps are edited from the bot's copy, on both databases.

Only the sandbox's clock moves, so Google has deleted what the bot believes is still there.
"""

import pytest

from tests.e2e.omni import (
    DAY_S,
    EXTENDING,
    ON_BOTH_DATABASES,
    OmniCharges,
    age_everything,
    content_of,
    get_submit,
    list_omni_submits,
    make_omni,
    open_reader,
    reply,
)
from tests.e2e.stage import BotStage, clip_number_of, clips_of, text_of
from tests.harness.texts import quote_text

pytestmark = [pytest.mark.asyncio(loop_scope="module"), ON_BOTH_DATABASES]


@pytest.mark.parametrize(
    ("kept_days", "words", "options"),
    [
        pytest.param(55, "make it dark", {}, id="an edit after 55 days"),
        pytest.param(1, "remove the background", {}, id="an edit after the free day"),
        pytest.param(55, "it jumps over the fence", EXTENDING, id="an extension after 55 days"),
    ],
)
async def test_clips_that_google_no_longer_keeps_are_sent_as_bytes(
    stage: BotStage, kept_days: int, words: str, options: dict[str, str]
) -> None:
    await stage.control.google(omni={"lifetime_s": kept_days * DAY_S})
    room, clip, first = await make_omni(stage, **options)
    await stage.control.advance(kept_days * DAY_S + 60)
    before, submits = await OmniCharges.read(stage), len(await list_omni_submits(stage))
    await reply(stage, room, clip, words)
    made = await stage.wait_for_clip(room, 2)
    await stage.wait_until_idle(room)
    submit = await get_submit(stage)
    assert submit["previous"] is None
    assert len(content_of(submit, "video")) == 1
    assert submit["operation"] != first["operation"]
    assert f"#{clip_number_of(clip)}" in text_of(made)
    assert len(await list_omni_submits(stage)) == submits + 1
    assert len(clips_of(await stage.control.messages(room))) == 2
    paid = await OmniCharges.read(stage) - before
    assert paid.is_balanced
    assert paid.billed > 0


async def test_clocks_agree_that_google_keeps_it_no_longer(stage: BotStage) -> None:
    """As if 55 days had passed."""
    room, clip, _ = await make_omni(stage)
    await age_everything(stage, 55)
    before = await OmniCharges.read(stage)
    await reply(stage, room, clip, "make it dark")
    await stage.wait_for_clip(room, 2)
    await stage.wait_until_idle(room)
    assert (await get_submit(stage))["previous"] is None
    paid = await OmniCharges.read(stage) - before
    assert paid.is_balanced
    assert paid.billed > 0


async def test_how_long_google_keeps_a_request_is_learned(stage: BotStage) -> None:
    await stage.control.google(omni={"lifetime_s": DAY_S})
    room, clip, _ = await make_omni(stage)
    await age_everything(stage, 2)
    await reply(stage, room, clip, "make it dark")
    await stage.wait_for_clip(room, 2)
    await stage.wait_until_idle(room)
    [[route]] = await open_reader(stage).fetch_rows("SELECT route FROM interaction_lifetimes")
    assert route == "omni"


async def test_a_clip_without_interaction_and_copy_is_refused_before_payment(
    stage: BotStage,
) -> None:
    """Somebody deleted it at Google and the bot's file is gone, so there is nothing to edit."""
    room, clip, first = await make_omni(stage)
    await stage.control.call("POST", f"google/operations/{first['operation']}", {"delete": True})
    for original in stage.bot.log.parent.joinpath("data", "clips").rglob("*.mp4"):
        original.unlink()
    before, submits = await OmniCharges.read(stage), len(await list_omni_submits(stage))
    await reply(stage, room, clip, "make it dark")
    await stage.wait_for_message(room, quote_text("outcome.source_expired"))
    borne = await OmniCharges.read(stage) - before
    assert (borne.members, borne.budgets, borne.billed) == (0, 0, 0)
    assert len(await list_omni_submits(stage)) == submits
