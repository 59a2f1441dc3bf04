"""Reads the body of ``POST interactions`` as strictly as Google.

Everything that is accepted is made and billed. As at Google, unknown names in ``video_config`` are
ignored, and an image without a tag is not a first frame.
"""

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction
from typing import Any, Final

from sandbox.google.omni.content import (
    InputContent,
    MediaContent,
    assign_roles,
    read_content,
)
from sandbox.google.omni.models import (
    DEFAULT_SECONDS,
    MAX_ADDED_SECONDS,
    MAX_FRAMES_SECONDS,
    MAX_REFERENCE_VIDEOS,
    MIN_SECONDS,
    OMNI_SIZES,
    OmniModelRules,
    OmniRoute,
)
from sandbox.google.omni.refusals import invalid_request, unknown_parameter
from sandbox.google.vertex_rules import BUCKET_URI


class OmniTask(StrEnum):
    """The tasks that a request can have."""

    TEXT_TO_VIDEO = "text_to_video"
    IMAGE_TO_VIDEO = "image_to_video"
    REFERENCE_TO_VIDEO = "reference_to_video"
    EDIT = "edit"
    EXTEND = "extend"

    @property
    def has_source(self) -> bool:
        """Whether it starts from a video."""
        return self in (OmniTask.EDIT, OmniTask.EXTEND)


@dataclass(frozen=True, slots=True)
class InteractionRequest:
    """An accepted request. ``seconds`` are the new ones; an edit has 0 and keeps its source's.

    ``model_name`` is the model's name on the route. ``bucket_uri`` is where a video of Vertex AI
    goes; "" when it is to come inline.
    """

    route: OmniRoute
    model: OmniModelRules
    model_name: str
    task: OmniTask
    prompt: str
    seconds: int
    resolution: str
    aspect_ratio: str
    is_inline: bool
    is_background: bool
    is_stored: bool
    labels: dict[str, str]
    previous_id: str | None
    bucket_uri: str = ""
    first_frame: MediaContent | None = None
    last_frame: MediaContent | None = None
    references: tuple[MediaContent, ...] = ()
    reference_videos: tuple[MediaContent, ...] = ()
    video: MediaContent | None = None

    def without_bytes(self) -> "InteractionRequest":
        """Return a copy without images and videos, which needs little memory."""
        return replace(
            self,
            first_frame=None,
            last_frame=None,
            references=(),
            reference_videos=(),
            video=None,
        )

    @property
    def picture_count(self) -> int:
        """The number of images that were sent."""
        return len(self.references) + sum(
            frame is not None for frame in (self.first_frame, self.last_frame)
        )


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
        "service_tier",
        "webhook_config",
    }
)
_NOT_FOR_VIDEO: Final = frozenset(
    {
        "agent",
        "agent_config",
        "cached_content",
        "continuation_token",
        "environment",
        "response_mime_type",
        "response_modalities",
        "safety_settings",
        "system_instruction",
        "tools",
    }
)
_CONFIG_FIELDS: Final = frozenset({"video_config", "seed"})
_CONFIG_NOT_FOR_VIDEO: Final = frozenset(
    {
        "candidate_count",
        "image_config",
        "max_output_tokens",
        "speech_config",
        "stop_sequences",
        "temperature",
        "thinking_level",
        "thinking_summaries",
        "tool_choice",
        "top_p",
        "transcription_config",
    }
)
_FORMAT_FIELDS: Final = frozenset({"type", "aspect_ratio", "duration", "resolution", "delivery"})
_VERTEX_FORMAT_FIELDS: Final = _FORMAT_FIELDS | {"gcs_uri"}
_MAX_LABELS: Final = 64
_MAX_LABEL_LENGTH: Final = 63
_DURATION: Final = re.compile(r"(\d+(?:\.\d{1,9})?)s")
_EXTEND_WORDS: Final = re.compile(r"^\s*(?:<[A-Z_]+>(?:@\w+)?\s*)*(?:please\s+)?extend\b", re.I)


def read_request(
    body: dict[str, Any], model: OmniModelRules, route: OmniRoute
) -> InteractionRequest:
    """Return the request in a body. Raises InteractionRefused."""
    _check_names(body, "", _BODY_FIELDS, _NOT_FOR_VIDEO)
    is_vertex = route is OmniRoute.VERTEX
    previous_id = _read_text(body, "previous_interaction_id")
    is_stored = body.get("store") is not False
    if not is_stored and (body.get("background") or previous_id is not None):
        name = "background" if body.get("background") else "previous_interaction_id"
        raise invalid_request(f"`{name}` requires `store` to be true.")
    if body.get("stream"):
        raise invalid_request("Streaming is not supported for video output.")
    if is_vertex and previous_id is not None:
        raise invalid_request("`previous_interaction_id` is not supported.")
    content = read_content(body.get("input"), only_bucket=is_vertex)
    task = _read_task(body, content, previous_id)
    values = _read_format(
        body.get("response_format"), _VERTEX_FORMAT_FIELDS if is_vertex else _FORMAT_FIELDS
    )
    delivery = _read_choice(values, "delivery", "inline", {"inline", "uri"})
    request = InteractionRequest(
        route=route,
        model=model,
        model_name=str(body.get("model")).removeprefix("models/"),
        task=task,
        prompt=content.prompt,
        seconds=_read_seconds(values, task, model, has_last_frame="<LAST_FRAME>" in content.text),
        resolution=_read_choice(values, "resolution", "720p", {size for size, _ in OMNI_SIZES}),
        aspect_ratio=_read_ratio(values, task),
        is_inline=delivery == "inline",
        is_background=body.get("background") is True,
        is_stored=is_stored,
        labels=_read_labels(body.get("labels")),
        previous_id=previous_id,
        bucket_uri=_read_bucket(values) if is_vertex and delivery == "uri" else "",
    )
    return _assign_media(request, content)


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


