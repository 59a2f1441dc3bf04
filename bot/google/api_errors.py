"""Turns Google's error answers into the program's errors.

All calls share these rules, because a sentence means the same in the answer to a submit, in a poll
and in a failed operation. A problem with the operator's key, account, country or bucket is always
an `AccessRefused`, whatever its status. Members cannot fix it, so Google's sentence only goes to
the log.
"""

import hashlib
import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final

import structlog

from bot.domain.disclosure import redact_secrets
from bot.domain.errors import (
    AccessRefused,
    AnswerNotFromGoogle,
    GoogleQuotaExceeded,
    GoogleUnavailable,
    RemoteNotFound,
    SubmitUncertain,
    VideoError,
    VideoRefused,
)
from bot.domain.jobs.job import Outcome
from bot.domain.ports import OperationFailed
from bot.google.answers import GoogleAnswer, clean_message, find_reason
from bot.google.omni import error_codes
from bot.google.wording import (
    classify_message,
    is_about_account,
    is_about_used_up_credit,
    is_regional_rule,
)


class CredentialsRejected(AccessRefused):
    """Google rejects the token, because it is expired, revoked or invalid."""


_CLIENT_CLOSED_REQUEST: Final = 499
"""Sent by gateways, and by Google for CANCELLED, after the client has closed the connection."""

_ACCESS_STATUSES: Final = frozenset(
    {
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.PAYMENT_REQUIRED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.PROXY_AUTHENTICATION_REQUIRED,
    }
)
"""Refusals that the operator has to fix, even if a gateway or firewall sent them."""

_ACCOUNT_CODES: Final = frozenset({7, 16, 401, 402, 403})
"""Codes of failed operations that are about the account: `google.rpc.Code` or HTTP status."""
_OVERLOAD_CODES: Final = frozenset({8, 14, 429, 503})


_REQUEST_WORDS: Final = re.compile(
    r"\b(?:input|file|clip|source|operation|interaction)s?\b", re.IGNORECASE
)

_log: Final = structlog.get_logger(__name__)


def log_unrecognized(call: str, messages: Sequence[str], **facts: Any) -> None:
    """Log a fingerprint of wording that matches no pattern.

    The wording itself is not logged, because Google may quote the prompt.
    """
    fingerprint = hashlib.sha256("\n".join(messages).encode()).hexdigest()[:12]
    _log.warning("google.answer_unrecognized", call=call, fingerprint=fingerprint, **facts)


def classify_submit_error(answer: GoogleAnswer) -> VideoError:
    """Return the error that the answer to a submit stands for.

    After a 429, or a 503 in Google's own form, it is certain that nothing was started. After any
    other 5xx, a 408, 409 or 499, or a 2xx other than 200, the request may be running. If a gateway
    refuses it with another 4xx, it did not reach Google, but it is not retried automatically.
    """
    message = f"submit answered {answer}"
    status = answer.status
    if status == HTTPStatus.SERVICE_UNAVAILABLE and answer.is_from_google:
        return GoogleUnavailable(message, retry_after_s=answer.retry_after_s, detail=answer.detail)
    if (
        status < HTTPStatus.MULTIPLE_CHOICES
        or status >= HTTPStatus.INTERNAL_SERVER_ERROR
        or status in (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.CONFLICT, _CLIENT_CLOSED_REQUEST)
    ):
        return SubmitUncertain(message)
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        # Following the redirect would send the request and the key to another host.
        return AccessRefused(
            f"submit was redirected ({status}): check the API's url", reason="REDIRECTED"
        )
    if (error := _classify_common_error(answer, message)) is not None:
        return error
    if not answer.is_from_google:
        return VideoRefused(message, outcome=Outcome.NOT_REACHED)
    outcome = classify_answer(answer)
    if outcome is not None and (outcome.is_about_model or outcome is Outcome.SOURCE_EXPIRED):
        return VideoRefused(message, outcome=outcome, detail=answer.detail)
    if outcome is None:
        log_unrecognized(
            "submit", [answer.message], status=status, reason=answer.status_name or answer.reason
        )
    # Google may quote the prompt in these refusals.
    message = f"submit answered {answer.summarize(with_message=False)}"
    return VideoRefused(message, outcome=outcome or Outcome.INVALID, detail=answer.detail)


def classify_answer(answer: GoogleAnswer) -> Outcome | None:
    """Return the outcome of a refused request, by Google's words or else by its code."""
    outcome = classify_message(answer.message)
    if outcome is None and answer.omni_code == error_codes.MODEL_NOT_FOUND_CODE:
        return Outcome.MODEL_RETIRED
    if outcome is None and error_codes.is_block_code(answer.omni_code):
        return Outcome.BLOCKED
    return outcome


