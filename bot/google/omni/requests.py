"""Builds the JSON of requests to the Interactions API.

Each task has other parameters. Mistakes cost money, because Google makes and bills a video even
without a prompt. It ignores Veo's parameters in ``video_config`` and makes ten seconds instead.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from bot.domain.jobs.request import GenerationMode, VideoPlan
from bot.domain.jobs.sent_prompt import compose_sent_prompt
from bot.domain.jobs.source_access import SourceAccess
from bot.domain.jobs.webhook import SubmitLabels, hash_request

_TASKS: Final[Mapping[GenerationMode, str]] = {
    GenerationMode.TEXT: "text_to_video",
    GenerationMode.IMAGE: "image_to_video",
    GenerationMode.FRAMES: "image_to_video",
    GenerationMode.REFERENCES: "reference_to_video",
    GenerationMode.EDIT: "edit",
    GenerationMode.EXTENSION: "extend",
}
_JOB_LABEL: Final = "job"
_REQUEST_LABEL: Final = "request"
_MAX_JOB_DIGITS: Final = 18
"""Longer numbers do not fit into the database."""


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

    ``media`` contains the clip (if it is sent) and the images, in the order in which the prompt
    numbers them. ``output`` says how Google should deliver the video.
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
        # Google accepts no task together with it, so the prompt says what to do.
        document["previous_interaction_id"] = previous_interaction_id
    return document


def build_labels(job_id: int, dedupe_key: str) -> dict[str, str]:
    """Return labels by which a lost job is found: by its webhook, or by people in Google's log.

    Every database starts its job numbers at 1, so a hash distinguishes them.
    """
    labels = {_JOB_LABEL: str(job_id)}
    if dedupe_key:
        labels[_REQUEST_LABEL] = hash_request(dedupe_key)
    return labels


def read_labels(record: Mapping[str, Any]) -> SubmitLabels | None:
    """Return the labels in an interaction's record, `None` if they are not ours."""
    labels = record.get("labels")
    if not isinstance(labels, Mapping):
        return None
    job_id, request_hash = labels.get(_JOB_LABEL), labels.get(_REQUEST_LABEL)
    if not (isinstance(job_id, str) and job_id.isascii() and job_id.isdecimal()):
        return None
    if len(job_id) > _MAX_JOB_DIGITS or not (isinstance(request_hash, str) and request_hash):
        return None
    return SubmitLabels(int(job_id), request_hash, record.get("status") == "completed")


def _build_format(plan: VideoPlan, output: Mapping[str, str]) -> dict[str, str]:
    values: dict[str, str] = {"type": "video", **output}
    if plan.resolution is not None:
        values["resolution"] = plan.resolution.value
    if plan.mode is not GenerationMode.EDIT:
        values["duration"] = f"{plan.seconds}s"
    if not plan.mode.has_source:
        values["aspect_ratio"] = plan.aspect_ratio.value
    return values
