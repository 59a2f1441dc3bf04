"""Reads the body of ``POST interactions`` as strictly as Google.

There is no dry run: whatever passes here is made and billed. The traps are Google's own: a name
that ``video_config`` does not have is ignored, and a picture without its tag is no first frame.
"""

import base64
import binascii
import io
import re
from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction
from typing import Any, Final

from PIL import Image

from sandbox.google.omni.models import (
    DEFAULT_SECONDS,
    MAX_ADDED_SECONDS,
    MAX_FRAMES_SECONDS,
    MIN_SECONDS,
    OMNI_SIZES,
    OmniModelRules,
)
from sandbox.google.omni.refusals import invalid_request, unknown_parameter


class OmniTask(StrEnum):
    """What a request asks for."""

    TEXT_TO_VIDEO = "text_to_video"
    IMAGE_TO_VIDEO = "image_to_video"
    REFERENCE_TO_VIDEO = "reference_to_video"
    EDIT = "edit"
    EXTEND = "extend"


@dataclass(frozen=True, slots=True)
class MediaContent:
    """A picture or video of the input: its bytes, or the address of a file."""

    kind: str
    mime_type: str
    data: bytes | None
    uri: str | None


@dataclass(frozen=True, slots=True)
class InteractionRequest:
    """An accepted request. ``seconds`` are the new ones; an edit has 0 and keeps its source's."""

    model: OmniModelRules
    task: OmniTask
    prompt: str
    seconds: int
    resolution: str
    aspect_ratio: str
    is_inline: bool
    is_background: bool
    labels: dict[str, str]
    previous_id: str | None
    first_frame: MediaContent | None = None
    last_frame: MediaContent | None = None
    references: tuple[MediaContent, ...] = ()
    video: MediaContent | None = None

    def without_bytes(self) -> "InteractionRequest":
        """The same without pictures and videos, to be kept cheaply."""
        return replace(self, first_frame=None, last_frame=None, references=(), video=None)


_BODY_FIELDS: Final = frozenset(
    {
        "model",
        "input",
        "background",
        "generation_config",
        "response_format",
        "previous_interaction_id",
        "labels",
        "store",
        "stream",
        "webhook_config",
    }
)
_NOT_FOR_VIDEO: Final = frozenset({"system_instruction", "tools", "safety_settings", "agent"})
_CONFIG_FIELDS: Final = frozenset({"video_config", "seed"})
_CONFIG_NOT_FOR_VIDEO: Final = frozenset(
    {"temperature", "top_p", "stop_sequences", "candidate_count", "thinking_level", "tool_choice"}
)
_FORMAT_FIELDS: Final = frozenset(
    {"type", "aspect_ratio", "duration", "resolution", "delivery", "gcs_uri"}
)
_IMAGE_TYPES: Final = frozenset(
    {"image/png", "image/jpeg", "image/webp", "image/heic", "image/heif"}
)
_VIDEO_TYPES: Final = frozenset(
    {"video/mp4", "video/mov", "video/webm", "video/mpeg", "video/wmv", "video/flv", "video/3gpp"}
)
_LABEL: Final = re.compile(r"[a-z0-9_-]{0,63}")
_DURATION: Final = re.compile(r"(\d+(?:\.\d{1,9})?)s")
_TAG: Final = re.compile(r"<(FIRST_FRAME|LAST_FRAME|IMAGE_REF_(\d+))>(?:@Image(\d+))?")
_ANY_TAG: Final = re.compile(r"<[A-Z_]+\d*>(?:@\w+)?")
_GROUP: Final = re.compile(r"\[#[^\]]*\]")
_EXTEND_WORDS: Final = re.compile(r"^\s*(?:<[A-Z_]+>(?:@\w+)?\s*)*(?:please\s+)?extend\b", re.I)


def read_request(body: dict[str, Any], model: OmniModelRules) -> InteractionRequest:
    """The request in a body. Raises InteractionRefused."""
    _check_names(body, "", _BODY_FIELDS, _NOT_FOR_VIDEO)
    if body.get("store") is False and body.get("background"):
        raise invalid_request("`background` requires `store` to be true.")
    if body.get("stream"):
        raise invalid_request("Streaming is not supported for video output.")
    content = _read_content(body.get("input"))
    text = "\n".join(item for item in content if isinstance(item, str))
    media = [item for item in content if isinstance(item, MediaContent)]
    previous_id = _read_text(body, "previous_interaction_id")
    task = _read_task(body, media, text, previous_id)
    values = _read_format(body.get("response_format"))
    request = InteractionRequest(
        model=model,
        task=task,
        prompt=" ".join(_ANY_TAG.sub(" ", _GROUP.sub(" ", text)).split()),
        seconds=_read_seconds(values, task, model, has_last_frame="<LAST_FRAME>" in text),
        resolution=_read_choice(values, "resolution", "720p", {size for size, _ in OMNI_SIZES}),
        aspect_ratio=_read_ratio(values, task),
        is_inline=_read_choice(values, "delivery", "inline", {"inline", "uri"}) == "inline",
        is_background=body.get("background") is True,
        labels=_read_labels(body.get("labels")),
        previous_id=previous_id,
    )
    return _assign_media(request, media, text)


