"""When Google fails: what members read and pay. Nothing is submitted twice."""

from dataclasses import dataclass, field
from typing import Any, Final

import pytest

from tests.chaos.records import DatabaseReader
from tests.e2e.stage import BotStage, buttons_of, clips_of, text_of
from tests.harness.texts import quote_pattern, quote_text
from tests.harness.waiting import stretch_timeout

pytestmark = pytest.mark.asyncio(loop_scope="module")

SUBMIT = r":predictLongRunning$"
PRICE: Final = 4 * 100_000
"""The price of the stage's clip in micro-dollars: 4 s of Veo 3.1 Fast."""
BOT_SETTINGS = {
    # longer than making a clip takes, on a busy machine too
    "JOB_TIME_LIMIT_S": f"{stretch_timeout(12):.0f}",
    "GOOGLE_REGION": "eu",  # where Omni takes no copy of a clip that Google has deleted
}


async def read_usage(stage: BotStage, room: str) -> str:
    """Return Ada's usage report."""
    interaction = await stage.control.command(
        stage.people["Ada"], room, "server usage", {"days": 1}
    )
    return await stage.wait_for_answer(interaction)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (
            {"outcome": "filtered", "reason": "The prompt names a real person."},
            "The prompt names a real person.",
        ),
        ({"outcome": "filtered"}, quote_text("outcome.blocked_audio")),
        (
            {"outcome": "failed", "reason": "internal trouble"},
            quote_text("outcome.operation_failed"),
        ),
    ],
    ids=["prompt", "sound", "trouble"],
)
async def test_filtered_clip_shows_reason_and_is_free(
    stage: BotStage, settings: dict[str, str], words: str
) -> None:
    room = await stage.open_channel()
    before = await read_usage(stage, room)
    await stage.control.google(seconds=0.2, **settings)
    await stage.request_clip(room)
    message = await stage.wait_for_message(room, words)
    assert quote_text("outcome.reason") in text_of(message)
    assert quote_text("button.cancel") not in buttons_of(message)
    assert not clips_of(await stage.control.messages(room))
    assert await read_usage(stage, room) == before


async def test_blocked_audio_can_be_retried(stage: BotStage) -> None:
    room = await stage.open_channel()
    await stage.control.google(seconds=0.2, outcome="filtered")
    await stage.request_clip(room)
    message = await stage.wait_for_message(room, quote_text("outcome.blocked_audio"))
    await stage.control.google(outcome="done")
    await stage.wait_for_answer(
        await stage.press_button(message, quote_text("button.retry")), quote_text("ask.accepted")
    )
    await stage.wait_for_clip(room)
    again = await stage.press_button(message, quote_text("button.retry"))
    await stage.wait_for_answer(again, quote_text("error.already_accepted"))


def build_error_fault(
    status: int, message: str, reason: str = "INVALID_ARGUMENT"
) -> dict[str, Any]:
    """Return a fault that lets Google answer the submit with an error."""
    error = {"code": status, "message": message, "status": reason}
    return {"path": SUBMIT, "status": status, "body": {"error": error}}


@dataclass(frozen=True)
class OutcomeCase:
    """What Google does, the text that members read, and whether the server pays."""

    key: str
    google: dict[str, Any] = field(default_factory=dict)
    fault: dict[str, Any] = field(default_factory=dict)
    server_pays: bool = False


OUTCOMES = {
    "blocked": OutcomeCase(
        "outcome.blocked", {"outcome": "filtered", "reason": "Sensitive words."}
    ),
    "blocked audio": OutcomeCase("outcome.blocked_audio", {"outcome": "filtered"}),
    "blocked input image": OutcomeCase(
        "outcome.blocked_image",
        {
            "outcome": "filtered",
            "reason": "The provided input image violates our usage guidelines.",
        },
    ),
    "operation failed": OutcomeCase("outcome.operation_failed", {"outcome": "failed"}),
    "operation lost": OutcomeCase("outcome.operation_lost", {"outcome": "never"}, server_pays=True),
    "person refused": OutcomeCase(
        "outcome.person_refused",
        fault=build_error_fault(400, "allow_all for personGeneration is currently not supported."),
    ),
    "wrong request": OutcomeCase(
        "outcome.invalid",
        fault=build_error_fault(400, "Your use case is currently not supported."),
    ),
    "key refused": OutcomeCase(
        "outcome.access_refused",
        fault=build_error_fault(403, "Your API key was reported as leaked.", "PERMISSION_DENIED"),
    ),
    "download failed": OutcomeCase(
        "outcome.download_failed", {"file_uris": "bucket"}, server_pays=True
    ),
    "overloaded": OutcomeCase(
        "outcome.overloaded",
        {"outcome": "failed", "failure_code": 8, "reason": "The service is under high load."},
    ),
    "bucket refused": OutcomeCase(
        "outcome.access_refused",
        {
            "outcome": "failed",
            "failure_code": 7,
            "reason": "Permission 'storage.objects.create' denied on resource.",
        },
    ),
    "prepaid credit used up": OutcomeCase(
        "outcome.access_refused",
        fault=build_error_fault(
            402,
            "Your prepayment credits are depleted. Please go to AI Studio.",
            "RESOURCE_EXHAUSTED",
        ),
    ),
    "quota for a day": OutcomeCase(
        "outcome.google_quota_until",
        fault=build_error_fault(
            429, "You exceeded your quota. Please retry in 17h55m20.5s.", "RESOURCE_EXHAUSTED"
        ),
    ),
    "a gateway's page": OutcomeCase(
        "outcome.not_reached",
        fault={"path": SUBMIT, "status": 404, "body": "<html><title>404</title></html>"},
    ),
}


