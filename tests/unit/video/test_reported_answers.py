"""Reported answers of Google and of proxies, on both routes.

A proxy's page is never taken for Google's answer. Problems with the operator's account are logged
with Google's sentence and code, and members do not see them.
"""

import base64
from typing import Any

import pytest

from bot.domain.errors import (
    AccessRefused,
    AnswerNotFromGoogle,
    GoogleQuotaExceeded,
    GoogleUnavailable,
    RemoteNotFound,
    SubmitUncertain,
    VideoError,
    VideoNotFetchable,
    VideoRefused,
)
from bot.domain.jobs.job import Outcome
from bot.domain.ports import OperationFailed, OperationFinished, RemoteVideo, VideoModels
from bot.google.answers import read_answer
from bot.google.api_errors import build_filtered_failure, read_operation_failure
from bot.google.gemini_files import build_expected_content
from bot.services.admin.model_directory import ModelDirectory
from tests.unit.video import google_answers as recorded
from tests.unit.video.conftest import CATALOG, VEO_GA, Stage, model_of

SUBMIT = ":predictLongRunning"
POLL = "operations|fetchPredictOperation"
DOWNLOAD = r"files/[a-z0-9]+:download"
CONTENT = "google-files/"


async def submit(stage: Stage, adapter: VideoModels) -> str:
    return await adapter.submit(stage.build_plan(model=model_of(adapter)), job_id=1)


async def refuse_submit(stage: Stage, adapter: VideoModels, answer: recorded.Answer) -> VideoError:
    stage.add_fault(path=SUBMIT, **answer.fault)
    with pytest.raises(VideoError) as refused:
        await submit(stage, adapter)
    assert stage.submit_count == 1
    return refused.value


# --- the operator's account ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        pytest.param(
            recorded.google_error(402, recorded.PREPAID_SENTENCE, "RESOURCE_EXHAUSTED"),
            "RESOURCE_EXHAUSTED",
            "prepayment credits are depleted",
            id="google-A1-402",
        ),
        pytest.param(
            recorded.Answer(402, {"detail": "insufficient balance"}),
            "402",
            "402",
            id="google-A1-page",
        ),
        pytest.param(
            recorded.google_error(429, recorded.PREPAID_SENTENCE, "RESOURCE_EXHAUSTED"),
            "RESOURCE_EXHAUSTED",
            "prepayment credits are depleted",
            id="google-A2-429",
        ),
        pytest.param(
            recorded.google_error(
                429,
                f"{recorded.QUOTA_SENTENCE}\n* Quota exceeded for metric: requests, limit: 0",
                "RESOURCE_EXHAUSTED",
            ),
            "RESOURCE_EXHAUSTED",
            "limit: 0",
            id="google-K1-zero-quota",
        ),
        pytest.param(
            recorded.google_error(
                429,
                "Veo is not available in the free tier. Please enable billing to use it.",
                "RESOURCE_EXHAUSTED",
            ),
            "RESOURCE_EXHAUSTED",
            "enable billing",
            id="google-K1-429-billing",
        ),
        pytest.param(
            recorded.google_error(
                400, "User location is not supported for the API use.", "FAILED_PRECONDITION"
            ),
            "FAILED_PRECONDITION",
            "User location",
            id="google-A3-location",
        ),
        pytest.param(
            recorded.google_error(
                400, "Veo API is only accessible to billed users at this time.", "INVALID_ARGUMENT"
            ),
            "INVALID_ARGUMENT",
            "billed users",
            id="google-A5-billed",
        ),
        pytest.param(
            recorded.google_error(
                400,
                "Veo is not supported in region europe-west9. Please use one of the supported "
                "regions.",
                "FAILED_PRECONDITION",
            ),
            "FAILED_PRECONDITION",
            "europe-west9",
            id="google-A37-region",
        ),
        pytest.param(
            recorded.google_error(
                400,
                "Gemini API free tier is not available in your country. Please enable billing.",
                "FAILED_PRECONDITION",
            ),
            "FAILED_PRECONDITION",
            "free tier",
            id="google-K1-free-tier",
        ),
        pytest.param(
            recorded.SERVICE_DISABLED,
            "SERVICE_DISABLED",
            "Enable it by visiting https://console.developers.google.com",
            id="google-A6-disabled",
        ),
        pytest.param(
            recorded.IAM_DENIED,
            "IAM_PERMISSION_DENIED",
            "aiplatform.endpoints.predict",
            id="google-A11",
        ),
        pytest.param(
            recorded.google_error(
                400, "API key expired. Please renew the API key.", "INVALID_ARGUMENT"
            ),
            "INVALID_ARGUMENT",
            "API key expired",
            id="google-K10-key",
        ),
        pytest.param(
            recorded.page(403, "403 Forbidden"), "403", "403 Forbidden", id="google-K1-page"
        ),
    ],
)
async def test_account_errors_are_logged_and_hidden_from_members(
    stage: Stage, either: VideoModels, answer: recorded.Answer, code: str, words: str
) -> None:
    """Members do not see it; the log gets Google's sentence and code. [google-K1, google-K10]"""
    error = await refuse_submit(stage, either, answer)
    assert isinstance(error, AccessRefused)
    assert (error.detail, error.reason) == (None, code)
    assert words in str(error)


