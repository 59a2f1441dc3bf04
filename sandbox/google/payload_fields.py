"""Reads JSON bodies as strictly as Google's front end, which refuses unknown names and wrong types.

A test must fail if the bot sends a number as text, or a field of another API.
"""

import json
from typing import Any, Final

from sandbox.google.errors import InvalidArgument, unknown_field

_MAX_SHOWN_LENGTH: Final = 200
"""Longest base64 text that ``shorten_base64`` leaves as it is."""


def parse_body(body: bytes) -> dict[str, Any]:
    """Return the JSON object in a request's body. Raises InvalidArgument."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidArgument(f"Invalid JSON payload received. {error}") from error
    if not isinstance(value, dict):
        raise InvalidArgument(
            'Invalid JSON payload received. Unknown name "": Root element must be a message.'
        )
    return value


def shorten_base64(value: Any) -> Any:
    """Return a JSON value for the control API, with long base64 texts replaced by their length."""
    if isinstance(value, dict):
        return {
            name: f"<{len(item)} characters of base64>"
            if name in ("bytesBase64Encoded", "data")
            and isinstance(item, str)
            and len(item) > _MAX_SHOWN_LENGTH
            else shorten_base64(item)
            for name, item in value.items()
        }
    if isinstance(value, list):
        return [shorten_base64(item) for item in value]
    return value


class PayloadFields:
    """The fields of one JSON object, which must all be known.

    ``unsupported`` maps names that Google knows but Veo does not take here to the name in Google's
    message. A null counts as absent, as in protobuf's JSON.
    """

    def __init__(
        self,
        value: object,
        path: str,
        known: frozenset[str],
        unsupported: dict[str, str] | None = None,
    ) -> None:
        if not isinstance(value, dict):
            raise InvalidArgument(
                f"Invalid value at '{path}' (type.googleapis.com/google.protobuf.Struct)."
            )
        self.path = path
        self._values: dict[str, object] = {
            name: item for name, item in value.items() if item is not None
        }
        for name in value:
            if unsupported and name in unsupported:
                raise not_supported(unsupported[name])
            if name not in known:
                raise unknown_field(name, path)

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def field_path(self, name: str) -> str:
        """Return the path of a field, for messages."""
        return f"{self.path}.{name}" if self.path else name

    def child(
        self,
        name: str,
        known: frozenset[str],
        unsupported: dict[str, str] | None = None,
        *,
        optional: bool = False,
    ) -> "PayloadFields":
        """Return the object in a field. Raises InvalidArgument if a required one is absent."""
        value = {} if optional and name not in self else self.value(name)
        return PayloadFields(value, self.field_path(name), known, unsupported)

    def value(self, name: str) -> object:
        """Return a field unchecked, or None if it is absent."""
        return self._values.get(name)

    def text(self, name: str) -> str | None:
        """Return a text. Raises InvalidArgument for another type."""
        value = self._values.get(name)
        if value is not None and not isinstance(value, str):
            raise _wrong_type_error(name, "a string")
        return value

    def integer(self, name: str) -> int | None:
        """Return a whole number. Raises InvalidArgument for other types, even text with digits."""
        value = self._values.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _wrong_type_error(name, "a number")
        if value != int(value):
            raise _wrong_type_error(name, "an integer")
        return int(value)

    def flag(self, name: str) -> bool | None:
        """Return a boolean. Raises InvalidArgument for another type."""
        value = self._values.get(name)
        if value is not None and not isinstance(value, bool):
            raise _wrong_type_error(name, "a boolean")
        return value

    def items(self, name: str) -> list[object]:
        """Return a list, empty if absent. Raises InvalidArgument for another type."""
        value = self._values.get(name)
        if value is None:
            return []
        if not isinstance(value, list):
            raise _wrong_type_error(name, "a list")
        return value


def not_supported(name: str) -> InvalidArgument:
    """Return the error for a field that this model does not support."""
    return InvalidArgument(
        f"`{name}` isn't supported by this model. Please remove it or refer to the Gemini API "
        "documentation for supported usage."
    )


def out_of_bound(name: str, first: int, last: int) -> InvalidArgument:
    """Return the error for a number outside its range."""
    return InvalidArgument(
        f"The number value for `{name}` is out of bound. Please provide a value between {first} "
        f"and {last}, inclusive."
    )


def _wrong_type_error(name: str, expected: str) -> InvalidArgument:
    return InvalidArgument(f"The value type for {name} needs to be {expected}.")
