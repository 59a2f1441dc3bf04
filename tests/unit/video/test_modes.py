"""Each mode makes a clip on both routes, and Google receives exactly what the plan says."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.domain.jobs.request import (
    AspectRatio,
    GenerationMode,
    GoogleRoute,
    PersonGeneration,
    Resolution,
    VideoPlan,
)
from bot.domain.ports import VideoModels
from bot.media.probe import PyAvMediaProbe
from tests.unit.video.conftest import MODES, VEO, Stage, model_of

PNG = {"bytesBase64Encoded": "<", "mimeType": "image/png"}


async def plan_of(stage: Stage, adapter: VideoModels, mode: GenerationMode) -> VideoPlan:
    wanted: dict[str, Any] = {"model": model_of(adapter), "seconds": None, "videos": 1}
    match mode:
        case GenerationMode.TEXT:
            wanted["seconds"] = 4
        case GenerationMode.IMAGE:
            wanted |= {"image": await stage.picture(), "seconds": 4}
        case GenerationMode.FRAMES:
            wanted |= {"image": await stage.picture(), "last_frame": await stage.picture(hue=90)}
        case GenerationMode.REFERENCES:
            wanted["references"] = tuple([await stage.picture(hue=hue) for hue in (5, 100, 200)])
        case GenerationMode.EXTENSION:
            first = stage.plan(model=wanted["model"], seconds=4)
            path = stage.data_dir / "clips" / "first.mp4"
            finished = await stage.made(adapter, first, path)
            wanted["source"] = stage.source(first, finished, path)
    return stage.plan("what happens next", **wanted)


@pytest.mark.parametrize("mode", MODES)
async def test_each_mode_makes_a_clip(
    stage: Stage, either: VideoModels, mode: GenerationMode
) -> None:
    plan = await plan_of(stage, either, mode)
    assert plan.mode is mode
    destination = stage.data_dir / "clips" / "made.mp4"
    await stage.made(either, plan, destination, job_id=2)
    facts = await PyAvMediaProbe().read_facts(destination)
    assert abs(facts.seconds - plan.result_seconds) < 0.1
    assert (facts.width, facts.height) == (1280, 720)
    assert facts.fps == pytest.approx(24)
    assert facts.has_audio
    assert str(stage.google.operations.operations[-1].submission.mode) == str(mode)
    assert len(list(destination.parent.glob(".*"))) == 0

    sent = stage.sent["instances"][0]
    assert sent["prompt"] == "what happens next"
    assert (
        set(sent) - {"prompt"}
        == {
            GenerationMode.TEXT: set(),
            GenerationMode.IMAGE: {"image"},
            GenerationMode.FRAMES: {"image", "lastFrame"},
            GenerationMode.REFERENCES: {"referenceImages"},
            GenerationMode.EXTENSION: {"video"},
        }[mode]
    )
    for name in ("image", "lastFrame"):
        if name in sent:
            assert set(sent[name]) == set(PNG)
            assert sent[name]["mimeType"] == "image/png"
    if mode is GenerationMode.REFERENCES:
        assert [each["referenceType"] for each in sent["referenceImages"]] == ["ASSET"] * 3
    if mode is GenerationMode.EXTENSION and either.route is GoogleRoute.GEMINI:
        assert sent["video"] == {"uri": plan.source.remote_uri if plan.source else None}


@pytest.mark.parametrize(
    ("asked", "parameters"),
    [
        (
            {},
            {
                "sampleCount": 1,
                "durationSeconds": 4,
                "aspectRatio": "16:9",
                "resolution": "720p",
            },
        ),
        (
            {
                "seconds": 8,
                "aspect_ratio": AspectRatio.PORTRAIT,
                "resolution": Resolution.P1080,
                "negative_prompt": "wall, frame",
                "seed": 3,
            },
            {
                "sampleCount": 1,
                "durationSeconds": 8,
                "aspectRatio": "9:16",
                "resolution": "1080p",
                "negativePrompt": "wall, frame",
                "seed": 3,
            },
        ),
        (
            {"model": "veo-2.0-generate-001", "seconds": 5, "videos": 2},
            {"sampleCount": 2, "durationSeconds": 5, "aspectRatio": "16:9"},
        ),
    ],
)
async def test_the_parameters_on_the_wire(
    stage: Stage, asked: dict[str, Any], parameters: dict[str, Any]
) -> None:
    stage.set(outcome="failed")
    await stage.gemini().submit(stage.plan(**asked), job_id=1)
    assert stage.sent["parameters"] == parameters
    for name in ("sampleCount", "durationSeconds", "seed"):
        assert type(stage.sent["parameters"].get(name, 0)) is int


async def test_an_extension_says_the_length_that_the_document_demands(stage: Stage) -> None:
    gemini = stage.gemini()
    plan = await plan_of(stage, gemini, GenerationMode.EXTENSION)
    stage.set(outcome="failed")
    await gemini.submit(plan, job_id=2)
    assert stage.sent["parameters"] == {
        "sampleCount": 1,
        "durationSeconds": 8,
        "aspectRatio": "16:9",
        "resolution": "720p",
    }


async def test_the_person_value_is_sent_when_the_plan_has_one(stage: Stage) -> None:
    stage.set(outcome="failed")
    image = await stage.picture()
    plan = replace(stage.plan(image=image), person_generation=PersonGeneration.ALLOW_ADULT)
    await stage.gemini().submit(plan, job_id=1)
    assert stage.sent["parameters"]["personGeneration"] == "allow_adult"


async def test_vertex_asks_for_sound_and_names_the_jobs_own_folder(stage: Stage) -> None:
    stage.set(outcome="failed")
    vertex = stage.vertex(output_uri="gs://clips-of-ours/veo/")
    await vertex.submit(stage.plan(model="veo-3.1-generate-001"), job_id=41)
    parameters = stage.sent["parameters"]
    assert parameters["generateAudio"] is True
    assert parameters["storageUri"].startswith("gs://clips-of-ours/veo/job-41-")


async def test_several_videos_are_all_delivered(stage: Stage, either: VideoModels) -> None:
    model = "veo-2.0-generate-001" if either.route is GoogleRoute.GEMINI else "veo-3.1-generate-001"
    plan = stage.plan(model=model, seconds=6, videos=2)
    operation = await either.submit(plan, job_id=1)
    finished = await stage.ended(either, operation)
    assert len(finished.videos) == 2  # type: ignore[union-attr]
    hashes = set()
    for number, video in enumerate(finished.videos):  # type: ignore[union-attr]
        path = stage.data_dir / f"{number}.mp4"
        await either.download_video(video, path)
        hashes.add((await PyAvMediaProbe().read_facts(path)).sha256)
    assert len(hashes) == 2


async def test_a_chain_of_three_hops(stage: Stage, either: VideoModels) -> None:
    plan = stage.plan(model=model_of(either), seconds=4)
    path = stage.data_dir / "clips" / "0.mp4"
    finished = await stage.made(either, plan, path, job_id=1)
    for hop in (1, 2, 3):
        source = stage.source(plan, finished, path)
        plan = stage.plan(f"hop {hop}", model=None, seconds=None, source=source)
        assert plan.model == model_of(either)
        path = stage.data_dir / "clips" / f"{hop}.mp4"
        finished = await stage.made(either, plan, path, job_id=1 + hop)
        facts = await PyAvMediaProbe().read_facts(path)
        assert abs(facts.seconds - (4 + 7 * hop)) < 0.1
    assert stage.google.operations.operations[-1].extension_depth == 3


async def test_a_chain_in_a_bucket_passes_the_objects_address(stage: Stage) -> None:
    vertex = stage.vertex(output_uri="gs://clips-of-ours/veo")
    plan = stage.plan(model="veo-3.1-generate-001", seconds=4)
    path = stage.data_dir / "0.mp4"
    finished = await stage.made(vertex, plan, path)
    assert (finished.videos[0].uri or "").startswith("gs://clips-of-ours/veo/job-1-")
    source = stage.source(plan, finished, path)
    after = stage.data_dir / "1.mp4"
    await stage.made(vertex, stage.plan(model=None, seconds=None, source=source), after, job_id=2)
    assert stage.sent["instances"][0]["video"] == {
        "gcsUri": finished.videos[0].uri,
        "mimeType": "video/mp4",
    }
    assert abs((await PyAvMediaProbe().read_facts(after)).seconds - 11) < 0.1


async def test_the_bytes_are_googles(stage: Stage, either: VideoModels) -> None:
    path = stage.data_dir / "clip.mp4"
    await stage.made(either, stage.plan(model=model_of(either)), path)
    made = stage.google.operations.operations[-1].products[0].clip
    assert await asyncio.to_thread(path.read_bytes) == await asyncio.to_thread(
        Path(made.path).read_bytes
    )


async def test_the_clip_says_until_when_google_keeps_it(stage: Stage) -> None:
    stage.set(file_lifetime_s=3600)
    finished = await stage.made(stage.gemini(), stage.plan(), stage.data_dir / "clip.mp4")
    operation = stage.google.operations.operations[-1]
    assert operation.finished_at is not None
    expires = finished.videos[0].expires_at
    assert expires is not None
    assert expires.timestamp() == pytest.approx(operation.finished_at + 3600)


async def test_a_key_never_follows_a_redirect(stage: Stage) -> None:
    await stage.made(stage.gemini(), stage.plan(model=VEO), stage.data_dir / "clip.mp4")
    assert stage.count("/google-files/") == 1
    assert stage.google.counters["key_leaks"] == 0
    for _, path, headers in stage.arrived:
        keyed = any(name.lower() == "x-goog-api-key" for name in headers)
        assert keyed is not path.startswith("/google-files/")
