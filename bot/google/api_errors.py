"""Turns Google's error answers into the program's errors, and cleans their messages for people.

One place for all calls, because the same sentence means the same in the answer to a submit, in a
poll and inside a failed operation. Google does not document its sentences: those that match no
pattern are logged as `google.answer_unrecognised`, so that a change of wording is noticed.
"""

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

import structlog

from bot.domain.disclosure import redact_account_details
from bot.domain.errors import (
    AccessRefused,
    GoogleQuotaExceeded,
    GoogleUnavailable,
    RemoteNotFound,
    SubmitUncertain,
    VideoError,
    VideoRefused,
)
from bot.domain.jobs.job import Outcome
from bot.domain.ports import OperationFailed


class CredentialsRejected(AccessRefused):
    """Google rejects the token: expired, revoked or never valid."""


_MAX_DETAIL_LENGTH: Final = 400
_CLIENT_CLOSED_REQUEST: Final = 499
"""What gateways, and Google for CANCELLED, answer when the client hung up."""
_GRPC_RESOURCE_EXHAUSTED: Final = 8

_log: Final = structlog.get_logger(__name__)


def clean_message(text: str | None) -> str | None:
    """Return Google's sentences that reveal no uri, key or account, on one line; or `None`."""
    return redact_account_details(text, max_length=_MAX_DETAIL_LENGTH) if text else None


@dataclass(frozen=True, slots=True)
class GoogleAnswer:
    """An answer that is not a success.

    ``is_from_google`` is false for a gateway's page: it lacks the form of Google's errors.
    """

    status: int
    message: str
    reason: str | None = None
    is_from_google: bool = False
    details: tuple[dict[str, Any], ...] = field(default=(), hash=False)
    retry_after_s: float | None = None

    @property
    def detail(self) -> str | None:
        """The message as people may see it."""
        return clean_message(self.message) if self.is_from_google else None

    @property
    def denial_detail(self) -> str | None:
        """`detail`, but never `None` when Google itself denies that something exists."""
        return self.detail or ("Google does not find it." if self.is_from_google else None)

    def __str__(self) -> str:
        return f"{self.status} {self.reason or ''} {clean_message(self.message) or ''}".strip()


def read_answer(status: int, body: Any, retry_after: str | None = None) -> GoogleAnswer:
    """Return the answer in ``body``: decoded JSON or text, from Google or a gateway."""
    if isinstance(body, str | bytes):
        try:
            body = json.loads(body)
        except ValueError:
            return GoogleAnswer(status, str(body)[:200], retry_after_s=_parse_seconds(retry_after))
    if isinstance(body, list) and len(body) == 1:
        body = body[0]
    error = body.get("error", body) if isinstance(body, dict) else None
    if not isinstance(error, dict) or not isinstance(error.get("message"), str):
        return GoogleAnswer(status, "", retry_after_s=_parse_seconds(retry_after))
    listed = error["details"] if isinstance(error.get("details"), list) else []
    details = tuple(item for item in listed if isinstance(item, dict))
    reason = error.get("status")
    return GoogleAnswer(
        status,
        error["message"],
        reason=reason if isinstance(reason, str) else None,
        is_from_google="error" in body,
        details=details,
        retry_after_s=_find_retry_delay(details) or _parse_seconds(retry_after),
    )


def _parse_seconds(text: Any) -> float | None:
    """Read "34.4s" or "34" as seconds."""
    try:
        seconds = float(str(text).removesuffix("s"))
    except ValueError:
        return None
    return seconds if 0 <= seconds < 7 * 86_400 else None


def _find_retry_delay(details: tuple[dict[str, Any], ...]) -> float | None:
    for detail in details:
        if str(detail.get("@type", "")).endswith("RetryInfo"):
            return _parse_seconds(detail.get("retryDelay"))
    return None


_OUTCOME_PATTERNS: Final = {
    Outcome.PERSON_REFUSED: r"personGeneration|person generation",
    Outcome.MODEL_RETIRED: r"no longer (?:available|supported)|has been (?:retired|shut down)"
    r"|models?/\S+ is not found|publisher model .*(?:not found|does not exist)",
    Outcome.SOURCE_EXPIRED: r"do not have permission to access the file"
    r"|\bfile .*(?:not exist|expired|not found)|storage object not found",
    Outcome.BLOCKED_IMAGE: r"input image .*(?:violat|polic|guideline|safety|prohibit)"
    r"|(?:violat|polic|guideline|safety|prohibit).* (?:input|provided|uploaded) image"
    r"|\bimage .*(?:celebrit|likeness|minor|child)",
    Outcome.BLOCKED_AUDIO: r"issue with the audio|audio .*(?:filter|block|safety|polic)"
    r"|(?:filter|block)\w* .*audio",
    Outcome.BLOCKED: r"responsible ai|usage guidelines|violat|safety|content polic|prohibited"
    r"|sensitive words|blocked|celebrit|likeness",
}
"""Google's wording for each outcome, the most specific first; collected from its answers and from
reports, because Google documents none of it. Without a match the call's own outcome stays.
"""

SOURCE_UNPROCESSED_PATTERN: Final = re.compile(
    r"generated by VEO that has been processed", re.IGNORECASE
)
"""Google's wording for a source that it has not processed yet (or that is not its own)."""

