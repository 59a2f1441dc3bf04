"""The error codes of the Interactions API, and the HTTP status that each stands for.

https://ai.google.dev/gemini-api/docs/api-errors. Google's front end answers with `google.rpc.Code`
all the same, and some refusals have a whole sentence in the code's place.
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
    """Whether the code is one of Google's filters."""
    return code in _BLOCK_CODES


def is_sentence(code: str) -> bool:
    """Whether it is no code but Google's reason in words."""
    return _SENTENCE_PATTERN.fullmatch(code.strip()) is not None


def find_status(code: str) -> tuple[int, str] | None:
    """Return the HTTP status and the name of `google.rpc.Code` that a code stands for."""
    if code in _BLOCK_CODES:
        return 400, "INVALID_ARGUMENT"
    return _CODES.get(code)


def read_code(error: Mapping[str, Any]) -> str | None:
    """Return the code of an error in the Interactions API's form; `None` for any other form.

    It has a code in words and a message, and nothing that only gateways write (``type``).
    """
    code, message = error.get("code"), error.get("message")
    if not isinstance(code, str) or "type" in error:
        return None
    if is_sentence(code):
        return code
    has_message = isinstance(message, str) and bool(message.strip())
    code = code.strip().lower()
    return code if has_message and find_status(code) is not None else None
