"""Each rule of the Gemini API refuses invalid requests and accepts the closest valid one."""

import base64
import io
from dataclasses import replace
from typing import Any

import pytest
from PIL import Image

from sandbox.google.errors import InvalidArgument
from sandbox.google.gemini_rules import GeminiSourceClip, check_source, read_submission
from sandbox.google.models import MODELS, CallerRegion, ServiceRoute, VeoMode
from sandbox.google.submission import Submission
from tests.sandbox.google.conftest import picture

V31 = "veo-3.1-generate-preview"
FAST = "veo-3.1-fast-generate-preview"
LITE = "veo-3.1-lite-generate-preview"
V30 = "veo-3.0-generate-001"
V30_FAST = "veo-3.0-fast-generate-001"
V20 = "veo-2.0-generate-001"
URI = "http://127.0.0.1/google/v1beta/files/abc:download?alt=media"


def image(kind: str = "PNG", mime: str | None = None, data: bytes | None = None) -> dict[str, str]:
    data = picture(kind, (64, 36)) if data is None else data
    mime = mime or f"image/{kind.lower()}"
    return {"bytesBase64Encoded": base64.b64encode(data).decode(), "mimeType": mime}


def reference(kind: str = "ASSET") -> dict[str, Any]:
    return {"image": image(), "referenceType": kind}


TEXT: dict[str, Any] = {"prompt": "a cat"}
IMAGE: dict[str, Any] = {**TEXT, "image": image()}
FRAMES: dict[str, Any] = {**IMAGE, "lastFrame": image()}
REFERENCES: dict[str, Any] = {**TEXT, "referenceImages": [reference()]}
EXTENSION: dict[str, Any] = {**TEXT, "video": {"uri": URI}}
MODES = {
    VeoMode.TEXT: TEXT,
    VeoMode.IMAGE: IMAGE,
    VeoMode.FRAMES: FRAMES,
    VeoMode.REFERENCES: REFERENCES,
    VeoMode.EXTENSION: EXTENSION,
}


def ask(
    model: str,
    instance: dict[str, Any],
    region: CallerRegion = CallerRegion.ELSEWHERE,
    **parameters: Any,
) -> Submission:
    body = {"instances": [instance], "parameters": parameters}
    return read_submission(body, MODELS[ServiceRoute.GEMINI, model], region)


def words(model: str, instance: dict[str, Any], **parameters: Any) -> str:
    with pytest.raises(InvalidArgument) as caught:
        ask(model, instance, **parameters)
    return caught.value.message


def test_a_plain_request_gets_the_documented_defaults() -> None:
    asked = ask(V31, TEXT)
    assert (asked.seconds, asked.resolution, asked.aspect_ratio) == (8, "720p", "16:9")
    assert (asked.samples, asked.audio, asked.mode) == (1, True, VeoMode.TEXT)
    assert ask(V20, TEXT).audio is False


@pytest.mark.parametrize(
    ("model", "accepted", "refused"),
    [
        (V31, (4, 6, 8), (0, 3, 5, 7, 9, -8)),
        (FAST, (4, 6, 8), (5, 7)),
        (LITE, (4, 6, 8), (5, 7)),
        (V30, (4, 6, 8), (5, 7)),
        (V30_FAST, (4, 6, 8), (5, 7)),
        (V20, (5, 6, 8), (4, 7, 9)),
    ],
)
def test_lengths(model: str, accepted: tuple[int, ...], refused: tuple[int, ...]) -> None:
    for seconds in accepted:
        assert ask(model, TEXT, durationSeconds=seconds).seconds == seconds
    for seconds in refused:
        assert "durationSeconds" in words(model, TEXT, durationSeconds=seconds)


@pytest.mark.parametrize("value", ["8", True, [8], {"seconds": 8}, 6.5])
def test_lengths_are_numbers(value: object) -> None:
    message = words(V31, TEXT, durationSeconds=value)
    assert message.startswith("The value type for durationSeconds needs to be a")
    if value == "8":
        assert message == "The value type for durationSeconds needs to be a number."


_SIZES = {
    V31: {"720p", "1080p", "4k"},
    FAST: {"720p", "1080p", "4k"},
    LITE: {"720p", "1080p"},
    V30: {"720p", "1080p"},
    V30_FAST: {"720p", "1080p"},
}


@pytest.mark.parametrize("model", list(_SIZES))
def test_resolutions(model: str) -> None:
    for resolution in ("720p", "1080p", "4k", "480p", "720P"):
        if resolution in _SIZES[model]:
            assert ask(model, TEXT, resolution=resolution).resolution == resolution
        else:
            assert f"{resolution} for resolution" in words(model, TEXT, resolution=resolution)


