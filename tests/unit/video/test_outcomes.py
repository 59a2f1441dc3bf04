"""The sandbox gives each of Google's answers, and the adapters classify it."""

from dataclasses import replace
from typing import Any

import pytest

from bot.domain.errors import (
    AccessRefused,
    GoogleQuotaExceeded,
    GoogleUnavailable,
    RemoteNotFound,
    SubmitUncertain,
    VideoError,
    VideoRefused,
)
from bot.domain.jobs.job import Outcome
from bot.domain.jobs.request import GoogleRoute, PersonGeneration
from bot.domain.ports import OperationFailed, OperationFinished, OperationPending, VideoModels
from tests.unit.video.conftest import Stage, model_of

AUDIO = (
    "We encountered an issue with the audio for your prompt, so no video was generated. You have "
    "not been charged for this attempt."
)
IMAGE = "The input image violates our usage guidelines. Support codes: 15236754"
WORDS = "The prompt contains sensitive words that violate Google's Responsible AI practices."


async def submit(stage: Stage, adapter: VideoModels, **changes: Any) -> str:
    return await adapter.submit(stage.build_plan(model=model_of(adapter), **changes), job_id=1)


# --- the submit ---------------------------------------------------------------------------------


async def test_a_wrong_key(stage: Stage) -> None:
    for wrong in ("not-the-key", "x"):
        adapter = stage.create_gemini(api_key=wrong)
        with pytest.raises(AccessRefused) as refused:
            await submit(stage, adapter)
        assert wrong not in str(refused.value) or wrong == "x"
        with pytest.raises(AccessRefused):
            await adapter.poll("models/veo-3.1-generate-preview/operations/abc")
        with pytest.raises(AccessRefused):
            await adapter.check_reachability(["veo-3.1-generate-preview"])


async def test_foreign_project_is_refused(stage: Stage) -> None:
    with pytest.raises(AccessRefused):
        await submit(stage, stage.create_vertex(project="somebody-elses"))


async def test_a_retired_model(stage: Stage, either: VideoModels) -> None:
    stage.configure(retired_models=[model_of(either)])
    with pytest.raises(VideoRefused) as refused:
        await submit(stage, either)
    assert refused.value.outcome is Outcome.MODEL_RETIRED
    assert "no longer available" in (refused.value.detail or "")


async def test_quota_error_carries_retry_delay(stage: Stage, either: VideoModels) -> None:
    stage.configure(quota={"*": {"per_minute": 1}})
    await submit(stage, either)
    stage.clock.clock.advance(20)
    with pytest.raises(GoogleQuotaExceeded) as refused:
        await submit(stage, either)
    named = 40 if either.route is GoogleRoute.GEMINI else None  # Vertex AI names no delay
    assert refused.value.retry_after_s == (named and pytest.approx(named, abs=0.1))
    assert "http" not in (refused.value.detail or "")


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"status": 500}, SubmitUncertain),
        ({"status": 503}, GoogleUnavailable),
        ({"status": 503, "headers": {"Retry-After": "7"}}, GoogleUnavailable),
        ({"status": 503, "body": "<html>Unavailable</html>"}, SubmitUncertain),
        ({"status": 503, "body": {"message": "no form of Google's"}}, SubmitUncertain),
        ({"status": 502}, SubmitUncertain),
        ({"status": 502, "body": "<html>Bad gateway</html>"}, SubmitUncertain),
        ({"status": 504}, SubmitUncertain),
        ({"status": 504, "body": "<html>timed out</html>"}, SubmitUncertain),
        ({"status": 524}, SubmitUncertain),
        ({"status": 599, "body": ""}, SubmitUncertain),
        ({"status": 408}, SubmitUncertain),
        ({"status": 499}, SubmitUncertain),
        ({"status": 201, "body": {"name": "models/veo/operations/1"}}, SubmitUncertain),
        ({"status": 202, "body": {}}, SubmitUncertain),
        ({"status": 204, "body": ""}, SubmitUncertain),
        ({"status": 429}, GoogleQuotaExceeded),
        ({"status": 401}, AccessRefused),
        ({"status": 403}, AccessRefused),
        ({"status": 400}, VideoRefused),
        ({"status": 200, "body": {}}, SubmitUncertain),
        ({"status": 200, "body": "<html>welcome</html>"}, SubmitUncertain),
        ({"drop": "before"}, SubmitUncertain),
        ({"drop": "after"}, SubmitUncertain),
        ({"drop": "middle"}, SubmitUncertain),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_retryable_errors(
    stage: Stage, fault: dict[str, Any], error: type[VideoError]
) -> None:
    """Retry only if Google certainly started nothing. In every case one request was sent."""
    stage.add_fault(path=":predictLongRunning", **fault)
    with pytest.raises(error) as refused:
        await submit(stage, stage.create_gemini())
    assert isinstance(refused.value, GoogleQuotaExceeded) is (error is GoogleQuotaExceeded)
    assert stage.submit_count == 1
    assert len(stage.google.operations.operations) == int(fault.get("drop") in ("after", "middle"))
    if "headers" in fault:
        assert isinstance(refused.value, GoogleUnavailable)
        assert refused.value.retry_after_s == 7