def classify_call_error(answer: GoogleAnswer, label: str) -> VideoError:
    """Return the error that the answer to a poll or another free call stands for."""
    message = f"{label} answered {answer}"
    if (error := _classify_common_error(answer, message)) is not None:
        return error
    if not answer.is_from_google:
        return AnswerNotFromGoogle(
            message, status=answer.status, retry_after_s=answer.retry_after_s
        )
    if answer.status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE, HTTPStatus.FORBIDDEN):
        return RemoteNotFound(message, detail=answer.detail or "Google does not find it.")
    # Asking again is free, but giving up would lose a paid clip.
    return GoogleUnavailable(message, retry_after_s=answer.retry_after_s, detail=answer.detail)


def _classify_common_error(answer: GoogleAnswer, message: str) -> VideoError | None:
    """Return the error of an answer about account, token or quota; `None` for any other."""
    status = answer.status
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return _classify_quota_error(answer, message)
    if status == HTTPStatus.UNAUTHORIZED:
        return CredentialsRejected(message, reason=answer.code)
    if status in _ACCESS_STATUSES:
        is_about_file = (
            answer.is_from_google
            and status == HTTPStatus.FORBIDDEN
            and answer.reason is None
            and classify_message(answer.message) is Outcome.SOURCE_EXPIRED
        )
        return None if is_about_file else AccessRefused(message, reason=answer.code)
    if answer.is_from_google and _is_about_account(answer):
        return AccessRefused(message, reason=answer.code)
    return None


def is_about_operator(answer: GoogleAnswer) -> bool:
    """Whether an error inside a success is about the operator's account."""
    status = answer.stated_status or answer.status
    return status in _ACCESS_STATUSES or _is_about_account(answer)


def _is_about_account(answer: GoogleAnswer) -> bool:
    """Whether Google's answer is about the operator's account although its status does not say so.

    FAILED_PRECONDITION has only been seen for location, billing and the free tier, except in
    sentences about the request itself.
    """
    if is_about_account("", answer.reason):
        return True
    if classify_message(answer.message) is not None or is_regional_rule(answer.message):
        return False
    is_precondition = answer.status_name == "FAILED_PRECONDITION"
    is_about_request = _REQUEST_WORDS.search(answer.message) is not None
    return is_about_account(answer.message) or (is_precondition and not is_about_request)


def _classify_quota_error(answer: GoogleAnswer, message: str) -> VideoError:
    if not answer.is_from_google:
        # A proxy's rate limit says nothing about Google's quota for the model.
        return AnswerNotFromGoogle(
            message, status=answer.status, retry_after_s=answer.retry_after_s
        )
    if is_about_used_up_credit(answer.message) or answer.is_zero_quota:
        return AccessRefused(message, reason=answer.code)
    return GoogleQuotaExceeded(
        message,
        retry_after_s=answer.retry_after_s,
        detail=answer.detail,
        is_daily=answer.is_daily_quota,
    )


def read_operation_failure(error: dict[str, Any]) -> OperationFailed:
    """Return how an operation failed, according to its `google.rpc.Status`."""
    code = error.get("code")
    details = error["details"] if isinstance(error.get("details"), list) else []
    message = str(error.get("message") or _find_localized_message(details))
    reason, outcome = find_reason(details), classify_message(message)
    is_account = code in _ACCOUNT_CODES or is_about_account(message, reason)
    if is_account and (outcome is None or is_about_account("", reason)):
        words = [f"operation failed with code {code}", reason or "", redact_secrets(message)]
        return OperationFailed(
            Outcome.ACCESS_REFUSED,
            None,
            operator_message=" ".join(filter(None, words)),
            reason=reason or f"OPERATION_CODE_{code}",
        )
    if outcome is None and code in _OVERLOAD_CODES:
        outcome = Outcome.OVERLOADED
    if outcome is None:
        log_unrecognized("operation", [message], code=code)
    return OperationFailed(
        outcome or Outcome.OPERATION_FAILED,
        clean_message(message),
        operator_message=f"operation failed with code {code}",
    )


def _find_localized_message(details: Sequence[Any]) -> str:
    for item in details:
        if isinstance(item, dict) and str(item.get("@type", "")).endswith("LocalizedMessage"):
            return str(item.get("message") or "")
    return ""


def build_filtered_failure(reasons: list[str]) -> OperationFailed:
    """Return the failure of an operation whose videos were all filtered for ``reasons``."""
    specific = (Outcome.BLOCKED_AUDIO, Outcome.BLOCKED_IMAGE, Outcome.PERSON_REFUSED)
    outcomes = [classify_message(reason) for reason in reasons]
    outcome = next((outcome for outcome in outcomes if outcome in specific), None)
    if outcome is None and reasons and all("audio" in reason.lower() for reason in reasons):
        outcome = Outcome.BLOCKED_AUDIO
    if outcome is None and not any(outcomes):
        log_unrecognized("filter", reasons)
    return OperationFailed(
        outcome or Outcome.BLOCKED,
        clean_message(" ".join(reasons)),
        operator_message="the videos were filtered",
    )
