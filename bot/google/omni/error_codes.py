"""The error codes of the Interactions API, and the HTTP status of each.

https://ai.google.dev/gemini-api/docs/api-errors. Google's front end answers with `google.rpc.Code`
nevertheless, and some refusals have a whole sentence instead of a code.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

_CODES: Final[Mapping[str, tuple[int, str]]] = {
    "invalid_request": (400, "INVALID_ARGUMENT"),
    "invalid_argument": (400, "INVALID_ARGUMENT"),
    "parameter_unknown": (400, "INVALID_ARGUMENT"),
    "out_of_range": (400, "OUT_OF_RANGE"),
    "failed_precondition": (400, "FAILED_PRECONDITION"),
    "authentication": (401, "UNAUTHENTICATED"),
    "unauthenticated": (401, "UNAUTHENTICATED"),
    "payment_required": (402, "RESOURCE_EXHAUSTED"),
    "permission_denied": (403, "PERMISSION_DENIED"),
    "not_found": (404, "NOT_FOUND"),
    "model_not_found": (404, "NOT_FOUND"),
    "already_exists": (409, "ALREADY_EXISTS"),
    "aborted": (409, "ABORTED"),
    "rate_limit_exceeded": (429, "RESOURCE_EXHAUSTED"),
    "too_many_requests": (429, "RESOURCE_EXHAUSTED"),
    "quota_exceeded": (429, "RESOURCE_EXHAUSTED"),
    "resource_exhausted": (429, "RESOURCE_EXHAUSTED"),
    "cancelled": (499, "CANCELLED"),
    "api_error": (500, "INTERNAL"),
    "internal": (500, "INTERNAL"),
    "unknown": (500, "UNKNOWN"),
    "unimplemented": (501, "UNIMPLEMENTED"),
    "service_unavailable": (503, "UNAVAILABLE"),
    "unavailable": (503, "UNAVAILABLE"),
    "deadline_exceeded": (504, "DEADLINE_EXCEEDED"),
}
_BLOCK_CODES: Final = frozenset(
    {
        "safety",
        "recitation",
        "language",
        "prohibited_content",
        "spii",
        "blocklist",
        "image_safety",
        "image_prohibited_content",
        "image_recitation",
        "image_other",
        "content_blocked",
    }
)
DAILY_QUOTA_CODE: Final = "quota_exceeded"
MODEL_NOT_FOUND_CODE: Final = "model_not_found"
QUOTA_STATUS: Final = 429

_SENTENCE_PATTERN: Final = re.compile(r"\S+(?:\s+\S+){3,}")


def is_block_code(code: str | None) -> bool:
    """Whether the code says that one of Google's filters blocked the request."""
    return code in _BLOCK_CODES


def is_sentence(code: str) -> bool:
    """Whether ``code`` is not a code but a sentence with Google's reason."""
    return _SENTENCE_PATTERN.fullmatch(code.strip()) is not None


def find_status(code: str) -> tuple[int, str] | None:
    """Return the HTTP status and the name of `google.rpc.Code` for a code, if it is known."""
    if code in _BLOCK_CODES:
        return 400, "INVALID_ARGUMENT"
    return _CODES.get(code)


def read_code(error: Mapping[str, Any]) -> str | None:
    """Return the code of an error in the Interactions API's form; `None` for any other form.

    The form has a known code and a message, or a sentence as the code. It has no ``type``, which
    only gateways send.
    """
    code, message = error.get("code"), error.get("message")
    if not isinstance(code, str) or "type" in error:
        return None
    if is_sentence(code):
        return code
    has_message = isinstance(message, str) and bool(message.strip())
    code = code.strip().lower()
    return code if has_message and find_status(code) is not None else None