def _check_names(
    value: dict[str, Any], path: str, known: frozenset[str], not_for_video: frozenset[str]
) -> None:
    for name in value:
        if name in not_for_video:
            raise invalid_request(f"`{name}` is not supported by this model.")
        if name not in known:
            raise unknown_parameter(f"{path}.{name}" if path else name)


def _read_text(values: dict[str, Any], name: str) -> str | None:
    value = values.get(name)
    if value is not None and not isinstance(value, str):
        raise invalid_request(f"Invalid value for '{name}': a string is expected.")
    return value


def _read_content(value: Any) -> list[str | MediaContent]:
    if value is None or isinstance(value, str):
        return [value or ""]
    if not isinstance(value, list):
        raise invalid_request("Invalid value for 'input'.")
    items: list[Any] = []
    for item in value:
        if isinstance(item, dict) and item.get("type") == "user_input":
            content = item.get("content")
            items += content if isinstance(content, list) else [content]
        else:
            items.append(item)
    return [_read_item(item) for item in items]


def _read_item(item: Any) -> str | MediaContent:
    if isinstance(item, str):
        return item
    kind = item.get("type") if isinstance(item, dict) else None
    if kind == "text":
        return str(item.get("text", ""))
    types = {"image": _IMAGE_TYPES, "video": _VIDEO_TYPES}.get(str(kind))
    if types is None:
        raise invalid_request(f"Content of type '{kind}' is not supported by this model.")
    mime_type = item.get("mime_type")
    if mime_type not in types:
        raise invalid_request(f"Unsupported MIME type: {mime_type}.")
    data, uri = item.get("data"), item.get("uri")
    if (data is None) == (uri is None):
        raise invalid_request(f"Give either `data` or `uri` for content of type '{kind}'.")
    decoded = None if data is None else _decode(data)
    if kind == "image" and decoded is not None:
        _check_image(decoded)
    return MediaContent(str(kind), str(mime_type), decoded, uri)


def _decode(data: Any) -> bytes:
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, TypeError, ValueError) as error:
        raise invalid_request("Base64 decoding of `data` failed.") from error


def _check_image(data: bytes) -> None:
    try:
        with Image.open(io.BytesIO(data)) as image:
            image.load()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise invalid_request("Unable to process input image.") from error


def _read_task(
    body: dict[str, Any], media: list[MediaContent], text: str, previous_id: str | None
) -> OmniTask:
    config = body.get("generation_config") or {}
    if not isinstance(config, dict):
        raise invalid_request("Invalid value for 'generation_config'.")
    _check_names(config, "generation_config", _CONFIG_FIELDS, _CONFIG_NOT_FOR_VIDEO)
    video_config = config.get("video_config") or {}
    task = video_config.get("task") if isinstance(video_config, dict) else None
    if task is not None:
        if task not in set(OmniTask):
            raise invalid_request(
                f"Invalid value for 'generation_config.video_config.task': '{task}'. Supported "
                f"values are: {', '.join(OmniTask)}."
            )
        return OmniTask(task)
    has_video = any(item.kind == "video" for item in media)
    if previous_id is not None or has_video:
        return OmniTask.EXTEND if _EXTEND_WORDS.search(text) else OmniTask.EDIT
    if not media:
        return OmniTask.TEXT_TO_VIDEO
    is_first = "<FIRST_FRAME>" in text
    return OmniTask.IMAGE_TO_VIDEO if is_first else OmniTask.REFERENCE_TO_VIDEO


def _read_format(value: Any) -> dict[str, Any]:
    formats = value if isinstance(value, list) else [] if value is None else [value]
    if not formats:
        return {}
    if len(formats) != 1 or not isinstance(formats[0], dict):
        raise invalid_request("`response_format` must have exactly one video.")
    values: dict[str, Any] = formats[0]
    if values.get("type") != "video":
        raise invalid_request("`response_format.type` must be 'video' for this model.")
    _check_names(values, "response_format", _FORMAT_FIELDS, frozenset())
    return values


