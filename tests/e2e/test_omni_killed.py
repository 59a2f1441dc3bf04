"""Processes killed while they work on Omni jobs."""

from typing import Any

from tests.e2e.stage import BotStage, buttons_of, clips_of
from tests.e2e.test_omni_jobs import LONG_S, OMNI, begin, wait_until_gone
from tests.harness.texts import quote_text


async def test_killed_while_polling_delivers_once(fresh_stage: BotStage) -> None:
    room = await fresh_stage.open_channel()
    async with fresh_stage.control.hold_google():
        await begin(fresh_stage, room)
        await fresh_stage.bot.kill_and_wait()
    await fresh_stage.bot.start()
    clip = await fresh_stage.wait_for_clip(room)
    await fresh_stage.wait_until_idle(room)
    assert len(clips_of(await fresh_stage.control.messages(room))) == 1
    [submit] = await fresh_stage.list_submits()
    details = await fresh_stage.press_button(clip, quote_text("button.details"))
    await fresh_stage.wait_for_answer(details, f"${submit['billed_usd']:.2f}")
    assert quote_text("button.edit_clip") in buttons_of(clip)


async def test_killed_before_google_answers_to_cancel(fresh_stage: BotStage) -> None:
    """It is unknown whether Google received it, so the next process asks again."""
    room = await fresh_stage.open_channel()
    await fresh_stage.control.google(seconds=LONG_S, omni={"bills_cancelled": True})
    status = await begin(fresh_stage, room)
    await fresh_stage.control.fault(
        "google", method="POST", path=r"/cancel$", drop=True, times=1_000
    )
    await fresh_stage.press_button(status, quote_text("button.cancel"))
    await fresh_stage.control.wait_request(r"/cancel$")
    await fresh_stage.bot.kill_and_wait()
    await fresh_stage.control.clear_faults()
    await fresh_stage.bot.start()
    await fresh_stage.wait_for_message(room, quote_text("outcome.cancelled_billed"))
    [submit] = await fresh_stage.list_submits()
    assert submit["cancelled"]


async def test_deletion_survives_a_kill(fresh_stage: BotStage) -> None:
    room = await fresh_stage.open_channel()
    clip = await fresh_stage.make_clip(room, **OMNI)
    [submit] = await fresh_stage.list_submits()
    faulty: dict[str, Any] = {"method": "DELETE", "path": r"/interactions/", "status": 503}
    await fresh_stage.control.fault("google", **faulty, times=1_000)
    await fresh_stage.delete_clip(clip)
    await fresh_stage.bot.kill_and_wait()
    await fresh_stage.control.clear_faults()
    await fresh_stage.bot.start()
    await wait_until_gone(fresh_stage, submit["operation"])
