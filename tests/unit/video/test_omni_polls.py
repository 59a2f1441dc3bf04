"""How polls of an interaction are read: every kind of end, and answers that are none."""

import asyncio
import base64
import time
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.domain.errors import (
    AccessRefused,
    AnswerNotFromGoogle,
    GoogleQuotaExceeded,
    GoogleUnavailable,
    RemoteNotFound,
    VideoNotFetchable,
)
from bot.domain.jobs.job import Outcome
from bot.domain.ports import (
    OperationCancelled,
    OperationFailed,
    OperationFinished,
    OperationNotStarted,
    OperationPending,
    PollResult,
    RemoteVideo,
)
from bot.google.omni.models import OmniModels
from bot.google.omni.results import InteractionContext, read_interaction
from bot.google.omni.usage import compute_bill
from tests.unit.video import google_answers as recorded
from tests.unit.video.conftest import CATALOG, OMNI, Stage
from tests.unit.video.google_answers import Answer, google_error, omni_error

GET = r"/interactions/v1_[^/]*\?"
SPEC = CATALOG.get(OMNI)
assert SPEC is not None
NOW = datetime(2026, 11, 29, tzinfo=UTC)


async def submit(stage: Stage, omni: OmniModels) -> str:
    return await omni.submit(stage.build_omni_plan(), job_id=1)


def read(document: dict[str, Any], *, has_run: bool | None = None) -> PollResult:
    context = InteractionContext(
        operation="v1_a", model=SPEC, now=NOW, has_run=has_run, keeps_interactions=True
    )
    return read_interaction(document, context)


def output(*content: dict[str, Any]) -> list[dict[str, Any]]:
    """Return an interaction's steps, with what was sent to it first."""
    sent = {"type": "video", "mime_type": "video/mp4", "uri": "https://g.test/v1beta/files/sent"}
    return [
        {"type": "user_input", "content": [sent, {"type": "text", "text": "a secret prompt"}]},
        {"type": "thought", "content": [{"type": "text", "text": "hm"}]},
        {"type": "model_output", "content": list(content)},
    ]


VIDEO = {"type": "video", "mime_type": "video/mp4", "uri": "https://g.test/v1beta/files/made"}


# --- blocks -----------------------------------------------------------------------------------


async def test_quota_of_the_day_at_the_first_poll(stage: Stage) -> None:
    stage.configure(quota={OMNI: {"per_day": 1}}, omni={"over_quota": "first_poll"})
    omni = stage.create_omni()
    await submit(stage, omni)
    result = await omni.poll(await submit(stage, omni))
    assert isinstance(result, OperationNotStarted)
    assert result.error.is_daily


async def test_delay_in_a_header(stage: Stage) -> None:
    settings = {"over_quota": "first_poll", "retry_s": 23, "retry_hint": "header"}
    stage.configure(quota={OMNI: {"per_minute": 1}}, omni=settings)
    omni = stage.create_omni()
    await submit(stage, omni)
    result = await omni.poll(await submit(stage, omni))
    assert isinstance(result, OperationNotStarted)
    assert result.error.retry_after_s == 23.0


@pytest.mark.parametrize("form", ["poll", "sentence", "failed", "error_body", "no_video"])
async def test_each_form_of_a_block_ends_the_job_in_googles_words(stage: Stage, form: str) -> None:
    stage.configure(outcome="filtered", omni={"block": form})
    omni = stage.create_omni()
    ended = await stage.finish_operation(omni, await submit(stage, omni))
    assert isinstance(ended, OperationFailed)
    assert ended.outcome is Outcome.BLOCKED
    words = {
        "poll": recorded.PROHIBITED_INPUT,
        "sentence": recorded.FILTERED_SENTENCE,
    }.get(form, "Unable to show the generated video. Try rephrasing the prompt.")
    assert ended.detail == words


