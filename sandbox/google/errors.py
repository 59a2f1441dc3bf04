"""Google's errors as exceptions, with their JSON body (google.rpc.Status).

It is ``{"error": {"code", "message", "status", "details"?}}``, see https://google.aip.dev/193.
"""

from typing import Any

_TYPE_PREFIX = "type.googleapis.com/google.rpc."
_RATE_LIMITS_URL = "https://ai.google.dev/gemini-api/docs/rate-limits"


class GoogleError(Exception):
    """A request that Google refuses."""

    http_status = 500
    status = "INTERNAL"
    grpc_code = 13
    """The status as a number, as in an operation's ``error``."""

    def __init__(self, message: str, details: list[dict[str, Any]] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.details = details or []

    def to_json(self) -> dict[str, Any]:
        """The JSON answer."""
        error: dict[str, Any] = {
            "code": self.http_status,
            "message": self.message,
            "status": self.status,
        }
        if self.details:
            error["details"] = self.details
        return {"error": error}


class InvalidArgument(GoogleError):
    """The request is malformed."""

    http_status, status, grpc_code = 400, "INVALID_ARGUMENT", 3


class FailedPrecondition(GoogleError):
    """The request is well-formed, but the resource's state does not allow it."""

    http_status, status, grpc_code = 400, "FAILED_PRECONDITION", 9


class Unauthenticated(GoogleError):
    """The credentials are missing or invalid."""

    http_status, status, grpc_code = 401, "UNAUTHENTICATED", 16


class PermissionDenied(GoogleError):
    """The caller lacks the permission."""

    http_status, status, grpc_code = 403, "PERMISSION_DENIED", 7


class GoogleNotFound(GoogleError):
    """The resource does not exist."""

    http_status, status, grpc_code = 404, "NOT_FOUND", 5


class ConditionNotMet(GoogleError):
    """A precondition of the request is not met."""

    http_status, status, grpc_code = 412, "FAILED_PRECONDITION", 9


class ResourceExhausted(GoogleError):
    """A quota is used up."""

    http_status, status, grpc_code = 429, "RESOURCE_EXHAUSTED", 8


def unknown_field(name: str, parent_path: str) -> InvalidArgument:
    """Return the error for an unknown field. ``parent_path`` is "" for the body itself."""
    location = f" at '{parent_path}'" if parent_path else ""
    description = (
        f'Invalid JSON payload received. Unknown name "{name}"{location}: Cannot find field.'
    )
    violation: dict[str, str] = {"description": description}
    if parent_path:
        violation["field"] = parent_path
    return InvalidArgument(
        description, [{"@type": f"{_TYPE_PREFIX}BadRequest", "fieldViolations": [violation]}]
    )


def invalid_key() -> InvalidArgument:
    """Return the error for an API key that does not exist."""
    message = "API key not valid. Please pass a valid API key."
    info = {
        "@type": f"{_TYPE_PREFIX}ErrorInfo",
        "reason": "API_KEY_INVALID",
        "domain": "googleapis.com",
        "metadata": {"service": "generativelanguage.googleapis.com"},
    }
    text = {"@type": f"{_TYPE_PREFIX}LocalizedMessage", "locale": "en-US", "message": message}
    return InvalidArgument(message, [info, text])


def missing_key() -> PermissionDenied:
    """Return the error for a missing API key."""
    return PermissionDenied(
        "Method doesn't allow unregistered callers (callers without established identity). "
        "Please use API Key or other form of API consumer identity to call this API."
    )


def invalid_token(reason: str) -> Unauthenticated:
    """Return the error for an invalid bearer token. ``reason`` is Google's code for the cause."""
    info = {
        "@type": f"{_TYPE_PREFIX}ErrorInfo",
        "reason": reason,
        "domain": "googleapis.com",
        "metadata": {"service": "aiplatform.googleapis.com"},
    }
    return Unauthenticated(
        "Request had invalid authentication credentials. Expected OAuth 2 access token, login "
        "cookie or other valid authentication credential. See "
        "https://developers.google.com/identity/sign-in/web/devconsole-project.",
        [info],
    )


def keys_not_supported() -> Unauthenticated:
    """Return the error for an API key where Google only accepts a bearer token."""
    info = {
        "@type": f"{_TYPE_PREFIX}ErrorInfo",
        "reason": "CREDENTIALS_MISSING",
        "domain": "googleapis.com",
        "metadata": {"service": "aiplatform.googleapis.com"},
    }
    return Unauthenticated(
        "API keys are not supported by this API. Expected OAuth2 access token or other "
        "authentication credentials that assert a principal. See "
        "https://cloud.google.com/docs/authentication",
        [info],
    )


def gemini_quota_exceeded(
    *, metric: str, quota_id: str, model: str, limit: int, retry_seconds: float | None
) -> ResourceExhausted:
    """Return the error for a used-up quota. ``retry_seconds`` is the delay to state, if any."""
    violation = {
        "quotaMetric": metric,
        "quotaId": quota_id,
        "quotaDimensions": {"location": "global", "model": model},
        "quotaValue": str(limit),
    }
    link = {"description": "Learn more about Gemini API quotas", "url": _RATE_LIMITS_URL}
    details: list[dict[str, Any]] = [
        {"@type": f"{_TYPE_PREFIX}QuotaFailure", "violations": [violation]},
        {"@type": f"{_TYPE_PREFIX}Help", "links": [link]},
    ]
    message = (
        "You exceeded your current quota, please check your plan and billing details. For more "
        f"information on this error, head to: {_RATE_LIMITS_URL}.\n"
        f"* Quota exceeded for metric: {metric}, limit: {limit}, model: {model}"
    )
    if retry_seconds is not None:
        message += f"\nPlease retry in {retry_seconds:.9f}s."
        delay = {"@type": f"{_TYPE_PREFIX}RetryInfo", "retryDelay": f"{retry_seconds:.3f}s"}
        details.append(delay)
    return ResourceExhausted(message, details)


def vertex_quota_exceeded(*, metric: str, model: str) -> ResourceExhausted:
    """Return the same error on Vertex AI, which states no delay and no details."""
    return ResourceExhausted(
        f"Quota exceeded for {metric} with base model: {model}. Please submit a quota increase "
        "request. https://cloud.google.com/vertex-ai/docs/generative-ai/quotas-genai."
    )


def file_not_accessible(name: str) -> PermissionDenied:
    """Return the error for a file that is unknown, expired or somebody else's."""
    return PermissionDenied(
        f"You do not have permission to access the File {name} or it may not exist."
    )