def test_veo_2_has_no_resolution_and_no_seed() -> None:
    assert "`resolution` isn't supported" in words(V20, TEXT, resolution="720p")
    assert "`seed` isn't supported" in words(V20, TEXT, seed=1)


@pytest.mark.parametrize("model", [V31, FAST, LITE, V30, V30_FAST, V20])
def test_aspect_ratios(model: str) -> None:
    for ratio in ("16:9", "9:16"):
        assert ask(model, TEXT, aspectRatio=ratio).aspect_ratio == ratio
    for ratio in ("1:1", "4:3", ""):
        if ratio:
            assert f"{ratio} for aspectRatio" in words(model, TEXT, aspectRatio=ratio)


def test_1080p_upright_is_for_veo_3_1() -> None:
    ask(V31, TEXT, resolution="1080p", aspectRatio="9:16")
    assert "9:16" in words(V30, TEXT, resolution="1080p", aspectRatio="9:16")


@pytest.mark.parametrize(
    ("model", "resolution"),
    [(V31, "1080p"), (V31, "4k"), (FAST, "1080p"), (LITE, "1080p"), (V30, "1080p")],
)
def test_high_resolutions_need_8_seconds(model: str, resolution: str) -> None:
    ask(model, TEXT, resolution=resolution, durationSeconds=8)
    message = words(model, TEXT, resolution=resolution, durationSeconds=6)
    assert "requires durationSeconds to be 8" in message


@pytest.mark.parametrize("mode", [VeoMode.FRAMES, VeoMode.REFERENCES, VeoMode.EXTENSION])
def test_modes_that_need_8_seconds(mode: VeoMode) -> None:
    assert ask(V31, MODES[mode], durationSeconds=8).mode is mode
    assert "use case is currently not supported" in words(V31, MODES[mode], durationSeconds=6)


def test_two_frames_on_lite_are_8_seconds_too() -> None:
    assert ask(LITE, FRAMES).seconds == 8
    assert "use case is currently not supported" in words(LITE, FRAMES, durationSeconds=4)


def test_an_image_alone_may_be_short() -> None:
    assert ask(V31, IMAGE, durationSeconds=4).seconds == 4


@pytest.mark.parametrize(
    ("model", "able"),
    [
        (V31, set(VeoMode)),
        (FAST, set(VeoMode)),
        (LITE, {VeoMode.TEXT, VeoMode.IMAGE, VeoMode.FRAMES}),
        (V30, {VeoMode.TEXT, VeoMode.IMAGE, VeoMode.FRAMES}),
        (V30_FAST, {VeoMode.TEXT, VeoMode.IMAGE, VeoMode.FRAMES}),
        (V20, {VeoMode.TEXT, VeoMode.IMAGE, VeoMode.FRAMES}),
    ],
)
def test_modes_of_models(model: str, able: set[VeoMode]) -> None:
    for mode, instance in MODES.items():
        if mode in able:
            assert ask(model, instance).mode is mode
        elif mode is VeoMode.EXTENSION:
            assert "Video extension is not allowed for this model" in words(model, instance)
        else:
            assert "`referenceImages` isn't supported by this model" in words(model, instance)


def test_an_extension_adds_seven_seconds() -> None:
    assert ask(V31, EXTENSION).seconds == 7


@pytest.mark.parametrize("resolution", ["1080p", "4k"])
def test_an_extension_is_720p(resolution: str) -> None:
    assert "video extension" in words(V31, EXTENSION, resolution=resolution)


@pytest.mark.parametrize(
    ("instance", "told"),
    [
        ({**TEXT, "lastFrame": image()}, "lastFrame"),
        ({**REFERENCES, "image": image()}, "referenceImages"),
        ({**REFERENCES, **FRAMES}, "referenceImages"),
        ({**REFERENCES, "video": {"uri": URI}}, "referenceImages"),
        ({**EXTENSION, "image": image()}, "`video` can't be combined"),
        ({**TEXT, "referenceImages": [reference()] * 4}, "At most 3"),
        ({**TEXT, "referenceImages": [reference("STYLE")]}, "STYLE for referenceType"),
        ({**TEXT, "referenceImages": [{"image": image()}]}, "referenceType"),
    ],
)
def test_exclusive_inputs(instance: dict[str, Any], told: str) -> None:
    assert told in words(V31, instance)