@pytest.mark.parametrize(
    ("code", "message", "outcome"),
    [
        ("safety", "No.", Outcome.BLOCKED),
        ("image_safety", "The input image violates our guidelines.", Outcome.BLOCKED_IMAGE),
        (
            "content_blocked",
            "We can't create videos with real people's names or likenesses.",
            Outcome.BLOCKED,
        ),
        ("api_error", "Internal error. Please try again.", Outcome.OPERATION_FAILED),
        ("service_unavailable", "The model is in high demand.", Outcome.OVERLOADED),
        ("payment_required", "Prepaid credit is used up.", Outcome.ACCESS_REFUSED),
        ("something_new", "Words that nobody has seen.", Outcome.OPERATION_FAILED),
        ("something_new", "The video was filtered out.", Outcome.BLOCKED),
    ],
)
def test_errors_of_a_failed_one(code: str, message: str, outcome: Outcome) -> None:
    errors = [{"code": code, "message": message}]
    ended = read({"id": "v1_a", "status": "failed", "errors": errors})
    assert isinstance(ended, OperationFailed)
    assert ended.outcome is outcome
    if outcome is Outcome.ACCESS_REFUSED:
        assert (ended.detail, ended.reason) == (None, "payment_required")
    else:
        assert ended.detail == message


@pytest.mark.parametrize(
    "status", ["incomplete", "budget_exceeded", "requires_action", "requires_continuation", "idle"]
)
def test_other_ends(status: str) -> None:
    assert isinstance(read({"status": status}), OperationFailed)
    assert isinstance(read({"status": status, "steps": output(VIDEO)}), OperationFinished)


@pytest.mark.parametrize("status", ["in_progress", "queued", "IN_PROGRESS", "a_new_one"])
def test_statuses_of_a_running_interaction(status: str) -> None:
    assert read({"status": status}) == OperationPending()


def test_only_what_the_model_made_is_the_video() -> None:
    text = {"type": "text", "text": "Here it is."}
    picture = {"type": "image", "mime_type": "image/png", "uri": "https://g.test/v1beta/files/i"}
    finished = read({"status": "completed", "steps": output(text, picture, VIDEO)})
    assert isinstance(finished, OperationFinished)
    assert [video.uri for video in finished.videos] == [VIDEO["uri"]]
    refused = read({"status": "completed", "steps": output(text, picture)})
    assert isinstance(refused, OperationFailed)
    assert refused.outcome is Outcome.BLOCKED
    assert refused.detail == "Here it is."


async def test_video_that_was_billed_and_left_out_cannot_be_fetched(stage: Stage) -> None:
    """Vertex AI leaves large ones out of its answer: Google is paid, so it is no refusal."""
    tokens = {"total_output_tokens": 1000}
    by_modality = [{"modality": "video", "tokens": 1000}]
    usage = {**tokens, "output_tokens_by_modality": by_modality}
    finished = read({"status": "completed", "steps": output(), "usage": usage})
    assert isinstance(finished, OperationFinished)
    assert finished.billed == 12_000
    with pytest.raises(VideoNotFetchable):
        await stage.create_omni().download_video(finished.videos[0], stage.data_dir / "a.mp4")
    text = {"type": "text", "text": "I cannot show that."}
    refused = read({"status": "completed", "steps": output(text), "usage": tokens})
    assert isinstance(refused, OperationFailed)


@pytest.mark.parametrize(
    "end",
    [
        {"status": "failed", "errors": [{"code": "content_blocked", "message": "No."}]},
        {"status": "failed", "errors": [{"code": "too_many_requests", "message": "No."}]},
        {"status": "completed", "steps": output({"type": "text", "text": "I cannot."})},
        {"status": "incomplete"},
    ],
)
def test_what_fails_may_be_billed(end: dict[str, Any]) -> None:
    failed = read({**end, "usage": {"total_output_tokens": 1000}})
    assert isinstance(failed, OperationFailed)
    assert failed.billed == 12_000


@pytest.mark.parametrize("word", ["image ", "file ", "credit ", "upload ", "interaction "])
def test_long_words_of_the_model_are_read_in_no_time(word: str) -> None:
    """A member can provoke them; reading one took 15 seconds and blocked the bot."""
    began = time.process_time()
    text = {"type": "text", "text": word * 8000 + "It was filtered out."}
    refused = read({"status": "completed", "steps": output(text)})
    failed = read({"status": "failed", "errors": [{"code": "content_blocked", "message": text}]})
    error = {"code": "content_blocked", "message": text["text"]}
    also_failed = read({"status": "failed", "errors": [error]})
    assert time.process_time() - began < 1.0
    for result in (refused, failed, also_failed):
        assert isinstance(result, OperationFailed)
        assert result.outcome in (Outcome.BLOCKED, Outcome.BLOCKED_IMAGE)


