"""What Vertex AI accepts of a request for a video, and how it refuses the rest.

Sources: "Veo on Vertex AI API" (model reference), what google-genai 3.4 sends, and the project's
reference page on Veo.
"""

import re
from dataclasses import dataclass
from typing import Any, Final

from sandbox.google.clips import EXTENSION_SECONDS, Fit
from sandbox.google.errors import InvalidArgument
from sandbox.google.models import EVERYONE, Mode, Model
from sandbox.google.payload import Fields
from sandbox.google.pictures import Picture, decoded, read_picture
from sandbox.google.submission import (
    NOT_VEO,
    USE_CASE,
    Source,
    Submission,
    billed_seconds,
    check_negative_prompt,
    only_instance,
    read_mode,
    read_prompt,
    read_samples,
    read_seconds,
    read_seed,
    read_size,
)

MAX_TOTAL_SECONDS: Final = 37
"""Longest clip that extension may lead to, in seconds."""
MAX_REFERENCES: Final = 3
BUCKET_URI = re.compile(r"gs://([a-z0-9][a-z0-9._-]{1,61}[a-z0-9])(?:/(.*))?")

_BODY = frozenset({"instances", "parameters", "labels"})
_INSTANCE = frozenset({"prompt", "image", "lastFrame", "referenceImages", "video"})
_PARAMETERS = frozenset(
    {
        "aspectRatio",
        "compressionQuality",
        "durationSeconds",
        "enhancePrompt",
        "fps",
        "generateAudio",
        "negativePrompt",
        "personGeneration",
        "pubsubTopic",
        "resizeMode",
        "resolution",
        "sampleCount",
        "seed",
        "storageUri",
    }
)
_MEDIA = frozenset({"bytesBase64Encoded", "gcsUri", "mimeType"})
_FRAME_RATE: Final = 24


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """What is known of a clip that is to be extended."""

    aspect_ratio: str
    resolution: str
    seconds: float


def read(value: dict[str, Any], model: Model, *, allow_everyone: bool) -> Submission:
    """Reads and checks a parsed body as far as it can be without knowing any stored object.

    ``allow_everyone`` says whether the project is on the allow-list for personGeneration
    "allow_all". Decodes pictures: large bodies belong in a thread. Raises InvalidArgument.
    """
    top = Fields(value, "", _BODY)
    instance = Fields(only_instance(top), "instances[0]", _INSTANCE)
    given = top.value("parameters")
    parameters = Fields({} if given is None else given, "parameters", _PARAMETERS)
    mode = read_mode(instance)
    if mode not in model.modes:
        message = {
            Mode.EXTENSION: "Video extension is not allowed for this model.",
            Mode.REFERENCES: "Reference images are not supported by this model.",
        }.get(mode, USE_CASE)
        raise InvalidArgument(message)
    prompt = read_prompt(instance, mode)
    check_negative_prompt(parameters)
    resolution, aspect_ratio = read_size(parameters, model)
    seconds = _seconds(parameters, model, mode, resolution)
    if mode is Mode.EXTENSION and resolution != "720p":
        message = f"{resolution} for resolution is not supported for video extension."
        raise InvalidArgument(message)
    _check_people(parameters, model, mode, allow_everyone=allow_everyone)
    _check_switches(parameters)
    audio = parameters.flag("generateAudio")
    return Submission(
        model=model,
        mode=mode,
        prompt=prompt,
        samples=read_samples(parameters, model),
        seconds=billed_seconds(mode, seconds),
        aspect_ratio=aspect_ratio,
        resolution=resolution,
        seed=read_seed(parameters),
        audio=model.audio if audio is None else audio,
        image=_image(instance, "image"),
        last_frame=_image(instance, "lastFrame"),
        references=_references(instance),
        source=_source(instance),
        fit=_fit(parameters),
        storage_uri=_storage_uri(parameters),
    )


def check_source(facts: SourceFacts, submission: Submission) -> None:
    """Checks the clip that a submission extends. Raises InvalidArgument."""
    if facts.aspect_ratio != submission.aspect_ratio:
        message = f"Aspect ratio of the input video must be {submission.aspect_ratio}."
        raise InvalidArgument(message)
    if facts.resolution != "720p":
        message = "Resolution of the input video must be 720p."
        raise InvalidArgument(message)
    if facts.seconds + EXTENSION_SECONDS > MAX_TOTAL_SECONDS:
        limit = MAX_TOTAL_SECONDS - EXTENSION_SECONDS
        message = f"Video duration must be between 1 and {limit} seconds."
        raise InvalidArgument(message)


