"""Each rule of Vertex AI refuses invalid requests and accepts the closest valid one."""

import base64
from dataclasses import replace
from typing import Any

import pytest

from sandbox.google.clip_spec import ImageFit
from sandbox.google.errors import InvalidArgument
from sandbox.google.models import MODELS, ServiceRoute, VeoMode
from sandbox.google.submission import Submission
from sandbox.google.vertex_rules import VertexSourceClip, check_source, read_submission
from tests.sandbox.google.conftest import VEO_GA, picture

FAST = "veo-3.1-fast-generate-001"
LITE = "veo-3.1-lite-generate-001"
IMAGE = {
    "bytesBase64Encoded": base64.b64encode(picture(size=(64, 36))).decode(),
    "mimeType": "image/png",
}
TEXT: dict[str, Any] = {"prompt": "a cat"}
CLIP = {"gcsUri": "gs://some-bucket/clip.mp4", "mimeType": "video/mp4"}
EXTENSION: dict[str, Any] = {**TEXT, "video": CLIP}
REFERENCES: dict[str, Any] = {
    **TEXT,
    "referenceImages": [{"image": IMAGE, "referenceType": "asset"}],
}


def ask(
    model: str, instance: dict[str, Any], *, listed: bool = False, **parameters: Any
) -> Submission:
    body = {"instances": [instance], "parameters": parameters, "labels": {"job": "1"}}
    return read_submission(body, MODELS[ServiceRoute.VERTEX, model], allow_everyone=listed)


def words(model: str, instance: dict[str, Any], **parameters: Any) -> str:
    with pytest.raises(InvalidArgument) as caught:
        ask(model, instance, **parameters)
    return caught.value.message


def test_requests_of_google_genai_are_accepted() -> None:
    asked = ask(
        VEO_GA,
        {**TEXT, "image": IMAGE, "lastFrame": IMAGE},
        sampleCount=2,
        storageUri="gs://bucket/jobs/1",
        fps=24,
        durationSeconds=8,
        seed=3,
        aspectRatio="9:16",
        resolution="1080p",
        personGeneration="allow_adult",
        negativePrompt="wall",
        enhancePrompt=True,
        generateAudio=False,
        compressionQuality="OPTIMIZED",
        resizeMode="CROP",
        pubsubTopic="topic",
    )
    assert (asked.samples, asked.audio, asked.fit) == (2, False, ImageFit.CROP)
    assert (asked.mode, asked.seed, asked.storage_uri) == (VeoMode.FRAMES, 3, "gs://bucket/jobs/1")


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"durationSeconds": 5}, "durationSeconds"),
        ({"durationSeconds": "8"}, "needs to be a number"),
        ({"sampleCount": 0}, "sampleCount"),
        ({"sampleCount": 5}, "sampleCount"),
        ({"resolution": "480p"}, "resolution"),
        ({"resolution": "4k", "durationSeconds": 6}, "durationSeconds to be 8"),
        ({"aspectRatio": "1:1"}, "aspectRatio"),
        ({"personGeneration": "allow_all"}, "allow-list"),
        ({"personGeneration": "all"}, "all for personGeneration is currently not supported"),
        ({"fps": 30}, "fps"),
        ({"enhancePrompt": False}, "cannot be disabled"),
        ({"generateAudio": "yes"}, "needs to be a boolean"),
        ({"compressionQuality": "tiny"}, "compressionQuality"),
        ({"resizeMode": "stretch"}, "resizeMode"),
        ({"storageUri": "s3://bucket/x"}, "Cloud Storage URI"),
        ({"seed": -1}, "seed"),
        ({"style": "noir"}, "Unknown name \"style\" at 'parameters'"),
    ],
)
def test_parameters(parameters: dict[str, Any], told: str) -> None:
    assert told in words(VEO_GA, TEXT, **parameters)


@pytest.mark.parametrize("model", [VEO_GA, FAST, LITE])
def test_up_to_four_samples(model: str) -> None:
    assert ask(model, TEXT, sampleCount=4).samples == 4


@pytest.mark.parametrize("mode", [TEXT, {**TEXT, "image": IMAGE}, REFERENCES, EXTENSION])
def test_person_generation(mode: dict[str, Any]) -> None:
    for value in ("allow_adult", "dont_allow"):
        ask(VEO_GA, mode, personGeneration=value)
    assert "allow-list" in words(VEO_GA, mode, personGeneration="allow_all")
    ask(VEO_GA, mode, listed=True, personGeneration="allow_all")


def test_lite_supports_less() -> None:
    assert "extension is not allowed" in words(LITE, EXTENSION)
    assert "Reference images" in words(LITE, REFERENCES)
    assert "4k for resolution" in words(LITE, TEXT, resolution="4k")
    ask(LITE, TEXT, resolution="1080p")


def test_an_extension_is_seven_seconds_of_720p() -> None:
    for seconds in (7, 8):
        assert ask(VEO_GA, EXTENSION, durationSeconds=seconds).seconds == 7
    assert "durationSeconds" in words(VEO_GA, EXTENSION, durationSeconds=5)
    assert "video extension" in words(VEO_GA, EXTENSION, resolution="1080p")
    assert "durationSeconds" in words(VEO_GA, TEXT, durationSeconds=7)


@pytest.mark.parametrize(
    "video",
    [
        {"gcsUri": "gs://some-bucket/clip.mp4"},
        {"gcsUri": "gs://some-bucket/clip.mp4", "mimeType": "video/quicktime"},
        {"mimeType": "video/mp4"},
        {**CLIP, "bytesBase64Encoded": "AAAA"},
        {"gcsUri": "https://example.com/clip.mp4", "mimeType": "video/mp4"},
        {**CLIP, "uri": "x"},
        {"bytesBase64Encoded": "%", "mimeType": "video/mp4"},
    ],
)
def test_how_a_video_is_given(video: dict[str, str]) -> None:
    words(VEO_GA, {**TEXT, "video": video})


@pytest.mark.parametrize("kind", ["STYLE", "style", None])
def test_references_are_assets(kind: str | None) -> None:
    item = {"image": IMAGE, "referenceType": kind}
    assert "referenceType" in words(VEO_GA, {**TEXT, "referenceImages": [item]})
    upright = ask(VEO_GA, REFERENCES, aspectRatio="9:16")
    assert upright.aspect_ratio == "9:16"


GOOD = VertexSourceClip("16:9", "720p", 30.0)


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        (replace(GOOD, aspect_ratio="9:16"), "Aspect ratio"),
        (replace(GOOD, resolution="1080p"), "720p"),
        (replace(GOOD, seconds=31.0), "between 1 and 30 seconds"),
    ],
)
def test_a_bad_source_may_not_be_extended(facts: VertexSourceClip, told: str) -> None:
    check_source(GOOD, ask(VEO_GA, EXTENSION))
    with pytest.raises(InvalidArgument, match=told):
        check_source(facts, ask(VEO_GA, EXTENSION))