async def test_secrets_stay_out_of_the_log(stage: Stage) -> None:
    """The sentence is Google's own, but for keys and tokens. [google-K10]"""
    key = "AIzaSyA1234567890abcdefghijk"
    answer = recorded.google_error(
        403, f"Consumer 'api_key:{key}' of ops@example.com is suspended.", "PERMISSION_DENIED"
    )
    error = await refuse_submit(stage, stage.create_gemini(), answer)
    assert key not in str(error)
    assert "of ops@example.com is suspended" in str(error)


# --- models --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        pytest.param(
            recorded.page(404, "404 Not Found"), Outcome.NOT_REACHED, id="google-A13-html"
        ),
        pytest.param(
            recorded.Answer(404, {"error": {"message": "", "code": 404, "status": ""}}),
            Outcome.NOT_REACHED,
            id="google-A14-empty",
        ),
        pytest.param(
            recorded.Answer(404, {"error": {"message": "No route.", "code": 404}}),
            Outcome.NOT_REACHED,
            id="google-K2-gateway-form",
        ),
        pytest.param(recorded.page(413, "413 Too Large"), Outcome.NOT_REACHED, id="google-A30"),
        pytest.param(recorded.page(400, "Bad Request"), Outcome.NOT_REACHED, id="google-K2-400"),
        pytest.param(recorded.NOT_FOUND, Outcome.INVALID, id="google-K2-entity"),
        pytest.param(recorded.PUBLISHER_MODEL, Outcome.MODEL_UNAVAILABLE, id="google-A15"),
        pytest.param(
            recorded.google_error(
                404,
                "This model models/veo-2.0-generate-001 is no longer available to new users. "
                "Please update your code to use a newer model.",
                "NOT_FOUND",
            ),
            Outcome.MODEL_RETIRED,
            id="google-K2-retired",
        ),
        pytest.param(
            recorded.google_error(
                400,
                "1080p is no longer supported for a duration of 4 seconds.",
                "INVALID_ARGUMENT",
            ),
            Outcome.INVALID,
            id="google-K2-resolution",
        ),
        pytest.param(
            recorded.google_error(
                400, "The file files/abc is no longer available.", "INVALID_ARGUMENT"
            ),
            Outcome.SOURCE_EXPIRED,
            id="google-K2-file",
        ),
    ],
)
async def test_only_google_word_about_a_model_is_about_the_model(
    stage: Stage, either: VideoModels, answer: recorded.Answer, outcome: Outcome
) -> None:
    """[google-K2]"""
    error = await refuse_submit(stage, either, answer)
    assert isinstance(error, VideoRefused)
    assert error.outcome is outcome
    if outcome is Outcome.NOT_REACHED:
        assert error.detail is None
        assert "not by Google" in str(error)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(recorded.page(403, "Attention Required! | CDN"), id="google-B3-html"),
        pytest.param(recorded.SERVICE_DISABLED, id="google-K3-account"),
        pytest.param(recorded.google_error(401, "No.", "UNAUTHENTICATED"), id="google-K3-401"),
        pytest.param(recorded.Answer(402, ""), id="google-K3-402"),
        pytest.param(recorded.page(502, "Bad Gateway"), id="google-K3-502"),
        pytest.param(recorded.page(200, "Sign in"), id="google-K3-login"),
    ],
)
async def test_passing_refusal_says_nothing_about_a_model(
    stage: Stage, either: VideoModels, answer: recorded.Answer
) -> None:
    """[google-K3]"""
    mine = model_of(either)
    other = mine.replace("veo-3.1-", "veo-3.1-fast-")
    stage.add_fault(path=f"/models/{other}", times=9, **answer.fault)
    answers = await either.check_reachability([mine, other])
    assert [(a.model, a.is_reachable) for a in answers] == [(mine, True)]


