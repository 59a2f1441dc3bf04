"""Whether Omni's answer to a submit means that an operation started."""

import asyncio
import base64
import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from aiohttp import web

from bot.domain.errors import (
    AccessRefused,
    GoogleQuotaExceeded,
    GoogleUnavailable,
    LeaseLost,
    SubmitUncertain,
    VideoError,
    VideoRefused,
)
from bot.domain.jobs.job import Outcome
from tests.unit.video import google_answers as recorded
from tests.unit.video import test_submit_once as raw
from tests.unit.video.conftest import OMNI, Stage
from tests.unit.video.google_answers import Answer, google_error, omni_error

CREATE = "/interactions$"
BLOCKED_INPUT = omni_error(400, "invalid_request", recorded.PROHIBITED_INPUT)


async def fail_submit(stage: Stage, answer: Answer) -> VideoError:
    omni = stage.create_omni()
    stage.add_fault(method="POST", path=CREATE, **answer.fault)
    with pytest.raises(VideoError) as failed:
        await omni.submit(stage.build_omni_plan(), job_id=1)
    assert stage.interaction_count == 1
    return failed.value


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        pytest.param(BLOCKED_INPUT, Outcome.BLOCKED, id="block words"),
        pytest.param(Answer(400, [BLOCKED_INPUT.body]), Outcome.BLOCKED, id="in an array"),
        pytest.param(
            Answer(400, f"event: error\ndata: {json.dumps(BLOCKED_INPUT.body)}\n\n"),
            Outcome.BLOCKED,
            id="as an event",
        ),
        pytest.param(
            omni_error(400, recorded.FILTERED_SENTENCE, recorded.FILTERED_SENTENCE),
            Outcome.BLOCKED,
            id="the sentence as the code",
        ),
        pytest.param(
            omni_error(400, "content_blocked", "Try another idea."), Outcome.BLOCKED, id="its code"
        ),
        pytest.param(
            omni_error(400, "invalid_request", "Requested video duration 2s 0ns is too short."),
            Outcome.INVALID,
            id="invalid",
        ),
        pytest.param(
            omni_error(416, "out_of_range", "Out of range."), Outcome.INVALID, id="out of range"
        ),
        pytest.param(
            google_error(400, "Invalid value.", "INVALID_ARGUMENT"),
            Outcome.INVALID,
            id="the front end's form",
        ),
        pytest.param(
            omni_error(400, "invalid_request", "Uploaded videos are not available in your region."),
            Outcome.INVALID,
            id="a regional rule",
        ),
        pytest.param(
            omni_error(404, "model_not_found", "Model 'x' not found. Did you mean 'y'?"),
            Outcome.MODEL_RETIRED,
            id="unknown model",
        ),
        pytest.param(
            omni_error(404, "not_found", f"This model models/{OMNI} is no longer available."),
            Outcome.MODEL_RETIRED,
            id="a model shut down",
        ),
        pytest.param(
            omni_error(404, "not_found", "Interaction v1_abc was not found."),
            Outcome.SOURCE_EXPIRED,
            id="the source is gone",
        ),
        pytest.param(recorded.FILE_DENIED, Outcome.SOURCE_EXPIRED, id="the file is gone"),
        pytest.param(recorded.page(400, "Bad Request"), Outcome.NOT_REACHED, id="a page"),
        pytest.param(
            Answer(400, {"error": {"code": "invalid_request", "message": "No.", "type": "x"}}),
            Outcome.NOT_REACHED,
            id="a gateway's form",
        ),
        pytest.param(
            Answer(200, {"error": BLOCKED_INPUT.body["error"]}), Outcome.BLOCKED, id="in a 200"
        ),
    ],
)
async def test_refused_request(stage: Stage, answer: Answer, outcome: Outcome) -> None:
    error = await fail_submit(stage, answer)
    assert isinstance(error, VideoRefused), error
    assert error.outcome is outcome


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(omni_error(402, "payment_required", "Pay first."), id="credit"),
        pytest.param(Answer(402, ""), id="credit, without words"),
        pytest.param(omni_error(401, "authentication", "API key not valid."), id="key"),
        pytest.param(omni_error(403, "permission_denied", "Not allowed."), id="permission"),
        pytest.param(
            omni_error(400, "failed_precondition", "Billing is not enabled."), id="billing off"
        ),
        pytest.param(
            omni_error(429, "quota_exceeded", recorded.PREPAID_SENTENCE), id="credit as a quota"
        ),
        pytest.param(recorded.SERVICE_DISABLED, id="the front end's form"),
        pytest.param(
            Answer(200, omni_error(402, "payment_required", "Pay first.").body), id="in a 200"
        ),
    ],
)
async def test_operators_matter(stage: Stage, answer: Answer) -> None:
    assert isinstance(await fail_submit(stage, answer), AccessRefused)


