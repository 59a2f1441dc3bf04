"""The part ``omni`` of ``PUT /control/google``: how Omni deviates from its documentation."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

INTERACTION_LIFETIME_S: Final = 55 * 86_400.0
"""How long a paid project's interactions are kept; one day without billing."""


class BlockForm(StrEnum):
    """How Google says that a request was blocked. All forms have been observed."""

    SUBMIT = "submit"
    """400 to the POST."""
    SUBMIT_SENTENCE = "submit_sentence"
    """400 to the POST, with the sentence as the code."""
    SUBMIT_BODY = "submit_body"
    """200 to the POST, with nothing but ``error``."""
    POLL = "poll"
    """400 to a GET."""
    SENTENCE = "sentence"
    """400 to a GET, with the sentence as the code."""
    FAILED = "failed"
    """200 with the status ``failed`` and a code."""
    ERROR_BODY = "error_body"
    """200 with nothing but ``error``."""
    NO_VIDEO = "no_video"
    """200, completed, and only text."""

    @property
    def is_at_once(self) -> bool:
        """Whether the POST says it."""
        return self in (BlockForm.SUBMIT, BlockForm.SUBMIT_SENTENCE, BlockForm.SUBMIT_BODY)


class OverQuotaForm(StrEnum):
    """How a request over quota is answered.

    In all forms but the first, the POST returns an id, and the first GET says that nothing was
    made. Its HTTP status is not documented.
    """

    SUBMIT = "submit"
    FIRST_POLL = "first_poll"
    """The GET is answered 429."""
    FIRST_POLL_FAILED = "first_poll_failed"
    """200 with the status ``failed``."""
    FIRST_POLL_BODY = "first_poll_body"
    """200 with nothing but ``error``."""


class RetryHint(StrEnum):
    """Where an answer says when to try again."""

    MESSAGE = "message"
    HEADER = "header"
    NONE = "none"


class ErrorForm(StrEnum):
    """The form of error bodies."""

    INTERACTIONS = "interactions"
    """``{"error": {"code": "snake_case", "message"}}``"""
    RPC = "rpc"
    """``{"error": {"code": 429, "status": …, "details"}}``, as the front end and gateways do."""
    ARRAY = "array"
    """The same in an array of one."""
    EVENT = "event"
    """A server-sent event whose data is the error."""


class AccountState(StrEnum):
    """What is wrong with the project."""

    OK = "ok"
    PAYMENT_REQUIRED = "payment_required"
    """Submits are answered 402: the prepaid credit is used up."""
    BILLING_OFF = "billing_off"
    """Submits are answered 400 ``failed_precondition``."""
    BLOCKED = "blocked"
    """Everything is answered 403."""


class UnusualEnd(StrEnum):
    """Statuses with which an interaction can end without a video, besides ``failed``."""

    FAILED = "failed"
    INCOMPLETE = "incomplete"
    BUDGET_EXCEEDED = "budget_exceeded"
    REQUIRES_ACTION = "requires_action"
    REQUIRES_CONTINUATION = "requires_continuation"
    IDLE = "idle"


@dataclass(frozen=True, slots=True)
class OmniSettings:
    """What can be set. Times in seconds."""

    account: AccountState = AccountState.OK
    block: BlockForm = BlockForm.FAILED
    block_code: str = "content_blocked"
    """The code of the form ``failed``."""
    over_quota: OverQuotaForm = OverQuotaForm.SUBMIT
    retry_s: float | None = None
    """The delay that is named over quota; None for the true one."""
    retry_hint: RetryHint = RetryHint.MESSAGE
    error_form: ErrorForm = ErrorForm.INTERACTIONS
    invalid_polls: int = 0
    """How many GETs of each running interaction are answered 400 although nothing is wrong."""
    queued_s: float = 0.0
    """How long an interaction is ``queued`` before it is ``in_progress``."""
    failed_status: UnusualEnd = UnusualEnd.FAILED
    """The status of ``outcome: failed``."""
    inline: bool = False
    """Whether the video comes inline although its address was asked for."""
    max_inline_bytes: int = 30_000_000
    """Vertex AI leaves a larger video out of its answer."""
    lifetime_s: float = INTERACTION_LIFETIME_S
    cancel_s: float = 1.0
    """How long a cancelled interaction goes on before its status says so."""
    bills_cancelled: bool = False
    reports_usage: bool = True
    reports_zero: bool = False
    """Whether an interaction that made nothing has a ``usage`` of zero, instead of none."""
    thought_tokens: int = 500
    webhook_lost: bool = False
    """Whether webhooks get no events."""
    webhook_copies: int = 1
    """How often each event is delivered, under the same id."""
    webhook_delay_s: float = 0.0
    """How long after the end an event is sent."""
    webhook_forged: bool = False
    """Whether events are signed with a wrong secret."""

    def with_changes(self, changes: dict[str, Any]) -> "OmniSettings":
        """These settings with some changed. Raises ValueError, KeyError or TypeError."""
        unknown = changes.keys() - _READERS.keys()
        if unknown:
            known = ", ".join(sorted(_READERS))
            raise ValueError(f"unknown: {', '.join(sorted(unknown))}; known are {known}")
        return dataclasses.replace(
            self, **{name: _READERS[name](value) for name, value in changes.items()}
        )


def _read_flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError("true or false is needed")
    return value


def _read_seconds(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise TypeError("a number of at least 0 is needed")
    return float(value)


def _read_optional_seconds(value: Any) -> float | None:
    return None if value is None else _read_seconds(value)


def _read_count(value: Any) -> int:
    if _read_seconds(value) != int(value):
        raise ValueError("a whole number is needed")
    return int(value)


def _read_text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError("a text is needed")
    return value


_READERS: Final[dict[str, Callable[[Any], Any]]] = {
    "account": AccountState,
    "block": BlockForm,
    "block_code": _read_text,
    "over_quota": OverQuotaForm,
    "retry_s": _read_optional_seconds,
    "retry_hint": RetryHint,
    "error_form": ErrorForm,
    "invalid_polls": _read_count,
    "queued_s": _read_seconds,
    "failed_status": UnusualEnd,
    "inline": _read_flag,
    "max_inline_bytes": _read_count,
    "lifetime_s": _read_seconds,
    "cancel_s": _read_seconds,
    "bills_cancelled": _read_flag,
    "reports_usage": _read_flag,
    "reports_zero": _read_flag,
    "thought_tokens": _read_count,
    "webhook_lost": _read_flag,
    "webhook_copies": _read_count,
    "webhook_delay_s": _read_seconds,
    "webhook_forged": _read_flag,
}