async def test_submit_follows_no_redirect(stage: Stage) -> None:
    elsewhere = {"Location": f"{stage.base}/google/v1beta/elsewhere:predictLongRunning"}
    stage.add_fault(path=":predictLongRunning", status=307, headers=elsewhere, body="")
    with pytest.raises(AccessRefused, match="redirected"):
        await submit(stage, stage.create_gemini())
    assert stage.submit_count == 1


async def test_refused_person_generation(stage: Stage) -> None:
    stage.configure(region="eu")
    plan = replace(stage.build_plan(), person_generation=PersonGeneration.ALLOW_ALL)
    with pytest.raises(VideoRefused) as refused:
        await stage.create_gemini().submit(plan, job_id=1)
    assert refused.value.outcome is Outcome.PERSON_REFUSED
    assert refused.value.detail == "allow_all for personGeneration is currently not supported."


async def test_invalid_request_is_refused(stage: Stage, either: VideoModels) -> None:
    plan = replace(stage.build_plan(model=model_of(either)), seconds=5)
    with pytest.raises(VideoRefused) as refused:
        await either.submit(plan, job_id=1)
    assert refused.value.outcome is Outcome.INVALID
    assert "duration" in (refused.value.detail or "").lower()


@pytest.mark.parametrize("how", ["expire", "revoke", "unknown"])
async def test_missing_source_is_expired(stage: Stage, how: str) -> None:
    gemini, plan, path = stage.create_gemini(), stage.build_plan(), stage.data_dir / "clip.mp4"
    source = stage.build_source(plan, await stage.make_clip(gemini, plan, path), path)
    file = next(iter(stage.google.files._files.values()))
    file.expired, file.revoked = how == "expire", how == "revoke"
    if how == "unknown":
        uri = f"{stage.base}/google/v1beta/files/nothing12345:download?alt=media"
        source = replace(source, remote_uri=uri)
    longer = stage.build_plan(model=None, seconds=None, source=source)
    with pytest.raises(VideoRefused) as refused:
        await gemini.submit(longer, job_id=2)
    assert refused.value.outcome is Outcome.SOURCE_EXPIRED
    assert file.id not in (refused.value.detail or "")


async def test_source_deleted_from_bucket_is_expired(stage: Stage) -> None:
    vertex = stage.create_vertex(output_uri="gs://clips-of-ours/veo")
    plan, path = stage.build_plan(model="veo-3.1-generate-001"), stage.data_dir / "clip.mp4"
    source = stage.build_source(plan, await stage.make_clip(vertex, plan, path), path)
    source = replace(source, remote_uri="gs://clips-of-ours/gone.mp4")
    with pytest.raises(VideoRefused) as refused:
        await vertex.submit(stage.build_plan(model=None, seconds=None, source=source), job_id=2)
    assert refused.value.outcome is Outcome.SOURCE_EXPIRED


async def test_submit_waits_for_processing_source(stage: Stage) -> None:
    stage.configure(processing_s=0)
    gemini, plan, path = stage.create_gemini(), stage.build_plan(), stage.data_dir / "clip.mp4"
    source = stage.build_source(plan, await stage.make_clip(gemini, plan, path), path)
    stage.configure(processing_s=30)
    await gemini.submit(stage.build_plan(model=None, seconds=None, source=source), job_id=2)
    assert sum(stage.clock.slept) >= 20
    assert stage.submit_count == 2


