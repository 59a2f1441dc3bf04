"""The outcomes of `test_google_fails` on the Vertex route."""

from pathlib import Path
from typing import Final

import pytest

from tests.e2e.stage import BotStage, buttons_of, clips_of, text_of
from tests.e2e.test_google_fails import (
    OUTCOMES,
    PRICE,
    SUBMIT,
    OutcomeCase,
    build_error_fault,
    sum_spent,
)
from tests.harness.texts import quote_pattern, quote_text
from tests.harness.waiting import stretch_timeout

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.parametrize("stage", ["vertex"], indirect=True, scope="module"),
]

BOT_SETTINGS = {"JOB_TIME_LIMIT_S": f"{stretch_timeout(12):.0f}"}
MODEL: Final = "veo-3.1-fast-generate-001"
ON_VERTEX: Final = {
    **{name: play for name, play in OUTCOMES.items() if name != "download failed"},
    # the clip comes inside the answer to the poll, so no download can fail
    "operation gone": OutcomeCase(
        "outcome.operation_lost",
        fault={
            "path": r":fetchPredictOperation$",
            "times": None,
            "status": 404,
            "body": {"error": {"code": 404, "message": "Gone.", "status": "NOT_FOUND"}},
        },
        server_pays=True,
    ),
}


@pytest.mark.parametrize("outcome", ON_VERTEX.values(), ids=ON_VERTEX)
async def test_every_outcome_has_message_and_price(stage: BotStage, outcome: OutcomeCase) -> None:
    room, (members, servers) = await stage.open_channel(), await sum_spent(stage)
    if outcome.google:
        await stage.control.google(seconds=0.2, **outcome.google)
    if outcome.fault:
        await stage.control.fault("google", **outcome.fault)
    await stage.request_clip(room, model=MODEL)
    message = await stage.wait_for_message(room, quote_text(outcome.key))
    assert quote_text("button.cancel") not in buttons_of(message)
    assert quote_pattern(outcome.key).search(text_of(message))
    assert not clips_of(await stage.control.messages(room))
    billed = PRICE if outcome.server_pays else 0
    assert await sum_spent(stage) == (members, servers + billed)
    if outcome is ON_VERTEX["operation gone"]:
        await stage.control.clear_faults()
        await _check_late_delivery(stage, room, (members + PRICE, servers + PRICE))


async def _check_late_delivery(stage: BotStage, room: str, expected: tuple[int, int]) -> None:
    """An unknown operation that Google finds again is delivered and charged."""
    await stage.wait_for_clip(room)

    async def is_charged() -> bool:
        return await sum_spent(stage) == expected

    await stage.wait_until(is_charged, "the late clip being charged")


@pytest.mark.parametrize(
    ("status", "name", "wait"),
    [(503, "UNAVAILABLE", "google_busy"), (429, "RESOURCE_EXHAUSTED", "google_quota")],
)
async def test_transient_errors_are_retried_and_paid_once(
    stage: BotStage, status: int, name: str, wait: str
) -> None:
    room = await stage.open_channel()
    before, (members, servers) = len(await stage.list_submits()), await sum_spent(stage)
    fault = build_error_fault(status, "Later.", name)
    info = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "1s"}
    fault["body"]["error"]["details"] = [info]
    await stage.control.fault("google", times=1, **fault)
    await stage.request_clip(room, model=MODEL)
    waiting = await stage.wait_for_message(room, quote_text(f"stage.waiting.{wait}"))
    assert "<t:" in text_of(waiting)  # the retry time
    await stage.wait_for_clip(room)
    await stage.wait_until_idle(room)
    assert len(await stage.list_submits()) == before + 1
    assert await sum_spent(stage) == (members + PRICE, servers + PRICE)


async def test_lost_submit_answer_is_not_retried(stage: BotStage) -> None:
    room, before = await stage.open_channel(), len(await stage.list_submits())
    await stage.control.fault("google", path=SUBMIT, drop="after")
    await stage.request_clip(room, model=MODEL)
    await stage.wait_for_message(room, quote_text("outcome.submit_unknown"))
    assert len(await stage.list_submits()) == before + 1


async def test_missing_original_is_refused_for_free(stage: BotStage) -> None:
    """Google keeps nothing on this route, so the bot extends its own original."""
    room = await stage.open_channel()
    clip = await stage.make_clip(room, model=MODEL)
    await stage.wait_until_idle(room)
    for original in (Path(stage.bot.environment["DATA_DIR"]) / "clips").rglob("*.mp4"):
        original.unlink()
    submits, before = len(await stage.list_submits()), await sum_spent(stage)
    await stage.control.message(
        stage.people["Ada"], room, "it jumps over the fence", reply_to=clip["id"]
    )
    await stage.wait_for_message(room, quote_text("outcome.source_expired"))
    assert len(await stage.list_submits()) == submits
    assert await sum_spent(stage) == before