@pytest.mark.parametrize("created", ["2026-12-24T00:00:00Z", "9999-12-31T23:59:59Z"])
def test_time_ahead_of_ours_promises_no_more_than_from_now(created: str) -> None:
    assert SPEC is not None
    assert SPEC.keep_interaction_seconds is not None
    finished = read({"status": "completed", "steps": output(VIDEO), "created": created})
    assert isinstance(finished, OperationFinished)
    kept = timedelta(seconds=SPEC.keep_interaction_seconds)
    assert finished.videos[0].interaction_expires_at == NOW + kept


def test_video_without_a_token_of_output_is_not_free() -> None:
    document = {"status": "completed", "steps": output(VIDEO)}
    finished = read({**document, "usage": {"total_output_tokens": 0, "total_input_tokens": 64}})
    assert isinstance(finished, OperationFinished)
    assert finished.billed is None


async def test_failed_interaction(stage: Stage) -> None:
    stage.configure(outcome="failed")
    omni = stage.create_omni()
    ended = await stage.finish_operation(omni, await submit(stage, omni))
    assert isinstance(ended, OperationFailed)
    assert ended.outcome is Outcome.OPERATION_FAILED


# --- answers in the place of the record ---------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        pytest.param(
            omni_error(400, "invalid_request", "Invalid interaction name."), RemoteNotFound
        ),
        pytest.param(omni_error(400, "invalid_request", "Please try again."), RemoteNotFound),
        pytest.param(
            omni_error(404, "not_found", "Interaction v1_a was not found."), RemoteNotFound
        ),
        pytest.param(google_error(404, "Not found.", "NOT_FOUND"), RemoteNotFound),
        pytest.param(google_error(400, "Invalid argument.", "INVALID_ARGUMENT"), RemoteNotFound),
        pytest.param(recorded.page(404, "Not Found"), AnswerNotFromGoogle),
        pytest.param(recorded.page(400, "Bad Request"), AnswerNotFromGoogle),
        pytest.param(omni_error(500, "api_error", "Internal error."), GoogleUnavailable),
        pytest.param(omni_error(401, "authentication", "No."), AccessRefused),
        pytest.param(omni_error(402, "payment_required", "No."), AccessRefused),
        pytest.param(
            google_error(
                400, "API key expired.", "INVALID_ARGUMENT", recorded.error_info("API_KEY_INVALID")
            ),
            AccessRefused,
        ),
        pytest.param(Answer(200, {}), AnswerNotFromGoogle),
        pytest.param(Answer(200, "<html>"), AnswerNotFromGoogle),
        pytest.param(Answer(200, omni_error(404, "not_found", "No such.").body), RemoteNotFound),
        pytest.param(Answer(200, omni_error(500, "api_error", "No.").body), GoogleUnavailable),
    ],
)
async def test_what_ends_nothing_is_asked_again(
    stage: Stage, answer: Answer, error: type[Exception]
) -> None:
    omni = stage.create_omni()
    operation = await submit(stage, omni)
    stage.add_fault(path=GET, **answer.fault)
    with pytest.raises(error):
        await omni.poll(operation)
    assert await omni.poll(operation) == OperationPending()


@pytest.mark.parametrize(
    "operation", ["v1_a/../../models", "", "models/veo/operations/1", "v1_a?b"]
)
async def test_what_cannot_be_an_id_never_reaches_the_network(stage: Stage, operation: str) -> None:
    omni = stage.create_omni()
    with pytest.raises(RemoteNotFound):
        await omni.poll(operation)
    await omni.cancel_operation(operation)
    await omni.delete_operation(operation)
    assert stage.requests == []


# --- over quota -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "error_form"),
    [
        ("first_poll", "interactions"),
        ("first_poll", "rpc"),
        ("first_poll", "array"),
        ("first_poll_failed", "interactions"),
        ("first_poll_body", "interactions"),
    ],
)
async def test_over_quota_at_the_first_poll_made_nothing(
    stage: Stage, form: str, error_form: str
) -> None:
    stage.configure(
        quota={OMNI: {"per_minute": 1}},
        omni={"over_quota": form, "error_form": error_form, "retry_s": 23},
    )
    omni = stage.create_omni()
    await submit(stage, omni)
    over = await submit(stage, omni)
    result = await omni.poll(over)
    assert isinstance(result, OperationNotStarted)
    assert result.error.retry_after_s == 23.0
    assert not result.error.is_daily


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(recorded.TOO_MANY, id="Omni's"),
        pytest.param(Answer(200, recorded.TOO_MANY.body), id="in a 200"),
        pytest.param(recorded.google_error(429, "Slow down.", "RESOURCE_EXHAUSTED"), id="rpc"),
    ],
)
@pytest.mark.parametrize("times", [1, 2, None])
async def test_limit_on_asking_is_not_taken_for_one_on_making(
    stage: Stage, answer: Answer, times: int | None
) -> None:
    """Polling is limited, briefly or for everyone, while the clip is being made."""
    omni = stage.create_omni()
    operation = await submit(stage, omni)
    stage.add_fault(path=GET, times=times, **answer.fault)
    if times == 1:
        assert await omni.poll(operation) == OperationPending()
        return
    with pytest.raises(GoogleQuotaExceeded):
        await omni.poll(operation)


