"""Vertex AI's rules for requests for videos, and its error messages.

Sources: https://cloud.google.com/vertex-ai/generative-ai/docs/model-reference/veo-video-generation
and what google-genai 3.4 sends.
"""

import re
from dataclasses import dataclass
from typing import Any, Final

from sandbox.google.clip_spec import EXTENSION_SECONDS, ImageFit
from sandbox.google.errors import InvalidArgument
from sandbox.google.images import SubmittedImage, decode_base64, read_image
from sandbox.google.models import ALLOW_ALL, VeoMode, VeoModel
from sandbox.google.payload_fields import PayloadFields
from sandbox.google.submission import (
    INSTANCE_FIELDS,
    NOT_MADE_BY_VEO,
    UNSUPPORTED_USE_CASE,
    ExtensionSource,
    Submission,
    billed_seconds,
    check_negative_prompt,
    check_source_format,
    read_mode,
    read_only_instance,
    read_optional_image,
    read_prompt,
    read_references,
    read_samples,
    read_seconds,
    read_seed,
    read_size,
)

MAX_TOTAL_SECONDS: Final = 37
"""Longest clip that an extension may produce, in seconds."""
BUCKET_URI = re.compile(r"gs://([a-z0-9][a-z0-9._-]{1,61}[a-z0-9])(?:/(.*))?")

_BODY_FIELDS = frozenset({"instances", "parameters", "labels"})
_PARAMETER_FIELDS = frozenset(
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
_MEDIA_FIELDS = frozenset({"bytesBase64Encoded", "gcsUri", "mimeType"})
_FRAME_RATE: Final = 24


@dataclass(frozen=True, slots=True)
class VertexSourceClip:
    """What is known about the clip to extend."""

    aspect_ratio: str
    resolution: str
    seconds: float


def read_submission(value: dict[str, Any], model: VeoModel, *, allow_everyone: bool) -> Submission:
    """Read a parsed body and check all but the clip to extend. Raises InvalidArgument.

    ``allow_everyone`` says that the project may use personGeneration "allow_all". This decodes
    images, so run it in a thread for large bodies.
    """
    top = PayloadFields(value, "", _BODY_FIELDS)
    instance = PayloadFields(read_only_instance(top), "instances[0]", INSTANCE_FIELDS)
    parameters = top.child("parameters", _PARAMETER_FIELDS, optional=True)
    mode = read_mode(instance)
    if mode not in model.modes:
        message = {
            VeoMode.EXTENSION: "Video extension is not allowed for this model.",
            VeoMode.REFERENCES: "Reference images are not supported by this model.",
        }.get(mode, UNSUPPORTED_USE_CASE)
        raise InvalidArgument(message)
    prompt = read_prompt(instance, mode)
    check_negative_prompt(parameters)
    resolution, aspect_ratio = read_size(parameters, model)
    seconds = _read_duration(parameters, model, mode, resolution)
    if mode is VeoMode.EXTENSION and resolution != "720p":
        raise InvalidArgument(f"{resolution} for resolution is not supported for video extension.")
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
        image=read_optional_image(instance, "image", _read_image),
        last_frame=read_optional_image(instance, "lastFrame", _read_image),
        references=read_references(
            instance,
            _read_image,
            too_many="asset images",
            unsupported="not supported by this model",
        ),
        source=_read_source(instance),
        fit=_read_fit(parameters),
        storage_uri=_read_storage_uri(parameters),
    )


def check_source(source: VertexSourceClip, submission: Submission) -> None:
    """Check the clip that a submission extends. Raises InvalidArgument."""
    check_source_format(source.aspect_ratio, source.resolution, submission)
    if source.seconds + EXTENSION_SECONDS > MAX_TOTAL_SECONDS:
        limit = MAX_TOTAL_SECONDS - EXTENSION_SECONDS
        raise InvalidArgument(f"Video duration must be between 1 and {limit} seconds.")


def _read_duration(
    parameters: PayloadFields, model: VeoModel, mode: VeoMode, resolution: str
) -> int:
    if mode is VeoMode.EXTENSION and parameters.integer("durationSeconds") == EXTENSION_SECONDS:
        return EXTENSION_SECONDS
    return read_seconds(parameters, model, mode, resolution)


def _check_people(
    parameters: PayloadFields, model: VeoModel, mode: VeoMode, *, allow_everyone: bool
) -> None:
    value = parameters.text("personGeneration")
    if value is None or value in model.people[mode]:
        return
    if value == ALLOW_ALL:
        if allow_everyone:
            return
        raise InvalidArgument(
            "allow_all for personGeneration is currently not supported: your project is not on "
            "the allow-list."
        )
    raise InvalidArgument(f"{value} for personGeneration is currently not supported.")


def _check_switches(parameters: PayloadFields) -> None:
    parameters.text("pubsubTopic")
    parameters.flag("enhancePrompt")
    if parameters.flag("enhancePrompt") is False:
        raise InvalidArgument("Veo 3 prompt enhancement cannot be disabled.")
    rate = parameters.integer("fps")
    if rate not in {None, _FRAME_RATE}:
        raise InvalidArgument(
            f"{rate} for fps is not supported. Supported values are: [{_FRAME_RATE}]."
        )
    quality = parameters.text("compressionQuality")
    if quality is not None and quality.lower() not in {"optimized", "lossless"}:
        raise InvalidArgument(f"{quality} for compressionQuality is not supported.")


def _read_fit(parameters: PayloadFields) -> ImageFit:
    value = parameters.text("resizeMode")
    if value is None:
        return ImageFit.PAD
    if value.lower() not in {"pad", "crop"}:
        raise InvalidArgument(f"{value} for resizeMode is not supported.")
    return ImageFit(value.lower())


def _read_storage_uri(parameters: PayloadFields) -> str | None:
    uri = parameters.text("storageUri")
    if uri is not None and BUCKET_URI.fullmatch(uri) is None:
        raise InvalidArgument(f"Invalid Cloud Storage URI: {uri}.")
    return uri


def _read_image(parent: PayloadFields, name: str) -> SubmittedImage:
    fields = parent.child(name, _MEDIA_FIELDS)
    if "gcsUri" in fields:  # the sandbox's buckets hold no images
        raise InvalidArgument(f"Cloud Storage object not found: {fields.text('gcsUri')}.")
    return read_image(fields)


def _read_source(instance: PayloadFields) -> ExtensionSource | None:
    if "video" not in instance:
        return None
    fields = instance.child("video", _MEDIA_FIELDS)
    if (kind := fields.text("mimeType")) != "video/mp4":
        raise InvalidArgument(f"Unsupported MIME type in `{fields.path}`: {kind or 'none given'}.")
    uri, text = fields.text("gcsUri"), fields.text("bytesBase64Encoded")
    if (uri is None) == (text is None):
        raise InvalidArgument(
            "Exactly one of `gcsUri` and `bytesBase64Encoded` must be given in `video`."
        )
    if text is not None:
        return ExtensionSource(data=decode_base64(text, fields.field_path("bytesBase64Encoded")))
    if uri is None or BUCKET_URI.fullmatch(uri) is None:
        raise InvalidArgument(NOT_MADE_BY_VEO)
    return ExtensionSource(uri=uri)