def _read_seconds(
    values: dict[str, Any], task: OmniTask, model: OmniModelRules, *, has_last_frame: bool
) -> int:
    duration = values.get("duration")
    if task is OmniTask.EDIT:
        if duration is not None:
            raise invalid_request("`duration` is not supported for the task 'edit'.")
        return 0
    if duration is None:
        return DEFAULT_SECONDS
    match = _DURATION.fullmatch(duration) if isinstance(duration, str) else None
    if match is None:
        raise invalid_request(
            "Invalid value for 'response_format.duration': a duration such as '8s' is expected."
        )
    seconds = Fraction(match[1])
    most = MAX_FRAMES_SECONDS if has_last_frame else model.max_seconds
    if task is OmniTask.EXTEND:
        most = MAX_ADDED_SECONDS
    asked = f"Requested video duration {int(seconds)}s {int(seconds % 1 * 10**9)}ns"
    if seconds < MIN_SECONDS:
        raise invalid_request(f"{asked} is less than the minimum allowed {MIN_SECONDS}s 0ns")
    if seconds > most:
        raise invalid_request(f"{asked} exceeds the maximum allowed {most}s 0ns")
    return round(seconds)


def _read_ratio(values: dict[str, Any], task: OmniTask) -> str:
    if task in (OmniTask.EDIT, OmniTask.EXTEND) and "aspect_ratio" in values:
        raise invalid_request(f"`aspect_ratio` is not supported for the task '{task}'.")
    return _read_choice(values, "aspect_ratio", "16:9", {ratio for _, ratio in OMNI_SIZES})


def _read_choice(values: dict[str, Any], name: str, default: str, known: set[str]) -> str:
    value = values.get(name, default)
    if value not in known:
        raise invalid_request(
            f"Invalid value for 'response_format.{name}': '{value}'. Supported values are: "
            f"{', '.join(sorted(known))}."
        )
    return str(value)


def _read_labels(value: Any) -> dict[str, str]:
    labels = value or {}
    if not isinstance(labels, dict) or not all(
        isinstance(text, str) and _LABEL.fullmatch(name) and _LABEL.fullmatch(text)
        for name, text in labels.items()
    ):
        raise invalid_request(
            "Labels can only contain lowercase letters, digits, '_' and '-', at most 63 of them."
        )
    return labels


def _assign_media(
    request: InteractionRequest, media: list[MediaContent], text: str
) -> InteractionRequest:
    """Give each picture the role that its tag says; what has no tag is a reference."""
    pictures = [item for item in media if item.kind == "image"]
    videos = [item for item in media if item.kind == "video"]
    has_source = request.previous_id is not None
    if request.task in (OmniTask.EDIT, OmniTask.EXTEND):
        if len(videos) + has_source != 1:
            raise invalid_request(f"The task '{request.task}' needs exactly one video.")
    elif videos:
        raise invalid_request(f"The task '{request.task}' takes no video.")
    if request.task is OmniTask.TEXT_TO_VIDEO and pictures:
        raise invalid_request("The task 'text_to_video' takes no images.")
    if request.task is OmniTask.EXTEND and not request.model.may_extend:
        raise invalid_request("Video extension is not supported by this model.")
    needs_pictures = {OmniTask.IMAGE_TO_VIDEO, OmniTask.REFERENCE_TO_VIDEO}
    if request.task in needs_pictures and not pictures:
        raise invalid_request(f"The task '{request.task}' needs an image.")
    tags = {match[1]: int(match[3]) - 1 if match[3] else None for match in _TAG.finditer(text)}
    if "LAST_FRAME" in tags and "FIRST_FRAME" not in tags:
        raise invalid_request("<LAST_FRAME> must be used in combination with <FIRST_FRAME>.")
    left = list(range(len(pictures)))

    def take(tag: str) -> MediaContent | None:
        if tag not in tags:
            return None
        index = tags[tag]
        if index is None:
            index = left[0] if left else len(pictures)
        if index not in left:
            raise invalid_request(f"<{tag}> names an image that is not there.")
        left.remove(index)
        return pictures[index]

    first, last = take("FIRST_FRAME"), take("LAST_FRAME")
    if len(left) > request.model.max_references:
        raise invalid_request(
            f"At most {request.model.max_references} reference images are supported, got "
            f"{len(left)}."
        )
    return replace(
        request,
        first_frame=first,
        last_frame=last,
        references=tuple(pictures[index] for index in left),
        video=videos[0] if videos else None,
    )
