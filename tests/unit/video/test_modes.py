"""Each mode makes a clip on both routes, and Google receives exactly the plan."""

import asyncio
from dataclasses import replace
from datetime import UTC
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


async def build_mode_plan(stage: Stage, adapter: VideoModels, mode: GenerationMode) -> VideoPlan:
    options: dict[str, Any] = {"model": model_of(adapter), "seconds": None, "videos": 1}
    match mode:
        case GenerationMode.TEXT:
            options["seconds"] = 4
        case GenerationMode.IMAGE:
            options |= {"image": await stage.store_image(), "seconds": 4}
        case GenerationMode.FRAMES:
            options |= {
                "image": await stage.store_image(),
                "last_frame": await stage.store_image(hue=90),
            }
        case GenerationMode.REFERENCES:
            options["references"] = tuple(
                [await stage.store_image(hue=hue) for hue in (5, 100, 200)]
            )
        case GenerationMode.EXTENSION:
            first = stage.build_plan(model=options["model"], seconds=4)
            path = stage.data_dir / "clips" / "first.mp4"
            finished = await stage.make_clip(adapter, first, path)
            options["source"] = stage.build_source(first, finished, path)
    return stage.build_plan("what happens next", **options)


@pytest.mark.parametrize("mode", MODES)
async def test_each_mode_makes_a_clip(
    stage: Stage, either: VideoModels, mode: GenerationMode
) -> None:
    plan = await build_mode_plan(stage, either, mode)
    assert plan.mode is mode
    destination = stage.data_dir / "clips" / "made.mp4"
    await stage.make_clip(either, plan, destination, job_id=2)
    facts = await PyAvMediaProbe().read_facts(destination)
    assert abs(facts.seconds - plan.result_seconds) < 0.1
    assert (facts.width, facts.height) == (1280, 720)
    assert facts.fps == pytest.approx(24)
    assert facts.has_audio
    assert str(stage.google.operations.operations[-1].submission.mode) == str(mode)
    assert len(list(destination.parent.glob(".*"))) == 0

    instance = stage.last_body["instances"][0]
    assert instance["prompt"] == "what happens next"
    assert (
        set(instance) - {"prompt"}
        == {
            GenerationMode.TEXT: set(),
            GenerationMode.IMAGE: {"image"},
            GenerationMode.FRAMES: {"image", "lastFrame"},
            GenerationMode.REFERENCES: {"referenceImages"},
            GenerationMode.EXTENSION: {"video"},
        }[mode]
    )
    for name in ("image", "lastFrame"):
        if name in instance:
            assert set(instance[name]) == set(PNG)
            assert instance[name]["mimeType"] == "image/png"
    if mode is GenerationMode.REFERENCES:
        assert [image["referenceType"] for image in instance["referenceImages"]] == ["ASSET"] * 3
    if mode is GenerationMode.EXTENSION and either.route is GoogleRoute.GEMINI:
        assert instance["video"] == {"uri": plan.source.remote_uri if plan.source else None}