def test_references_are_up_to_three_and_wide_only() -> None:
    three = {**TEXT, "referenceImages": [reference(), reference("asset"), reference()]}
    assert len(ask(V31, three).references) == 3
    assert "use case" in words(V31, REFERENCES, aspectRatio="9:16")


_PEOPLE = ["allow_all", "allow_adult", "dont_allow", "everybody"]


@pytest.mark.parametrize(
    ("model", "mode", "region", "allowed"),
    [
        (V31, VeoMode.TEXT, "elsewhere", {"allow_all"}),
        (V31, VeoMode.EXTENSION, "elsewhere", {"allow_all"}),
        (V31, VeoMode.IMAGE, "elsewhere", {"allow_adult"}),
        (V31, VeoMode.FRAMES, "elsewhere", {"allow_adult"}),
        (V31, VeoMode.REFERENCES, "elsewhere", {"allow_adult"}),
        (V30, VeoMode.TEXT, "elsewhere", {"allow_all"}),
        (V30, VeoMode.IMAGE, "elsewhere", {"allow_adult"}),
        (V20, VeoMode.TEXT, "elsewhere", {"allow_all", "allow_adult", "dont_allow"}),
        (V20, VeoMode.IMAGE, "elsewhere", {"allow_adult", "dont_allow"}),
        (V20, VeoMode.FRAMES, "elsewhere", {"allow_adult", "dont_allow"}),
        *[
            (model, mode, region, allowed)
            for region in ("eu", "uk", "ch", "mena")
            for model, mode, allowed in [
                (V31, VeoMode.TEXT, {"allow_adult"}),
                (V31, VeoMode.IMAGE, {"allow_adult"}),
                (V30, VeoMode.TEXT, {"allow_adult"}),
                (V20, VeoMode.TEXT, {"dont_allow", "allow_adult"}),
            ]
        ],
    ],
)
def test_person_generation(model: str, mode: VeoMode, region: str, allowed: set[str]) -> None:
    where = CallerRegion(region)
    assert ask(model, MODES[mode], where).mode is mode
    for value in _PEOPLE:
        if value in allowed:
            ask(model, MODES[mode], where, personGeneration=value)
        else:
            with pytest.raises(InvalidArgument) as caught:
                ask(model, MODES[mode], where, personGeneration=value)
            expected = f"{value} for personGeneration is currently not supported."
            assert caught.value.message == expected


def test_seeds() -> None:
    assert ask(V31, TEXT, seed=2**32 - 1).seed == 2**32 - 1
    assert ask(V31, TEXT, seed=0).seed == 0
    for seed in (-1, 2**32):
        assert "`seed` is out of bound" in words(V31, TEXT, seed=seed)
    assert "The value type for seed needs to be a number." in words(V31, TEXT, seed="3")


@pytest.mark.parametrize(("model", "most"), [(V31, 1), (FAST, 1), (LITE, 1), (V30, 1), (V20, 2)])
def test_sample_counts(model: str, most: int) -> None:
    assert ask(model, TEXT, sampleCount=most).samples == most
    for samples in (0, most + 1):
        assert "`sampleCount` is out of bound" in words(model, TEXT, sampleCount=samples)


def test_prompts() -> None:
    assert ask(V31, {**IMAGE, "prompt": None}).prompt == ""
    for instance in ({}, {"prompt": ""}, {"prompt": "  \n"}, {**IMAGE, "prompt": " "}):
        assert "`prompt` is empty" in words(V31, instance)
    assert "The value type for prompt" in words(V31, {"prompt": 5})
    ask(V31, {"prompt": "word " * 1024})
    assert "token count (1025)" in words(V31, {"prompt": "word " * 1025})
    ask(V31, {"prompt": "猫" * 1024})
    assert "1024" in words(V31, {"prompt": "猫" * 1025})


def test_negative_prompts() -> None:
    ask(V31, TEXT, negativePrompt="wall, frame")
    assert "negativePrompt" in words(V31, TEXT, negativePrompt="word " * 1025)
    assert "negativePrompt" in words(V31, TEXT, negativePrompt=["wall"])