async def test_passing_refusal_during_the_daily_check_keeps_the_model(
    stage: Stage, either: VideoModels
) -> None:
    """It is checked again soon and offered meanwhile. [google-B3, google-K3]"""
    other = model_of(either).replace("veo-3.1-", "veo-3.1-fast-")
    directory = ModelDirectory(catalog=CATALOG, routes={either.route: either}, clock=stage.clock)
    assert await directory.refresh_from_google()  # past its announced end, and still available
    page = recorded.page(403, "Attention Required! | CDN")
    stage.add_fault(path=f"/models/{other}", **page.fault)
    assert not await directory.refresh_from_google()
    status = directory.get_offer_status(other)
    assert status is not None
    assert status.offered
    assert await directory.refresh_from_google()


async def test_token_endpoint_without_token_takes_no_model_off(stage: Stage) -> None:
    """[google-B4, google-K3]"""
    vertex = stage.create_vertex()
    fast = VEO_GA.replace("veo-3.1-", "veo-3.1-fast-")
    stage.add_fault(path="/google-oauth/token", times=2, status=200, body={"expires_in": 3599})
    answers = await vertex.check_reachability([VEO_GA, fast, VEO_GA.replace("3.1", "3.0")])
    assert all(a.model not in (VEO_GA, fast) for a in answers)


# --- quotas --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "delay_s", "is_daily"),
    [
        pytest.param(recorded.LONG_QUOTA, 64_520.0, True, id="google-A17-long"),
        pytest.param(recorded.DAY_QUOTA, 22.0, True, id="google-A17-short"),
        pytest.param(
            recorded.google_error(
                429, f"{recorded.QUOTA_SENTENCE}\nPlease retry in 1h2m3.5s.", "RESOURCE_EXHAUSTED"
            ),
            3723.5,
            False,
            id="google-K7-sentence",
        ),
        pytest.param(
            recorded.google_error(429, "Please retry in 850.5ms.", "RESOURCE_EXHAUSTED"),
            0.8505,
            False,
            id="google-K7-ms",
        ),
        pytest.param(
            recorded.google_error(
                429, "Resource has been exhausted (e.g. check quota).", "RESOURCE_EXHAUSTED"
            ),
            None,
            False,
            id="google-K7-nothing",
        ),
    ],
)
async def test_waits_that_google_names_are_read(
    stage: Stage,
    either: VideoModels,
    answer: recorded.Answer,
    delay_s: float | None,
    is_daily: bool,
) -> None:
    """[google-K7]"""
    error = await refuse_submit(stage, either, answer)
    assert isinstance(error, GoogleQuotaExceeded)
    assert error.retry_after_s == (delay_s and pytest.approx(delay_s))
    assert error.is_daily is is_daily