async def sum_spent(stage: BotStage) -> tuple[int, int]:
    """Return what members and servers have spent or reserved, in micro-dollars."""
    reader = DatabaseReader(f"sqlite:///{stage.bot.environment['DATA_DIR']}/clapper.db")
    query = "SELECT coalesce(sum(micros), 0) FROM ledger WHERE kind IN"
    query += " ('reserve', 'refund', 'adjust') AND account <> "
    members = await reader.fetch_rows(f"{query} 'house'")
    servers = await reader.fetch_rows(f"{query} 'member'")
    return int(members[0][0]), int(servers[0][0])


@pytest.mark.parametrize("outcome", OUTCOMES.values(), ids=OUTCOMES)
async def test_every_outcome_has_message_and_price(stage: BotStage, outcome: OutcomeCase) -> None:
    """[google-A1, google-A13, google-A17, google-C13, google-C14, google-D22]"""
    room = await stage.open_channel()
    members, servers = await sum_spent(stage)
    if outcome.google:
        await stage.control.google(seconds=0.2, **outcome.google)
    if outcome.fault:
        await stage.control.fault("google", **outcome.fault)
    await stage.request_clip(room)
    message = await stage.wait_for_message(room, quote_text(outcome.key))
    assert quote_text("button.cancel") not in buttons_of(message)
    for account in ("prepayment", "storage.objects", "You exceeded"):
        assert account not in text_of(message)
    assert quote_pattern(outcome.key).search(text_of(message))
    assert not clips_of(await stage.control.messages(room))
    billed = PRICE if outcome.server_pays else 0
    assert await sum_spent(stage) == (members, servers + billed)


async def test_lost_source_is_refused_for_free(stage: BotStage) -> None:
    room = await stage.open_channel()
    clip = await stage.make_clip(room)
    uri = (await stage.list_submits())[-1]["video"]
    file = uri.rpartition("/files/")[2].partition(":")[0]
    await stage.control.call("POST", f"google/files/{file}", {"expire": True})
    before = await sum_spent(stage)
    await stage.control.message(
        stage.people["Ada"], room, "it jumps over the fence", reply_to=clip["id"]
    )
    await stage.wait_for_message(room, quote_text("outcome.source_expired"))
    assert await sum_spent(stage) == before


async def test_retired_model_is_disabled(stage: BotStage) -> None:
    room = await stage.open_channel()
    model = "veo-3.0-fast-generate-001"
    before = await sum_spent(stage)
    await stage.control.google(retired_models=[model])
    await stage.request_clip(room, model=model)
    await stage.wait_for_message(room, quote_text("outcome.model_retired"))
    assert await sum_spent(stage) == before
    text = await stage.wait_for_answer(await stage.request_clip(room, model=model))
    assert quote_text("rule.model_unavailable") in text


async def test_overloaded_google_is_retried_and_paid_once(stage: BotStage) -> None:
    room = await stage.open_channel()
    before, (members, servers) = len(await stage.list_submits()), await sum_spent(stage)
    await stage.control.fault("google", path=SUBMIT, status=503, times=1)
    await stage.request_clip(room)
    await stage.wait_for_message(room, quote_text("stage.waiting.google_busy"))
    await stage.wait_for_clip(room)
    assert len(await stage.list_submits()) == before + 1
    assert await sum_spent(stage) == (members + PRICE, servers + PRICE)


async def test_google_quota_is_retried_after_given_delay(stage: BotStage) -> None:
    room = await stage.open_channel()
    info = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "1s"}
    error = {"code": 429, "message": "Quota", "status": "RESOURCE_EXHAUSTED", "details": [info]}
    members, servers = await sum_spent(stage)
    await stage.control.fault("google", path=SUBMIT, status=429, body={"error": error})
    await stage.request_clip(room)
    await stage.wait_for_message(room, quote_text("stage.waiting.google_quota"))
    await stage.wait_for_clip(room)
    assert await sum_spent(stage) == (members + PRICE, servers + PRICE)


@pytest.mark.parametrize("path", [r"/operations/", r":download", r"/v1beta/files/[^:]*$"])
async def test_polls_and_downloads_are_retried(stage: BotStage, path: str) -> None:
    room = await stage.open_channel()
    before = len(await stage.list_submits())
    await stage.control.fault("google", method="GET", path=path, status=503, times=1)
    await stage.request_clip(room)
    await stage.wait_for_clip(room)
    assert len(await stage.list_submits()) == before + 1


