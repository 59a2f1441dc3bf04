"""Omni in a Google Cloud project: images and clips are sent through the operator's bucket."""

from pathlib import Path

import pytest

from bot.domain.errors import (
    AccessRefused,
    GoogleUnavailable,
    SubmitUncertain,
    VideoNotFetchable,
    VideoRefused,
)
from bot.domain.jobs.job import Outcome
from bot.domain.jobs.plan_resolution import resolve_plan
from bot.domain.jobs.request import (
    GenerationMode,
    GoogleRoute,
    OperatorRegion,
    Resolution,
    SourceClip,
    VideoPlan,
    VideoRequest,
)
from bot.domain.jobs.violations import RuleContext
from bot.domain.models import ModelCatalog
from bot.domain.ports import (
    OperationCancelled,
    OperationFinished,
    OperationPending,
    RemoteVideo,
)
from bot.google.omni.vertex import VertexOmniModels
from bot.media.probe import PyAvMediaProbe
from sandbox.google.service import PROJECT
from tests.unit.video.conftest import Stage
from tests.unit.video.google_answers import TOO_MANY, omni_error

OUTPUT = "gs://clips/made"
MODEL = "gemini-omni-1.2-flash-vertex"


@pytest.fixture
def catalog() -> ModelCatalog:
    """The catalog of an operator who has enabled the row."""
    from bot.config.model_catalog import load_catalog

    return load_catalog(f'[[model]]\nid = "{MODEL}"\nenabled = true\n')


@pytest.fixture
def omni(stage: Stage, catalog: ModelCatalog) -> VertexOmniModels:
    return stage.create_vertex_omni(catalog=catalog, output_uri=OUTPUT)


def build_plan(stage: Stage, catalog: ModelCatalog, prompt: str, **changes: object) -> VideoPlan:
    options = {"model": MODEL, "resolution": Resolution.P360, "seconds": 3, **changes}
    request = VideoRequest(prompt=prompt).evolve(**options)
    return resolve_plan(request, RuleContext(models=catalog.models, now=stage.clock.clock.now()))


async def make(
    stage: Stage, omni: VertexOmniModels, plan: VideoPlan, *, job_id: int = 1
) -> tuple[SourceClip, Path]:
    path = stage.data_dir / "clips" / f"{job_id}.mp4"
    finished = await stage.make_clip(omni, plan, path, job_id=job_id)
    assert finished.billed is not None
    return stage.build_source(plan, finished, path), path


async def test_clip_comes_from_the_bucket(
    stage: Stage, omni: VertexOmniModels, catalog: ModelCatalog
) -> None:
    plan = build_plan(stage, catalog, "a ball")
    source, path = await make(stage, omni, plan, job_id=7)
    facts = await PyAvMediaProbe().read_facts(path)
    assert (facts.width, round(facts.seconds)) == (640, 3)
    body = stage.last_interaction
    assert body["model"] == "gemini-omni-1.2-flash"
    [form] = body["response_format"]
    assert form["gcs_uri"].startswith(f"{OUTPUT}/omni-7-")
    assert (source.remote_uri or "").startswith(form["gcs_uri"])
    assert source.interaction_id is None
    [where] = {url for method, url, _ in stage.requests if url.endswith("/interactions")}
    assert where == f"/vertex/v1beta1/projects/{PROJECT}/locations/global/interactions"
    assert not any("x-goog-api-key" in headers for _, _, headers in stage.requests)


async def test_pictures_go_through_the_bucket(
    stage: Stage, omni: VertexOmniModels, catalog: ModelCatalog
) -> None:
    images = (await stage.store_image(), await stage.store_image(hue=90))
    plan = build_plan(stage, catalog, "they meet", references=images)
    await make(stage, omni, plan)
    *media, _ = stage.last_interaction["input"][0]["content"]
    assert [item["mime_type"] for item in media] == ["image/png"] * 2
    assert all(item["uri"].startswith(f"{OUTPUT}/omni-1-") for item in media)
    assert all("data" not in item for item in media)
    # neither members' files nor files that Google refused stay in the bucket
    assert stage.count_requests("/o/", "DELETE") == 2
    stage.add_fault(method="POST", path="/interactions$", **TOO_MANY.fault)
    with pytest.raises(GoogleUnavailable):
        await omni.submit(plan, job_id=2)
    assert stage.count_requests("/o/", "DELETE") == 4
    stage.add_fault(method="POST", path="/interactions$", drop="after")
    with pytest.raises(SubmitUncertain):
        await omni.submit(plan, job_id=3)
    assert stage.count_requests("/o/", "DELETE") == 4


