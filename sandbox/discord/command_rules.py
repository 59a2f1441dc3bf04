"""Reads and checks the definition of a command.

Rules: https://docs.discord.com/developers/interactions/application-commands#application-command-object
"""

import unicodedata
from enum import IntEnum
from typing import Any

from sandbox.discord.entities import Json
from sandbox.discord.form_fields import FormFields
from sandbox.discord.locales import LOCALES
from sandbox.discord.permissions import ALL_PERMISSIONS

_MAX_TEXT_LENGTH = 8000
_MAX_INT = 2**53


class CommandKind(IntEnum):
    """Discord's command types."""

    CHAT_INPUT = 1
    USER = 2
    MESSAGE = 3


class OptionKind(IntEnum):
    """Discord's option types."""

    SUB_COMMAND = 1
    SUB_COMMAND_GROUP = 2
    STRING = 3
    INTEGER = 4
    BOOLEAN = 5
    USER = 6
    CHANNEL = 7
    ROLE = 8
    MENTIONABLE = 9
    NUMBER = 10
    ATTACHMENT = 11


COMMAND_LIMITS = {CommandKind.CHAT_INPUT: 100, CommandKind.USER: 15, CommandKind.MESSAGE: 15}
SUBCOMMAND_KINDS = (OptionKind.SUB_COMMAND, OptionKind.SUB_COMMAND_GROUP)
_CHOICE_KINDS = (OptionKind.STRING, OptionKind.INTEGER, OptionKind.NUMBER)


def read_command(fields: FormFields) -> Json:
    """Return a command's JSON, completed as Discord returns it; errors are added to the fields."""
    kind = fields.one_of("type", [int(k) for k in CommandKind]) or int(CommandKind.CHAT_INPUT)
    chat = kind == CommandKind.CHAT_INPUT
    body: Json = {
        "type": kind,
        "name": _read_name(fields, plain=not chat),
        "name_localizations": _read_localizations(fields, "name_localizations", 32, name=chat),
        "description": "",
        "description_localizations": None,
        "default_member_permissions": _read_default_permissions(fields),
        "dm_permission": fields.boolean("dm_permission", default=True),
        "contexts": _read_numbers(fields, "contexts", (0, 1, 2)),
        "integration_types": _read_numbers(fields, "integration_types", (0, 1)) or [0],
        "nsfw": fields.boolean("nsfw"),
    }
    if chat:
        body["description"] = fields.text("description", low=1, high=100, required=True) or ""
        body["description_localizations"] = _read_localizations(
            fields, "description_localizations", 100, name=False
        )
        body["options"] = _read_options(fields, depth=0)
        if _text_size(body) > _MAX_TEXT_LENGTH:
            fields.add_error(
                "",
                "APPLICATION_COMMAND_TOO_LARGE",
                f"Command exceeds maximum size ({_MAX_TEXT_LENGTH})",
            )
    else:
        if fields.raw_value("description"):
            fields.add_error(
                "description",
                "APPLICATION_COMMAND_DESCRIPTION_NOT_ALLOWED",
                "Context menu commands cannot have description",
            )
        if fields.raw_value("options"):
            fields.add_error(
                "options",
                "APPLICATION_COMMAND_OPTIONS_NOT_ALLOWED",
                "Context menu commands cannot have options",
            )
    return body


def is_command_name(name: str) -> bool:
    """Whether it has 1 to 32 lower-case letters, digits, ``-``, ``_`` and ``'`` in any script."""
    if not 1 <= len(name) <= 32 or name != name.lower():
        return False
    return all(char in "-_'" or _is_name_character(char) for char in name)


def _is_name_character(char: str) -> bool:
    category = unicodedata.category(char)
    if category[0] in "LN":
        return True
    # Devanagari and Thai need their combining marks.
    return category[0] == "M" and ("\u0900" <= char <= "\u097f" or "\u0e00" <= char <= "\u0e7f")


