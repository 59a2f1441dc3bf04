"""The JSON of a request to the Interactions API.

Each task takes parameters of its own, and there is no dry run: even a request without a prompt is
made and billed. A parameter of Veo's in ``video_config`` is ignored, and then ten seconds are made.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

from bot.domain.jobs.request import GenerationMode, VideoPlan
from bot.domain.jobs.sent_prompt import compose_sent_prompt
from bot.domain.jobs.source_access import SourceAccess

_TASKS: Final[Mapping[GenerationMode, str]] = {
    GenerationMode.TEXT: "text_to_video",
    GenerationMode.IMAGE: "image_to_video",
    GenerationMode.FRAMES: "image_to_video",
    GenerationMode.REFERENCES: "reference_to_video",
    GenerationMode.EDIT: "edit",
    GenerationMode.EXTENSION: "extend",
}
_HASH_LENGTH: Final = 16


def build_request(
    plan: VideoPlan,
    model_name: str,
    *,
    media: Sequence[Mapping[str, Any]] = (),
    previous_interaction_id: str | None = None,
    job_id: int,
    dedupe_key: str,
    output: Mapping[str, str],
) -> dict[str, Any]:
    """Return the body of the POST.

    ``media`` are the clip (if it is sent along) and the images, in the order of their numbers in
    the prompt; ``output`` says where the video should be put.
    """
    is_continued = previous_interaction_id is not None
    access = SourceAccess.INTERACTION if is_continued else SourceAccess.COPY
    prompt = compose_sent_prompt(plan, access if plan.source is not None else None)
    content = [*media, {"type": "text", "text": prompt}]
    document: dict[str, Any] = {
        "model": model_name,
        "background": True,
        "input": [{"type": "user_input", "content": content}] if media else prompt,
        "response_format": [_build_format(plan, output)],
        "labels": build_labels(job_id, dedupe_key),
    }
    if previous_interaction_id is None:
        document["generation_config"] = {"video_config": {"task": _TASKS[plan.mode]}}
    else:
        # Google takes no task beside it: the prompt says what is to be done
        document["previous_interaction_id"] = previous_interaction_id
    return document


def build_labels(job_id: int, dedupe_key: str) -> dict[str, str]:
    """Return what a person finds a lost job by in Google's log.

    Job numbers restart with every database; the hash tells two of them apart.
    """
    labels = {"job": str(job_id)}
    if dedupe_key:
        labels["request"] = hashlib.sha256(dedupe_key.encode()).hexdigest()[:_HASH_LENGTH]
    return labels


def _build_format(plan: VideoPlan, output: Mapping[str, str]) -> dict[str, str]:
    values: dict[str, str] = {"type": "video", **output}
    if plan.resolution is not None:
        values["resolution"] = plan.resolution.value
    if plan.mode is not GenerationMode.EDIT:
        values["duration"] = f"{plan.seconds}s"
    if not plan.mode.has_source:
        values["aspect_ratio"] = plan.aspect_ratio.value
    return values
