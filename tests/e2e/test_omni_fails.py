"""What members read when Omni refuses, blocks or fails. Nothing is paid twice."""

from dataclasses import dataclass, field
from typing import Any, Final

import pytest

from tests.e2e.omni import (
    FILE,
    NEWEST,
    NOTHING,
    POLL,
    SUBMIT,
    OmniCharges,
    list_omni_submits,
    make_omni,
    open_reader,
    request_omni,
)
from tests.e2e.stage import BotStage, buttons_of, clips_of, text_of
from tests.harness.texts import quote_pattern, quote_text

pytestmark = pytest.mark.asyncio(loop_scope="module")

PAGE: Final = "<html><title>404 Not Found</title><p>nginx</p></html>"
ACCOUNT_WORDS: Final = ("prepayment", "credits", "billing", "project", "API key", "quota exceeded")
"""What is between Google and the operator, and no member's business."""


def build_error(code: str, message: str) -> dict[str, Any]:
    """Return an error as the Interactions API writes it."""
    return {"error": {"code": code, "message": message}}


@pytest.mark.parametrize(
    ("form", "reason"),
    [
        ("submit", "Request blocked due to safety violations."),
        ("poll", "Request blocked due to prohibited content guidelines."),
        ("sentence", "it violated Google's Generative AI Prohibited Use policy"),
        ("failed", "Unable to show the generated video. Try rephrasing the prompt."),
        ("error_body", "Unable to show the generated video. Try rephrasing the prompt."),
        ("no_video", "Unable to show the generated video. Try rephrasing the prompt."),
    ],
)
async def test_each_form_of_a_block_is_free_and_quotes_google(
    stage: BotStage, form: str, reason: str
) -> None:
    room, before = await stage.open_channel(), await OmniCharges.read(stage)
    submits = len(await list_omni_submits(stage))
    await stage.control.google(outcome="filtered", omni={"block": form})
    await request_omni(stage, room)
    message = await stage.wait_for_message(room, quote_text("outcome.blocked"))
    assert quote_text("outcome.reason") in text_of(message)
    assert reason in text_of(message)
    assert quote_text("button.cancel") not in buttons_of(message)
    assert await OmniCharges.read(stage) - before == NOTHING
    assert await open_reader(stage).sum_reserved() == 0
    assert len(await list_omni_submits(stage)) == submits + (form != "submit")


@dataclass(frozen=True)
class RefusalCase:
    """What Google answers to a submit that starts nothing; ``told`` is what members read then."""

    told: str
    status: int
    body: Any
    is_operators: bool = field(default=False)


REFUSALS: Final = {
    "credit used up": RefusalCase(
        "outcome.access_refused",
        402,
        build_error(
            "payment_required",
            "Your prepayment credits are depleted. Please go to AI Studio to manage your project.",
        ),
        is_operators=True,
    ),
    "project blocked": RefusalCase(
        "outcome.access_refused",
        403,
        build_error(
            "permission_denied",
            "Your project has been denied access. Please contact support.",
        ),
        is_operators=True,
    ),
    "key refused": RefusalCase(
        "outcome.access_refused",
        401,
        build_error("authentication", "The API key is invalid."),
        is_operators=True,
    ),
    "no billing": RefusalCase(
        "outcome.access_refused",
        400,
        build_error("failed_precondition", "Please enable billing on project 123456."),
        is_operators=True,
    ),
    "the day's quota": RefusalCase(
        "outcome.google_quota_until",
        429,
        build_error(
            "quota_exceeded", "You exceeded your current quota. Please retry in 9h12m33.5s."
        ),
    ),
    "wrong request": RefusalCase(
        "outcome.invalid",
        400,
        build_error("invalid_request", "Invalid value for 'response_format.resolution': '480p'."),
    ),
    "a proxy's page": RefusalCase("outcome.not_reached", 404, PAGE),
}


@pytest.mark.parametrize("case", REFUSALS.values(), ids=REFUSALS)
async def test_a_submit_that_starts_nothing_is_free(stage: BotStage, case: RefusalCase) -> None:
    room, before = await stage.open_channel(), await OmniCharges.read(stage)
    await stage.control.fault("google", path=SUBMIT, status=case.status, body=case.body)
    await request_omni(stage, room)
    message = await stage.wait_for_message(room, quote_text(case.told))
    text = text_of(message)
    assert quote_pattern(case.told).search(text)
    if case.is_operators:
        assert not [word for word in ACCOUNT_WORDS if word in text]
        assert "submit.access_refused" in stage.bot.read_log()
    assert await OmniCharges.read(stage) - before == NOTHING
    assert await open_reader(stage).sum_reserved() == 0
    # it disables no model
    await stage.wait_for_answer(await request_omni(stage, room), quote_text("ask.accepted"))
    await stage.wait_for_clip(room)
    await stage.wait_until_idle(room)