async def test_long_processing_source_is_requeued(stage: Stage) -> None:
    stage.configure(processing_s=0)
    gemini, plan, path = stage.create_gemini(), stage.build_plan(), stage.data_dir / "clip.mp4"
    source = stage.build_source(plan, await stage.make_clip(gemini, plan, path), path)
    stage.configure(processing_s=600)
    with pytest.raises(GoogleUnavailable) as refused:
        await gemini.submit(stage.build_plan(model=None, seconds=None, source=source), job_id=2)
    assert refused.value.retry_after_s
    assert stage.submit_count == 1


async def test_failed_source_is_refused(stage: Stage) -> None:
    gemini, plan, path = stage.create_gemini(), stage.build_plan(), stage.data_dir / "clip.mp4"
    source = stage.build_source(plan, await stage.make_clip(gemini, plan, path), path)
    name = str(source.remote_uri).rpartition("/files/")[2].partition(":")[0]
    file = stage.google.files.get_file(name)
    assert file is not None
    file.failed = True
    with pytest.raises(VideoRefused) as refused:
        await gemini.submit(stage.build_plan(model=None, seconds=None, source=source), job_id=2)
    assert refused.value.outcome is Outcome.SOURCE_EXPIRED
    assert stage.submit_count == 1


async def test_unprocessed_source_is_retried_for_a_minute(stage: Stage) -> None:
    """Google says that a file is ready and refuses it all the same, for a while."""
    gemini, plan, path = stage.create_gemini(), stage.build_plan(), stage.data_dir / "clip.mp4"
    source = stage.build_source(plan, await stage.make_clip(gemini, plan, path), path)
    longer = stage.build_plan(model=None, seconds=None, source=source)
    message = "Input video must be a video that was generated by VEO that has been processed"
    no = {"error": {"code": 400, "message": message, "status": "INVALID_ARGUMENT"}}
    stage.add_fault(path=":predictLongRunning", status=400, body=no, times=3)
    for _ in (1, 2):
        with pytest.raises(GoogleUnavailable) as refused:
            await gemini.submit(longer, job_id=2)
        assert refused.value.retry_after_s == 10
        stage.clock.clock.advance(31)
    with pytest.raises(VideoRefused) as given_up:
        await gemini.submit(longer, job_id=2)
    assert given_up.value.outcome is Outcome.SOURCE_EXPIRED
    await gemini.submit(longer, job_id=3)


async def test_missing_input_file_is_invalid(stage: Stage, either: VideoModels) -> None:
    image = await stage.store_image()
    plan = stage.build_plan(model=model_of(either), image=image)
    (stage.data_dir / image.path).unlink()
    with pytest.raises(VideoRefused) as refused:
        await either.submit(plan, job_id=1)
    assert refused.value.outcome is Outcome.INVALID
    assert stage.submit_count == 0


async def test_missing_original_is_expired_source(stage: Stage) -> None:
    vertex, path = stage.create_vertex(), stage.data_dir / "first.mp4"
    first = stage.build_plan(model=model_of(vertex))
    source = stage.build_source(first, await stage.make_clip(vertex, first, path), path)
    path.unlink()
    with pytest.raises(VideoRefused) as refused:
        await vertex.submit(
            stage.build_plan(model=model_of(vertex), seconds=None, source=source), job_id=2
        )
    assert refused.value.outcome is Outcome.SOURCE_EXPIRED
    assert stage.submit_count == 1


async def test_paid_calls_can_be_forbidden(stage: Stage) -> None:
    real = stage.create_gemini(base_url="https://veo.invalid", paid_calls=False)
    with pytest.raises(AccessRefused, match="PAID_CALLS"):
        await submit(stage, real)
    # The sandbox costs nothing.
    await submit(stage, stage.create_gemini(paid_calls=False))


# --- the poll -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reason", "outcome"),
    [
        (AUDIO, Outcome.BLOCKED_AUDIO),
        (IMAGE, Outcome.BLOCKED_IMAGE),
        (WORDS, Outcome.BLOCKED),
        ("Something we cannot name.", Outcome.BLOCKED),
    ],
)
@pytest.mark.parametrize("section", ["generateVideoResponse", "response"])
async def test_filtered(
    stage: Stage, either: VideoModels, reason: str, outcome: Outcome, section: str
) -> None:
    stage.configure(outcome="filtered", reason=reason, filtered_on=section)
    ended = await stage.finish_operation(either, await submit(stage, either))
    assert ended == OperationFailed(outcome, reason)


