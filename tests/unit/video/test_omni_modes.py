"""Each mode of Omni makes a clip, and Google receives exactly what its task accepts."""

import asyncio
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock

import pytest

from bot.domain.errors import GoogleQuotaExceeded, GoogleUnavailable, VideoRefused
from bot.domain.jobs.job import Outcome
from bot.domain.jobs.request import (
    AspectRatio,
    GenerationMode,
    GoogleRoute,
    OperatorRegion,
    Resolution,
    SourceClip,
    VideoPlan,
)
from bot.domain.ports import OperationFailed, OperationFinished
from bot.google.omni.models import OmniModels
from bot.media.probe import PyAvMediaProbe
from tests.unit.video.conftest import OMNI, OMNI_OLDER, Stage
from tests.unit.video.google_answers import (
    FILE_DENIED,
    NOT_FOUND,
    TOO_MANY,
    google_error,
    omni_error,
)

IMAGE = {"type": "image", "mime_type": "image/png"}
DAY_S = 86_400.0


async def make(
    stage: Stage, omni: OmniModels, plan: VideoPlan, *, job_id: int = 1
) -> tuple[SourceClip, Path]:
    """Make a clip and return it as the source of another."""
    path = stage.data_dir / "clips" / f"{job_id}.mp4"
    finished = await stage.make_clip(omni, plan, path, job_id=job_id)
    return stage.build_source(plan, finished, path), path