def _seconds(parameters: Fields, model: Model, mode: Mode, resolution: str) -> int:
    if mode is Mode.EXTENSION and parameters.integer("durationSeconds") == EXTENSION_SECONDS:
        return EXTENSION_SECONDS
    return read_seconds(parameters, model, mode, resolution)


def _check_people(parameters: Fields, model: Model, mode: Mode, *, allow_everyone: bool) -> None:
    value = parameters.text("personGeneration")
    if value is None or value in model.people[mode]:
        return
    if value == EVERYONE:
        if allow_everyone:
            return
        message = (
            "allow_all for personGeneration is currently not supported: your project is not on "
            "the allow-list."
        )
        raise InvalidArgument(message)
    message = f"{value} for personGeneration is currently not supported."
    raise InvalidArgument(message)


def _check_switches(parameters: Fields) -> None:
    parameters.text("pubsubTopic")
    parameters.flag("enhancePrompt")
    if parameters.flag("enhancePrompt") is False:
        message = "Veo 3 prompt enhancement cannot be disabled."
        raise InvalidArgument(message)
    rate = parameters.integer("fps")
    if rate not in {None, _FRAME_RATE}:
        message = f"{rate} for fps is not supported. Supported values are: [{_FRAME_RATE}]."
        raise InvalidArgument(message)
    quality = parameters.text("compressionQuality")
    if quality is not None and quality.lower() not in {"optimized", "lossless"}:
        message = f"{quality} for compressionQuality is not supported."
        raise InvalidArgument(message)


def _fit(parameters: Fields) -> Fit:
    value = parameters.text("resizeMode")
    if value is None:
        return Fit.PAD
    if value.lower() not in {"pad", "crop"}:
        message = f"{value} for resizeMode is not supported."
        raise InvalidArgument(message)
    return Fit(value.lower())


def _storage_uri(parameters: Fields) -> str | None:
    uri = parameters.text("storageUri")
    if uri is not None and BUCKET_URI.fullmatch(uri) is None:
        message = f"Invalid Cloud Storage URI: {uri}."
        raise InvalidArgument(message)
    return uri


def _image(instance: Fields, name: str) -> Picture | None:
    if name not in instance:
        return None
    return _picture(Fields(instance.value(name), instance.at(name), _MEDIA))


def _picture(fields: Fields) -> Picture:
    if "gcsUri" in fields:
        # Nobody can put a picture into the sandbox's buckets.
        message = f"Cloud Storage object not found: {fields.text('gcsUri')}."
        raise InvalidArgument(message)
    return read_picture(fields)


def _references(instance: Fields) -> tuple[Picture, ...]:
    items = instance.items("referenceImages")
    if len(items) > MAX_REFERENCES:
        message = f"At most {MAX_REFERENCES} asset images are supported, got {len(items)}."
        raise InvalidArgument(message)
    pictures = []
    for index, item in enumerate(items):
        where = f"{instance.at('referenceImages')}[{index}]"
        fields = Fields(item, where, frozenset({"image", "referenceType"}))
        kind = fields.text("referenceType")
        # Veo 3.1 has dropped the style images that Veo 2 knew.
        if kind is None or kind.lower() != "asset":
            message = f"{kind} for referenceType is not supported by this model."
            raise InvalidArgument(message)
        pictures.append(_picture(Fields(fields.value("image"), fields.at("image"), _MEDIA)))
    return tuple(pictures)


def _source(instance: Fields) -> Source | None:
    if "video" not in instance:
        return None
    fields = Fields(instance.value("video"), instance.at("video"), _MEDIA)
    if (kind := fields.text("mimeType")) != "video/mp4":
        message = f"Unsupported MIME type in `{fields.where}`: {kind or 'none given'}."
        raise InvalidArgument(message)
    uri, text = fields.text("gcsUri"), fields.text("bytesBase64Encoded")
    if (uri is None) == (text is None):
        message = "Exactly one of `gcsUri` and `bytesBase64Encoded` must be given in `video`."
        raise InvalidArgument(message)
    if text is not None:
        return Source(data=decoded(text, fields.at("bytesBase64Encoded")))
    if uri is None or BUCKET_URI.fullmatch(uri) is None:
        raise InvalidArgument(NOT_VEO)
    return Source(uri=uri)