@pytest.mark.parametrize(
    ("body", "name", "where"),
    [
        ({"instances": [TEXT], "model": V31}, "model", ""),
        ({"instances": [{**TEXT, "style": "noir"}]}, "style", "instances[0]"),
        ({"instances": [TEXT], "parameters": {"duration": 8}}, "duration", "parameters"),
        ({"instances": [TEXT], "parameters": {"duration_seconds": 8}}, "duration_seconds", ""),
        (
            {"instances": [{**TEXT, "image": {**image(), "name": "x"}}]},
            "name",
            "instances[0].image",
        ),
        ({"instances": [{**EXTENSION, "video": {"uri": URI, "x": 1}}]}, "x", "instances[0].video"),
        (
            {"instances": [{**TEXT, "referenceImages": [{**reference(), "weight": 1}]}]},
            "weight",
            "instances[0].referenceImages[0]",
        ),
    ],
)
def test_unknown_fields_anywhere(body: dict[str, Any], name: str, where: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        read_submission(body, MODELS[ServiceRoute.GEMINI, V31], CallerRegion.ELSEWHERE)
    message = caught.value.message
    assert message.startswith(f'Invalid JSON payload received. Unknown name "{name}"')
    assert where in message
    assert message.endswith("Cannot find field.")


@pytest.mark.parametrize(
    "name", ["generateAudio", "enhancePrompt", "fps", "storageUri", "resizeMode"]
)
def test_parameters_of_vertex_are_not_supported(name: str) -> None:
    assert f"`{name}` isn't supported by this model" in words(V31, TEXT, **{name: True})


@pytest.mark.parametrize("instances", [None, [], [TEXT, TEXT], {"prompt": "a"}, ["a cat"]])
def test_there_is_exactly_one_instance(instances: object) -> None:
    with pytest.raises(InvalidArgument):
        read_submission(
            {"instances": instances}, MODELS[ServiceRoute.GEMINI, V31], CallerRegion.ELSEWHERE
        )


def test_a_video_is_a_uri_and_nothing_else() -> None:
    for extra in ("mimeType", "encoding"):
        message = words(V31, {**TEXT, "video": {"uri": URI, extra: "video/mp4"}})
        assert message.startswith("`encoding` isn't supported by this model.")
    for video in ({"bytesBase64Encoded": "AAAA"}, {"uri": ""}, {}):
        assert "generated by VEO that has been processed" in words(V31, {**TEXT, "video": video})


def test_pictures_are_jpeg_or_png() -> None:
    assert ask(V31, {**TEXT, "image": image("JPEG")}).image is not None
    webp = io.BytesIO()
    Image.new("RGB", (8, 8)).save(webp, "WEBP")
    refused = [
        image("JPEG", mime="image/png"),
        image("PNG", mime="image/jpeg"),
        image("PNG", mime="image/webp"),
        image(data=webp.getvalue(), mime="image/png"),
        image(data=picture()[:200], mime="image/png"),
        image(data=b"not a picture", mime="image/png"),
        {"bytesBase64Encoded": "%%%", "mimeType": "image/png"},
        {"bytesBase64Encoded": "", "mimeType": "image/png"},
        {"bytesBase64Encoded": image()["bytesBase64Encoded"]},
        {"gcsUri": "gs://a/b", "mimeType": "image/png"},
        {"inlineData": {"data": "AAAA", "mimeType": "image/png"}},
    ]
    for wrong in refused:
        for name in ("image", "lastFrame"):
            words(V31, {**FRAMES, name: wrong})


def test_pictures_have_a_size_limit() -> None:
    png = picture()
    most = 20 * 1024 * 1024
    ask(V31, {**TEXT, "image": image(data=png + bytes(most - len(png)), mime="image/png")})
    message = words(
        V31, {**TEXT, "image": image(data=png + bytes(most + 1 - len(png)), mime="image/png")}
    )
    assert "20 MB" in message


def test_decompression_bombs_are_refused() -> None:
    bomb = io.BytesIO()
    Image.new("1", (9000, 9000)).save(bomb, "PNG")
    assert "Unable to process input image" in words(
        V31, {**TEXT, "image": image(data=bomb.getvalue())}
    )


GOOD = GeminiSourceClip(True, "16:9", "720p", 141.0, 19, False)


def test_a_good_source_may_be_extended() -> None:
    check_source(GOOD, ask(V31, EXTENSION))
    check_source(replace(GOOD, aspect_ratio="9:16"), ask(V31, EXTENSION, aspectRatio="9:16"))


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        (replace(GOOD, processed=False), "generated by VEO that has been processed"),
        (replace(GOOD, aspect_ratio="9:16"), "Aspect ratio of the input video must be 16:9"),
        (replace(GOOD, resolution="1080p"), "must be 720p"),
        (replace(GOOD, seconds=141.5), "141 seconds"),
        (replace(GOOD, extension_depth=20), "20 times"),
        (replace(GOOD, interpolated=True), "use case"),
    ],
)
def test_a_bad_source_may_not(facts: GeminiSourceClip, told: str) -> None:
    with pytest.raises(InvalidArgument, match=told):
        check_source(facts, ask(V31, EXTENSION))