@pytest.mark.parametrize(
    ("options", "parameters"),
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
async def test_parameters_on_the_wire(
    stage: Stage, options: dict[str, Any], parameters: dict[str, Any]
) -> None:
    stage.configure(outcome="failed")
    await stage.create_gemini().submit(stage.build_plan(**options), job_id=1)
    assert stage.last_body["parameters"] == parameters
    for name in ("sampleCount", "durationSeconds", "seed"):
        assert type(stage.last_body["parameters"].get(name, 0)) is int


async def test_extension_sends_required_duration(stage: Stage) -> None:
    gemini = stage.create_gemini()
    plan = await build_mode_plan(stage, gemini, GenerationMode.EXTENSION)
    stage.configure(outcome="failed")
    await gemini.submit(plan, job_id=2)
    assert stage.last_body["parameters"] == {
        "sampleCount": 1,
        "durationSeconds": 8,
        "aspectRatio": "16:9",
        "resolution": "720p",
    }


async def test_person_generation_is_sent(stage: Stage) -> None:
    stage.configure(outcome="failed")
    image = await stage.store_image()
    plan = replace(stage.build_plan(image=image), person_generation=PersonGeneration.ALLOW_ADULT)
    await stage.create_gemini().submit(plan, job_id=1)
    assert stage.last_body["parameters"]["personGeneration"] == "allow_adult"


async def test_vertex_requests_audio_and_job_prefix(stage: Stage) -> None:
    stage.configure(outcome="failed")
    vertex = stage.create_vertex(output_uri="gs://clips-of-ours/veo/")
    await vertex.submit(stage.build_plan(model="veo-3.1-generate-001"), job_id=41)
    parameters = stage.last_body["parameters"]
    assert parameters["generateAudio"] is True
    assert parameters["storageUri"].startswith("gs://clips-of-ours/veo/job-41-")


async def test_several_videos_are_all_delivered(stage: Stage, either: VideoModels) -> None:
    model = "veo-2.0-generate-001" if either.route is GoogleRoute.GEMINI else "veo-3.1-generate-001"
    plan = stage.build_plan(model=model, seconds=6, videos=2)
    operation = await either.submit(plan, job_id=1)
    finished = await stage.finish_operation(either, operation)
    assert len(finished.videos) == 2  # type: ignore[union-attr]
    hashes = set()
    for number, video in enumerate(finished.videos):  # type: ignore[union-attr]
        path = stage.data_dir / f"{number}.mp4"
        await either.download_video(video, path)
        hashes.add((await PyAvMediaProbe().read_facts(path)).sha256)
    assert len(hashes) == 2


async def test_chain_of_three_extensions(stage: Stage, either: VideoModels) -> None:
    plan = stage.build_plan(model=model_of(either), seconds=4)
    path = stage.data_dir / "clips" / "0.mp4"
    finished = await stage.make_clip(either, plan, path, job_id=1)
    for hop in (1, 2, 3):
        source = stage.build_source(plan, finished, path)
        plan = stage.build_plan(f"hop {hop}", model=None, seconds=None, source=source)
        assert plan.model == model_of(either)
        path = stage.data_dir / "clips" / f"{hop}.mp4"
        finished = await stage.make_clip(either, plan, path, job_id=1 + hop)
        facts = await PyAvMediaProbe().read_facts(path)
        assert abs(facts.seconds - (4 + 7 * hop)) < 0.1
    assert stage.google.operations.operations[-1].extension_depth == 3


async def test_extension_from_bucket_sends_gs_uri(stage: Stage) -> None:
    vertex = stage.create_vertex(output_uri="gs://clips-of-ours/veo")
    plan = stage.build_plan(model="veo-3.1-generate-001", seconds=4)
    path = stage.data_dir / "0.mp4"
    finished = await stage.make_clip(vertex, plan, path)
    assert (finished.videos[0].uri or "").startswith("gs://clips-of-ours/veo/job-1-")
    source = stage.build_source(plan, finished, path)
    after = stage.data_dir / "1.mp4"
    await stage.make_clip(
        vertex, stage.build_plan(model=None, seconds=None, source=source), after, job_id=2
    )
    assert stage.last_body["instances"][0]["video"] == {
        "gcsUri": finished.videos[0].uri,
        "mimeType": "video/mp4",
    }
    assert abs((await PyAvMediaProbe().read_facts(after)).seconds - 11) < 0.1


async def test_downloaded_bytes_are_unchanged(stage: Stage, either: VideoModels) -> None:
    path = stage.data_dir / "clip.mp4"
    await stage.make_clip(either, stage.build_plan(model=model_of(either)), path)
    clip = stage.google.operations.operations[-1].products[0].clip
    assert await asyncio.to_thread(path.read_bytes) == await asyncio.to_thread(
        Path(clip.path).read_bytes
    )


async def test_clip_carries_google_expiry(stage: Stage) -> None:
    stage.configure(file_lifetime_s=3600)
    finished = await stage.make_clip(
        stage.create_gemini(), stage.build_plan(), stage.data_dir / "clip.mp4"
    )
    operation = stage.google.operations.operations[-1]
    assert operation.finished_at is not None
    expires = finished.videos[0].expires_at
    assert expires is not None
    assert expires.timestamp() == pytest.approx(operation.finished_at + 3600)
    assert expires.tzinfo is UTC  # pydantic's time zone would crash the interpreter at its end


async def test_key_is_not_sent_after_redirect(stage: Stage) -> None:
    await stage.make_clip(
        stage.create_gemini(), stage.build_plan(model=VEO), stage.data_dir / "clip.mp4"
    )
    assert stage.count_requests("/google-files/") == 1
    assert stage.google.counters["key_leaks"] == 0
    for _, path, headers in stage.requests:
        has_key = any(name.lower() == "x-goog-api-key" for name in headers)
        assert has_key is not path.startswith("/google-files/")