async def test_a_failed_operation(stage: Stage, either: VideoModels) -> None:
    stage.configure(outcome="failed")
    ended = await stage.finish_operation(either, await submit(stage, either))
    assert isinstance(ended, OperationFailed)
    assert ended.outcome is Outcome.OPERATION_FAILED
    assert ended.detail == (
        "Video generation failed due to an internal server issue. Please try again."
    )


async def test_unfinished_operation_is_pending(stage: Stage, either: VideoModels) -> None:
    stage.configure(outcome="never")
    operation = await submit(stage, either)
    stage.clock.clock.advance(86_400)
    if either.route is GoogleRoute.VERTEX:
        # The token has expired; the poll gets a new one.
        assert stage.count_requests("/google-oauth/token") == 1
    assert await either.poll(operation) == OperationPending()


async def test_one_filtered_video_of_two(stage: Stage) -> None:
    stage.configure(partial_filter=1)
    gemini = stage.create_gemini()
    plan = stage.build_plan(model="veo-2.0-generate-001", seconds=5, videos=2)
    ended = await stage.finish_operation(gemini, await gemini.submit(plan, job_id=1))
    assert isinstance(ended, OperationFinished)
    assert len(ended.videos) == 1
    assert ended.filtered_reasons == (AUDIO,)


async def test_unknown_operation_is_not_found(stage: Stage, either: VideoModels) -> None:
    operation = await submit(stage, either)
    with pytest.raises(RemoteNotFound):
        await either.poll(operation[:-4] + "zzzz")


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 500},
        {"status": 503},
        {"status": 504},
        {"status": 400},
        {"status": 200, "body": "<html>"},
        {"status": 200, "body": []},
        {"status": 302, "headers": {"Location": "/elsewhere"}, "body": ""},
        {"drop": "before"},
        {"drop": "middle"},
    ],
    ids=str,
)
async def test_failed_poll_is_retryable(
    stage: Stage, either: VideoModels, fault: dict[str, Any]
) -> None:
    operation = await submit(stage, either)
    stage.add_fault(path="operations|fetchPredictOperation", times=None, **fault)
    with pytest.raises(GoogleUnavailable):
        await either.poll(operation)
    assert stage.count_requests("/elsewhere") == 0
    stage.faults.remove_faults()
    assert isinstance(await stage.finish_operation(either, operation), OperationFinished)


async def test_poll_over_quota(stage: Stage, either: VideoModels) -> None:
    operation = await submit(stage, either)
    stage.add_fault(
        path="operations|fetchPredictOperation", status=429, headers={"Retry-After": "9"}
    )
    with pytest.raises(GoogleQuotaExceeded) as refused:
        await either.poll(operation)
    assert refused.value.retry_after_s == 9


async def test_refused_token_is_replaced(stage: Stage) -> None:
    vertex = stage.create_vertex()
    operation = await submit(stage, vertex)
    stage.google.tokens.revoke_all()
    assert isinstance(await stage.finish_operation(vertex, operation), OperationFinished)
    assert stage.count_requests("/google-oauth/token") == 2


async def test_submit_with_expired_token_is_retryable(stage: Stage) -> None:
    vertex = stage.create_vertex()
    await submit(stage, vertex)
    stage.google.tokens.revoke_all()
    with pytest.raises(GoogleUnavailable):
        await submit(stage, vertex)
    await submit(stage, vertex)
    assert stage.submit_count == 3


async def test_refused_credentials(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    stage.add_fault(path="/google-oauth/token", status=400, body={"error": "invalid_grant"})
    with pytest.raises(AccessRefused):
        await submit(stage, stage.create_vertex())
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "nothing.json"))
    with pytest.raises(AccessRefused):
        await submit(stage, stage.create_vertex())
    assert stage.submit_count == 0


# --- reachability and lost results --------------------------------------------------------------


async def test_reachability(stage: Stage, either: VideoModels) -> None:
    mine = model_of(either)
    stage.configure(retired_models=[mine])
    other = (
        "veo-3.1-fast-generate-preview"
        if either.route is GoogleRoute.GEMINI
        else ("veo-3.1-fast-generate-001")
    )
    answers = await either.check_reachability([mine, other, "veo-9"])
    assert [(answer.model, answer.is_reachable) for answer in answers] == [
        (mine, False),
        (other, True),
        ("veo-9", False),
    ]
    assert "no longer available" in (answers[0].reason or "")


