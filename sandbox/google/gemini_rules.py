"""The Gemini API's rules for requests for videos, and its error messages.

Sources: https://ai.google.dev/gemini-api/docs/video ("Veo API parameters"), and error messages
reported by users of the API.
"""

from dataclasses import dataclass
from typing import Any, Final

from sandbox.google.errors import InvalidArgument
from sandbox.google.images import SubmittedImage, read_image
from sandbox.google.models import CallerRegion, VeoMode, VeoModel
from sandbox.google.payload_fields import PayloadFields, not_supported
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

MAX_SOURCE_SECONDS: Final = 141
MAX_EXTENSION_DEPTH: Final = 20

_BODY_FIELDS = frozenset({"instances", "parameters"})
_PARAMETER_FIELDS = frozenset(
    {
        "sampleCount",
        "durationSeconds",
        "aspectRatio",
        "resolution",
        "personGeneration",
        "negativePrompt",
        "seed",
    }
)
_IMAGE_FIELDS = frozenset({"bytesBase64Encoded", "mimeType"})
# Names of Vertex AI and of other Gemini methods: Google knows them and says that Veo does not.
_UNSUPPORTED_PARAMETERS = {
    name: name
    for name in (
        "generateAudio",
        "enhancePrompt",
        "fps",
        "storageUri",
        "resizeMode",
        "compressionQuality",
        "pubsubTopic",
    )
}
_UNSUPPORTED_IMAGE_FIELDS = {name: name for name in ("gcsUri", "inlineData", "fileUri", "uri")}
_UNSUPPORTED_VIDEO_FIELDS = {
    "mimeType": "encoding",
    "encoding": "encoding",
    "gcsUri": "gcsUri",
    "inlineData": "inlineData",
}
_VIDEO_FIELDS = frozenset({"uri", "bytesBase64Encoded", "encodedVideo"})


@dataclass(frozen=True, slots=True)
class GeminiSourceClip:
    """What Google knows about the file to extend."""

    processed: bool
    aspect_ratio: str
    resolution: str
    seconds: float
    extension_depth: int
    interpolated: bool


def read_submission(value: dict[str, Any], model: VeoModel, region: CallerRegion) -> Submission:
    """Read a parsed body and check all but the clip to extend. Raises InvalidArgument.

    Decodes images: large bodies belong in a thread.
    """
    top = PayloadFields(value, "", _BODY_FIELDS)
    instance = PayloadFields(read_only_instance(top), "instances[0]", INSTANCE_FIELDS)
    parameters = top.child("parameters", _PARAMETER_FIELDS, _UNSUPPORTED_PARAMETERS, optional=True)
    mode = read_mode(instance)
    _check_mode(model, mode)
    prompt = read_prompt(instance, mode)
    check_negative_prompt(parameters)
    if "resolution" in parameters and not model.accepts_resolution:
        raise not_supported("resolution")
    if "seed" in parameters and not model.accepts_seed:
        raise not_supported("seed")
    resolution, aspect_ratio = read_size(parameters, model)
    seconds = read_seconds(parameters, model, mode, resolution)
    if mode is VeoMode.EXTENSION and resolution != "720p":
        raise InvalidArgument(
            f"{resolution} for resolution is currently not supported for video extension."
        )
    if mode is VeoMode.REFERENCES and model.allows_wide_references and aspect_ratio != "16:9":
        raise InvalidArgument(UNSUPPORTED_USE_CASE)
    _check_people(parameters, model, mode, region)
    return Submission(
        model=model,
        mode=mode,
        prompt=prompt,
        samples=read_samples(parameters, model),
        seconds=billed_seconds(mode, seconds),
        aspect_ratio=aspect_ratio,
        resolution=resolution,
        seed=read_seed(parameters),
        audio=model.audio,
        image=read_optional_image(instance, "image", _read_image),
        last_frame=read_optional_image(instance, "lastFrame", _read_image),
        references=read_references(
            instance,
            _read_image,
            too_many="reference images",
            unsupported="currently not supported",
        ),
        source=_read_source(instance),
    )


def check_source(source: GeminiSourceClip, submission: Submission) -> None:
    """Check the clip that a submission extends. Raises InvalidArgument."""
    if not source.processed:
        raise InvalidArgument(NOT_MADE_BY_VEO)
    check_source_format(source.aspect_ratio, source.resolution, submission)
    if source.extension_depth >= MAX_EXTENSION_DEPTH:
        raise InvalidArgument(
            f"The input video has already been extended {MAX_EXTENSION_DEPTH} times."
        )
    if source.seconds > MAX_SOURCE_SECONDS:
        raise InvalidArgument(f"The input video must be at most {MAX_SOURCE_SECONDS} seconds long.")
    if source.interpolated:
        # Reported by users of the API; Google does not document it.
        raise InvalidArgument(UNSUPPORTED_USE_CASE)


def _check_mode(model: VeoModel, mode: VeoMode) -> None:
    if mode in model.modes:
        return
    if mode is VeoMode.EXTENSION:
        raise InvalidArgument("Video extension is not allowed for this model.")
    raise not_supported({VeoMode.REFERENCES: "referenceImages", VeoMode.FRAMES: "lastFrame"}[mode])


def _check_people(
    parameters: PayloadFields, model: VeoModel, mode: VeoMode, region: CallerRegion
) -> None:
    value = parameters.text("personGeneration")
    if value is not None and value not in model.supported_people(mode, region):
        raise InvalidArgument(f"{value} for personGeneration is currently not supported.")


def _read_image(parent: PayloadFields, name: str) -> SubmittedImage:
    return read_image(parent.child(name, _IMAGE_FIELDS, _UNSUPPORTED_IMAGE_FIELDS))


def _read_source(instance: PayloadFields) -> ExtensionSource | None:
    if "video" not in instance:
        return None
    fields = instance.child("video", _VIDEO_FIELDS, _UNSUPPORTED_VIDEO_FIELDS)
    uri = fields.text("uri")
    # Google does not recognize uploaded bytes, even those of a clip that Veo made.
    if not uri or "bytesBase64Encoded" in fields or "encodedVideo" in fields:
        raise InvalidArgument(NOT_MADE_BY_VEO)
    return ExtensionSource(uri=uri)
