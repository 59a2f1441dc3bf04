"""Parses interactions: still running, finished with a video, failed, or never started.

Google refuses requests in four forms: ``failed`` with errors, an error without a status, an HTTP
400 to a poll, and ``completed`` without a video. Faults look the same, so Google's words decide.
The code may be a sentence, too.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final

from bot.domain.billing.money import Micros
from bot.domain.errors import AccessRefused, GoogleQuotaExceeded, GoogleUnavailable, RemoteNotFound
from bot.domain.jobs.job import Outcome
from bot.domain.models import ModelSpec
from bot.domain.ports import (
    OperationCancelled,
    OperationFailed,
    OperationFinished,
    OperationNotStarted,
    OperationPending,
    PollResult,
    RemoteVideo,
)
from bot.google.answers import GoogleAnswer, clean_message, read_answer
from bot.google.api_errors import (
    classify_answer,
    classify_call_error,
    is_about_operator,
    log_unrecognized,
)
from bot.google.inline_video import OMNI_DATA_KEY
from bot.google.omni.usage import compute_bill, has_made_video, has_output
from bot.google.operations import as_list, as_mapping, read_time
from bot.google.wording import is_regional_rule, shorten_message

_ID_PATTERN: Final = re.compile(r"[A-Za-z0-9_-]+")
_RUNNING: Final = frozenset({"in_progress", "queued"})
_QUOTA_CODES: Final = frozenset({"too_many_requests", "rate_limit_exceeded", "quota_exceeded"})
_ENDED_WITHOUT_VIDEO: Final = frozenset(
    {
        "failed",
        "incomplete",
        "budget_exceeded",
        # These wait for a client and make no video without one.
        "requires_action",
        "requires_continuation",
        "idle",
    }
)
_FILTER_OUTCOMES: Final = frozenset(
    {Outcome.BLOCKED, Outcome.BLOCKED_AUDIO, Outcome.BLOCKED_IMAGE, Outcome.PERSON_REFUSED}
)


def is_interaction_id(text: str) -> bool:
    """Whether ``text`` has the form of an id, so that it is safe in a url's path."""
    return _ID_PATTERN.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class InteractionContext:
    """What is needed to read an interaction but is not in its record.

    ``has_run`` says whether an earlier poll has shown it running; `None` if that is unknown.
    """

    operation: str
    model: ModelSpec | None
    now: datetime
    has_run: bool | None
    keeps_interactions: bool


def read_interaction(document: Mapping[str, Any], context: InteractionContext) -> PollResult:
    """Return the result in an interaction's record."""
    status = str(document.get("status") or "").lower()
    if status in _RUNNING:
        return OperationPending()
    prices = context.model.token_prices if context.model else None
    billed = compute_bill(document.get("usage"), prices)
    result = _read_end(document, status, billed, context)
    return replace(result, billed=billed) if isinstance(result, OperationFailed) else result


def _read_end(
    document: Mapping[str, Any], status: str, billed: Micros | None, context: InteractionContext
) -> PollResult:
    usage = document.get("usage")
    # Google's own client also takes the last video as the result.
    if videos := list(_find_videos(document))[-1:]:
        # Without output tokens, the usage does not include the video yet.
        return _build_finished(document, context, videos[0], billed if has_output(usage) else None)
    if status == "cancelled":
        return OperationCancelled(billed)
    errors = _list_errors(document)
    if status in _QUOTA_CODES or any(error.omni_code in _QUOTA_CODES for error in errors):
        return _read_quota_end(errors, status, may_be_new=not has_output(usage), context=context)
    if status == "completed" and not errors:
        words = shorten_message(" ".join(_find_texts(document)))
        if not words and has_made_video(usage):
            # Vertex AI leaves large videos out of the answer, although it made and billed them.
            return OperationFinished((RemoteVideo(uri=None),), billed=billed)
        return _read_refusal_in_words(words)
    if errors:
        return read_failure(errors)
    if status in _ENDED_WITHOUT_VIDEO or status == "completed":
        return _read_unexplained_end(document, status)
    # Keep polling on a status that we do not know.
    log_unrecognized("interaction", [status])
    return OperationPending()


def _build_finished(
    document: Mapping[str, Any],
    context: InteractionContext,
    video: RemoteVideo,
    billed: Micros | None,
) -> OperationFinished:
    model = context.model
    if video.uri is not None and model is not None and model.keep_seconds is not None:
        video = replace(video, expires_at=context.now + timedelta(seconds=model.keep_seconds))
    if context.keeps_interactions:
        created = min(read_time(document.get("created")) or context.now, context.now)
        kept_s = None if model is None else model.keep_interaction_seconds
        video = replace(
            video,
            interaction_id=context.operation,
            interaction_expires_at=None if kept_s is None else created + timedelta(seconds=kept_s),
        )
    return OperationFinished((video,), billed=billed)


def _read_quota_end(
    errors: list[GoogleAnswer], status: str, *, may_be_new: bool, context: InteractionContext
) -> PollResult:
    """Return the result of an interaction that ended because of Google's quota.

    It has made nothing, unless it was seen running (docs/decisions/0021).
    """
    answer = next((error for error in errors if error.omni_code in _QUOTA_CODES), None)
    if answer is None:
        answer = read_answer(
            HTTPStatus.TOO_MANY_REQUESTS,
            {"error": {"code": status, "message": "The quota is used up."}},
            is_omni=True,
        )
    if may_be_new and not context.has_run:
        return read_not_started(answer)
    return OperationFailed(
        Outcome.OVERLOADED, answer.detail, operator_message=f"interaction ended: {answer}"
    )