async def test_gateway_limit_is_no_quota_of_google(stage: Stage, either: VideoModels) -> None:
    """[google-K7]"""
    error = await refuse_submit(stage, either, recorded.page(429, "Too Many Requests"))
    assert isinstance(error, AnswerNotFromGoogle)


# --- credentials ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "reason", "words"),
    [
        pytest.param(
            recorded.Answer(
                400,
                {
                    "error": "invalid_grant",
                    "error_description": "Invalid JWT: Token must be a short-lived token (60 "
                    "minutes) and in a reasonable timeframe. Check your iat and exp values.",
                },
            ),
            "invalid_grant",
            "clock",
            id="google-B1",
        ),
        pytest.param(
            recorded.Answer(
                401,
                {
                    "error": "unauthorized_client",
                    "error_description": "Client is unauthorized to retrieve access tokens.",
                },
            ),
            "unauthorized_client",
            "Client is unauthorized",
            id="google-B9",
        ),
    ],
)
async def test_log_says_why_the_credentials_are_refused(
    stage: Stage, answer: recorded.Answer, reason: str, words: str
) -> None:
    """[google-K10]"""
    stage.add_fault(path="/google-oauth/token", times=9, **answer.fault)
    with pytest.raises(AccessRefused) as refused:
        await submit(stage, stage.create_vertex())
    assert refused.value.reason == reason
    assert words in str(refused.value)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(recorded.page(200, "Welcome to the hotel"), id="google-B6-html"),
        pytest.param(recorded.Answer(200, ""), id="google-K11-empty"),
        pytest.param(recorded.Answer(200, []), id="google-K11-list"),
        pytest.param(recorded.Answer(200, {"expires_in": 3599}), id="google-K11-no-token"),
        pytest.param(recorded.page(403, "Forbidden"), id="google-K11-403"),
    ],
)
async def test_token_endpoint_answered_by_something_else_sends_nothing(
    stage: Stage, answer: recorded.Answer
) -> None:
    """The job can go back to the queue. [google-K11]"""
    vertex = stage.create_vertex()
    stage.add_fault(path="/google-oauth/token", **answer.fault)
    with pytest.raises(AnswerNotFromGoogle):
        await submit(stage, vertex)
    assert stage.submit_count == 0
    await submit(stage, vertex)


async def test_success_clears_the_suspicion_about_a_token(stage: Stage) -> None:
    """Withdrawn twice within an hour, with a success between. [google-B8, google-K12]"""
    vertex = stage.create_vertex()
    await submit(stage, vertex)
    for _ in range(3):
        stage.google.tokens.revoke_all()
        with pytest.raises(GoogleUnavailable):
            await submit(stage, vertex)
        await submit(stage, vertex)


async def test_account_refused_with_every_token_is_refused(stage: Stage) -> None:
    """[google-K12]"""
    vertex = stage.create_vertex()
    no = recorded.google_error(401, "Request had invalid credentials.", "UNAUTHENTICATED")
    stage.add_fault(path=SUBMIT, times=9, **no.fault)
    with pytest.raises(GoogleUnavailable):
        await submit(stage, vertex)
    with pytest.raises(AccessRefused):
        await submit(stage, vertex)