async def test_limit_on_asking_that_refuses_by_chance(stage: Stage) -> None:
    """This poll is refused twice, and then shows that the clip is being made."""
    omni = stage.create_omni()
    operation = await submit(stage, omni)
    stage.add_fault(path=f"/interactions/{operation}", times=2, **recorded.TOO_MANY.fault)
    assert await omni.poll(operation) == OperationPending()


async def test_limit_that_names_what_it_counts(stage: Stage) -> None:
    omni = stage.create_omni()
    operation = await submit(stage, omni)
    words = "Quota exceeded for metric: generativelanguage.googleapis.com/get_requests, limit: 60."
    answer = omni_error(429, "too_many_requests", words)
    stage.add_fault(path=f"/interactions/{operation}", times=None, **answer.fault)
    with pytest.raises(GoogleQuotaExceeded):
        await omni.poll(operation)


async def test_quota_after_it_ran_is_waited_for(stage: Stage) -> None:
    omni = stage.create_omni()
    operation = await submit(stage, omni)
    assert await omni.poll(operation) == OperationPending()
    stage.add_fault(path=f"/interactions/{operation}", times=None, **recorded.TOO_MANY.fault)
    with pytest.raises(GoogleQuotaExceeded) as refused:
        await omni.poll(operation)
    assert refused.value.retry_after_s == 23.0


async def test_quota_of_a_job_of_another_process_is_waited_for(stage: Stage) -> None:
    """It is unknown whether the job was seen running."""
    operation = await submit(stage, stage.create_omni())
    stage.add_fault(path=f"/interactions/{operation}", times=None, **recorded.TOO_MANY.fault)
    with pytest.raises(GoogleQuotaExceeded):
        await stage.create_omni().poll(operation)


async def test_used_up_credit_at_the_first_poll_is_the_operators_matter(stage: Stage) -> None:
    omni = stage.create_omni()
    operation = await submit(stage, omni)
    answer = omni_error(429, "quota_exceeded", recorded.PREPAID_SENTENCE)
    stage.add_fault(path=f"/interactions/{operation}", times=None, **answer.fault)
    ended = await omni.poll(operation)
    assert isinstance(ended, OperationFailed)
    assert ended.outcome is Outcome.ACCESS_REFUSED


@pytest.mark.parametrize(
    "document",
    [
        {"status": "failed", "errors": [recorded.TOO_MANY.body["error"]]},
        {"status": "failed", "error": recorded.TOO_MANY.body["error"]},
        {"status": "too_many_requests", "errors": [recorded.TOO_MANY.body["error"]]},
    ],
)
def test_record_that_says_over_quota(document: dict[str, Any]) -> None:
    result = read(document)
    assert isinstance(result, OperationNotStarted)
    assert result.error.retry_after_s == 23.0
    assert isinstance(read(document, has_run=True), OperationFailed)
    used = {"total_output_tokens": 1931}
    assert isinstance(read({**document, "usage": used}), OperationFailed)


def test_quota_of_the_day_in_the_record() -> None:
    result = read({"status": "failed", "errors": [{"code": "quota_exceeded", "message": "Day."}]})
    assert isinstance(result, OperationNotStarted)
    assert result.error.is_daily
    assert isinstance(read({"status": "too_many_requests"}), OperationNotStarted)


# --- cancel and delete --------------------------------------------------------------------------


@pytest.mark.parametrize("is_billed", [True, False])
async def test_cancelled_interaction_says_what_it_cost(stage: Stage, is_billed: bool) -> None:
    stage.configure(seconds=60, omni={"bills_cancelled": is_billed})
    omni = stage.create_omni()
    operation = await submit(stage, omni)
    assert await omni.cancel_operation(operation)
    assert await omni.poll(operation) == OperationPending()
    stage.clock.clock.advance(5)
    ended = await omni.poll(operation)
    assert isinstance(ended, OperationCancelled)
    assert (ended.billed is not None) == is_billed


