"""Reads the fields of request bodies and collects errors as Discord does.

For an invalid body, Discord returns a tree of errors with the same structure (code 50035).

Format: https://docs.discord.com/developers/reference#error-messages
"""

from collections.abc import Collection, Iterator
from typing import Any

from sandbox.discord.errors import FieldPath, FormErrors, describe_choices

_MAX_SNOWFLAKE = 2**63 - 1


class FormFields:
    """One JSON object of a body. Unknown fields are ignored, as by Discord.

    Readers return None for a field that is absent, null or wrong, and add errors to ``errors``.
    """

    def __init__(self, data: object, errors: FormErrors, path: FieldPath = ()) -> None:
        self.errors = errors
        self.path = path
        self._data: dict[str, Any] = {}
        if isinstance(data, dict):
            self._data = data
        else:
            errors.add_error(
                path, "MODEL_TYPE_CONVERT", "Only dictionaries may be used in a ModelType"
            )

    def __contains__(self, name: str) -> bool:
        return name in self._data

    def raw_value(self, name: str) -> Any:
        """Return the field, unchecked."""
        return self._data.get(name)

    def add_error(self, name: str, code: str, message: str) -> None:
        """Add an error to a field; "" means the object itself."""
        self.errors.add_error((*self.path, name) if name else self.path, code, message)

    def _get_present(self, name: str, *, required: bool) -> Any:
        value = self._data.get(name)
        if value is None and required:
            self.add_error(name, "BASE_TYPE_REQUIRED", "This field is required")
        return value

    def text(
        self, name: str, *, low: int = 0, high: int | None = None, required: bool = False
    ) -> str | None:
        """Return a string of ``low`` to ``high`` characters."""
        value = self._get_present(name, required=required)
        if value is None:
            return None
        if not isinstance(value, str):
            self.add_error(name, "STRING_TYPE_CONVERT", "Could not interpret value as string.")
            return None
        if required and low and not value:
            self.add_error(name, "BASE_TYPE_REQUIRED", "This field is required")
            return None
        return value if self._length_fits(name, len(value), low, high) else None

    def _length_fits(self, name: str, length: int, low: int, high: int | None) -> bool:
        if low <= length and (high is None or length <= high):
            return True
        if high is None:
            self.add_error(name, "BASE_TYPE_MIN_LENGTH", f"Must be {low} or more in length.")
        elif low:
            self.add_error(
                name, "BASE_TYPE_BAD_LENGTH", f"Must be between {low} and {high} in length."
            )
        else:
            self.add_error(name, "BASE_TYPE_MAX_LENGTH", f"Must be {high} or fewer in length.")
        return False

    def integer(
        self,
        name: str,
        *,
        low: int | None = None,
        high: int | None = None,
        required: bool = False,
    ) -> int | None:
        """Return a whole number of ``low`` to ``high``."""
        value = self._get_present(name, required=required)
        if value is None:
            return None
        if isinstance(value, str) and value.lstrip("-").isdecimal():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            self.add_error(name, "NUMBER_TYPE_COERCE", f'Value "{value}" is not int.')
            return None
        if low is not None and value < low:
            self.add_error(
                name, "NUMBER_TYPE_MIN", f"int value should be greater than or equal to {low}."
            )
            return None
        if high is not None and value > high:
            self.add_error(
                name, "NUMBER_TYPE_MAX", f"int value should be less than or equal to {high}."
            )
            return None
        return value

    def number(self, name: str) -> float | None:
        """Any number."""
        value = self._data.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.add_error(name, "NUMBER_TYPE_COERCE", f'Value "{value}" is not float.')
            return None
        return float(value)

    def boolean(self, name: str, *, default: bool = False) -> bool:
        """True or false; absent, null or wrong is ``default``."""
        value = self._data.get(name)
        if value is None:
            return default
        if not isinstance(value, bool):
            self.add_error(name, "BOOLEAN_TYPE_CONVERT", "Must be either true or false.")
            return default
        return value

    def snowflake(self, name: str, *, required: bool = False) -> int | None:
        """Return an id, as a string or a number."""
        value = self._get_present(name, required=required)
        if value is None:
            return None
        parsed = parse_snowflake(value)
        if parsed is None:
            self.add_error(name, "NUMBER_TYPE_COERCE", f'Value "{value}" is not snowflake.')
        return parsed

    def snowflakes(self, name: str, *, low: int = 0, high: int = 100) -> list[int] | None:
        """Return a list of unique ids."""
        values = self.items(name, low=low, high=high)
        if values is None:
            return None
        ids: list[int] = []
        for index, value in enumerate(values):
            parsed = parse_snowflake(value)
            if parsed is None:
                self.errors.add_error(
                    (*self.path, name, index),
                    "NUMBER_TYPE_COERCE",
                    f'Value "{value}" is not snowflake.',
                )
            elif parsed in ids:
                self.add_error(name, "SET_TYPE_CONTAINS_DUPLICATES", "The set contains duplicates.")
            else:
                ids.append(parsed)
        return ids

    def one_of(self, name: str, values: Collection[Any], *, required: bool = False) -> Any:
        """Return a value if it is one of ``values``."""
        value = self._get_present(name, required=required)
        if value is None:
            return None
        if isinstance(value, bool) != all(isinstance(known, bool) for known in values) or (
            value not in values
        ):
            self.add_error(name, "BASE_TYPE_CHOICES", describe_choices(values))
            return None
        return value

    def items(
        self, name: str, *, low: int = 0, high: int | None = None, required: bool = False
    ) -> list[Any] | None:
        """Return a list of ``low`` to ``high`` items of any kind."""
        value = self._get_present(name, required=required)
        if value is None:
            return None
        if not isinstance(value, list):
            self.add_error(name, "LIST_TYPE_CONVERT", "Only iterables may be used in a ListType")
            return None
        return value if self._length_fits(name, len(value), low, high) else None

    def objects(
        self, name: str, *, low: int = 0, high: int | None = None, required: bool = False
    ) -> Iterator["FormFields"]:
        """Return the objects of a list, each with its own path."""
        for index, item in enumerate(self.items(name, low=low, high=high, required=required) or []):
            yield FormFields(item, self.errors, (*self.path, name, index))

    def child_object(self, name: str, *, required: bool = False) -> "FormFields | None":
        """Return an object inside the object."""
        value = self._get_present(name, required=required)
        if value is None:
            return None
        return FormFields(value, self.errors, (*self.path, name))

    def field_names(self) -> list[str]:
        """Return the names of the fields."""
        return list(self._data)


def parse_snowflake(value: object) -> int | None:
    """Return an id from a string or number; None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and value.isdecimal() and value.isascii():
        value = int(value)
    if isinstance(value, int) and 0 <= value <= _MAX_SNOWFLAKE:
        return value
    return None
