"""What Discord answers when it refuses, so that every rule refuses in Discord's own words.

    Refusal                 anything the sandbox's Discord says no to
    ├── DiscordError        answered to the bot: HTTP status, Discord's code and nested ``errors``
    └── ActionRefused       answered to whoever acts as a person through the control API
        ├── Unknown         there is no such user, channel, message, command, …
        ├── Forbidden       the person may not do that here
        └── Conflict        it exists, but cannot be done in its present state

Codes: https://docs.discord.com/developers/topics/opcodes-and-status-codes#json
"""

from collections.abc import Iterable
from typing import Any

FieldPath = tuple[str | int, ...]


class DiscordRefusal(Exception):
    """Something the sandbox's Discord says no to."""


class DiscordError(DiscordRefusal):
    """An error as the REST answers it: ``{"message", "code", "errors"?}`` with a status."""

    def __init__(
        self, status: int, code: int, message: str, errors: dict[str, Any] | None = None
    ) -> None:
        super().__init__(f"{status} {code}: {message} {errors or ''}".rstrip())
        self.status = status
        self.code = code
        self.message = message
        self.errors = errors

    def to_json(self) -> dict[str, Any]:
        """The JSON of the answer."""
        body: dict[str, Any] = {"message": self.message, "code": self.code}
        if self.errors is not None:
            body["errors"] = self.errors
        return body


class ActionRefused(DiscordRefusal):
    """A person tried what Discord's client would not let them do."""

    status = 400
    kind = "invalid"


class UnknownEntity(ActionRefused):
    """There is no such thing."""

    status = 404
    kind = "unknown"


class ActionForbidden(ActionRefused):
    """The person lacks the permission."""

    status = 403
    kind = "forbidden"


class StateConflict(ActionRefused):
    """Not possible in the thing's present state (disabled, archived, already answered)."""

    status = 409
    kind = "conflict"


class FormErrors:
    """Collects the field errors of one request body and raises them together (code 50035)."""

    def __init__(self) -> None:
        self._tree: dict[str, Any] = {}

    def add_error(self, path: FieldPath, code: str, message: str) -> None:
        """Files an error under a path such as ``("embeds", 0, "title")``."""
        node = self._tree
        for step in path:
            node = node.setdefault(str(step), {})
        node.setdefault("_errors", []).append({"code": code, "message": message})

    def __bool__(self) -> bool:
        return bool(self._tree)

    def raise_if_any(self) -> None:
        """Raises DiscordError 50035 when anything was added."""
        if self._tree:
            raise DiscordError(400, 50035, "Invalid Form Body", self._tree)


def invalid_field(path: FieldPath, code: str, message: str) -> DiscordError:
    """A form error with a single field, ready to raise."""
    errors = FormErrors()
    errors.add_error(path, code, message)
    try:
        errors.raise_if_any()
    except DiscordError as error:
        return error
    raise AssertionError


def invalid_bot_token() -> DiscordError:
    """A missing or wrong bot token."""
    return DiscordError(401, 0, "401: Unauthorized")


def missing_access() -> DiscordError:
    """The bot cannot see it."""
    return DiscordError(403, 50001, "Missing Access")


def missing_permissions() -> DiscordError:
    """The bot sees it but may not do that."""
    return DiscordError(403, 50013, "Missing Permissions")


def file_too_large() -> DiscordError:
    """A file over the limit of its destination."""
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


def wrong_channel_type() -> DiscordError:
    return DiscordError(400, 50024, "Cannot execute action on this channel type")


def unknown_webhook() -> DiscordError:
    return DiscordError(404, 10015, "Unknown Webhook")


def unknown_interaction() -> DiscordError:
    return DiscordError(404, 10062, "Unknown interaction")


def describe_choices(values: Iterable[object]) -> str:
    """Discord's wording of a closed set of values."""
    return "Value must be one of {" + ", ".join(str(value) for value in values) + "}."