def _read_name(fields: FormFields, *, plain: bool) -> str:
    name = fields.text("name", low=1, high=32, required=True)
    if name is None:
        return ""
    if not plain and not is_command_name(name):
        fields.add_error("name", "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid")
    return name


def _read_localizations(fields: FormFields, field: str, high: int, *, name: bool) -> Json | None:
    texts = fields.child_object(field)
    if texts is None:
        return None
    checked: Json = {}
    for locale in texts.field_names():
        if locale not in LOCALES:
            texts.add_error(locale, "ENUM_TYPE_COERCE", f'Value "{locale}" is not a known locale.')
            continue
        text = texts.text(locale, low=1, high=high, required=True)
        if text is not None and name and not is_command_name(text):
            texts.add_error(locale, "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid")
        checked[locale] = text
    return checked


def _read_default_permissions(fields: FormFields) -> str | None:
    value = fields.integer("default_member_permissions", low=0)
    return None if value is None else str(value & ALL_PERMISSIONS.value)


def _read_numbers(fields: FormFields, name: str, known: tuple[int, ...]) -> list[int] | None:
    values = fields.items(name, low=1, high=len(known))
    if values is None:
        return None
    if any(isinstance(value, bool) or value not in known for value in values):
        fields.add_error(name, "BASE_TYPE_CHOICES", f"Value must be one of {set(known)}.")
        return None
    if len(set(values)) != len(values):
        fields.add_error(name, "SET_TYPE_CONTAINS_DUPLICATES", "The set contains duplicates.")
    return [int(value) for value in values]


def _read_options(fields: FormFields, depth: int) -> list[Json]:
    options: list[Json] = []
    optional_seen = False
    for item in fields.objects("options", high=25):
        option = _read_option(item, depth)
        if option is None:
            continue
        if option["type"] not in SUBCOMMAND_KINDS:
            if option["required"] and optional_seen:
                item.add_error(
                    "",
                    "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID",
                    "Required options must be placed before non-required options",
                )
            optional_seen = optional_seen or not option["required"]
        options.append(option)
    kinds = {option["type"] in SUBCOMMAND_KINDS for option in options}
    if len(kinds) > 1:
        fields.add_error(
            "options",
            "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID",
            "Sub-command and sub-command group option types are mutually exclusive to all "
            "other types",
        )
    _refuse_duplicate_names(fields, options)
    return options


def _refuse_duplicate_names(fields: FormFields, options: list[Json]) -> None:
    seen: set[tuple[str, str]] = set()
    for index, option in enumerate(options):
        names = {("", option["name"]), *(option["name_localizations"] or {}).items()}
        if seen & names:
            fields.errors.add_error(
                (*fields.path, "options", index, "name"),
                "APPLICATION_COMMAND_OPTIONS_NAME_ALREADY_EXISTS",
                "Option name already exists",
            )
        seen |= names


def _read_option(fields: FormFields, depth: int) -> Json | None:
    known = [int(k) for k in OptionKind]
    if depth == 1:
        known.remove(OptionKind.SUB_COMMAND_GROUP)
    kind = fields.one_of("type", known, required=True)
    option: Json = {
        "type": kind,
        "name": _read_name(fields, plain=False),
        "name_localizations": _read_localizations(fields, "name_localizations", 32, name=True),
        "description": fields.text("description", low=1, high=100, required=True) or "",
        "description_localizations": _read_localizations(
            fields, "description_localizations", 100, name=False
        ),
    }
    if kind is None:
        return None
    if kind in SUBCOMMAND_KINDS:
        if depth == 2 or (depth == 1 and kind != OptionKind.SUB_COMMAND):
            fields.add_error(
                "type", "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", "Too deeply nested"
            )
            return None
        option["options"] = _read_options(fields, depth + (1 if kind == 2 else 2))
        if kind == OptionKind.SUB_COMMAND_GROUP and any(
            child["type"] != OptionKind.SUB_COMMAND for child in option["options"]
        ):
            fields.add_error(
                "options",
                "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID",
                "A group can only hold sub-commands",
            )
        return option
    option["required"] = fields.boolean("required")
    _read_value_rules(fields, option)
    return option