async def test_gateway_without_model_list_counts_as_reachable(
    stage: Stage, either: VideoModels
) -> None:
    stage.add_fault(path="/models/", status=404, body="<html>not here</html>")
    (answer,) = await either.check_reachability([model_of(either)])
    assert answer.is_reachable


@pytest.mark.parametrize(
    "fault", [{"status": 503}, {"status": 200, "body": []}, {"status": 200, "body": "<html>"}]
)
async def test_reachability_when_google_is_busy(
    stage: Stage, either: VideoModels, fault: dict[str, Any]
) -> None:
    stage.add_fault(path="/models/", **fault)
    with pytest.raises(GoogleUnavailable):
        await either.check_reachability([model_of(either)])


async def test_model_reachability_is_independent(stage: Stage, either: VideoModels) -> None:
    mine = model_of(either)
    fast = mine.replace("veo-3.1-", "veo-3.1-fast-")
    lite = mine.replace("veo-3.1-", "veo-3.1-lite-")
    words = {"error": {"code": 403, "message": "Not for you.", "status": "PERMISSION_DENIED"}}
    stage.add_fault(path=f"/models/{fast}", status=403, body=words)
    stage.add_fault(path=f"/models/{lite}", status=503)
    answers = await either.check_reachability([fast, lite, mine])
    assert [(answer.model, answer.is_reachable) for answer in answers] == [(mine, True)]


async def test_refused_account_raises(stage: Stage, either: VideoModels) -> None:
    stage.add_fault(path="/models/", status=403, times=2)
    with pytest.raises(AccessRefused):
        await either.check_reachability([model_of(either), model_of(either)])


async def test_incomplete_bucket_result_is_retried_for_a_minute(stage: Stage) -> None:
    vertex = stage.create_vertex(output_uri="gs://clips-of-ours/veo")
    plan = stage.build_plan(model="veo-3.1-generate-001", videos=2)
    await stage.finish_operation(vertex, await vertex.submit(plan, job_id=5, dedupe_key="a"))
    result = await vertex.find_result(plan, job_id=5, dedupe_key="a")
    assert result is not None
    assert len(result.videos) == 2
    more = replace(plan, videos=3)
    assert await vertex.find_result(more, job_id=5, dedupe_key="a") is None
    stage.clock.clock.advance(59)
    assert await vertex.find_result(more, job_id=5, dedupe_key="a") is None
    stage.clock.clock.advance(2)
    assert await vertex.find_result(more, job_id=5, dedupe_key="a") == result


async def test_clip_of_other_database_is_not_found(stage: Stage) -> None:
    vertex = stage.create_vertex(output_uri="gs://clips-of-ours/veo")
    plan = stage.build_plan(model="veo-3.1-generate-001")
    await stage.finish_operation(
        vertex, await vertex.submit(plan, job_id=5, dedupe_key="interaction:1")
    )
    assert await vertex.find_result(plan, job_id=5, dedupe_key="interaction:2") is None
    assert await vertex.find_result(plan, job_id=5, dedupe_key="interaction:1") is not None


async def test_lost_submit_answer_is_found_in_bucket(stage: Stage) -> None:
    vertex = stage.create_vertex(output_uri="gs://clips-of-ours/veo")
    plan = stage.build_plan(model="veo-3.1-generate-001")
    assert await vertex.find_result(plan, job_id=5) is None
    stage.add_fault(path=":predictLongRunning", drop="after")
    with pytest.raises(SubmitUncertain):
        await vertex.submit(plan, job_id=5)
    operation = stage.google.operations.operations[-1]
    await stage.finish_operation(stage.create_vertex(), operation.name)
    result = await vertex.find_result(plan, job_id=5)
    assert result is not None
    path = stage.data_dir / "found.mp4"
    await vertex.download_video(result.videos[0], path)
    assert path.stat().st_size == operation.products[0].clip.size
    assert await vertex.find_result(plan, job_id=50) is None
    assert await vertex.find_result(replace(plan, prompt="another"), job_id=5) is None
    assert stage.submit_count == 1


async def test_find_result_needs_bucket(stage: Stage) -> None:
    assert await stage.create_gemini().find_result(stage.build_plan(), job_id=1) is None
    assert (
        await stage.create_vertex().find_result(
            stage.build_plan(model="veo-3.1-generate-001"), job_id=1
        )
        is None
    )