def _read_task(body: dict[str, Any], content: InputContent, previous_id: str | None) -> OmniTask:
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
    if "<VIDEO_REF_" in content.text:
        return OmniTask.REFERENCE_TO_VIDEO
    if previous_id is not None or content.videos:
        is_extension = _EXTEND_WORDS.search(content.text) or "<PREVIOUS_VIDEO>" in content.text
        return OmniTask.EXTEND if is_extension else OmniTask.EDIT
    if not content.media:
        return OmniTask.TEXT_TO_VIDEO
    is_first = "<FIRST_FRAME>" in content.text
    return OmniTask.IMAGE_TO_VIDEO if is_first else OmniTask.REFERENCE_TO_VIDEO


def _read_format(value: Any, known: frozenset[str]) -> dict[str, Any]:
    formats = value if isinstance(value, list) else [] if value is None else [value]
    if not formats:
        return {}
    if len(formats) != 1 or not isinstance(formats[0], dict):
        raise invalid_request("`response_format` must have exactly one video.")
    values: dict[str, Any] = formats[0]
    if values.get("type") != "video":
        raise invalid_request("`response_format.type` must be 'video' for this model.")
    _check_names(values, "response_format", known, frozenset())
    return values


def _read_bucket(values: dict[str, Any]) -> str:
    bucket_uri = _read_text(values, "gcs_uri")
    if not bucket_uri:
        raise invalid_request("`response_format.gcs_uri` is required when delivery is 'uri'.")
    if BUCKET_URI.fullmatch(bucket_uri) is None:
        raise invalid_request(f"Invalid value for 'response_format.gcs_uri': '{bucket_uri}'.")
    return bucket_uri


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
    if task.has_source and "aspect_ratio" in values:
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
    if (
        not isinstance(labels, dict)
        or len(labels) > _MAX_LABELS
        or not all(
            name[:1].isalpha() and _is_label(name) and isinstance(text, str) and _is_label(text)
            for name, text in labels.items()
        )
    ):
        raise invalid_request(
            "Labels can only contain lowercase letters, digits, '_' and '-', at most 63 of them, "
            "and their names begin with a letter."
        )
    return labels


def _is_label(text: str) -> bool:
    return len(text) <= _MAX_LABEL_LENGTH and all(
        letter in "_-" or (letter.isalnum() and letter == letter.lower()) for letter in text
    )


def _assign_media(request: InteractionRequest, content: InputContent) -> InteractionRequest:
    """Return the request with its media in their roles. Raises InteractionRefused."""
    task, model = request.task, request.model
    pictures, videos = content.pictures, content.videos
    if task.has_source:
        if len(videos) + (request.previous_id is not None) != 1:
            raise invalid_request(f"The task '{task}' needs exactly one video.")
    elif videos and task is not OmniTask.REFERENCE_TO_VIDEO:
        raise invalid_request(f"The task '{task}' takes no video.")
    elif len(videos) > MAX_REFERENCE_VIDEOS:
        raise invalid_request(
            f"At most {MAX_REFERENCE_VIDEOS} reference videos are supported, got {len(videos)}."
        )
    if task is OmniTask.TEXT_TO_VIDEO and pictures:
        raise invalid_request("The task 'text_to_video' takes no images.")
    if task is OmniTask.EXTEND and not model.may_extend:
        raise invalid_request("Video extension is not supported by this model.")
    if task is OmniTask.IMAGE_TO_VIDEO and not pictures:
        raise invalid_request("The task 'image_to_video' needs an image.")
    if task is OmniTask.REFERENCE_TO_VIDEO and not content.media:
        raise invalid_request("The task 'reference_to_video' needs an image.")
    roles = assign_roles(content)
    if len(roles.references) > model.max_references:
        raise invalid_request(
            f"At most {model.max_references} reference images are supported, got "
            f"{len(roles.references)}."
        )
    return replace(
        request,
        first_frame=roles.first_frame,
        last_frame=roles.last_frame,
        references=roles.references,
        reference_videos=() if task.has_source else tuple(videos),
        video=videos[0] if task.has_source and videos else None,
    )