async def test_nothing_left_to_cancel_or_delete_is_no_error(stage: Stage) -> None:
    omni = stage.create_omni()
    operation = await submit(stage, omni)
    await stage.finish_operation(omni, operation)
    assert await omni.cancel_operation(operation)
    await omni.delete_operation(operation)
    await omni.delete_operation(operation)
    assert await omni.cancel_operation(operation)
    with pytest.raises(RemoteNotFound):
        await omni.poll(operation)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (omni_error(500, "api_error", "No."), GoogleUnavailable),
        (recorded.page(404, "Not Found"), AnswerNotFromGoogle),
        (omni_error(401, "authentication", "No."), AccessRefused),
    ],
)
async def test_cancel_and_delete_can_fail(
    stage: Stage, answer: Answer, error: type[Exception]
) -> None:
    omni = stage.create_omni()
    operation = await submit(stage, omni)
    stage.add_fault(path=f"/interactions/{operation}", times=2, **answer.fault)
    with pytest.raises(error):
        await omni.cancel_operation(operation)
    with pytest.raises(error):
        await omni.delete_operation(operation)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (omni_error(200, "api_error", "No."), GoogleUnavailable),
        (omni_error(200, "permission_denied", "No."), AccessRefused),
        (omni_error(200, "not_found", "No."), None),
        (Answer(200, {}), None),
        (Answer(204, ""), None),
    ],
)
async def test_error_inside_a_success_deletes_nothing(
    stage: Stage, answer: Answer, error: type[Exception] | None
) -> None:
    omni = stage.create_omni()
    operation = await submit(stage, omni)
    stage.add_fault(path=f"/interactions/{operation}", **answer.fault)
    with nullcontext() if error is None else pytest.raises(error):
        await omni.delete_operation(operation)


# --- the file -----------------------------------------------------------------------------------


async def test_file_is_waited_for_after_the_end(stage: Stage) -> None:
    stage.configure(processing_s=95)
    omni = stage.create_omni()
    path = stage.data_dir / "a.mp4"
    await stage.make_clip(omni, stage.build_omni_plan(), path)
    assert path.stat().st_size > 1000
    assert sum(stage.clock.slept) > 80
    assert stage.google.counters["key_leaks"] == 0


async def test_file_that_takes_longer_is_asked_for_again(stage: Stage) -> None:
    stage.configure(processing_s=500)
    omni = stage.create_omni()
    with pytest.raises(GoogleUnavailable, match="still processing"):
        await stage.make_clip(omni, stage.build_omni_plan(), stage.data_dir / "a.mp4")


async def test_file_that_google_cannot_process(stage: Stage) -> None:
    omni = stage.create_omni()
    failed = {"name": "files/a", "state": "FAILED"}
    stage.add_fault(path="/files/a", status=200, body=failed)
    with pytest.raises(VideoNotFetchable):
        await omni.download_video(
            RemoteVideo(uri="https://g.test/v1beta/files/a:download?alt=media"),
            stage.data_dir / "a.mp4",
        )


async def test_inline_clip_goes_to_disk(stage: Stage) -> None:
    """Google sends it inside the answer, although its address was asked for."""
    stage.configure(omni={"inline": True}, min_bytes=3_000_000)
    omni = stage.create_omni()
    operation = await submit(stage, omni)
    finished = await stage.finish_operation(omni, operation)
    assert isinstance(finished, OperationFinished)
    [video] = finished.videos
    assert video.uri is None
    assert video.inline_path is not None
    assert video.interaction_id == operation
    clip = stage.google.omni.store.interactions[-1].clip
    assert clip is not None
    made = await asyncio.to_thread(clip.path.read_bytes)
    path = stage.data_dir / "clips" / "a.mp4"
    assert not (await omni.download_video(video, path)).is_verified
    assert await asyncio.to_thread(path.read_bytes) == made
    await omni.download_video(video, path)  # asked for again, because it was moved
    assert await asyncio.to_thread(path.read_bytes) == made
    assert [item.name for item in (stage.data_dir / "incoming").iterdir()] == []


