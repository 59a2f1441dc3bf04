"""Omni jobs survive crashes and outages, on SQLite and PostgreSQL.

Nothing is sent twice or lost, and the ledger matches Google's bill.
"""

import pytest

from tests.e2e.omni import (
    ON_BOTH_DATABASES,
    POLL,
    SUBMIT,
    OmniCharges,
    get_submit,
    list_omni_submits,
    make_omni,
    open_reader,
    reply,
    request_omni,
)
from tests.e2e.stage import BotStage, clips_of
from tests.harness.texts import quote_text

pytestmark = [pytest.mark.asyncio(loop_scope="module"), ON_BOTH_DATABASES]

HOLD_S = 60


async def wait_for_fault(stage: BotStage, fault: dict[str, object]) -> None:
    """Wait until a fault has struck once."""

    async def has_struck() -> bool:
        return any(
            each["id"] == fault["id"] and each["struck"] for each in await stage.control.faults()
        )

    await stage.wait_until(has_struck, "the fault striking")


async def test_killed_between_the_first_byte_and_the_id(stage: BotStage) -> None:
    """Google makes and bills it; the job is unknown until an admin settles it."""
    room, before = await stage.open_channel(), await OmniCharges.read(stage)
    submits = len(await list_omni_submits(stage))
    fault = await stage.control.fault("google", method="POST", path=SUBMIT, times=1, hold_s=HOLD_S)
    await stage.wait_for_answer(await request_omni(stage, room), quote_text("ask.accepted"))
    await wait_for_fault(stage, fault)

    async def is_started() -> bool:
        return len(await list_omni_submits(stage)) == submits + 1

    await stage.wait_until(is_started, "Google having started it")
    await stage.bot.kill_and_wait()
    await stage.control.clear_faults()
    await stage.bot.start()
    await stage.wait_for_message(room, quote_text("outcome.submit_unknown"))
    [[job, price]] = await open_reader(stage).fetch_rows(
        "SELECT id, price_micros FROM jobs ORDER BY id DESC LIMIT 1"
    )
    borne = await OmniCharges.read(stage) - before
    assert (borne.members, borne.budgets) == (0, price)
    lost = await get_submit(stage)
    assert any(str(job) in value for value in lost["labels"].values())
    settled = await stage.control.command(
        stage.people["Ada"], room, "server unknown", {"job": job, "charge": True}
    )
    await stage.wait_for_answer(settled)
    # the next clip shows that the bot works, and that the lost one was not sent again
    await stage.wait_for_answer(await request_omni(stage, room), quote_text("ask.accepted"))
    await stage.wait_for_clip(room)
    await stage.wait_until_idle(room)
    assert len(await list_omni_submits(stage)) == submits + 2
    assert len(clips_of(await stage.control.messages(room))) == 1


async def test_killed_while_polling_is_delivered_once(stage: BotStage) -> None:
    room, before = await stage.open_channel(), await OmniCharges.read(stage)
    submits = len(await list_omni_submits(stage))
    last = (await stage.control.requests())[-1]["n"]
    async with stage.control.hold_google():
        await stage.wait_for_answer(await request_omni(stage, room), quote_text("ask.accepted"))
        await stage.control.wait_request(POLL, after=last)
        await stage.bot.kill_and_wait()
    await stage.bot.start()
    await stage.wait_for_clip(room)
    await stage.wait_until_idle(room)
    assert len(clips_of(await stage.control.messages(room))) == 1
    assert len(await list_omni_submits(stage)) == submits + 1
    paid = await OmniCharges.read(stage) - before
    assert paid.is_balanced
    assert paid.billed > 0


async def test_killed_while_google_processes_the_file(stage: BotStage) -> None:
    """`completed`, and the file is not there yet: the clip is fetched after the restart."""
    room, before = await stage.open_channel(), await OmniCharges.read(stage)
    submits = len(await list_omni_submits(stage))
    await stage.control.google(processing_s=10_000)
    await stage.wait_for_answer(await request_omni(stage, room), quote_text("ask.accepted"))
    last = (await stage.control.requests())[-1]["n"]
    await stage.control.wait_request(r"/files/[^/:]+$", after=last, timeout=60)
    await stage.bot.kill_and_wait()
    await stage.control.google(processing_s=0)
    await stage.bot.start()
    await stage.wait_for_clip(room)
    await stage.wait_until_idle(room)
    assert len(await list_omni_submits(stage)) == submits + 1
    assert (await OmniCharges.read(stage) - before).is_balanced