async def test_edit_goes_by_our_copy(
    stage: Stage, omni: VertexOmniModels, catalog: ModelCatalog
) -> None:
    source, _ = await make(stage, omni, build_plan(stage, catalog, "a ball"))
    plan = build_plan(stage, catalog, "make it night", source=source, is_edit=True, seconds=None)
    assert plan.mode is GenerationMode.EDIT
    await make(stage, omni, plan, job_id=2)
    body = stage.last_interaction
    assert "previous_interaction_id" not in body
    video, text = body["input"][0]["content"]
    assert video["uri"].startswith("gs://clips/")
    assert text["text"].startswith("<VIDEO_0>@Video1")


async def test_copy_is_not_sent_where_google_does_not_take_it(
    stage: Stage, omni: VertexOmniModels, catalog: ModelCatalog
) -> None:
    source, _ = await make(stage, omni, build_plan(stage, catalog, "a ball"))
    plan = build_plan(stage, catalog, "night", source=source, is_edit=True, seconds=None)
    there = stage.create_vertex_omni(catalog=catalog, output_uri=OUTPUT, region=OperatorRegion.EU)
    uploads = stage.count_requests("/upload/")
    with pytest.raises(VideoRefused) as refused:
        await there.submit(plan, job_id=2)
    assert refused.value.outcome is Outcome.SOURCE_EXPIRED
    assert stage.count_requests("/upload/") == uploads


async def test_without_a_bucket_only_words_can_be_sent(stage: Stage, catalog: ModelCatalog) -> None:
    omni = stage.create_vertex_omni(catalog=catalog)
    operation = await omni.submit(build_plan(stage, catalog, "a ball"), job_id=1)
    finished = await stage.finish_operation(omni, operation)
    assert isinstance(finished, OperationFinished)
    assert finished.videos[0].inline_path is not None
    await omni.download_video(finished.videos[0], stage.data_dir / "a.mp4")
    image = await stage.store_image()
    with pytest.raises(AccessRefused, match="GOOGLE_OUTPUT_URI"):
        await omni.submit(build_plan(stage, catalog, "it rolls", image=image), job_id=2)
    assert stage.interaction_count == 1


async def test_refused_token_is_replaced_once(
    stage: Stage, omni: VertexOmniModels, catalog: ModelCatalog
) -> None:
    refusal = omni_error(401, "authentication", "Request had invalid credentials.")
    stage.add_fault(path="/interactions", **refusal.fault)
    plan = build_plan(stage, catalog, "a ball")
    with pytest.raises(GoogleUnavailable):
        await omni.submit(plan, job_id=1)
    operation = await omni.submit(plan, job_id=1)
    stage.add_fault(path="/interactions/", **refusal.fault)
    assert await omni.poll(operation) == OperationPending()
    stage.add_fault(path="/interactions/", times=2, **refusal.fault)
    with pytest.raises(AccessRefused):
        await omni.poll(operation)


async def test_cancel_and_delete(
    stage: Stage, omni: VertexOmniModels, catalog: ModelCatalog
) -> None:
    stage.configure(seconds=60)
    operation = await omni.submit(build_plan(stage, catalog, "a ball"), job_id=1)
    assert await omni.cancel_operation(operation)
    stage.clock.clock.advance(5)
    assert isinstance(await omni.poll(operation), OperationCancelled)
    await omni.delete_operation(operation)
    await omni.delete_operation(operation)


async def test_models_are_asked_for_by_googles_name(stage: Stage, omni: VertexOmniModels) -> None:
    answers = await omni.check_reachability([MODEL])
    assert [(answer.model, answer.is_reachable) for answer in answers] == [(MODEL, True)]
    assert stage.count_requests("models/gemini-omni-1.2-flash") == 1
    assert omni.route is GoogleRoute.VERTEX_OMNI


@pytest.mark.parametrize("uri", [None, "https://elsewhere.test/a.mp4"])
async def test_video_outside_a_bucket_cannot_be_fetched(
    stage: Stage, omni: VertexOmniModels, uri: str | None
) -> None:
    with pytest.raises(VideoNotFetchable):
        await omni.download_video(RemoteVideo(uri=uri), stage.data_dir / "a.mp4")
    assert stage.requests == []