async def test_bytes_of_what_was_sent_are_not_kept(stage: Stage) -> None:
    """The record may hold the pictures and the clip that were sent, before and after the video."""
    made, sent = b"made" * 5000, b"sent" * 5000

    def content(kind: str, data: bytes) -> dict[str, Any]:
        # the type comes after the data
        return {"data": base64.b64encode(data).decode(), "mime_type": f"{kind}/x", "type": kind}

    record = {
        "id": "v1_a",
        "status": "completed",
        "steps": [
            {"type": "user_input", "content": [content("image", sent), content("video", sent)]},
            {"type": "model_output", "content": [content("image", sent), content("video", made)]},
            {"content": [content("video", sent)], "type": "user_input"},
        ],
    }
    stage.add_fault(path=GET, status=200, body=record)
    omni = stage.create_omni()
    finished = await omni.poll("v1_a")
    assert isinstance(finished, OperationFinished)
    [video] = finished.videos
    assert video.inline_path is not None
    assert await asyncio.to_thread(video.inline_path.read_bytes) == made
    assert list((stage.data_dir / "incoming").iterdir()) == [video.inline_path]


async def test_broken_inline_answer_is_asked_for_again(stage: Stage) -> None:
    stage.configure(omni={"inline": True})
    omni = stage.create_omni()
    operation = await submit(stage, omni)
    await stage.finish_operation(omni, operation)
    stage.add_fault(path=GET, drop="middle")
    with pytest.raises(GoogleUnavailable):
        await omni.poll(operation)
    assert isinstance(await omni.poll(operation), OperationFinished)


# --- what it cost -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("usage", "billed"),
    [
        (None, None),
        ({}, None),
        ({"total_input_tokens": 64}, None),
        ({"total_output_tokens": 0, "total_input_tokens": 1000}, 1500),
        ({"total_output_tokens": 1000}, 12_000),
        (
            {
                "total_output_tokens": 1200,
                "output_tokens_by_modality": [
                    {"modality": "VIDEO", "tokens": 1000},
                    {"modality": "text", "tokens": 200},
                ],
            },
            12_000 + 1800,
        ),
        (
            {
                "total_output_tokens": 1000,
                "total_thought_tokens": 100,
                "total_tokens": 1164,
                "total_input_tokens": 64,
                "output_tokens_by_modality": [{"modality": "video", "tokens": 1000}],
            },
            12_000 + 900 + 96,
        ),
        (
            {
                "total_output_tokens": 1100,
                "total_thought_tokens": 100,
                "total_tokens": 1100,
                "output_tokens_by_modality": [{"modality": "video", "tokens": 1000}],
            },
            12_000 + 900,
        ),
        ({"total_output_tokens": "1"}, 12),
        ({"total_output_tokens": True}, None),
        (
            {"total_output_tokens": 1000, "output_tokens_by_modality": [{"modality": "VIDEO"}]},
            12_000,
        ),
        ({"total_output_tokens": 10**30}, None),
        ({"total_output_tokens": "9" * 5000}, None),
        ("lots", None),
    ],
)
def test_bill(usage: Any, billed: int | None) -> None:
    assert SPEC is not None
    assert compute_bill(usage, SPEC.token_prices) == billed
    assert compute_bill(usage, None) is None


# --- models -------------------------------------------------------------------------------------


async def test_models_are_asked_for_by_their_name(stage: Stage) -> None:
    renamed = replace(SPEC, id="ours", google_name=OMNI) if SPEC else None
    assert renamed is not None
    omni = stage.create_omni(catalog=replace(CATALOG, models=(renamed,)))
    stage.configure(retired_models=["gemini-omni-1.1-flash"])
    answers = await omni.check_reachability(["ours", "gemini-omni-1.1-flash"])
    assert [(answer.model, answer.is_reachable) for answer in answers] == [
        ("ours", True),
        ("gemini-omni-1.1-flash", False),
    ]
    assert stage.count_requests(f"/models/{OMNI}") == 1


async def test_error_inside_a_success_says_nothing_of_a_model(stage: Stage) -> None:
    omni = stage.create_omni()
    stage.add_fault(path=f"/models/{OMNI}", **omni_error(200, "api_error", "No.").fault)
    with pytest.raises(AnswerNotFromGoogle):
        await omni.check_reachability([OMNI])


async def test_lost_submit_cannot_be_searched_for(stage: Stage) -> None:
    omni = stage.create_omni()
    assert await omni.find_result(stage.build_omni_plan(), job_id=1) is None
    assert stage.requests == []
