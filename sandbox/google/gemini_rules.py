"""What the Gemini API accepts of a request for a video, and how it refuses the rest.

Sources: the Veo documentation's table of parameters, and the messages that people have got from
the API (the project's reference page on Veo, "What goes wrong").
"""

from dataclasses import dataclass
from typing import Any, Final

from sandbox.google.errors import InvalidArgument
from sandbox.google.images import SubmittedImage, read_image
from sandbox.google.models import CallerRegion, VeoMode, VeoModel
from sandbox.google.payload_fields import PayloadFields, not_supported
from sandbox.google.submission import (
    NOT_MADE_BY_VEO,
    UNSUPPORTED_USE_CASE,
    ExtensionSource,
    Submission,
    billed_seconds,
    check_negative_prompt,
    read_mode,
    read_only_instance,
    read_prompt,
    read_samples,
    read_seconds,
    read_seed,
    read_size,
)

MAX_SOURCE_SECONDS: Final = 141
MAX_EXTENSION_DEPTH: Final = 20
MAX_REFERENCES: Final = 3

_BODY_FIELDS = frozenset({"instances", "parameters"})
_INSTANCE_FIELDS = frozenset({"prompt", "image", "lastFrame", "referenceImages", "video"})
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
# Names of Vertex AI and of other Gemini methods, which Google recognises in order to refuse them.
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
    """What Google knows of a file that is to be extended."""

    processed: bool
    aspect_ratio: str
    resolution: str
    seconds: float
    extension_depth: int
    interpolated: bool


def read_submission(value: dict[str, Any], model: VeoModel, region: CallerRegion) -> Submission:
    """Reads and checks a parsed body as far as it can be without knowing any file.

    Decodes pictures: large bodies belong in a thread. Raises InvalidArgument.
    """
    top = PayloadFields(value, "", _BODY_FIELDS)
    instance = PayloadFields(read_only_instance(top), "instances[0]", _INSTANCE_FIELDS)
    given = top.value("parameters")
    parameters = PayloadFields(
        {} if given is None else given, "parameters", _PARAMETER_FIELDS, _UNSUPPORTED_PARAMETERS
    )
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
        message = f"{resolution} for resolution is currently not supported for video extension."
        raise InvalidArgument(message)
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
        image=_read_image(instance, "image"),
        last_frame=_read_image(instance, "lastFrame"),
        references=_read_references(instance),
        source=_read_source(instance),
    )


def check_source(facts: GeminiSourceClip, submission: Submission) -> None:
    """Checks the clip that a submission extends. Raises InvalidArgument."""
    if not facts.processed:
        raise InvalidArgument(NOT_MADE_BY_VEO)
    if facts.aspect_ratio != submission.aspect_ratio:
        message = f"Aspect ratio of the input video must be {submission.aspect_ratio}."
        raise InvalidArgument(message)
    if facts.resolution != "720p":
        message = "Resolution of the input video must be 720p."
        raise InvalidArgument(message)
    if facts.extension_depth >= MAX_EXTENSION_DEPTH:
        message = f"The input video has already been extended {MAX_EXTENSION_DEPTH} times."
        raise InvalidArgument(message)
    if facts.seconds > MAX_SOURCE_SECONDS:
        message = f"The input video must be at most {MAX_SOURCE_SECONDS} seconds long."
        raise InvalidArgument(message)
    if facts.interpolated:
        # Reported by users of the API; Google's documentation does not mention it.
        raise InvalidArgument(UNSUPPORTED_USE_CASE)


def _check_mode(model: VeoModel, mode: VeoMode) -> None:
    if mode in model.modes:
        return
    if mode is VeoMode.EXTENSION:
        message = "Video extension is not allowed for this model."
        raise InvalidArgument(message)
    raise not_supported({VeoMode.REFERENCES: "referenceImages", VeoMode.FRAMES: "lastFrame"}[mode])


def _check_people(
    parameters: PayloadFields, model: VeoModel, mode: VeoMode, region: CallerRegion
) -> None:
    value = parameters.text("personGeneration")
    if value is not None and value not in model.supported_people(mode, region):
        message = f"{value} for personGeneration is currently not supported."
        raise InvalidArgument(message)


def _read_image(instance: PayloadFields, name: str) -> SubmittedImage | None:
    if name not in instance:
        return None
    fields = PayloadFields(
        instance.value(name), instance.field_path(name), _IMAGE_FIELDS, _UNSUPPORTED_IMAGE_FIELDS
    )
    return read_image(fields)


def _read_references(instance: PayloadFields) -> tuple[SubmittedImage, ...]:
    items = instance.items("referenceImages")
    if len(items) > MAX_REFERENCES:
        message = f"At most {MAX_REFERENCES} reference images are supported, got {len(items)}."
        raise InvalidArgument(message)
    pictures = []
    for index, item in enumerate(items):
        where = f"{instance.field_path('referenceImages')}[{index}]"
        fields = PayloadFields(item, where, frozenset({"image", "referenceType"}))
        kind = fields.text("referenceType")
        if kind is None or kind.lower() != "asset":
            message = f"{kind} for referenceType is currently not supported."
            raise InvalidArgument(message)
        image = PayloadFields(
            fields.value("image"),
            fields.field_path("image"),
            _IMAGE_FIELDS,
            _UNSUPPORTED_IMAGE_FIELDS,
        )
        pictures.append(read_image(image))
    return tuple(pictures)


def _read_source(instance: PayloadFields) -> ExtensionSource | None:
    if "video" not in instance:
        return None
    fields = PayloadFields(
        instance.value("video"),
        instance.field_path("video"),
        _VIDEO_FIELDS,
        _UNSUPPORTED_VIDEO_FIELDS,
    )
    uri = fields.text("uri")
    # Bytes that are sent anew have lost their origin, whatever they show.
    if not uri or "bytesBase64Encoded" in fields or "encodedVideo" in fields:
        raise InvalidArgument(NOT_MADE_BY_VEO)
    return ExtensionSource(uri=uri)
