"""Parses error answers, and tells those of Google from those of proxies, firewalls and login pages.

Both use the same status codes, but a proxy's page says nothing about a model, a file or an
operation. So check `GoogleAnswer.is_from_google` before you rely on a refusal.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

from bot.domain.disclosure import redact_account_details, redact_secrets
from bot.google.omni import error_codes
from bot.google.wording import classify_message, shorten_message

MAX_DETAIL_LENGTH: Final = 400
_MAX_PAGE_TITLE_LENGTH: Final = 100
_MAX_RETRY_S: Final = 7 * 86_400.0
_STATUS_NAMES: Final = frozenset(
    {
        "CANCELLED",
        "UNKNOWN",
        "INVALID_ARGUMENT",
        "DEADLINE_EXCEEDED",
        "NOT_FOUND",
        "ALREADY_EXISTS",
        "PERMISSION_DENIED",
        "UNAUTHENTICATED",
        "RESOURCE_EXHAUSTED",
        "FAILED_PRECONDITION",
        "ABORTED",
        "OUT_OF_RANGE",
        "UNIMPLEMENTED",
        "INTERNAL",
        "UNAVAILABLE",
        "DATA_LOSS",
    }
)
"""The names of `google.rpc.Code`. Every error of Google contains one."""

_PAGE_TITLE_PATTERN: Final = re.compile(r"<title[^>]*>([^<]*)", re.IGNORECASE)
_RETRY_SENTENCE_PATTERN: Final = re.compile(
    r"retry in ((?:\d+(?:\.\d+)?\s*(?:ms|[dhms])\s*)+)", re.IGNORECASE
)
_DURATION_PART_PATTERN: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|[dhms])", re.IGNORECASE)
_UNIT_S: Final = {"d": 86_400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_ZERO_LIMIT_PATTERN: Final = re.compile(r"\blimit: 0(?![\d.]*[1-9])")
_DAILY_QUOTA_PATTERN: Final = re.compile(r"per_?day", re.IGNORECASE)
_EVENT_DATA_PATTERN: Final = re.compile(r"^data:\s*(.*)$", re.MULTILINE)


def clean_message(text: str | None) -> str | None:
    """Return those of Google's sentences that reveal no uri, key or account, on one line.

    `None` if nothing is left.
    """
    return redact_account_details(text, max_length=MAX_DETAIL_LENGTH) if text else None


@dataclass(frozen=True, slots=True)
class GoogleAnswer:
    """An answer that is not a success.

    ``is_from_google`` is false if the answer does not have the form of Google's errors.
    ``status_name`` is the name of a `google.rpc.Code`. ``reason`` is the code of its ErrorInfo,
    such as SERVICE_DISABLED. ``omni_code`` is the code of the Interactions API, or the sentence
    that Google sends instead. ``stated_status`` is the HTTP status in the error's JSON. It may
    differ from ``status``, the one of the response.
    """

    status: int
    message: str
    status_name: str | None = None
    reason: str | None = None
    is_from_google: bool = False
    details: tuple[dict[str, Any], ...] = field(default=(), hash=False)
    retry_after_s: float | None = None
    omni_code: str | None = None
    stated_status: int | None = None

    def with_stated_status(self) -> "GoogleAnswer":
        """Return the answer with the status in its JSON, because it may have come with 200."""
        return replace(self, status=self.stated_status or self.status)

    @property
    def detail(self) -> str | None:
        """The message as members may see it."""
        return clean_message(self.message) if self.is_from_google else None

    @property
    def code(self) -> str:
        """A short code for logs and metrics."""
        omni_code = self.omni_code
        if omni_code is not None and error_codes.is_sentence(omni_code):
            omni_code = None
        return self.reason or omni_code or self.status_name or str(self.status)

    @property
    def is_daily_quota(self) -> bool:
        """Whether a daily quota is used up, so that the short delay in the answer does not help."""
        if self.omni_code == error_codes.DAILY_QUOTA_CODE:
            return True
        return any(_DAILY_QUOTA_PATTERN.search(name) for name in self._list_quota_names())

    @property
    def is_zero_quota(self) -> bool:
        """Whether the account has no quota at all, so that waiting cannot help."""
        values = {str(item.get("quotaValue")) for item in self._list_quota_violations()}
        return bool(_ZERO_LIMIT_PATTERN.search(self.message)) or values == {"0"}

    def _list_quota_names(self) -> list[str]:
        listed = (str(item.get("quotaId", "")) for item in self._list_quota_violations())
        return [*listed, self.message]

    def _list_quota_violations(self) -> list[Mapping[str, Any]]:
        return [
            violation
            for detail in self.details
            if str(detail.get("@type", "")).endswith("QuotaFailure")
            for violation in detail.get("violations") or ()
            if isinstance(violation, dict)
        ]

    def summarize(self, *, with_message: bool = True) -> str:
        """Return the answer for the operator's log, without secrets.

        Set ``with_message`` to false if Google may quote the member's prompt.
        """
        if not self.is_from_google:
            page = find_page_title(self.message)
            return f"{self.status} and not by Google" + (f": “{page}”" if page else "")
        words = [str(self.status), self.status_name or "", self.reason or ""]
        if with_message:
            words.append(redact_secrets(" ".join(self.message.split())))
        return " ".join(filter(None, words))

    def __str__(self) -> str:
        return self.summarize()


def read_answer(
    status: int, body: Any, retry_after: str | None = None, *, is_omni: bool = False
) -> GoogleAnswer:
    """Return the answer in ``body`` (decoded JSON, or text), written by Google or by a proxy.

    Set ``is_omni`` for the Interactions API. Only then does the form of its errors count as
    Google's, because many gateways use the same form for other APIs.
    """
    delay_s = _parse_retry_after(retry_after)
    if isinstance(body, str | bytes):
        text = body.decode(errors="replace") if isinstance(body, bytes) else body
        try:
            body = _decode_body(text)
        except ValueError:
            return GoogleAnswer(status, text[:2000], retry_after_s=delay_s)
    if isinstance(body, list) and len(body) == 1:
        body = body[0]
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict):
        # The SDK puts the text of a page here.
        page = body.get("message") if isinstance(body, dict) else None
        text = page[:2000] if isinstance(page, str) else ""
        return GoogleAnswer(status, text, retry_after_s=delay_s)
    message = error.get("message")
    message = shorten_message(message) if isinstance(message, str) else ""
    if not is_google_error(error):
        return (
            _read_omni_error(error, status, delay_s)
            if is_omni
            else GoogleAnswer(status, message, retry_after_s=delay_s)
        )
    listed = error["details"] if isinstance(error.get("details"), list) else []
    details = tuple(item for item in listed if isinstance(item, dict))
    return GoogleAnswer(
        status,
        message,
        status_name=error["status"] if isinstance(error.get("status"), str) else None,
        reason=find_reason(details),
        is_from_google=True,
        details=details,
        retry_after_s=_find_retry_delay(details, message) or delay_s,
        stated_status=_read_stated_status(error.get("code"), error.get("status")),
    )


def _decode_body(text: str) -> Any:
    """Decode JSON, or the JSON of the first event in an event stream. Raises `ValueError`."""
    if text.startswith(("event:", "data:")):
        data = _EVENT_DATA_PATTERN.search(text)
        return json.loads(data[1] if data else "")
    return json.loads(text)


def _read_stated_status(code: Any, status_name: Any) -> int | None:
    if isinstance(code, int) and 400 <= code < 600:
        return code
    stated = error_codes.find_status(str(status_name).lower())
    return None if stated is None else stated[0]


def _read_omni_error(error: Mapping[str, Any], status: int, delay_s: float | None) -> GoogleAnswer:
    code = error_codes.read_code(error)
    message = shorten_message(error["message"]) if isinstance(error.get("message"), str) else ""
    if code is not None and error_codes.is_sentence(code):
        message = message if code in message else f"{message} {code}".strip()
        if classify_message(message) is None and message != code:
            code = None
    if code is None:
        return GoogleAnswer(status, message, retry_after_s=delay_s)
    stated_status, status_name = error_codes.find_status(code) or (None, None)
    return GoogleAnswer(
        status,
        message,
        status_name=status_name,
        is_from_google=True,
        retry_after_s=_find_retry_delay((), message) or delay_s,
        omni_code=code,
        stated_status=stated_status,
    )


def is_google_error(error: Mapping[str, Any]) -> bool:
    """Whether the object has the form of Google's errors.

    It needs a message that is not blank, and the name of a `google.rpc.Code` or (Cloud Storage) a
    list of errors with reasons.
    """
    message, listed = error.get("message"), error.get("errors")
    if not isinstance(message, str) or not message.strip():
        return False
    if error.get("status") in _STATUS_NAMES:
        return True
    return (
        isinstance(error.get("code"), int)
        and isinstance(listed, list)
        and any(isinstance(item, dict) and item.get("reason") for item in listed)
    )


def find_page_title(text: str) -> str | None:
    """Return the title of an HTML page, without secrets; `None` if it has no title."""
    match = _PAGE_TITLE_PATTERN.search(text)
    title = " ".join(match[1].split())[:_MAX_PAGE_TITLE_LENGTH] if match else ""
    return redact_secrets(title) or None


def find_reason(details: Sequence[Any]) -> str | None:
    """Return the reason code of the first ErrorInfo in ``details``."""
    for detail in details:
        if not isinstance(detail, dict):
            continue
        reason = detail.get("reason")
        if str(detail.get("@type", "")).endswith("ErrorInfo") and isinstance(reason, str):
            return reason or None
    return None


def _find_retry_delay(details: tuple[dict[str, Any], ...], message: str) -> float | None:
    for detail in details:
        if str(detail.get("@type", "")).endswith("RetryInfo"):
            delay_s = _parse_seconds(detail.get("retryDelay"))
            if delay_s is not None:
                return delay_s
    sentence = _RETRY_SENTENCE_PATTERN.search(message)
    if sentence is None:
        return None
    parts = _DURATION_PART_PATTERN.findall(sentence[1])
    return _limit_delay(sum(float(number) * _UNIT_S[unit.lower()] for number, unit in parts))


def _parse_retry_after(text: str | None) -> float | None:
    """Parse a Retry-After header, which contains seconds or a date."""
    delay_s = _parse_seconds(text)
    if delay_s is not None or not text:
        return delay_s
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)
    return _limit_delay((at - datetime.now(UTC)).total_seconds())


def _parse_seconds(text: Any) -> float | None:
    """Parse seconds, such as "34.4s" or "34"."""
    try:
        return _limit_delay(float(str(text).removesuffix("s")))
    except ValueError:
        return None


def _limit_delay(seconds: float) -> float | None:
    return seconds if 0 <= seconds < _MAX_RETRY_S else None
