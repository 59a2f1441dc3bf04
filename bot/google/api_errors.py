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

from bot.domain.disclosure import disclosed
from bot.domain.errors import (
    AccessRefused,
    GoogleBusy,
    GoogleQuota,
    RemoteGone,
    SubmitUncertain,
    VideoError,
    VideoRefused,
)
from bot.domain.jobs.job import Outcome
from bot.domain.ports import Failed


class TokenRefused(AccessRefused):
    """Google does not take the token: it has run out or was withdrawn, or never was any good."""


_MOST_DETAIL: Final = 400
_CLIENT_CLOSED_REQUEST: Final = 499
"""What gateways, and Google for CANCELLED, answer when nobody waited for the end."""
_GRPC_RESOURCE_EXHAUSTED: Final = 8
_GRPC_PERMISSION_DENIED: Final = 7
_GRPC_NOT_FOUND: Final = 5


def clean(text: str | None) -> str | None:
    """Return the sentences of Google's that hold no uri, key or name of an account's; or `None`.

    One line, at most 400 characters.
    """
    return disclosed(text, most=_MOST_DETAIL) if text else None


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of Google that is not a success, as far as anybody asks.

    ``google`` tells Google's own error form from a page that something in between has written.
    """

    status: int
    message: str
    reason: str | None = None
    google: bool = False
    details: tuple[dict[str, Any], ...] = field(default=(), hash=False)
    retry_after_s: float | None = None

    @property
    def detail(self) -> str | None:
        """What may be shown to people."""
        return clean(self.message) if self.google else None

    @property
    def denial(self) -> str | None:
        """The same of an answer that denies something: never `None` when Google itself says it."""
        return self.detail or ("Google does not find it." if self.google else None)

    def __str__(self) -> str:
        return f"{self.status} {self.reason or ''} {clean(self.message) or ''}".strip()


def read_answer(status: int, body: Any, retry_after: str | None = None) -> Answer:
    """Return the answer in ``body`` (decoded JSON, or text), whoever wrote it."""
    if isinstance(body, str | bytes):
        try:
            body = json.loads(body)
        except ValueError:
            return Answer(status, str(body)[:200], retry_after_s=_seconds(retry_after))
    if isinstance(body, list) and len(body) == 1:
        body = body[0]
    error = body.get("error", body) if isinstance(body, dict) else None
    if not isinstance(error, dict) or not isinstance(error.get("message"), str):
        return Answer(status, "", retry_after_s=_seconds(retry_after))
    listed = error.get("details")
    details = (
        tuple(each for each in listed if isinstance(each, dict)) if isinstance(listed, list) else ()
    )
    reason = error.get("status")
    return Answer(
        status,
        error["message"],
        reason=reason if isinstance(reason, str) else None,
        google="error" in body,
        details=details,
        retry_after_s=_retry_delay(details) or _seconds(retry_after),
    )


def _seconds(text: Any) -> float | None:
    """Read "34.4s" or "34" as seconds."""
    try:
        seconds = float(str(text).removesuffix("s"))
    except ValueError:
        return None
    return seconds if 0 <= seconds < 7 * 86_400 else None


def _retry_delay(details: tuple[dict[str, Any], ...]) -> float | None:
    for each in details:
        if str(each.get("@type", "")).endswith("RetryInfo"):
            return _seconds(each.get("retryDelay"))
    return None


# --- what a sentence of Google's means ----------------------------------------------------------

_WORDS: Final[tuple[tuple[Outcome, tuple[str, ...]], ...]] = (
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

_MEANINGS: Final = tuple(
    (re.compile("|".join(words), re.IGNORECASE | re.DOTALL), outcome) for outcome, words in _WORDS
)

TOO_SOON: Final = re.compile(r"generated by VEO that has been processed", re.IGNORECASE)
"""Google's words for a source that it has not finished filing (or that is not its own)."""

_BAD_KEY: Final = re.compile(
    r"API key (?:not valid|expired|not found)|API_KEY_INVALID|unregistered callers", re.IGNORECASE
)


def meaning(message: str) -> Outcome | None:
    """Return what Google's sentence tells about the end of a job, if it tells anything."""
    return next((outcome for words, outcome in _MEANINGS if words.search(message)), None)


def is_bad_key(answer: Answer) -> bool:
    """Whether the answer refuses the key, which Google also does with status 400."""
    reasons = {str(each.get("reason")) for each in answer.details}
    return bool(_BAD_KEY.search(answer.message)) or "API_KEY_INVALID" in reasons


def submit_error(answer: Answer) -> VideoError:
    """Return what the answer to a submit means. Raises nothing.

    A submit may be sent again only where it is certain that nothing was started: after 429, and
    after 503 in Google's own form. Behind any other trouble of a server or a gateway, and behind a
    success that is not 200, the request may well be running.
    """
    said = f"submit answered {answer}"
    status = answer.status
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return GoogleQuota(said, retry_after_s=answer.retry_after_s, detail=answer.detail)
    if status == HTTPStatus.SERVICE_UNAVAILABLE and answer.google:
        return GoogleBusy(said, retry_after_s=answer.retry_after_s, detail=answer.detail)
    if (
        status < HTTPStatus.MULTIPLE_CHOICES
        or status >= HTTPStatus.INTERNAL_SERVER_ERROR
        or status in (HTTPStatus.REQUEST_TIMEOUT, _CLIENT_CLOSED_REQUEST)
    ):
        return SubmitUncertain(said)
    outcome = meaning(answer.message)
    if status == HTTPStatus.UNAUTHORIZED:
        return TokenRefused(said, detail=answer.detail)
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


def call_error(answer: Answer, what: str) -> VideoError:
    """Return what the answer to a poll or another harmless call means. Raises nothing."""
    said = f"{what} answered {answer}"
    status = answer.status
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return GoogleQuota(said, retry_after_s=answer.retry_after_s, detail=answer.detail)
    if status == HTTPStatus.UNAUTHORIZED:
        return TokenRefused(said, detail=answer.detail)
    if is_bad_key(answer):
        return AccessRefused(said, detail=answer.detail)
    if status == HTTPStatus.FORBIDDEN:
        if meaning(answer.message) is Outcome.SOURCE_EXPIRED:
            return RemoteGone(said, detail=answer.detail)
        return AccessRefused(said, detail=answer.detail)
    if status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
        return RemoteGone(said, detail=answer.denial)
    # Whatever else: asking again is free, and giving a paid clip up is not.
    return GoogleBusy(said, retry_after_s=answer.retry_after_s, detail=answer.detail)


def operation_failure(error: dict[str, Any]) -> Failed:
    """Return how an operation failed, from the `google.rpc.Status` inside it."""
    message = str(error.get("message") or "")
    outcome = meaning(message)
    code = error.get("code")
    if outcome is None and code == _GRPC_RESOURCE_EXHAUSTED:
        outcome = Outcome.GOOGLE_QUOTA
    return Failed(outcome or Outcome.OPERATION_FAILED, clean(message))


def filtered(reasons: list[str]) -> Failed:
    """Return how an operation ended that made nothing, by Google's ``reasons`` for holding back."""
    blocked = (Outcome.BLOCKED_AUDIO, Outcome.BLOCKED_IMAGE, Outcome.PERSON_REFUSED)
    kinds = [meaning(reason) for reason in reasons]
    outcome = next((kind for kind in kinds if kind in blocked), None)
    if outcome is None and reasons and all("audio" in reason.lower() for reason in reasons):
        outcome = Outcome.BLOCKED_AUDIO
    return Failed(outcome or Outcome.BLOCKED, clean(" ".join(reasons)))