async def test_over_quota_at_the_first_poll_is_made_once_later(stage: BotStage) -> None:
    """Even with a kill in between, the id that made nothing is not polled again."""
    first, room = await stage.open_channel(), await stage.open_channel()
    before = await OmniCharges.read(stage)
    submits = len(await list_omni_submits(stage)) + 1
    await request_omni(stage, first)

    async def is_used_up() -> bool:
        return len(await list_omni_submits(stage)) == submits

    await stage.wait_until(is_used_up, "the submit that uses up the quota of this minute")
    await stage.control.google(
        quota={"*": {"per_minute": 1}}, omni={"over_quota": "first_poll", "retry_s": 2}
    )
    await stage.wait_for_answer(await request_omni(stage, room), quote_text("ask.accepted"))
    await stage.wait_for_message(room, quote_text("stage.waiting.google_quota"))
    await stage.control.google(quota={})
    await stage.bot.kill_and_wait()
    await stage.bot.start()
    for each in (first, room):
        await stage.wait_for_clip(each)
        await stage.wait_until_idle(each)
    made = (await list_omni_submits(stage))[submits:]
    assert [bool(submit["billed_usd"]) for submit in made].count(True) == 1
    assert made[-1]["billed_usd"]
    assert len(clips_of(await stage.control.messages(room))) == 1
    paid = await OmniCharges.read(stage) - before
    assert paid.is_balanced
    assert paid.billed > 0


async def test_a_cancel_survives_a_kill(stage: BotStage) -> None:
    room, before = await stage.open_channel(), await OmniCharges.read(stage)
    await stage.control.google(seconds=600, omni={"cancel_s": 3600})
    await request_omni(stage, room)
    status = await stage.wait_for_message(room, quote_text("stage.polling"))
    last = (await stage.control.requests())[-1]["n"]
    await stage.press_button(status, quote_text("button.cancel"))
    await stage.control.wait_request(r"/cancel$", after=last, timeout=60)
    await stage.bot.kill_and_wait()
    await stage.control.advance(3600)
    await stage.bot.start()
    await stage.wait_for_message(room, quote_text("outcome.cancelled_late"))
    await stage.wait_until_idle(room)
    paid = await OmniCharges.read(stage) - before
    assert paid.is_balanced
    assert not clips_of(await stage.control.messages(room))


async def test_an_edit_that_is_killed_is_delivered_once(stage: BotStage) -> None:
    room, clip, first = await make_omni(stage)
    before, submits = await OmniCharges.read(stage), len(await list_omni_submits(stage))
    async with stage.control.hold_google():
        message = await reply(stage, room, clip, "make it dark")

        async def is_polled() -> bool:
            made = (await list_omni_submits(stage))[submits:]
            return bool(made and made[0]["polls"])

        await stage.wait_until(is_polled, "Google being asked about the edit")
        await stage.bot.kill_and_wait()
    await stage.bot.start()
    edited = await stage.wait_for_clip(room, 2)
    await stage.wait_until_idle(room)
    assert edited["message_reference"]["message_id"] == message
    assert len(await list_omni_submits(stage)) == submits + 1
    assert (await get_submit(stage))["previous"] == first["operation"]
    assert (await OmniCharges.read(stage) - before).is_balanced


async def test_two_edits_at_once_are_two_clips(stage: BotStage) -> None:
    room, clip, _ = await make_omni(stage)
    before, submits = await OmniCharges.read(stage), len(await list_omni_submits(stage))
    for words in ("make it dark", "remove the background"):
        await reply(stage, room, clip, words)
    await stage.wait_for_clip(room, 3)
    await stage.wait_until_idle(room)
    assert len(await list_omni_submits(stage)) == submits + 2
    assert (await OmniCharges.read(stage) - before).is_balanced
