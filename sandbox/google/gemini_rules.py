"""What the Gemini API accepts of a request for a video, and how it refuses the rest.

Sources: the Veo documentation's table of parameters, and the messages that people have got from
the API (the project's reference page on Veo, "What goes wrong").
"""

from dataclasses import dataclass
from typing import Any, Final

from sandbox.google.errors import InvalidArgument
from sandbox.google.models import Mode, Model, Region
from sandbox.google.payload import Fields, not_supported
from sandbox.google.pictures import Picture, read_picture
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

MAX_SOURCE_SECONDS: Final = 141
MAX_HOPS: Final = 20
MAX_REFERENCES: Final = 3

_BODY = frozenset({"instances", "parameters"})
_INSTANCE = frozenset({"prompt", "image", "lastFrame", "referenceImages", "video"})
_PARAMETERS = frozenset(
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
_IMAGE = frozenset({"bytesBase64Encoded", "mimeType"})
# Names of Vertex AI and of other Gemini methods, which Google recognises in order to refuse them.
_OTHER_PARAMETERS = {
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
_OTHER_IMAGE = {name: name for name in ("gcsUri", "inlineData", "fileUri", "uri")}
_OTHER_VIDEO = {
    "mimeType": "encoding",
    "encoding": "encoding",
    "gcsUri": "gcsUri",
    "inlineData": "inlineData",
}
_VIDEO = frozenset({"uri", "bytesBase64Encoded", "encodedVideo"})


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """What Google knows of a file that is to be extended."""

    processed: bool
    aspect_ratio: str
    resolution: str
    seconds: float
    hops: int
    interpolated: bool


def read(value: dict[str, Any], model: Model, region: Region) -> Submission:
    """Reads and checks a parsed body as far as it can be without knowing any file.

    Decodes pictures: large bodies belong in a thread. Raises InvalidArgument.
    """
    top = Fields(value, "", _BODY)
    instance = Fields(only_instance(top), "instances[0]", _INSTANCE)
    given = top.value("parameters")
    parameters = Fields(
        {} if given is None else given, "parameters", _PARAMETERS, _OTHER_PARAMETERS
    )
    mode = read_mode(instance)
    _check_mode(model, mode)
    prompt = read_prompt(instance, mode)
    check_negative_prompt(parameters)
    if "resolution" in parameters and not model.names_resolution:
        raise not_supported("resolution")
    if "seed" in parameters and not model.seeded:
        raise not_supported("seed")
    resolution, aspect_ratio = read_size(parameters, model)
    seconds = read_seconds(parameters, model, mode, resolution)
    if mode is Mode.EXTENSION and resolution != "720p":
        message = f"{resolution} for resolution is currently not supported for video extension."
        raise InvalidArgument(message)
    if mode is Mode.REFERENCES and model.wide_references and aspect_ratio != "16:9":
        raise InvalidArgument(USE_CASE)
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
        image=_image(instance, "image"),
        last_frame=_image(instance, "lastFrame"),
        references=_references(instance),
        source=_source(instance),
    )


def check_source(facts: SourceFacts, submission: Submission) -> None:
    """Checks the clip that a submission extends. Raises InvalidArgument."""
    if not facts.processed:
        raise InvalidArgument(NOT_VEO)
    if facts.aspect_ratio != submission.aspect_ratio:
        message = f"Aspect ratio of the input video must be {submission.aspect_ratio}."
        raise InvalidArgument(message)
    if facts.resolution != "720p":
        message = "Resolution of the input video must be 720p."
        raise InvalidArgument(message)
    if facts.hops >= MAX_HOPS:
        message = f"The input video has already been extended {MAX_HOPS} times."
        raise InvalidArgument(message)
    if facts.seconds > MAX_SOURCE_SECONDS:
        message = f"The input video must be at most {MAX_SOURCE_SECONDS} seconds long."
        raise InvalidArgument(message)
    if facts.interpolated:
        # Reported by users of the API; Google's documentation does not mention it.
        raise InvalidArgument(USE_CASE)


def _check_mode(model: Model, mode: Mode) -> None:
    if mode in model.modes:
        return
    if mode is Mode.EXTENSION:
        message = "Video extension is not allowed for this model."
        raise InvalidArgument(message)
    raise not_supported({Mode.REFERENCES: "referenceImages", Mode.FRAMES: "lastFrame"}[mode])


def _check_people(parameters: Fields, model: Model, mode: Mode, region: Region) -> None:
    value = parameters.text("personGeneration")
    if value is not None and value not in model.allowed_people(mode, region):
        message = f"{value} for personGeneration is currently not supported."
        raise InvalidArgument(message)


def _image(instance: Fields, name: str) -> Picture | None:
    if name not in instance:
        return None
    fields = Fields(instance.value(name), instance.at(name), _IMAGE, _OTHER_IMAGE)
    return read_picture(fields)


def _references(instance: Fields) -> tuple[Picture, ...]:
    items = instance.items("referenceImages")
    if len(items) > MAX_REFERENCES:
        message = f"At most {MAX_REFERENCES} reference images are supported, got {len(items)}."
        raise InvalidArgument(message)
    pictures = []
    for index, item in enumerate(items):
        where = f"{instance.at('referenceImages')}[{index}]"
        fields = Fields(item, where, frozenset({"image", "referenceType"}))
        kind = fields.text("referenceType")
        if kind is None or kind.lower() != "asset":
            message = f"{kind} for referenceType is currently not supported."
            raise InvalidArgument(message)
        image = Fields(fields.value("image"), fields.at("image"), _IMAGE, _OTHER_IMAGE)
        pictures.append(read_picture(image))
    return tuple(pictures)


def _source(instance: Fields) -> Source | None:
    if "video" not in instance:
        return None
    fields = Fields(instance.value("video"), instance.at("video"), _VIDEO, _OTHER_VIDEO)
    uri = fields.text("uri")
    # Bytes that are sent anew have lost their origin, whatever they show.
    if not uri or "bytesBase64Encoded" in fields or "encodedVideo" in fields:
        raise InvalidArgument(NOT_VEO)
    return Source(uri=uri)