def read_not_started(answer: GoogleAnswer) -> OperationNotStarted | OperationFailed:
    """Return that nothing was started, or a failure if waiting cannot help."""
    error = classify_call_error(replace(answer, status=HTTPStatus.TOO_MANY_REQUESTS), "poll")
    if isinstance(error, GoogleQuotaExceeded):
        return OperationNotStarted(error)
    reason = error.reason if isinstance(error, AccessRefused) else answer.code
    return OperationFailed(Outcome.ACCESS_REFUSED, None, operator_message=str(error), reason=reason)


def read_failure(errors: list[GoogleAnswer]) -> OperationFailed:
    """Return how an interaction failed, by Google's words or else by its codes."""
    outcomes = [classify_answer(error) for error in errors]
    messages = [error.message for error in errors]
    codes = ", ".join(error.code for error in errors)
    outcome = next((outcome for outcome in outcomes if outcome in _FILTER_OUTCOMES), None)
    outcome = outcome or next(filter(None, outcomes), None)
    about_operator = next(filter(is_about_operator, errors), None)
    if about_operator is not None and outcome is None:
        return OperationFailed(
            Outcome.ACCESS_REFUSED,
            None,
            operator_message=f"interaction failed: {about_operator}",
            reason=about_operator.code,
        )
    if outcome is None and any(map(is_regional_rule, messages)):
        outcome = Outcome.INVALID
    overload = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)
    if outcome is None and any(error.stated_status in overload for error in errors):
        outcome = Outcome.OVERLOADED
    if outcome is None:
        log_unrecognized("interaction", messages, code=codes)
    return OperationFailed(
        outcome or Outcome.OPERATION_FAILED,
        clean_message(" ".join(filter(None, messages))),
        operator_message=f"interaction failed with {codes}",
    )


def read_poll_refusal(answer: GoogleAnswer) -> OperationFailed:
    """Return the failure that an error in answer to a poll stands for.

    A 400 ends an interaction only if Google says that it was blocked, because running ones were
    seen to answer 400 for a moment. Raises the error that any other answer stands for, so that the
    caller polls again.
    """
    if not answer.is_from_google or answer.status not in (
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
        HTTPStatus.UNPROCESSABLE_ENTITY,
    ):
        raise classify_call_error(answer, "poll")
    error = classify_call_error(answer, "poll")
    if not isinstance(error, GoogleUnavailable):
        raise error
    if classify_answer(answer) in _FILTER_OUTCOMES:
        return read_failure([answer])
    # Google may quote the prompt in its message.
    raise RemoteNotFound(
        f"poll answered {answer.summarize(with_message=False)}", detail=answer.detail
    )


def _read_refusal_in_words(words: str) -> OperationFailed:
    """Return the failure of an interaction that completed with ``words`` instead of a video."""
    answer = GoogleAnswer(HTTPStatus.OK, words, is_from_google=True)
    outcome = classify_answer(answer)
    if outcome is None and is_regional_rule(words):
        outcome = Outcome.INVALID
    if outcome is None:
        log_unrecognized("interaction", [words])
    return OperationFailed(
        outcome or Outcome.BLOCKED,
        clean_message(words),
        operator_message="the interaction completed without a video",
    )


def _read_unexplained_end(document: Mapping[str, Any], status: str) -> OperationFailed:
    words = shorten_message(" ".join(_find_texts(document)))
    log_unrecognized("interaction", [words], status=status)
    return OperationFailed(
        Outcome.OPERATION_FAILED,
        clean_message(words),
        operator_message=f"the interaction ended as {status} without a video",
    )


def _list_errors(document: Mapping[str, Any]) -> list[GoogleAnswer]:
    """Return the errors in an interaction's record. All of them count as from Google."""
    listed = [*as_list(document.get("errors")), document.get("error")]
    errors = []
    for error in filter(None, listed):
        answer = read_answer(HTTPStatus.OK, {"error": error}, is_omni=True)
        if not answer.is_from_google:
            values = as_mapping(error)
            message = shorten_message(str(values.get("message") or values.get("code") or error))
            code = values.get("code")
            answer = GoogleAnswer(
                HTTPStatus.OK,
                message,
                is_from_google=True,
                omni_code=code if isinstance(code, str) else None,
            )
        errors.append(answer)
    return errors


def _find_videos(document: Mapping[str, Any]) -> Iterator[RemoteVideo]:
    for content in _list_output(document):
        mime_type = str(content.get("mime_type") or "")
        if content.get("type") != "video" and not mime_type.startswith("video/"):
            continue
        uri, path = content.get("uri"), content.get(OMNI_DATA_KEY)
        if isinstance(uri, str) and uri:
            yield RemoteVideo(uri=uri)
        elif isinstance(path, str) and path:
            yield RemoteVideo(uri=None, inline_path=Path(path))


def _find_texts(document: Mapping[str, Any]) -> Iterator[str]:
    for content in _list_output(document):
        text = content.get("text")
        if content.get("type") == "text" and isinstance(text, str) and text.strip():
            yield text.strip()


def _list_output(document: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the content that the model made. The record also repeats what was sent to it."""
    for step in map(as_mapping, as_list(document.get("steps"))):
        if step.get("type") == "model_output":
            content = step.get("content")
            yield from map(as_mapping, content if isinstance(content, list) else [content])
