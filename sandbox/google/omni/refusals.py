"""Errors of the Interactions API: ``{"error": {"code": "snake_case", "message": …}}``."""

from typing import Any


class InteractionRefused(Exception):
    """A request that the Interactions API refuses."""

    def __init__(self, http_status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.http_status = http_status
        self.code = code
        self.message = message

    def to_json(self) -> dict[str, Any]:
        """The JSON answer."""
        return {"error": {"code": self.code, "message": self.message}}


def invalid_request(message: str) -> InteractionRefused:
    """A request that is malformed, or not allowed in this form."""
    return InteractionRefused(400, "invalid_request", message)


def unknown_parameter(path: str) -> InteractionRefused:
    """A name that the API does not have."""
    return InteractionRefused(400, "parameter_unknown", f"Unknown parameter: '{path}'.")


def not_found(interaction_id: str) -> InteractionRefused:
    """An interaction that was deleted, or has expired."""
    return InteractionRefused(404, "not_found", f"Interaction {interaction_id} was not found.")


def too_many_requests(retry_s: float) -> InteractionRefused:
    """A quota is used up."""
    return InteractionRefused(
        429,
        "too_many_requests",
        "You exceeded your current quota, please check your plan and billing details. "
        f"Please retry in {retry_s:.0f}s.",
    )
