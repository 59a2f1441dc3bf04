"""Says in one line of plain words what is wrong with a setting and what it may be."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from bot.config.setting_types import NONE_IS_UNLIMITED

_REASONS: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "int_parsing": lambda _: "must be a whole number",
    "int_from_float": lambda _: "must be a whole number",
    "int_type": lambda _: "must be a whole number",
    "int_parsing_size": lambda _: "must be a smaller number",
    "float_parsing": lambda _: "must be a number",
    "finite_number": lambda _: "must be a number",
    "decimal_parsing": lambda _: "must be an amount in dollars without a sign, e.g. 4 or 4.50",
    "decimal_max_digits": lambda _: "must be a smaller amount",
    "bool_parsing": lambda _: "must be true or false",
    "bool_type": lambda _: "must be true or false",
    "greater_than": lambda limits: f"must be more than {limits['gt']:g}",
    "greater_than_equal": lambda limits: f"must be {limits['ge']:g} or more",
    "less_than_equal": lambda limits: f"must be {limits['le']:g} or less",
    "literal_error": lambda values: f"must be {values['expected']}",
    "enum": lambda values: f"must be {values['expected']}",
}
"""What to write for pydantic's kinds of errors; its own words are good enough for others."""


def describe_field(settings: type[BaseModel], name: str) -> str:
    return " ".join((settings.model_fields[name].description or "").split())


def format_setting_error(error: ErrorDetails, settings: type[BaseModel]) -> str:
    if not error["loc"]:
        return error["msg"]
    field = str(error["loc"][0]).lower()
    name = field.upper()
    description = describe_field(settings, field)
    if error["type"] == "missing":
        return f"{name} is missing: set it in the environment or in .env. {description}"
    reason = _REASONS.get(error["type"])
    message = error["msg"] if reason is None else reason(error.get("ctx", {}))
    message = message.removeprefix("Input ").removeprefix("Value ").removeprefix("String ")
    if NONE_IS_UNLIMITED in settings.model_fields[field].metadata:
        message += ", or none"
    return f"{name} is malformed: it {message}. {description}"