def read_content(body: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the content of a request without the bytes."""
    [step] = body["input"]
    assert step["type"] == "user_input"
    return [{key: item[key] for key in item if key != "data"} for item in step["content"]]


def read_form(body: dict[str, Any]) -> dict[str, Any]:
    [form] = body["response_format"]
    assert isinstance(form, dict)
    return form


def read_task(body: dict[str, Any]) -> str | None:
    task = body.get("generation_config", {}).get("video_config", {}).get("task")
    return None if task is None else str(task)


async def test_text_on_the_wire(stage: Stage) -> None:
    omni = stage.create_omni()
    plan = stage.build_omni_plan("a cat", aspect_ratio=AspectRatio.PORTRAIT, seconds=4)
    operation = await omni.submit(plan, job_id=17, dedupe_key="Interaction:ÄÖ")
    assert operation == stage.google.omni.store.interactions[-1].id
    body = stage.last_interaction
    assert set(body) == {
        "model",
        "background",
        "input",
        "response_format",
        "labels",
        "generation_config",
    }
    assert body["model"] == OMNI
    assert body["background"] is True
    assert body["input"].startswith("a cat\n")
    assert body["generation_config"] == {"video_config": {"task": "text_to_video"}}
    assert read_form(body) == {
        "type": "video",
        "delivery": "uri",
        "duration": "4s",
        "aspect_ratio": "9:16",
        "resolution": "360p",
    }
    assert body["labels"]["job"] == "17"
    assert all(len(text) <= 63 and text == text.lower() for text in body["labels"].values())
    await omni.submit(plan, job_id=17, dedupe_key="another database")
    assert stage.last_interaction["labels"] != body["labels"]


@pytest.mark.parametrize(
    ("mode", "count", "task", "tags"),
    [
        (GenerationMode.IMAGE, 1, "image_to_video", ["<FIRST_FRAME>"]),
        (GenerationMode.FRAMES, 2, "image_to_video", ["<FIRST_FRAME>", "<LAST_FRAME>"]),
        (
            GenerationMode.REFERENCES,
            6,
            "reference_to_video",
            [f"<IMAGE_REF_{n}>" for n in range(6)],
        ),
    ],
)
async def test_pictures_make_a_clip(
    stage: Stage, mode: GenerationMode, count: int, task: str, tags: list[str]
) -> None:
    omni = stage.create_omni()
    images = [await stage.store_image(hue=40 * number) for number in range(count)]
    inputs: dict[GenerationMode, dict[str, Any]] = {
        GenerationMode.IMAGE: {"image": images[0]},
        GenerationMode.FRAMES: {"image": images[0], "last_frame": images[-1]},
        GenerationMode.REFERENCES: {"references": tuple(images)},
    }
    plan = stage.build_omni_plan("it rolls", **inputs[mode])
    assert plan.mode is mode
    _, path = await make(stage, omni, plan)
    facts = await PyAvMediaProbe().read_facts(path)
    assert (facts.width, facts.height, round(facts.seconds)) == (640, 360, 3)
    body = stage.last_interaction
    *media, text = read_content(body)
    assert media == [IMAGE] * count
    assert read_task(body) == task
    assert all(tag in text["text"] for tag in tags)
    asked = stage.google.omni.store.interactions[-1].request
    assert asked.task == task
    assert not list(path.parent.glob(".*"))


async def test_a_finished_clip_says_what_it_cost_and_how_long_it_is_kept(stage: Stage) -> None:
    omni = stage.create_omni()
    began = stage.clock.now()
    finished = await stage.make_clip(omni, stage.build_omni_plan(), stage.data_dir / "a.mp4")
    [video] = finished.videos
    told = stage.google.omni.store.interactions[-1].billed_usd * 1_000_000
    assert finished.billed is not None
    assert 0 <= finished.billed - told < 1
    assert finished.billed > 3 * 1931 * 12
    assert video.interaction_id == stage.google.omni.store.interactions[-1].id
    assert video.interaction_expires_at is not None
    assert (video.interaction_expires_at - began).total_seconds() == 55 * DAY_S
    assert video.expires_at is not None
    assert (video.expires_at - began).total_seconds() <= 2 * DAY_S + 10


async def test_usage_that_is_missing_is_unknown(stage: Stage) -> None:
    stage.configure(omni={"reports_usage": False})
    finished = await stage.make_clip(
        stage.create_omni(), stage.build_omni_plan(), stage.data_dir / "a.mp4"
    )
    assert finished.billed is None


async def test_edit_of_an_own_clip_goes_by_its_interaction(stage: Stage) -> None:
    omni = stage.create_omni()
    source, _ = await make(stage, omni, stage.build_omni_plan())
    plan = stage.build_omni_plan(
        "make it night", source=source, is_edit=True, seconds=None, resolution=None
    )
    assert plan.mode is GenerationMode.EDIT
    await make(stage, omni, plan, job_id=2)
    body = stage.last_interaction
    assert body["previous_interaction_id"] == source.interaction_id
    assert isinstance(body["input"], str)
    assert read_task(body) is None
    assert set(read_form(body)) <= {"type", "delivery", "resolution"}
    assert stage.count_requests("/upload/") == 0


async def test_edit_with_a_reference(stage: Stage) -> None:
    omni = stage.create_omni()
    source, _ = await make(stage, omni, stage.build_omni_plan())
    plan = stage.build_omni_plan(
        "give it this hat",
        source=source,
        is_edit=True,
        seconds=None,
        references=(await stage.store_image(),),
    )
    await make(stage, omni, plan, job_id=2)
    assert read_content(stage.last_interaction)[:-1] == [IMAGE]


async def test_extension_of_an_own_clip_sends_the_added_seconds(stage: Stage) -> None:
    omni = stage.create_omni()
    source, _ = await make(stage, omni, stage.build_omni_plan(model=OMNI_OLDER))
    plan = stage.build_omni_plan("it rolls on", model=OMNI_OLDER, source=source, seconds=4)
    assert (plan.mode, plan.result_seconds) == (GenerationMode.EXTENSION, 7)
    _, path = await make(stage, omni, plan, job_id=2)
    body = stage.last_interaction
    assert read_form(body)["duration"] == "4s"
    assert "aspect_ratio" not in read_form(body)
    assert body["previous_interaction_id"] == source.interaction_id
    assert read_task(body) is None
    assert body["input"].startswith("Extend this video:")
    facts = await PyAvMediaProbe().read_facts(path)
    assert round(facts.seconds) == 7


@pytest.mark.parametrize("is_edit", [True, False])
async def test_clip_of_another_route_goes_by_our_copy(stage: Stage, is_edit: bool) -> None:
    omni = stage.create_omni()
    source, path = await make(stage, omni, stage.build_omni_plan(model=OMNI_OLDER))
    veo = stage.build_source(
        stage.build_omni_plan(),
        OperationFinished((await _find_last_video(stage, omni),)),
        path,
        route=GoogleRoute.GEMINI,
        interaction_id=None,
        remote_uri=None,
        seconds=source.seconds,
    )
    before = stage.count_requests("/interactions/")
    plan = stage.build_omni_plan(
        "and then", model=OMNI_OLDER, source=veo, is_edit=is_edit, seconds=None if is_edit else 3
    )
    stage.clock.slept.clear()
    operation = await omni.submit(plan, job_id=3)
    assert stage.count_requests("/interactions/") == before  # no interaction to ask about
    body = stage.last_interaction
    assert "previous_interaction_id" not in body
    assert read_task(body) == ("edit" if is_edit else "extend")
    video, text = read_content(body)
    assert (video["type"], video["mime_type"]) == ("video", "video/mp4")
    assert "files/" in video["uri"]
    tag = "<VIDEO_0>@Video1" if is_edit else "<PREVIOUS_VIDEO>@Video1"
    assert text["text"].startswith(tag)
    assert set(read_form(body)) - {"type", "delivery", "resolution"} == (
        set() if is_edit else {"duration"}
    )
    assert stage.clock.slept  # until Google had processed the upload
    assert isinstance(await stage.finish_operation(omni, operation), OperationFinished)


async def _find_last_video(stage: Stage, omni: OmniModels) -> Any:
    operation = stage.google.omni.store.interactions[-1].id
    finished = await omni.poll(operation)
    assert isinstance(finished, OperationFinished)
    return finished.videos[0]


async def test_upload_is_streamed_without_the_key_and_done_once(stage: Stage) -> None:
    omni = stage.create_omni()
    source, path = await make(stage, omni, stage.build_omni_plan())
    plan = stage.build_omni_plan("redder", source=source, is_edit=True, seconds=None)
    stage.clock.clock.advance(56 * DAY_S)
    stage.add_fault(method="POST", path="/interactions$", times=2, **TOO_MANY.fault)
    for _ in range(2):
        with pytest.raises(GoogleQuotaExceeded):
            await omni.submit(plan, job_id=2)
    uploads = [
        headers for method, url, headers in stage.requests if "/upload/" in url and method == "POST"
    ]
    start, finalize = uploads
    assert start["x-goog-api-key"] == stage.google.api_key
    assert "x-goog-api-key" not in {name.lower() for name in finalize}
    assert finalize["Content-Length"] == str(path.stat().st_size)
    assert finalize["X-Goog-Upload-Command"] == "upload, finalize"


async def test_upload_that_is_gone_is_noticed_by_two_jobs_at_once(stage: Stage) -> None:
    omni = stage.create_omni()
    source, _ = await make(stage, omni, stage.build_omni_plan())
    plan = stage.build_omni_plan("redder", source=source, is_edit=True, seconds=None)
    stage.clock.clock.advance(56 * DAY_S)
    await omni.submit(plan, job_id=2)
    stage.add_fault(method="GET", path="/v1beta/files/", times=2, **NOT_FOUND.fault)
    await asyncio.gather(*(omni.submit(plan, job_id=number) for number in (3, 4)))
    assert stage.interaction_count == 4


async def test_interaction_that_is_gone_early_is_reported_and_a_copy_is_sent(stage: Stage) -> None:
    """A project without billing keeps interactions for only a day."""
    watcher = AsyncMock()
    omni = stage.create_omni(interaction_watcher=watcher)
    stage.configure(omni={"lifetime_s": DAY_S})
    source, _ = await make(stage, omni, stage.build_omni_plan())
    plan = stage.build_omni_plan("make it night", source=source, is_edit=True, seconds=None)
    await make(stage, omni, plan, job_id=2)
    watcher.record_alive.assert_awaited_once_with(GoogleRoute.OMNI, source.interaction_id)
    watcher.record_gone.assert_not_awaited()
    stage.clock.clock.advance(2 * DAY_S)
    await make(stage, omni, plan, job_id=3)
    watcher.record_gone.assert_awaited_once_with(GoogleRoute.OMNI, source.interaction_id)
    assert "previous_interaction_id" not in stage.last_interaction
    assert read_content(stage.last_interaction)[0]["type"] == "video"


async def test_interaction_of_another_project_is_gone_and_the_copy_goes(stage: Stage) -> None:
    """The operator has a new key: Google's refusal is about the clip, not about the account."""
    omni = stage.create_omni()
    source, _ = await make(stage, omni, stage.build_omni_plan())
    plan = stage.build_omni_plan("make it night", source=source, is_edit=True, seconds=None)
    sentence = "You do not have permission to access the Interaction v1_x or it may not exist."
    for denied in (
        google_error(403, sentence, "PERMISSION_DENIED"),
        omni_error(403, "permission_denied", sentence),
    ):
        stage.add_fault(method="GET", path=f"/interactions/{source.interaction_id}", **denied.fault)
        await omni.submit(plan, job_id=2)
        assert "previous_interaction_id" not in stage.last_interaction


@pytest.mark.parametrize("region", [OperatorRegion.ELSEWHERE, OperatorRegion.EU])
async def test_record_that_is_kept_without_its_clip(stage: Stage, region: OperatorRegion) -> None:
    """Google still has the interaction but refuses to continue it: nothing was started."""
    omni = stage.create_omni(region=region)
    source, _ = await make(stage, omni, stage.build_omni_plan())
    plan = stage.build_omni_plan("make it night", source=source, is_edit=True, seconds=None)
    stage.add_fault(method="POST", path="/interactions$", **FILE_DENIED.fault)
    if region is OperatorRegion.EU:
        with pytest.raises(VideoRefused) as refused:
            await omni.submit(plan, job_id=2)
        assert refused.value.outcome is Outcome.SOURCE_EXPIRED
        return
    with pytest.raises(GoogleUnavailable):
        await omni.submit(plan, job_id=2)
    await omni.submit(plan, job_id=2)
    assert "previous_interaction_id" not in stage.last_interaction
    stage.add_fault(method="POST", path="/interactions$", **FILE_DENIED.fault)
    with pytest.raises(VideoRefused):
        await omni.submit(plan, job_id=3)


async def test_two_jobs_learn_at_once_that_the_record_is_of_no_use(stage: Stage) -> None:
    omni = stage.create_omni()
    source, _ = await make(stage, omni, stage.build_omni_plan())
    plan = stage.build_omni_plan("make it night", source=source, is_edit=True, seconds=None)
    stage.add_fault(method="POST", path="/interactions$", times=2, **FILE_DENIED.fault)
    submits = (omni.submit(plan, job_id=number) for number in (2, 3))
    errors = await asyncio.gather(*submits, return_exceptions=True)
    assert [type(error) for error in errors] == [GoogleUnavailable, GoogleUnavailable]


@pytest.mark.parametrize("region", [OperatorRegion.EU, OperatorRegion.UK, OperatorRegion.CH])
async def test_copy_is_not_sent_where_google_does_not_take_it(
    stage: Stage, region: OperatorRegion
) -> None:
    omni = stage.create_omni(region=region)
    source, _ = await make(stage, omni, stage.build_omni_plan())
    plan = stage.build_omni_plan("make it night", source=source, is_edit=True, seconds=None)
    submits = stage.interaction_count
    stage.clock.clock.advance(56 * DAY_S)
    sent: list[bool] = []

    async def note() -> None:
        sent.append(True)

    with pytest.raises(VideoRefused) as refused:
        await omni.submit(plan, job_id=2, about_to_send=note)
    assert refused.value.outcome is Outcome.SOURCE_EXPIRED
    assert (stage.interaction_count, sent) == (submits, [])
    assert stage.count_requests("/upload/") == 0


async def test_own_clip_is_edited_everywhere_by_its_interaction(stage: Stage) -> None:
    stage.configure(region="eu")
    omni = stage.create_omni(region=OperatorRegion.EU)
    source, _ = await make(stage, omni, stage.build_omni_plan())
    plan = stage.build_omni_plan("make it night", source=source, is_edit=True, seconds=None)
    await make(stage, omni, plan, job_id=2)
    assert stage.last_interaction["previous_interaction_id"] == source.interaction_id


async def test_copy_that_is_not_kept_is_an_expired_source(stage: Stage) -> None:
    omni = stage.create_omni()
    source, path = await make(stage, omni, stage.build_omni_plan())
    plan = stage.build_omni_plan("make it night", source=source, is_edit=True, seconds=None)
    stage.clock.clock.advance(56 * DAY_S)
    await asyncio.to_thread(path.unlink)
    with pytest.raises(VideoRefused) as refused:
        await omni.submit(plan, job_id=2)
    assert refused.value.outcome is Outcome.SOURCE_EXPIRED


async def test_regional_refusal_quotes_google(stage: Stage) -> None:
    """The operator has not set a region, and Google refuses the copy of a clip."""
    stage.configure(region="eu")
    omni = stage.create_omni()
    source, _ = await make(stage, omni, stage.build_omni_plan())
    plan = stage.build_omni_plan("make it night", source=source, is_edit=True, seconds=None)
    stage.clock.clock.advance(56 * DAY_S)
    ended = await stage.finish_operation(omni, await omni.submit(plan, job_id=2))
    assert isinstance(ended, OperationFailed)
    assert ended.outcome is Outcome.INVALID
    assert ended.detail == "Editing of uploaded videos is not available in your region."


async def test_images_that_are_too_large_together_are_uploaded(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.google.omni.models._MAX_INLINE_BYTES", 100)
    omni = stage.create_omni()
    image = await stage.store_image()
    await make(stage, omni, stage.build_omni_plan("it rolls", image=image))
    [media, _] = read_content(stage.last_interaction)
    assert media.keys() == {"type", "mime_type", "uri"}
    assert media["mime_type"] == "image/png"


async def test_resolution_and_length_are_what_was_asked(stage: Stage) -> None:
    omni = stage.create_omni()
    plan = stage.build_omni_plan(resolution=Resolution.P720, seconds=15)
    await omni.submit(plan, job_id=1)
    form = read_form(stage.last_interaction)
    assert (form["resolution"], form["duration"]) == ("720p", "15s")
