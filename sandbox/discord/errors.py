"""Discord's errors, and the refusals of the control API.

    DiscordRefusal
    ├── DiscordError          sent to the bot: HTTP status, Discord's code and nested ``errors``
    └── ActionRefused         sent to the control API's client: the request is invalid
        ├── UnknownEntity     there is no such user, channel, message, command, …
        ├── ActionForbidden   the person may not do that here
        └── StateConflict     not possible in the present state

Codes: https://docs.discord.com/developers/topics/opcodes-and-status-codes#json
"""

from collections.abc import Iterable
from typing import Any

FieldPath = tuple[str | int, ...]


class DiscordRefusal(Exception):
    """A refusal by the sandbox's Discord."""


class DiscordError(DiscordRefusal):
    """An error of the REST API: ``{"message", "code", "errors"?}`` with a status."""

    def __init__(
        self, status: int, code: int, message: str, errors: dict[str, Any] | None = None
    ) -> None:
        super().__init__(f"{status} {code}: {message} {errors or ''}".rstrip())
        self.status = status
        self.code = code
        self.message = message
        self.errors = errors
        self.retry_after_s: float | None = None

    def to_json(self) -> dict[str, Any]:
        """The response's JSON."""
        body: dict[str, Any] = {"message": self.message, "code": self.code}
        if self.retry_after_s is not None:
            body |= {"retry_after": round(self.retry_after_s, 3), "global": False}
        if self.errors is not None:
            body["errors"] = self.errors
        return body


class ActionRefused(DiscordRefusal):
    """Invalid, or something that Discord's client would not let a person do."""

    status = 400
    kind = "invalid"


class UnknownEntity(ActionRefused):
    """The user, channel, message or command does not exist."""

    status = 404
    kind = "unknown"


class ActionForbidden(ActionRefused):
    """The person lacks the permission."""

    status = 403
    kind = "forbidden"


class StateConflict(ActionRefused):
    """Not possible in the present state (disabled, archived, already answered)."""

    status = 409
    kind = "conflict"


class FormErrors:
    """Collects the field errors of one request body and raises them together (code 50035)."""

    def __init__(self) -> None:
        self._tree: dict[str, Any] = {}

    def add_error(self, path: FieldPath, code: str, message: str) -> None:
        """Adds an error under a path such as ``("embeds", 0, "title")``."""
        node = self._tree
        for step in path:
            node = node.setdefault(str(step), {})
        node.setdefault("_errors", []).append({"code": code, "message": message})

    def __bool__(self) -> bool:
        return bool(self._tree)

    def raise_if_any(self) -> None:
        """Raises DiscordError 50035 if anything was added."""
        if self._tree:
            raise DiscordError(400, 50035, "Invalid Form Body", self._tree)


def invalid_field(path: FieldPath, code: str, message: str) -> DiscordError:
    """Return a form error (50035) for a single field."""
    tree: dict[str, Any] = {"_errors": [{"code": code, "message": message}]}
    for step in reversed(path):
        tree = {str(step): tree}
    return DiscordError(400, 50035, "Invalid Form Body", tree)


def invalid_bot_token() -> DiscordError:
    """Return the error for a missing or wrong bot token."""
    return DiscordError(401, 0, "401: Unauthorized")


def missing_access() -> DiscordError:
    """Return the error for a channel or guild that the bot cannot see."""
    return DiscordError(403, 50001, "Missing Access")


def missing_permissions() -> DiscordError:
    """Return the error for a missing permission in a channel that the bot can see."""
    return DiscordError(403, 50013, "Missing Permissions")


def file_too_large() -> DiscordError:
    """Return the error for a file over the size limit of its destination."""
    return DiscordError(413, 40005, "Request entity too large")


def unknown_channel() -> DiscordError:
    return DiscordError(404, 10003, "Unknown Channel")


def unknown_guild() -> DiscordError:
    return DiscordError(404, 10004, "Unknown Guild")


def unknown_member() -> DiscordError:
    return DiscordError(404, 10007, "Unknown Member")


def unknown_message() -> DiscordError:
    return DiscordError(404, 10008, "Unknown Message")


def unknown_user() -> DiscordError:
    return DiscordError(404, 10013, "Unknown User")


def unknown_emoji() -> DiscordError:
    return DiscordError(400, 10014, "Unknown Emoji")


def too_many_late_edits(retry_after_s: float) -> DiscordError:
    """Return the error for the rate limit on edits of one message, which headers do not show."""
    text = "Maximum number of edits to messages older than 1 hour reached. Try again later"
    error = DiscordError(429, 30046, text)
    error.retry_after_s = retry_after_s
    return error


def wrong_channel_type() -> DiscordError:
    return DiscordError(400, 50024, "Cannot execute action on this channel type")


def unknown_webhook() -> DiscordError:
    return DiscordError(404, 10015, "Unknown Webhook")


def unknown_interaction() -> DiscordError:
    return DiscordError(404, 10062, "Unknown interaction")


def describe_choices(values: Iterable[object]) -> str:
    """Return Discord's wording for a closed set of values."""
    return "Value must be one of {" + ", ".join(str(value) for value in values) + "}."