_BAD_KEY_PATTERN: Final = re.compile(
    r"API key (?:not valid|expired|not found)|API_KEY_INVALID|unregistered callers", re.IGNORECASE
)


def classify_message(message: str) -> Outcome | None:
    """Return the outcome that Google's wording stands for; `None` if it matches no pattern."""
    for outcome, pattern in _OUTCOME_PATTERNS.items():
        if re.search(pattern, message, re.IGNORECASE | re.DOTALL):
            return outcome
    return None


def _log_unrecognised(call: str, messages: Sequence[str], **facts: Any) -> None:
    """Report wording that matches no pattern.

    Only its fingerprint, because Google may quote the prompt; the job keeps the cleaned message.
    """
    fingerprint = hashlib.sha256("\n".join(messages).encode()).hexdigest()[:12]
    _log.warning("google.answer_unrecognised", call=call, fingerprint=fingerprint, **facts)


def _is_bad_key(answer: GoogleAnswer) -> bool:
    """Whether Google rejects the API key, which it also does with status 400."""
    reasons = {str(detail.get("reason")) for detail in answer.details}
    return bool(_BAD_KEY_PATTERN.search(answer.message)) or "API_KEY_INVALID" in reasons


def classify_submit_error(answer: GoogleAnswer) -> VideoError:
    """Return the error that the answer to a submit stands for.

    Only after 429, and after 503 in Google's own form, is it certain that nothing was started. With
    any other 5xx, a gateway's error or a 2xx that is not 200 the request may be running.
    """
    message = f"submit answered {answer}"
    status = answer.status
    if status == HTTPStatus.SERVICE_UNAVAILABLE and answer.is_from_google:
        return GoogleUnavailable(message, retry_after_s=answer.retry_after_s, detail=answer.detail)
    if (
        status < HTTPStatus.MULTIPLE_CHOICES
        or status >= HTTPStatus.INTERNAL_SERVER_ERROR
        or status in (HTTPStatus.REQUEST_TIMEOUT, _CLIENT_CLOSED_REQUEST)
    ):
        return SubmitUncertain(message)
    if (error := _classify_account_error(answer, message)) is not None:
        return error
    outcome = classify_message(answer.message)
    if status == HTTPStatus.FORBIDDEN and outcome is not Outcome.SOURCE_EXPIRED:
        return AccessRefused(message, detail=answer.detail)
    if status == HTTPStatus.NOT_FOUND and outcome is not Outcome.SOURCE_EXPIRED:
        outcome = Outcome.MODEL_RETIRED
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        # Following it would send the request and the key to another host.
        return AccessRefused(f"submit was redirected ({status}): is the API's url right?")
    if outcome is None:
        _log_unrecognised("submit", [answer.message], status=status, reason=answer.reason)
    return VideoRefused(message, outcome=outcome or Outcome.INVALID, detail=answer.detail)


def classify_call_error(answer: GoogleAnswer, label: str) -> VideoError:
    """Return the error that the answer to a poll or another free call stands for."""
    message = f"{label} answered {answer}"
    status = answer.status
    if (error := _classify_account_error(answer, message)) is not None:
        return error
    if status == HTTPStatus.FORBIDDEN:
        if classify_message(answer.message) is Outcome.SOURCE_EXPIRED:
            return RemoteNotFound(message, detail=answer.detail)
        return AccessRefused(message, detail=answer.detail)
    if status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
        return RemoteNotFound(message, detail=answer.denial_detail)
    # Asking again is free, giving up a paid clip is not.
    return GoogleUnavailable(message, retry_after_s=answer.retry_after_s, detail=answer.detail)


def _classify_account_error(answer: GoogleAnswer, message: str) -> VideoError | None:
    """Return the error of an answer about quota, token or key; `None` for any other."""
    if answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        return GoogleQuotaExceeded(
            message, retry_after_s=answer.retry_after_s, detail=answer.detail
        )
    if answer.status == HTTPStatus.UNAUTHORIZED:
        return CredentialsRejected(message, detail=answer.detail)
    return AccessRefused(message, detail=answer.detail) if _is_bad_key(answer) else None


def read_operation_failure(error: dict[str, Any]) -> OperationFailed:
    """Return how an operation failed, from the `google.rpc.Status` inside it."""
    message = str(error.get("message") or "")
    outcome = classify_message(message)
    code = error.get("code")
    if outcome is None and code == _GRPC_RESOURCE_EXHAUSTED:
        outcome = Outcome.GOOGLE_QUOTA
    if outcome is None:
        _log_unrecognised("operation", [message], code=code)
    return OperationFailed(outcome or Outcome.OPERATION_FAILED, clean_message(message))


def build_filtered_failure(reasons: list[str]) -> OperationFailed:
    """Return how an operation ended whose videos were all filtered, for Google's ``reasons``."""
    specific = (Outcome.BLOCKED_AUDIO, Outcome.BLOCKED_IMAGE, Outcome.PERSON_REFUSED)
    outcomes = [classify_message(reason) for reason in reasons]
    outcome = next((outcome for outcome in outcomes if outcome in specific), None)
    if outcome is None and reasons and all("audio" in reason.lower() for reason in reasons):
        outcome = Outcome.BLOCKED_AUDIO
    if outcome is None and not any(outcomes):
        _log_unrecognised("filter", reasons)
    return OperationFailed(outcome or Outcome.BLOCKED, clean_message(" ".join(reasons)))
