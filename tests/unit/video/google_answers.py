"""Reported answers of Google and of proxies, used by several tests.

The sentences are Google's own.
"""

from dataclasses import dataclass, field
from typing import Any, Final

_RPC: Final = "type.googleapis.com/google.rpc."
QUOTA_SENTENCE: Final = (
    "You exceeded your current quota, please check your plan and billing details. For more "
    "information on this error, head to: https://ai.google.dev/gemini-api/docs/rate-limits."
)
PREPAID_SENTENCE: Final = (
    "Your prepayment credits are depleted. Please go to AI Studio at https://ai.studio/projects to "
    "manage your project and billing."
)


@dataclass(frozen=True)
class Answer:
    """One answer: its status, and the body as text or JSON."""

    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def fault(self) -> dict[str, Any]:
        """The answer as a fault for the sandbox."""
        return {"status": self.status, "body": self.body, "headers": self.headers}


def google_error(
    code: int, message: str, status: str, *details: dict[str, Any], http: int | None = None
) -> Answer:
    error: dict[str, Any] = {"code": code, "message": message, "status": status}
    if details:
        error["details"] = list(details)
    return Answer(http or code, {"error": error})


def error_info(reason: str, **metadata: str) -> dict[str, Any]:
    return {"@type": f"{_RPC}ErrorInfo", "reason": reason, "metadata": metadata}


def retry_info(delay: str) -> dict[str, Any]:
    return {"@type": f"{_RPC}RetryInfo", "retryDelay": delay}


def quota_failure(quota_id: str, value: str = "10") -> dict[str, Any]:
    violation = {"quotaId": quota_id, "quotaValue": value, "quotaMetric": "requests"}
    return {"@type": f"{_RPC}QuotaFailure", "violations": [violation]}


def page(status: int, title: str) -> Answer:
    """A page of a proxy between the bot and Google."""
    return Answer(status, f"<html><head><title>{title}</title></head><body>nginx</body></html>")


SERVICE_DISABLED: Final = google_error(
    403,
    "Generative Language API has not been used in project 542708778979 before or it is disabled. "
    "Enable it by visiting https://console.developers.google.com/apis/api/"
    "generativelanguage.googleapis.com/overview?project=542708778979 then retry. If you enabled "
    "this API recently, wait a few minutes for the action to propagate to our systems and retry.",
    "PERMISSION_DENIED",
    error_info("SERVICE_DISABLED", consumer="projects/542708778979"),
)
IAM_DENIED: Final = google_error(
    403,
    "Permission 'aiplatform.endpoints.predict' denied on resource "
    "'//aiplatform.googleapis.com/projects/p/locations/us-central1' (or it may not exist).",
    "PERMISSION_DENIED",
    error_info("IAM_PERMISSION_DENIED", permission="aiplatform.endpoints.predict"),
)
NOT_FOUND: Final = google_error(404, "Requested entity was not found.", "NOT_FOUND")
FILE_DENIED: Final = google_error(
    403,
    "You do not have permission to access the File xyz or it may not exist.",
    "PERMISSION_DENIED",
)
PUBLISHER_MODEL: Final = google_error(
    404,
    "Publisher Model `projects/p/locations/l/publishers/google/models/veo-3.1-lite-generate-001` "
    "was not found or your project does not have access to it. Please ensure you are using a valid "
    "model version. For more information, see: https://cloud.google.com/vertex-ai/docs/versions",
    "NOT_FOUND",
)
LONG_QUOTA: Final = google_error(
    429,
    f"{QUOTA_SENTENCE}\nPlease retry in 17h55m20.5s.",
    "RESOURCE_EXHAUSTED",
    quota_failure("PredictLongRunningRequestsPerDayPerProjectPerModel"),
    retry_info("64520s"),
)
DAY_QUOTA: Final = google_error(
    429,
    f"{QUOTA_SENTENCE}\nPlease retry in 22.1s.",
    "RESOURCE_EXHAUSTED",
    quota_failure("GenerateRequestsPerDayPerProjectPerModel"),
    retry_info("22s"),
)


def omni_error(status: int, code: str, message: str) -> Answer:
    """An error in the form of the Interactions API."""
    return Answer(status, {"error": {"code": code, "message": message}})


TOO_MANY: Final = omni_error(
    429,
    "too_many_requests",
    f"{QUOTA_SENTENCE} Quota exceeded for metric: generativelanguage.googleapis.com/"
    "generate_content_paid_tier_2_requests, limit: 8. Please retry in 23s.",
)
PROHIBITED_INPUT: Final = (
    "Request blocked due to prohibited content guidelines. Please modify your input and retry."
)
FILTERED_SENTENCE: Final = (
    "Unable to show the generated video. The video was filtered out because it violated Google's "
    "Generative AI Prohibited Use policy"
)
