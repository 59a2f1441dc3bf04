"""Builds the JSON of interactions for clients and for the control API."""

import asyncio
import base64
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from sandbox.google.omni.interactions import (
    BLOCKED_SENTENCE,
    InteractionStatus,
    StoredInteraction,
    describe_usage,
)
from sandbox.google.omni.models import OmniRoute
from sandbox.google.omni.refusals import InteractionRefused, invalid_request
from sandbox.google.omni.settings import BlockForm, OmniSettings, OverQuotaForm
from sandbox.google.settings import OperationOutcome

_POLICY_SENTENCE: Final = (
    "Unable to show the generated video. The video was filtered out because it violated Google's "
    "Generative AI Prohibited Use policy"
)
_BLOCKED_INPUT: Final = (
    "Request blocked due to prohibited content guidelines. Please modify your input and retry."
)
_INTERNAL_SENTENCE: Final = "Internal error. Please try again."
_MAX_SHOWN_LENGTH: Final = 200


async def build_answer(
    interaction: StoredInteraction,
    settings: OmniSettings,
    *,
    now: float,
    file_uri: Callable[[str], str],
    with_input: bool = False,
) -> dict[str, Any]:
    """Return the interaction as its client reads it; ``file_uri`` gives the address of a file.

    Raises InteractionRefused where the answer is an error.
    """
    is_failed = interaction.status is InteractionStatus.FAILED
    is_blocked = is_failed and interaction.planned_outcome.outcome is OperationOutcome.FILTERED
    reason = interaction.planned_outcome.reason
    if is_blocked and settings.block is BlockForm.ERROR_BODY:
        raise InteractionRefused(200, "content_blocked", reason or BLOCKED_SENTENCE)
    payload = _describe_head(interaction, settings, now)
    steps: list[dict[str, Any]] = []
    if with_input:
        sent = interaction.body.get("input")
        content = [{"type": "text", "text": sent}] if isinstance(sent, str) else sent
        steps.append({"type": "user_input", "content": content or []})
    if is_failed:
        payload["errors"] = [_describe_failure(interaction, settings, is_blocked=is_blocked)]
    usage = describe_usage(interaction, even_zero=settings.reports_zero)
    if settings.reports_usage and usage is not None:
        payload["usage"] = usage
    if interaction.has_only_text:
        steps.append(_model_output({"type": "text", "text": interaction.text}))
    elif interaction.clip is not None:
        steps.append({"type": "thought"})
        video = await _describe_video(interaction, settings, file_uri)
        if video is not None:
            steps.append(_model_output(video))
    if steps:
        payload["steps"] = steps
    return payload


def check_poll(interaction: StoredInteraction, settings: OmniSettings) -> None:
    """Raise InteractionRefused for a GET that is answered with an error."""
    is_running = interaction.status is InteractionStatus.IN_PROGRESS
    if is_running and interaction.invalid_polls:
        interaction.invalid_polls -= 1
        raise invalid_request("Request contains an invalid argument.")
    refusal = interaction.quota_refusal
    if refusal is not None and settings.over_quota is not OverQuotaForm.FIRST_POLL_FAILED:
        if settings.over_quota is OverQuotaForm.FIRST_POLL_BODY:
            raise InteractionRefused(200, refusal.code, refusal.message)
        raise refusal
    planned = interaction.planned_outcome
    is_blocked = planned.outcome is OperationOutcome.FILTERED
    if interaction.status is not InteractionStatus.FAILED or not is_blocked:
        return
    if settings.block is BlockForm.POLL:
        raise invalid_request(planned.reason or _BLOCKED_INPUT)
    if settings.block is BlockForm.SENTENCE:
        sentence = planned.reason or _POLICY_SENTENCE
        raise InteractionRefused(400, sentence, sentence)