@pytest.mark.parametrize(
    ("answer", "retry_after_s", "is_daily"),
    [
        pytest.param(recorded.TOO_MANY, 23.0, False, id="a minute"),
        pytest.param(omni_error(429, "rate_limit_exceeded", "Slow down."), None, False, id="rate"),
        pytest.param(omni_error(429, "quota_exceeded", "Quota is used up."), None, True, id="day"),
        pytest.param(recorded.DAY_QUOTA, 22.0, True, id="the front end's form"),
        pytest.param(Answer(200, recorded.TOO_MANY.body), 23.0, False, id="in a 200"),
        pytest.param(
            Answer(429, recorded.TOO_MANY.body, {"Retry-After": "7"}), 23.0, False, id="sentence"
        ),
        pytest.param(
            Answer(429, omni_error(429, "too_many_requests", "No.").body, {"Retry-After": "7"}),
            7.0,
            False,
            id="header",
        ),
    ],
)
async def test_quota(
    stage: Stage, answer: Answer, retry_after_s: float | None, is_daily: bool
) -> None:
    error = await fail_submit(stage, answer)
    assert isinstance(error, GoogleQuotaExceeded), error
    assert (error.retry_after_s, error.is_daily) == (retry_after_s, is_daily)


async def test_overload_that_is_told_begins_nothing(stage: Stage) -> None:
    answer = omni_error(503, "service_unavailable", "The model is in high demand.")
    error = await fail_submit(stage, answer)
    assert isinstance(error, GoogleUnavailable)
    assert not isinstance(error, GoogleQuotaExceeded)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(omni_error(500, "api_error", "Internal error."), id="500"),
        pytest.param(omni_error(504, "deadline_exceeded", "Too late."), id="504"),
        pytest.param(omni_error(499, "cancelled", "Cancelled."), id="499"),
        pytest.param(omni_error(408, "deadline_exceeded", "Too late."), id="408"),
        pytest.param(omni_error(409, "aborted", "Aborted."), id="409"),
        pytest.param(recorded.page(503, "Service Unavailable"), id="503 of a proxy"),
        pytest.param(recorded.page(502, "Bad Gateway"), id="502"),
        pytest.param(Answer(200, omni_error(500, "api_error", "No.").body), id="fault in a 200"),
        pytest.param(
            Answer(200, {"error": {"code": "new", "message": "?"}}), id="unknown in a 200"
        ),
        pytest.param(Answer(200, {"error": "no"}), id="an error without a form"),
        pytest.param(Answer(200, '{"id":"v1_abc","status":"in_pro'), id="broken JSON"),
        pytest.param(Answer(200, "<html>"), id="a page in a 200"),
        pytest.param(Answer(200, {}), id="nothing"),
        pytest.param(Answer(200, {"id": "", "status": "in_progress"}), id="an empty id"),
        pytest.param(Answer(200, {"id": "v1_a/../b", "status": "in_progress"}), id="no id"),
        pytest.param(Answer(202, {}), id="202"),
    ],
)
async def test_unknown_outcome_is_never_sent_again(stage: Stage, answer: Answer) -> None:
    assert isinstance(await fail_submit(stage, answer), SubmitUncertain)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(Answer(202, {"id": "v1_abc"}), id="202"),
        pytest.param(
            Answer(200, {"id": "v1_abc", "status": "failed", "errors": [{"code": "safety"}]}),
            id="it failed at once",
        ),
        pytest.param(
            Answer(429, {"id": "v1_abc", **recorded.TOO_MANY.body}), id="over quota, but begun"
        ),
    ],
)
async def test_an_id_means_that_it_is_begun(stage: Stage, answer: Answer) -> None:
    omni = stage.create_omni()
    stage.add_fault(method="POST", path=CREATE, **answer.fault)
    assert await omni.submit(stage.build_omni_plan(), job_id=1) == "v1_abc"


async def test_a_number_of_a_gateways_error_is_no_id(stage: Stage) -> None:
    answer = Answer(403, {"id": "req-7", "error": {"message": "Forbidden"}})
    assert isinstance(await fail_submit(stage, answer), AccessRefused)