def _read_value_rules(fields: FormFields, option: Json) -> None:
    kind = option["type"]
    if choices := _read_choices(fields, kind):
        option["choices"] = choices
    if fields.boolean("autocomplete"):
        if kind not in _CHOICE_KINDS or choices:
            fields.add_error(
                "autocomplete",
                "APPLICATION_COMMAND_AUTOCOMPLETE_INVALID",
                "Autocomplete cannot be combined with choices or this option type",
            )
        option["autocomplete"] = True
    if kind == OptionKind.CHANNEL and fields.raw_value("channel_types") is not None:
        option["channel_types"] = fields.items("channel_types") or []
    bounds: tuple[str, str, Any, Any] | None = None
    if kind == OptionKind.STRING:
        bounds = (
            "min_length",
            "max_length",
            fields.integer("min_length", low=0, high=6000),
            fields.integer("max_length", low=1, high=6000),
        )
    elif kind == OptionKind.INTEGER:
        bounds = (
            "min_value",
            "max_value",
            fields.integer("min_value", low=-_MAX_INT, high=_MAX_INT),
            fields.integer("max_value", low=-_MAX_INT, high=_MAX_INT),
        )
    elif kind == OptionKind.NUMBER:
        bounds = (
            "min_value",
            "max_value",
            fields.number("min_value"),
            fields.number("max_value"),
        )
    if bounds is None:
        return
    low_name, high_name, low, high = bounds
    if low is not None and high is not None and low > high:
        fields.add_error(low_name, "NUMBER_TYPE_MAX", f"{low_name} must not exceed {high_name}.")
    option |= {k: v for k, v in ((low_name, low), (high_name, high)) if v is not None}


def _read_choices(fields: FormFields, kind: int) -> list[Json]:
    choices: list[Json] = []
    for item in fields.objects("choices", high=25):
        choice: Json = {
            "name": item.text("name", low=1, high=100, required=True),
            "name_localizations": _read_localizations(item, "name_localizations", 100, name=False),
            "value": _read_choice_value(item, kind),
        }
        for key in ("name", "value"):
            if choice[key] is not None and any(choice[key] == c[key] for c in choices):
                item.add_error(
                    key,
                    "APPLICATION_COMMAND_OPTIONS_CHOICE_"
                    + ("NAME" if key == "name" else "VALUE")
                    + "_ALREADY_EXISTS",
                    f"Option choice {key} already exists",
                )
        choices.append(choice)
    if choices and kind not in _CHOICE_KINDS:
        fields.add_error(
            "choices",
            "APPLICATION_COMMAND_OPTIONS_CHOICES_INVALID",
            "This option type cannot have choices",
        )
    return choices


def _read_choice_value(fields: FormFields, kind: int) -> str | int | float | None:
    if kind == OptionKind.INTEGER:
        return fields.integer("value", low=-_MAX_INT, high=_MAX_INT, required=True)
    if kind == OptionKind.NUMBER:
        if fields.raw_value("value") is None:
            fields.add_error("value", "BASE_TYPE_REQUIRED", "This field is required")
        return fields.number("value")
    return fields.text("value", low=1, high=100, required=True)


def _text_size(body: Json) -> int:
    """Count the characters of names, descriptions and values in the longest localization."""
    size = 0
    for field in ("name", "description"):
        texts = [body.get(field), *(body.get(f"{field}_localizations") or {}).values()]
        size += max(len(text or "") for text in texts)
    if isinstance(body.get("value"), str):
        size += len(body["value"])
    for part in (*(body.get("options") or []), *(body.get("choices") or [])):
        size += _text_size(part)
    return size