# --- the operation -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "outcome", "words"),
    [
        pytest.param(
            {
                "code": 7,
                "message": "service-1@gcp-sa-aiplatform.iam.gserviceaccount.com does not have "
                "storage.objects.create access to the Google Cloud Storage object. Permission "
                "'storage.objects.create' denied on resource (or it may not exist).",
            },
            Outcome.ACCESS_REFUSED,
            "storage.objects.create",
            id="google-C14",
        ),
        pytest.param(
            {"code": 9, "message": "Billing is disabled for this project."},
            Outcome.ACCESS_REFUSED,
            "Billing is disabled",
            id="google-K15-billing",
        ),
        pytest.param(
            {"code": 8, "message": "The service is currently experiencing high load."},
            Outcome.OVERLOADED,
            "code 8",
            id="google-C13",
        ),
        pytest.param(
            {"code": 14, "message": "The service is currently unavailable."},
            Outcome.OVERLOADED,
            "code 14",
            id="google-K16-14",
        ),
        pytest.param(
            {
                "code": 3,
                "message": "Veo could not generate videos based on the prompt provided. Try "
                "rephrasing the prompt. Support codes: 35561574",
            },
            Outcome.BLOCKED,
            "code 3",
            id="google-C9",
        ),
        pytest.param(
            {"code": 13, "message": "Internal error."},
            Outcome.OPERATION_FAILED,
            "code 13",
            id="google-K16-13",
        ),
        pytest.param(
            {"code": 3, "message": "The file files/abc is no longer available."},
            Outcome.SOURCE_EXPIRED,
            "code 3",
            id="google-K2-operation-file",
        ),
    ],
)
def test_failed_operations_are_classified(
    error: dict[str, Any], outcome: Outcome, words: str
) -> None:
    """[google-K15, google-K16]"""
    failed = read_operation_failure(error)
    assert failed.outcome is outcome
    assert words in (failed.operator_message or "")
    assert failed.detail is None or outcome is not Outcome.ACCESS_REFUSED


def test_bare_support_code_is_the_safety_filter() -> None:
    """[google-C3, google-K16]"""
    assert build_filtered_failure(["58061214"]).outcome is Outcome.BLOCKED
    assert read_operation_failure({"code": 3, "message": "58061214"}).outcome is Outcome.BLOCKED


async def test_page_on_a_poll_is_no_word_of_google(stage: Stage, either: VideoModels) -> None:
    """[google-C18, google-K17]"""
    operation = await submit(stage, either)
    for answer in (recorded.page(404, "404 Not Found"), recorded.page(410, "Gone")):
        stage.add_fault(path=POLL, **answer.fault)
        with pytest.raises(AnswerNotFromGoogle):
            await either.poll(operation)
    assert isinstance(await stage.finish_operation(either, operation), OperationFinished)


async def test_error_in_a_successful_poll_is_an_error(stage: Stage, either: VideoModels) -> None:
    """[google-C26, google-K18]"""
    operation = await submit(stage, either)
    error = {"code": 500, "message": "upstream error", "status": "INTERNAL"}
    stage.add_fault(path=POLL, status=200, body={"error": error})
    with pytest.raises(GoogleUnavailable, match="upstream error"):
        await either.poll(operation)
    stage.add_fault(path=POLL, status=200, body={"name": operation, "error": {"code": 13}})
    assert isinstance(await either.poll(operation), OperationFailed)


async def test_inline_clip_on_the_gemini_route_is_kept(stage: Stage) -> None:
    """It is written to a file while it arrives. [google-C34, google-K13]"""
    gemini, path = stage.create_gemini(), stage.data_dir / "clip.mp4"
    operation, video = await submit(stage, gemini), bytes(range(256)) * 4000
    sample = {"encodedVideo": base64.b64encode(video).decode(), "encoding": "video/mp4"}
    response = {"generateVideoResponse": {"generatedSamples": [{"video": sample}]}}
    body = {"name": operation, "done": True, "response": response}
    stage.add_fault(path=POLL, status=200, body=body)
    finished = await gemini.poll(operation)
    assert isinstance(finished, OperationFinished)
    assert finished.videos[0].uri is None
    await gemini.download_video(finished.videos[0], path)
    assert path.read_bytes() == video


# --- the download --------------------------------------------------------------------------------


async def finish(stage: Stage, adapter: VideoModels) -> RemoteVideo:
    finished = await stage.finish_operation(adapter, await submit(stage, adapter))
    assert isinstance(finished, OperationFinished)
    return finished.videos[0]