async def test_lost_submit_answer_is_not_retried(stage: BotStage) -> None:
    room = await stage.open_channel()
    before = len(await stage.list_submits())
    await stage.control.fault("google", path=SUBMIT, drop="after")
    await stage.request_clip(room)
    await stage.wait_for_message(room, quote_text("outcome.submit_unknown"))
    assert len(await stage.list_submits()) == before + 1
    listed = await stage.wait_for_answer(
        await stage.control.command(stage.people["Ada"], room, "server unknown"),
        quote_text("unknown.title"),
    )
    job = listed.rpartition("`")[0].rpartition("`")[2]
    undecided = await stage.control.command(
        stage.people["Ada"], room, "server unknown", {"job": int(job)}
    )
    await stage.wait_for_answer(undecided, quote_text("unknown.undecided"))
    settled = await stage.control.command(
        stage.people["Ada"], room, "server unknown", {"job": int(job), "charge": False}
    )
    await stage.wait_for_answer(settled, quote_text("unknown.refunded"))


async def test_unfinished_cancelled_job_warns_about_late_charge(
    stage: BotStage,
) -> None:
    room = await stage.open_channel()
    await stage.control.google(seconds=0.2, outcome="never")
    await stage.request_clip(room)
    status = await stage.wait_for_message(room, quote_text("stage.polling"))
    await stage.wait_for_answer(
        await stage.press_button(status, quote_text("button.cancel")),
        quote_text("cancel.requested"),
    )
    text = text_of(await stage.wait_for_message(room, quote_text("outcome.operation_lost")))
    assert quote_text("outcome.watched.kept") in text


async def test_late_clip_is_delivered_and_charged(stage: BotStage) -> None:
    room = await stage.open_channel()
    members, servers = await sum_spent(stage)
    price = 400_000
    await stage.control.google(outcome="never")
    await stage.request_clip(room)
    text = text_of(await stage.wait_for_message(room, quote_text("outcome.operation_lost")))
    assert quote_text("outcome.watched") in text
    assert await sum_spent(stage) == (members, servers + price)
    operation = (await stage.list_submits())[-1]["operation"].rpartition("/")[2]
    finished = {"outcome": "done", "ready": True}
    await stage.control.call("POST", f"google/operations/{operation}", finished)
    clip = await stage.wait_for_clip(room)
    assert quote_text("card.late") in text_of(clip)

    async def is_charged() -> bool:
        return await sum_spent(stage) == (members + price, servers + price)

    await stage.wait_until(is_charged, "the late clip being charged")

    async def is_replaced() -> bool:
        messages = await stage.control.messages(room)
        return not any(
            quote_text("outcome.operation_lost") in text_of(message) for message in messages
        )

    await stage.wait_until(is_replaced, "the old message being replaced")


async def test_gateway_page_takes_no_model_away(stage: BotStage) -> None:
    """Also not after a restart. [google-A13, google-K2]"""
    room = await stage.open_channel()
    body = "<html><title>404 Not Found</title></html>"
    await stage.control.fault("google", path=SUBMIT, status=404, body=body)
    await stage.request_clip(room)
    await stage.wait_for_message(room, quote_text("outcome.not_reached"))
    await stage.bot.restart()
    await stage.request_clip(room)
    await stage.wait_for_clip(room)


async def test_clip_is_fetched_after_a_kill_and_odd_answers(stage: BotStage) -> None:
    """Killed while fetching, then pages and Google's own 404. [google-D25, google-K4, google-K6]"""
    room = await stage.open_channel()
    before = len(await stage.list_submits())
    fault = stage.control.fault
    await stage.control.google(seconds=0.2)
    await fault("google", method="GET", path=":download", times=None, status=503)
    await stage.request_clip(room)
    await stage.wait_for_message(room, quote_text("stage.fetching"))
    await stage.bot.kill_and_wait()
    await stage.control.call("DELETE", "faults")
    page = "<html><title>404 Not Found</title></html>"
    await fault("google", method="GET", path="/operations/", status=404, body=page)
    await fault("google", method="GET", path="/operations/", status=404)
    await fault("google", method="GET", path=":download", status=404, body=page)
    await fault("google", method="GET", path=":download", status=404)
    await stage.bot.start()
    await stage.wait_for_clip(room)
    assert len(await stage.list_submits()) == before + 1


async def test_expired_source_is_refused_before_payment(stage: BotStage) -> None:
    room = await stage.open_channel()
    await stage.control.google(seconds=0.2, file_lifetime_s=60)
    clip = await stage.make_clip(room)
    assert quote_text("button.extend") not in buttons_of(clip)
    before = len(await stage.list_submits())
    await stage.control.message(
        stage.people["Ada"], room, "it jumps over the fence", reply_to=clip["id"]
    )
    await stage.wait_for_message(room, quote_text("rule.source_expired"))
    assert len(await stage.list_submits()) == before