@pytest.mark.parametrize(
    ("status", "code", "message", "told"),
    [
        (
            503,
            "service_unavailable",
            "The model is experiencing high demand.",
            "stage.waiting.google_busy",
        ),
        (429, "too_many_requests", "Please retry in 1s.", "stage.waiting.google_quota"),
        (429, "rate_limit_exceeded", "Please retry in 1s.", "stage.waiting.google_quota"),
    ],
)
async def test_what_was_not_started_is_sent_again_and_paid_once(
    stage: BotStage, status: int, code: str, message: str, told: str
) -> None:
    room, before = await stage.open_channel(), await OmniCharges.read(stage)
    submits = len(await list_omni_submits(stage))
    body = build_error(code, message)
    await stage.control.fault("google", path=SUBMIT, status=status, body=body, times=1)
    await request_omni(stage, room)
    await stage.wait_for_message(room, quote_text(told))
    await stage.wait_for_clip(room)
    await stage.wait_until_idle(room)
    assert len(await list_omni_submits(stage)) == submits + 1
    paid = await OmniCharges.read(stage) - before
    assert paid.is_balanced
    assert paid.billed > 0


UNCERTAIN: Final[dict[str, dict[str, Any]]] = {
    "the answer is lost": {"drop": "after"},
    "the answer is cut": {"drop": "middle"},
    "500": {"status": 500, "body": build_error("api_error", "Internal error.")},
    "504": {"status": 504, "body": build_error("deadline_exceeded", "Deadline exceeded.")},
    "499": {"status": 499, "body": build_error("cancelled", "The request was cancelled.")},
    "409": {"status": 409, "body": build_error("aborted", "Aborted.")},
    "200 without an id": {"status": 200, "body": {"object": "interaction", "status": "queued"}},
    "200 with an odd id": {"status": 200, "body": {"id": "v1_../../files", "status": "queued"}},
    "200 with a page": {"status": 200, "body": PAGE},
}


@pytest.mark.parametrize("fault", UNCERTAIN.values(), ids=UNCERTAIN)
async def test_an_uncertain_submit_is_never_sent_again(
    stage: BotStage, fault: dict[str, Any]
) -> None:
    room, before = await stage.open_channel(), await OmniCharges.read(stage)
    requests = len(await stage.control.requests(method="POST", path=SUBMIT))
    await stage.control.fault("google", method="POST", path=SUBMIT, times=1, **fault)
    await request_omni(stage, room)
    await stage.wait_for_message(room, quote_text("outcome.submit_unknown"))
    await stage.wait_until_idle(room)
    assert len(await stage.control.requests(method="POST", path=SUBMIT)) == requests + 1
    borne = await OmniCharges.read(stage) - before
    [[price]] = await open_reader(stage).fetch_rows(
        "SELECT price_micros FROM jobs ORDER BY id DESC LIMIT 1"
    )
    assert (borne.members, borne.budgets) == (0, price)


POLL_ANSWERS: Final[dict[str, dict[str, Any]]] = {
    "a proxy's page": {"status": 404, "body": PAGE},
    "a proxy's page as a success": {"status": 200, "body": PAGE},
    "500": {"status": 500, "body": build_error("api_error", "Internal error.")},
    "503": {"status": 503, "body": build_error("service_unavailable", "High demand.")},
    "one 400": {"status": 400, "body": build_error("invalid_request", "Invalid interaction name.")},
    "one 429": {"status": 429, "body": "slow down"},
    "no answer": {"drop": "before"},
}


@pytest.mark.parametrize("fault", POLL_ANSWERS.values(), ids=POLL_ANSWERS)
async def test_one_odd_answer_to_a_poll_ends_nothing(
    stage: BotStage, fault: dict[str, Any]
) -> None:
    room, before = await stage.open_channel(), await OmniCharges.read(stage)
    submits = len(await list_omni_submits(stage))
    await stage.control.fault("google", method="GET", path=POLL, times=1, **fault)
    await request_omni(stage, room)
    await stage.wait_for_clip(room)
    await stage.wait_until_idle(room)
    assert len(await list_omni_submits(stage)) == submits + 1
    assert (await OmniCharges.read(stage) - before).is_balanced


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param({"path": FILE, "status": 503}, id="file busy"),
        pytest.param({"path": FILE, "status": 404, "body": PAGE}, id="file page"),
        pytest.param({"path": ":download", "status": 503}, id="download busy"),
        pytest.param({"path": ":download", "status": 200, "body": PAGE}, id="download page"),
        pytest.param({"path": ":download", "drop": "middle"}, id="download cut"),
    ],
)
async def test_the_file_is_fetched_in_spite_of_odd_answers(
    stage: BotStage, fault: dict[str, Any]
) -> None:
    room, before = await stage.open_channel(), await OmniCharges.read(stage)
    await stage.control.fault("google", method="GET", times=1, **fault)
    await request_omni(stage, room)
    await stage.wait_for_clip(room)
    await stage.wait_until_idle(room)
    assert (await OmniCharges.read(stage) - before).is_balanced