@pytest.mark.parametrize(
    "framing",
    [
        pytest.param({}, id="google-D13-length"),
        pytest.param({"framing": "chunked"}, id="google-D13-chunked"),
        pytest.param({"framing": "close"}, id="google-D13-close"),
    ],
)
async def test_body_that_was_cut_is_fetched_again(stage: Stage, framing: dict[str, Any]) -> None:
    """Its size and hash are compared with Google's values. [google-K8]"""
    gemini, path = stage.create_gemini(), stage.data_dir / "clip.mp4"
    video = await finish(stage, gemini)
    whole = stage.google.operations.operations[-1].products[0].clip
    stage.add_fault(path=CONTENT, cut_to=whole.size // 2, times=2, **framing)
    assert (await gemini.download_video(video, path)).is_verified
    assert path.stat().st_size == whole.size
    assert stage.count_requests(CONTENT) == 3
    stage.add_fault(path=CONTENT, cut_to=whole.size // 2, times=None, **framing)
    path.unlink()
    with pytest.raises(GoogleUnavailable, match="bytes"):
        await gemini.download_video(video, path)
    assert not path.exists()


async def test_replaced_bytes_of_the_same_length_are_fetched_again(stage: Stage) -> None:
    """[google-D13, google-K8]"""
    gemini, path = stage.create_gemini(), stage.data_dir / "clip.mp4"
    video = await finish(stage, gemini)
    whole = stage.google.operations.operations[-1].products[0].clip
    other = base64.b64encode(bytes(whole.size)).decode()
    stage.add_fault(path=CONTENT, status=200, body_base64=other)
    await gemini.download_video(video, path)
    assert path.read_bytes() == whole.path.read_bytes()


@pytest.mark.parametrize("form", ["bytes", "hexadecimal"])
def test_hash_is_read_in_both_forms(form: str) -> None:
    """[google-K8]"""
    raw = bytes(range(32))
    text = base64.b64encode(raw if form == "bytes" else raw.hex().encode()).decode()
    expected = build_expected_content(7, text)
    assert expected is not None
    assert (expected.size, expected.sha256) == (7, raw.hex())
    assert build_expected_content(0, "odd") is None


@pytest.mark.parametrize(
    ("uri", "is_fetched"),
    [
        pytest.param("files/{file}", True, id="google-D20"),
        pytest.param("/v1beta/files/{file}:download?alt=media", True, id="google-K9-path"),
        pytest.param("v1beta/files/{file}", True, id="google-K9-relative"),
        pytest.param("gs://bucket/x/{file}.mp4", False, id="google-D22"),
        pytest.param("http://[broken/{file}.mp4", False, id="google-K9-malformed"),
        pytest.param("https://host:port/{file}.mp4", False, id="google-K9-port"),
        pytest.param("data:video/mp4;base64,AAAA", False, id="google-K9-data"),
        pytest.param("   ", False, id="google-K9-blank"),
    ],
)
async def test_odd_addresses_are_resolved_or_given_up(
    stage: Stage, uri: str, is_fetched: bool
) -> None:
    """[google-K9]"""
    gemini, path = stage.create_gemini(), stage.data_dir / "clip.mp4"
    video = await finish(stage, gemini)
    name = str(video.uri).rpartition("/files/")[2].partition(":")[0]
    odd = RemoteVideo(uri=uri.format(file=name))
    if is_fetched:
        await gemini.download_video(odd, path)
        assert path.exists()
    else:
        with pytest.raises(VideoNotFetchable):
            await gemini.download_video(odd, path)


async def test_relative_address_of_a_gateway_is_resolved(stage: Stage) -> None:
    """[google-D21, google-K9]"""
    gemini = stage.create_gemini()
    with pytest.raises(VideoError):
        await gemini.download_video(
            RemoteVideo(uri="/v1/videos/task_1/content"), stage.data_dir / "clip.mp4"
        )
    assert stage.count_requests("/v1/videos/task_1/content") == 1


async def test_malformed_redirect_passes(stage: Stage) -> None:
    """[google-D18, google-K9]"""
    gemini, path = stage.create_gemini(), stage.data_dir / "clip.mp4"
    video = await finish(stage, gemini)
    bad = {"Location": "https://storage.googleapis.com:x/y"}
    stage.add_fault(path=DOWNLOAD, status=302, headers=bad, body="")
    with pytest.raises(GoogleUnavailable, match="malformed"):
        await gemini.download_video(video, path)
    await gemini.download_video(video, path)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(recorded.page(200, "Sign in"), id="google-D24-html"),
        pytest.param(recorded.Answer(200, []), id="google-K14-list"),
        pytest.param(recorded.Answer(200, ""), id="google-K14-empty"),
        pytest.param(recorded.NOT_FOUND, id="google-K14-404"),
        pytest.param(recorded.google_error(501, "No.", "UNIMPLEMENTED"), id="google-K14-501"),
    ],
)
async def test_odd_answer_about_a_file_does_not_keep_it_from_being_downloaded(
    stage: Stage, answer: recorded.Answer
) -> None:
    """[google-K14]"""
    gemini, path = stage.create_gemini(), stage.data_dir / "clip.mp4"
    video = await finish(stage, gemini)
    stage.add_fault(path=r"files/[a-z0-9]+(\?|$)", times=None, **answer.fault)
    assert not (await gemini.download_video(video, path)).is_verified
    assert path.exists()


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        pytest.param(recorded.page(404, "Not Found"), AnswerNotFromGoogle, id="google-D1"),
        pytest.param(recorded.NOT_FOUND, RemoteNotFound, id="google-D2"),
        pytest.param(recorded.FILE_DENIED, RemoteNotFound, id="google-K4-403"),
        pytest.param(recorded.page(200, "Sign in"), AnswerNotFromGoogle, id="google-D4"),
        pytest.param(recorded.SERVICE_DISABLED, AccessRefused, id="google-K4-account"),
    ],
)
async def test_refused_download_can_be_tried_again(
    stage: Stage, answer: recorded.Answer, error: type[VideoError]
) -> None:
    """[google-K4, google-K5]"""
    gemini, path = stage.create_gemini(), stage.data_dir / "clip.mp4"
    video = await finish(stage, gemini)
    stage.add_fault(path=DOWNLOAD, **answer.fault)
    with pytest.raises(error):
        await gemini.download_video(video, path)
    await gemini.download_video(video, path)
    assert path.exists()