def describe_interaction(interaction: StoredInteraction) -> dict[str, Any]:
    """Return an interaction as the control API shows it among the submits."""
    asked = interaction.request
    return {
        "n": interaction.number,
        "route": asked.route,
        "model": asked.model_name,
        "operation": interaction.id,
        "task": asked.task,
        "prompt": asked.prompt,
        "json": interaction.body,
        "state": interaction.status,
        "outcome": interaction.planned_outcome.outcome,
        "finished": interaction.finished_at is not None,
        "finished_at": interaction.finished_at,
        "submitted_at": interaction.created,
        "ready_at": interaction.ready_at,
        "polls": interaction.polls,
        "seconds": interaction.made_seconds,
        "resolution": asked.resolution,
        "labels": asked.labels,
        "previous": asked.previous_id,
        "cancelled": interaction.cancel_at is not None,
        "deleted": interaction.is_deleted,
        "over_quota": interaction.quota_refusal is not None,
        "clips": int(interaction.clip is not None),
        "billed_usd": round(interaction.billed_usd, 6),
        "video": interaction.video_address,
        "sha256": [] if interaction.clip is None else [interaction.clip.sha256],
    }


def shorten_data(value: Any) -> Any:
    """Return a JSON value for the control API, with long ``data`` replaced by its length."""
    if isinstance(value, dict):
        return {
            name: f"<{len(item)} characters of base64>"
            if name == "data" and isinstance(item, str) and len(item) > _MAX_SHOWN_LENGTH
            else shorten_data(item)
            for name, item in value.items()
        }
    return [shorten_data(item) for item in value] if isinstance(value, list) else value


def _describe_head(
    interaction: StoredInteraction, settings: OmniSettings, now: float
) -> dict[str, Any]:
    updated = interaction.finished_at or interaction.created
    status: str = interaction.status
    if interaction.status is InteractionStatus.IN_PROGRESS:
        status = "queued" if now < interaction.created + settings.queued_s else status
    elif (
        interaction.status is InteractionStatus.FAILED
        and interaction.planned_outcome.outcome is OperationOutcome.FAILED
    ):
        status = settings.failed_status
    payload: dict[str, Any] = {
        "id": interaction.id,
        "object": "interaction",
        "status": status,
        "model": interaction.request.model_name,
        "created": _format_timestamp(interaction.created),
        "updated": _format_timestamp(updated),
    }
    if interaction.request.labels:
        payload["labels"] = interaction.request.labels
    if interaction.request.previous_id is not None:
        payload["previous_interaction_id"] = interaction.request.previous_id
    return payload


def _describe_failure(
    interaction: StoredInteraction, settings: OmniSettings, *, is_blocked: bool
) -> dict[str, str]:
    if (refusal := interaction.quota_refusal) is not None:
        return {"code": refusal.code, "message": refusal.message}
    usual = BLOCKED_SENTENCE if is_blocked else _INTERNAL_SENTENCE
    code = settings.block_code if is_blocked else "api_error"
    return {"code": code, "message": interaction.planned_outcome.reason or usual}


async def _describe_video(
    interaction: StoredInteraction, settings: OmniSettings, file_uri: Callable[[str], str]
) -> dict[str, Any] | None:
    """Return the video's content, or None if it is so large that Vertex AI leaves it out."""
    clip, request = interaction.clip, interaction.request
    assert clip is not None
    video: dict[str, Any] = {"type": "video", "mime_type": "video/mp4"}
    if not settings.inline and not request.is_inline:
        address = interaction.video_address or ""
        return video | {"uri": address if interaction.stored_object else file_uri(address)}
    if request.route is OmniRoute.VERTEX and clip.size > settings.max_inline_bytes:
        return None
    data = await asyncio.to_thread(lambda: base64.b64encode(clip.path.read_bytes()).decode())
    return video | {"data": data}


def _model_output(content: dict[str, Any]) -> dict[str, Any]:
    return {"type": "model_output", "content": [content]}


def _format_timestamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
