"""Google's answers turned into the program's errors, in one place.

The same sentence of Google's means the same thing wherever it turns up: in the answer to a submit,
in a poll or inside an operation that failed. What may be shown to people is cleaned here too, for
Google's messages carry uris that need the key, project names and links.
"""

import json
import re
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

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
    """Google does not take the token: it has run out or was withdrawn, or never was any good."""


_MAX_DETAIL_LENGTH: Final = 400
_CLIENT_CLOSED_REQUEST: Final = 499
"""What gateways, and Google for CANCELLED, answer when nobody waited for the end."""
_GRPC_RESOURCE_EXHAUSTED: Final = 8
_GRPC_PERMISSION_DENIED: Final = 7
_GRPC_NOT_FOUND: Final = 5


def clean_message(text: str | None) -> str | None:
    """Return the sentences of Google's that hold no uri, key or name of an account's; or `None`.

    One line, at most 400 characters.
    """
    return redact_account_details(text, max_length=_MAX_DETAIL_LENGTH) if text else None


@dataclass(frozen=True, slots=True)
class GoogleAnswer:
    """An answer of Google that is not a success, as far as anybody asks.

    ``google`` tells Google's own error form from a page that something in between has written.
    """

    status: int
    message: str
    reason: str | None = None
    is_from_google: bool = False
    details: tuple[dict[str, Any], ...] = field(default=(), hash=False)
    retry_after_s: float | None = None

    @property
    def detail(self) -> str | None:
        """What may be shown to people."""
        return clean_message(self.message) if self.is_from_google else None

    @property
    def denial_detail(self) -> str | None:
        """The same of an answer that denies something: never `None` when Google itself says it."""
        return self.detail or ("Google does not find it." if self.is_from_google else None)

    def __str__(self) -> str:
        return f"{self.status} {self.reason or ''} {clean_message(self.message) or ''}".strip()


def read_answer(status: int, body: Any, retry_after: str | None = None) -> GoogleAnswer:
    """Return the answer in ``body`` (decoded JSON, or text), whoever wrote it."""
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
    listed = error.get("details")
    details = (
        tuple(each for each in listed if isinstance(each, dict)) if isinstance(listed, list) else ()
    )
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
    for each in details:
        if str(each.get("@type", "")).endswith("RetryInfo"):
            return _parse_seconds(each.get("retryDelay"))
    return None


# --- what a sentence of Google's means ----------------------------------------------------------

_OUTCOME_PATTERNS: Final[tuple[tuple[Outcome, tuple[str, ...]], ...]] = (
    (Outcome.PERSON_REFUSED, ("personGeneration", "person generation")),
    (
        Outcome.MODEL_RETIRED,
        (
            r"no longer (?:available|supported)",
            r"has been (?:retired|shut down)",
            r"models?/\S+ is not found",
            r"publisher model .*(?:not found|does not exist)",
        ),
    ),
    (
        Outcome.SOURCE_EXPIRED,
        (
            r"do not have permission to access the file",
            r"\bfile .*(?:not exist|expired|not found)",
            r"storage object not found",
        ),
    ),
    (
        Outcome.BLOCKED_IMAGE,
        (
            r"input image .*(?:violat|polic|guideline|safety|prohibit)",
            r"(?:violat|polic|guideline|safety|prohibit).* (?:input|provided|uploaded) image",
            r"\bimage .*(?:celebrit|likeness|minor|child)",
        ),
    ),
    (
        Outcome.BLOCKED_AUDIO,
        (
            r"issue with the audio",
            r"audio .*(?:filter|block|safety|polic)",
            r"(?:filter|block)\w* .*audio",
        ),
    ),
    (
        Outcome.BLOCKED,
        (
            r"responsible ai",
            r"usage guidelines",
            r"violat|safety|content polic|prohibited|sensitive words|blocked",
            r"celebrit|likeness",
        ),
    ),
)
"""Google's words for each outcome, the most telling first. Google documents none of them: they are
gathered from its answers and from reports, and what matches none keeps the call's own outcome.
"""

_COMPILED_OUTCOME_PATTERNS: Final = tuple(
    (re.compile("|".join(words), re.IGNORECASE | re.DOTALL), outcome)
    for outcome, words in _OUTCOME_PATTERNS
)

SOURCE_UNPROCESSED_PATTERN: Final = re.compile(
    r"generated by VEO that has been processed", re.IGNORECASE
)
"""Google's words for a source that it has not finished filing (or that is not its own)."""

_BAD_KEY_PATTERN: Final = re.compile(
    r"API key (?:not valid|expired|not found)|API_KEY_INVALID|unregistered callers", re.IGNORECASE
)