def test_one_function_decides_what_is_google_own_answer() -> None:
    """[google-K2, google-K17]"""
    own = {"error": {"code": 404, "message": "Not found.", "status": "NOT_FOUND"}}
    storage = {"error": {"code": 404, "message": "No.", "errors": [{"reason": "notFound"}]}}
    assert read_answer(404, own).is_from_google
    assert read_answer(404, [own]).is_from_google
    assert read_answer(404, storage).is_from_google
    for other in (
        {"error": {"code": 404, "message": "Not found.", "status": "Not Found"}},
        {"error": {"code": 404, "message": "  ", "status": "NOT_FOUND"}},
        {"error": {"code": "404", "message": "Invalid URL", "type": "invalid_request_error"}},
        {"error": "not found"},
        {"message": "not found", "status": "NOT_FOUND"},
        "<html>",
        "",
        "null",
    ):
        assert not read_answer(404, other).is_from_google


async def test_uncertain_stays_uncertain(stage: Stage, either: VideoModels) -> None:
    """A gateway's 5xx may follow a request that Google is carrying out. [google-K2]"""
    stage.add_fault(path=SUBMIT, status=502, carry_out=True, body="<html>Bad gateway</html>")
    with pytest.raises(SubmitUncertain):
        await submit(stage, either)
    assert len(stage.google.operations.operations) == 1