@pytest.mark.parametrize("drop", ["after", "middle"])
async def test_lost_answer_is_sent_once(stage: Stage, drop: str) -> None:
    omni = stage.create_omni()
    stage.add_fault(method="POST", path=CREATE, drop=drop)
    with pytest.raises(SubmitUncertain):
        await omni.submit(stage.build_omni_plan(), job_id=1)
    assert stage.interaction_count == 1
    assert len(stage.google.omni.store.interactions) == 1


async def test_redirect_is_not_followed(stage: Stage, unused_tcp_port: int) -> None:
    received: list[dict[str, str]] = []

    async def take(request: web.Request) -> web.Response:
        received.append(dict(request.headers))
        return web.json_response({"id": "v1_stolen"})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", unused_tcp_port).start()
    elsewhere = {"Location": f"http://127.0.0.1:{unused_tcp_port}/steal"}
    omni = stage.create_omni()
    try:
        stage.add_fault(path="/interactions", times=None, status=307, body="", headers=elsewhere)
        with pytest.raises(AccessRefused):
            await omni.submit(stage.build_omni_plan(), job_id=1)
        for call in (omni.poll, omni.cancel_operation, omni.delete_operation):
            with pytest.raises(VideoError):
                await call("v1_abc")
    finally:
        await runner.cleanup()
    assert received == []


async def test_about_to_send_comes_after_every_free_call(stage: Stage) -> None:
    """The source is asked about, uploaded and processed before the job counts as sent."""
    omni = stage.create_omni()
    path = stage.data_dir / "a.mp4"
    plan = stage.build_omni_plan()
    source = stage.build_source(plan, await stage.make_clip(omni, plan, path), path)
    stage.clock.clock.advance(56 * 86_400.0)
    edit = stage.build_omni_plan("redder", source=source, is_edit=True, seconds=None)
    seen: list[tuple[int, int]] = []

    async def refuse() -> None:
        seen.append((stage.count_requests("/upload/", "POST"), stage.interaction_count))
        raise LeaseLost("adopted")

    with pytest.raises(LeaseLost):
        await omni.submit(edit, job_id=2, about_to_send=refuse)
    assert seen == [(2, 1)]
    assert stage.interaction_count == 1


async def test_paid_calls_can_be_forbidden(stage: Stage) -> None:
    omni = stage.create_omni(base_url="https://omni.invalid", paid_calls=False)
    with pytest.raises(AccessRefused, match="PAID_CALLS"):
        await omni.submit(stage.build_omni_plan(), job_id=1)


async def test_each_submit_is_one_request_without_a_word_of_the_key(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    omni = stage.create_omni()
    await asyncio.gather(
        *(omni.submit(stage.build_omni_plan(f"ball {n}"), job_id=n) for n in range(5))
    )
    assert stage.interaction_count == 5
    assert stage.google.api_key not in caplog.text
    assert all(stage.google.api_key not in path for _, path, _ in stage.requests)


@pytest.mark.parametrize(
    "behaviour",
    [
        raw.drop_after_request,
        raw.reset_after_request,
        raw.answer_bytes(b'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"id":"v1_abc","sta'),
        raw.answer_bytes(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"),
        raw.no_http,
    ],
)
async def test_lost_answer_as_a_raw_socket_sees_it(
    stage: Stage, behaviour: "Callable[[raw.RawServer], raw.Behaviour]"
) -> None:
    async with raw.raw_server(behaviour) as server:
        omni = stage.create_omni(base_url=server.base)
        with pytest.raises(SubmitUncertain):
            await omni.submit(stage.build_omni_plan(), job_id=1)
        assert (server.connections, len(server.requests)) == (1, 1)


async def test_pictures_are_sent_whole(stage: Stage) -> None:
    """They have a length instead of chunks, although they are encoded while being sent."""
    answer = b'HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{"id":"v1_abc"}'
    async with raw.raw_server(raw.answer_bytes(answer)) as server:
        omni = stage.create_omni(base_url=server.base)
        image = replace(await stage.store_image(), path="large.png")
        data = bytes(number % 251 for number in range(500_001))
        await asyncio.to_thread((stage.data_dir / "large.png").write_bytes, data)
        plan = stage.build_omni_plan('a "fox" \\ "data":"eA=="', image=image)
        assert await omni.submit(plan, job_id=1) == "v1_abc"
        [(head, body)] = server.requests
    assert b"transfer-encoding" not in head.lower()
    assert head.startswith(b"POST /v1beta/interactions HTTP/1.1")
    picture, text = json.loads(body)["input"][0]["content"]
    assert base64.b64decode(picture["data"], validate=True) == data
    assert 'a "fox" \\ "data":"eA=="' in text["text"]
