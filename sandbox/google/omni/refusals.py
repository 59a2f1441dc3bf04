"""Errors of the Interactions API: ``{"error": {"code": "snake_case", "message": …}}``.

The front end and gateways send the same errors in other forms. A setting selects the form.
"""

from typing import Any, Final

from sandbox.google.omni.settings import ErrorForm, RetryHint

_RPC_STATUSES: Final = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    402: "RESOURCE_EXHAUSTED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
}
BLOCKED_PROJECT: Final = "Your project has been denied access. Please contact support."
_RETRY_INFO: Final = "type.googleapis.com/google.rpc.RetryInfo"


class InteractionRefused(Exception):
    """A request that the Interactions API refuses.

    ``retry_s`` is the delay for the header ``Retry-After``.
    """

    def __init__(
        self,
        http_status: int,
        code: str,
        message: str,
        *,
        retry_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.http_status = http_status
        self.code = code
        self.message = message
        self.retry_s = retry_s

    @property
    def headers(self) -> dict[str, str]:
        """The answer's headers, without its type."""
        return {} if self.retry_s is None else {"Retry-After": f"{self.retry_s:.0f}"}

    def to_json(self, form: ErrorForm = ErrorForm.INTERACTIONS) -> Any:
        """The JSON answer, or the data of an event."""
        if form in (ErrorForm.INTERACTIONS, ErrorForm.EVENT):
            return {"error": {"code": self.code, "message": self.message}}
        error: dict[str, Any] = {
            "code": self.http_status,
            "message": self.message,
            "status": _RPC_STATUSES.get(self.http_status, "UNKNOWN"),
        }
        if self.retry_s is not None:
            error["details"] = [{"@type": _RETRY_INFO, "retryDelay": f"{self.retry_s:.0f}s"}]
        body = {"error": error}
        return [body] if form is ErrorForm.ARRAY else body


def invalid_request(message: str) -> InteractionRefused:
    """Return the error for a malformed request."""
    return InteractionRefused(400, "invalid_request", message)


def unknown_parameter(path: str) -> InteractionRefused:
    """Return the error for an unknown parameter."""
    return InteractionRefused(400, "parameter_unknown", f"Unknown parameter: '{path}'.")


def not_found(interaction_id: str) -> InteractionRefused:
    """Return the error for an interaction that was deleted or has expired."""
    return InteractionRefused(404, "not_found", f"Interaction {interaction_id} was not found.")


def payment_required() -> InteractionRefused:
    """Return the error for a project whose prepaid credit is used up."""
    return InteractionRefused(
        402,
        "payment_required",
        "Your prepayment credits are depleted. Please go to AI Studio at "
        "https://ai.studio/projects to manage your project and billing.",
    )


def billing_off() -> InteractionRefused:
    """Return the error for a project without a billing account."""
    return InteractionRefused(
        400, "failed_precondition", "Billing is not enabled for this project."
    )


def project_blocked() -> InteractionRefused:
    """Return the error for a blocked project."""
    return InteractionRefused(403, "permission_denied", BLOCKED_PROJECT)


def quota_exceeded(
    *, model: str, limit: int, retry_s: float | None, is_for_day: bool, hint: RetryHint
) -> InteractionRefused:
    """Return the error for a used-up quota per minute or day."""
    message = (
        "You exceeded your current quota, please check your plan and billing details.\n"
        "* Quota exceeded for metric: "
        "generativelanguage.googleapis.com/generate_content_paid_tier_2_requests, "
        f"limit: {limit}, model: {model}"
    )
    if retry_s is not None and hint is RetryHint.MESSAGE:
        message += f"\nPlease retry in {retry_s:.0f}s."
    return InteractionRefused(
        429,
        "quota_exceeded" if is_for_day else "too_many_requests",
        message,
        retry_s=retry_s if hint is RetryHint.HEADER else None,
    )