async def test_a_failure_of_googles_own_is_no_block(stage: BotStage) -> None:
    room, before = await stage.open_channel(), await OmniCharges.read(stage)
    await stage.control.google(outcome="failed", reason="Internal error. Please retry.")
    await request_omni(stage, room)
    message = await stage.wait_for_message(room, quote_text("outcome.operation_failed"))
    assert quote_text("outcome.blocked") not in text_of(message)
    assert await OmniCharges.read(stage) - before == NOTHING


async def test_a_model_that_is_gone_is_switched_off(stage: BotStage) -> None:
    room, before = await stage.open_channel(), await OmniCharges.read(stage)
    model = "gemini-omni-1.1-flash"

    async def is_checked() -> bool:
        return "google.route_answered" in stage.bot.read_log()

    await stage.wait_until(is_checked, "the models' check")
    await stage.control.google(retired_models=[model])
    await request_omni(stage, room, model=model)
    await stage.wait_for_message(room, quote_text("outcome.model_retired"))
    assert await OmniCharges.read(stage) - before == NOTHING
    text = await stage.wait_for_answer(await request_omni(stage, room, model=model))
    assert quote_text("rule.model_unavailable") in text


async def test_cancelled_jobs_stop_at_google(stage: BotStage) -> None:
    """Google sends no bill: the member gets the money back, the budgets keep the amount."""
    room, before = await stage.open_channel(), await OmniCharges.read(stage)
    await stage.control.google(seconds=600)
    await request_omni(stage, room)
    status = await stage.wait_for_message(room, quote_text("stage.polling"))
    await stage.control.wait_request(POLL)
    await stage.press_button(status, quote_text("button.cancel"))
    await stage.wait_for_message(room, quote_text("outcome.cancelled"))
    await stage.wait_until_idle(room)
    submit = (await list_omni_submits(stage))[-1]
    assert (submit["cancelled"], submit["state"]) == (True, "cancelled")
    borne = await OmniCharges.read(stage) - before
    [[price]] = await open_reader(stage).fetch_rows(
        "SELECT price_micros FROM jobs ORDER BY id DESC LIMIT 1"
    )
    assert (borne.members, borne.budgets, borne.billed) == (0, price, 0)
    assert await open_reader(stage).sum_reserved() == 0
    assert not clips_of(await stage.control.messages(room))


async def test_a_cancelled_job_that_google_bills_is_charged_what_it_says(stage: BotStage) -> None:
    room, before = await stage.open_channel(), await OmniCharges.read(stage)
    await stage.control.google(seconds=600, omni={"bills_cancelled": True})
    await request_omni(stage, room)
    status = await stage.wait_for_message(room, quote_text("stage.polling"))
    await stage.press_button(status, quote_text("button.cancel"))
    ended = await stage.wait_for_message(room, quote_text("outcome.cancelled_billed"))
    await stage.wait_until_idle(room)
    paid = await OmniCharges.read(stage) - before
    assert paid.is_balanced
    assert paid.billed > 0
    price = f"${paid.members / 1_000_000:.4f}".rstrip("0")
    assert quote_text("outcome.cancelled_billed", price=price) in text_of(ended)


async def test_a_cancel_that_comes_too_late_keeps_the_clip(stage: BotStage) -> None:
    room, before = await stage.open_channel(), await OmniCharges.read(stage)
    await stage.control.google(seconds=600, omni={"cancel_s": 3600})
    await request_omni(stage, room)
    status = await stage.wait_for_message(room, quote_text("stage.polling"))
    last = (await stage.control.requests())[-1]["n"]
    await stage.press_button(status, quote_text("button.cancel"))
    await stage.control.wait_request(r"/cancel$", after=last)
    operation = (await list_omni_submits(stage))[-1]["operation"]
    await stage.control.call("POST", f"google/operations/{operation}", {"ready": True})
    text = text_of(await stage.wait_for_message(room, quote_text("outcome.cancelled_late")))
    assert "/video history" in text
    paid = await OmniCharges.read(stage) - before
    assert paid.is_balanced
    assert paid.billed > 0


async def test_the_log_and_the_channel_hold_no_key(stage: BotStage) -> None:
    room, _, _ = await make_omni(stage)
    key = stage.bot.environment["GEMINI_API_KEY"]
    assert key not in stage.bot.read_log()
    assert key not in str(await stage.control.messages(room))
    google = await stage.control.call("GET", "google")
    assert google["key_leaks"] == 0


async def test_every_option_that_omni_has_not_is_refused_before_anything_is_spent(
    stage: BotStage,
) -> None:
    room, before = await stage.open_channel(), await OmniCharges.read(stage)
    refused = (await stage.control.call("GET", "google"))["refused"]
    refusals: list[dict[str, Any]] = [{"seed": 3}, {"duration": 16}, {"duration": 2}, {"videos": 2}]
    for options in refusals:
        text = await stage.wait_for_answer(await request_omni(stage, room, **options))
        assert quote_text("ask.accepted") not in text, options
    assert (await stage.control.call("GET", "google"))["refused"] == refused
    assert await OmniCharges.read(stage) - before == NOTHING
    assert NEWEST["model"] == "gemini-omni-1.2-flash"