def classify_message(message: str) -> Outcome | None:
    """Return what Google's sentence tells about the end of a job, if it tells anything."""
    return next(
        (outcome for words, outcome in _COMPILED_OUTCOME_PATTERNS if words.search(message)), None
    )


def is_bad_key(answer: GoogleAnswer) -> bool:
    """Whether the answer refuses the key, which Google also does with status 400."""
    reasons = {str(each.get("reason")) for each in answer.details}
    return bool(_BAD_KEY_PATTERN.search(answer.message)) or "API_KEY_INVALID" in reasons


def classify_submit_error(answer: GoogleAnswer) -> VideoError:
    """Return what the answer to a submit means. Raises nothing.

    A submit may be sent again only where it is certain that nothing was started: after 429, and
    after 503 in Google's own form. Behind any other trouble of a server or a gateway, and behind a
    success that is not 200, the request may well be running.
    """
    said = f"submit answered {answer}"
    status = answer.status
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return GoogleQuotaExceeded(said, retry_after_s=answer.retry_after_s, detail=answer.detail)
    if status == HTTPStatus.SERVICE_UNAVAILABLE and answer.is_from_google:
        return GoogleUnavailable(said, retry_after_s=answer.retry_after_s, detail=answer.detail)
    if (
        status < HTTPStatus.MULTIPLE_CHOICES
        or status >= HTTPStatus.INTERNAL_SERVER_ERROR
        or status in (HTTPStatus.REQUEST_TIMEOUT, _CLIENT_CLOSED_REQUEST)
    ):
        return SubmitUncertain(said)
    outcome = classify_message(answer.message)
    if status == HTTPStatus.UNAUTHORIZED:
        return CredentialsRejected(said, detail=answer.detail)
    if is_bad_key(answer):
        return AccessRefused(said, detail=answer.detail)
    if status == HTTPStatus.FORBIDDEN and outcome is not Outcome.SOURCE_EXPIRED:
        return AccessRefused(said, detail=answer.detail)
    if status == HTTPStatus.NOT_FOUND and outcome is not Outcome.SOURCE_EXPIRED:
        outcome = Outcome.MODEL_RETIRED
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        # A redirect would carry the request, and the key, to somebody else.
        return AccessRefused(f"submit was redirected ({status}): is the API's url right?")
    return VideoRefused(said, outcome=outcome or Outcome.INVALID, detail=answer.detail)


def classify_call_error(answer: GoogleAnswer, label: str) -> VideoError:
    """Return what the answer to a poll or another harmless call means. Raises nothing."""
    said = f"{label} answered {answer}"
    status = answer.status
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return GoogleQuotaExceeded(said, retry_after_s=answer.retry_after_s, detail=answer.detail)
    if status == HTTPStatus.UNAUTHORIZED:
        return CredentialsRejected(said, detail=answer.detail)
    if is_bad_key(answer):
        return AccessRefused(said, detail=answer.detail)
    if status == HTTPStatus.FORBIDDEN:
        if classify_message(answer.message) is Outcome.SOURCE_EXPIRED:
            return RemoteNotFound(said, detail=answer.detail)
        return AccessRefused(said, detail=answer.detail)
    if status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
        return RemoteNotFound(said, detail=answer.denial_detail)
    # Whatever else: asking again is free, and giving a paid clip up is not.
    return GoogleUnavailable(said, retry_after_s=answer.retry_after_s, detail=answer.detail)


def read_operation_failure(error: dict[str, Any]) -> OperationFailed:
    """Return how an operation failed, from the `google.rpc.Status` inside it."""
    message = str(error.get("message") or "")
    outcome = classify_message(message)
    code = error.get("code")
    if outcome is None and code == _GRPC_RESOURCE_EXHAUSTED:
        outcome = Outcome.GOOGLE_QUOTA
    return OperationFailed(outcome or Outcome.OPERATION_FAILED, clean_message(message))


def build_filtered_failure(reasons: list[str]) -> OperationFailed:
    """Return how an operation ended that made nothing, by Google's ``reasons`` for holding back."""
    blocked = (Outcome.BLOCKED_AUDIO, Outcome.BLOCKED_IMAGE, Outcome.PERSON_REFUSED)
    kinds = [classify_message(reason) for reason in reasons]
    outcome = next((kind for kind in kinds if kind in blocked), None)
    if outcome is None and reasons and all("audio" in reason.lower() for reason in reasons):
        outcome = Outcome.BLOCKED_AUDIO
    return OperationFailed(outcome or Outcome.BLOCKED, clean_message(" ".join(reasons)))
