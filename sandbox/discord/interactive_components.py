"""Reads and checks buttons and selects, which are the same in messages and modals.

Rules: https://docs.discord.com/developers/components/reference
"""

from collections.abc import Callable

from sandbox.discord.entities import Json
from sandbox.discord.form_fields import FormFields

_STRING_SELECT = 3
_CHANNEL_SELECT = 8
_LINK_STYLE, _PREMIUM_STYLE = 5, 6


class InteractiveComponentReader:
    """Reads buttons and selects; ids must be unique within one message or modal."""

    def __init__(self) -> None:
        self._custom_ids: set[str] = set()
        self._used_ids: set[int] = set()

    def read_id(self, fields: FormFields) -> int:
        """Return the component's numeric id, or 0 if Discord should assign one."""
        number = fields.integer("id", low=0, high=2**31 - 1) or 0
        if number and number in self._used_ids:
            fields.add_error("id", "COMPONENT_ID_DUPLICATED", "Component id cannot be duplicated")
        self._used_ids.add(number)
        return number

    def assign_ids(self, components: list[Json], walk: Callable[[list[Json]], list[Json]]) -> None:
        """Assign the next free numeric ids to components without one."""
        following = 1
        for component in walk(components):
            if not component.get("id"):
                while following in self._used_ids:
                    following += 1
                component["id"] = following
                self._used_ids.add(following)

    def read_custom_id(self, fields: FormFields) -> str:
        """Return a required, unique custom id of 1 to 100 characters."""
        custom_id = fields.text("custom_id", low=1, high=100, required=True) or ""
        if custom_id and custom_id in self._custom_ids:
            fields.add_error(
                "custom_id",
                "COMPONENT_CUSTOM_ID_DUPLICATED",
                "Component custom id cannot be duplicated",
            )
        self._custom_ids.add(custom_id)
        return custom_id

    def read_button(self, fields: FormFields) -> Json:
        style = fields.one_of("style", [1, 2, 3, 4, 5, 6], required=True)
        label = fields.text("label", high=80)
        emoji = read_emoji(fields)
        body: Json = {"style": style, "disabled": fields.boolean("disabled")}
        if label:
            body["label"] = label
        if emoji:
            body["emoji"] = emoji
        if style == _PREMIUM_STYLE:
            sku = fields.snowflake("sku_id", required=True)
            return body | {"sku_id": str(sku)}
        if not label and not emoji:
            fields.add_error(
                "", "BUTTON_COMPONENT_LABEL_REQUIRED", "A button needs a label or an emoji"
            )
        if style == _LINK_STYLE:
            return body | {"url": self._read_link(fields)}
        if fields.raw_value("url"):
            fields.add_error(
                "url", "BUTTON_COMPONENT_URL_NOT_ALLOWED", "Only link buttons can have a url"
            )
        return body | {"custom_id": self.read_custom_id(fields)}

    def _read_link(self, fields: FormFields) -> str:
        url = fields.text("url", low=1, high=512, required=True) or ""
        if url and not url.startswith(("http://", "https://", "discord://")):
            fields.add_error(
                "url",
                "URL_TYPE_INVALID_SCHEME",
                f'Scheme "{url.split(":", 1)[0]}" is not supported. '
                "Scheme must be one of ('http', 'https', 'discord').",
            )
        if fields.raw_value("custom_id"):
            fields.add_error(
                "custom_id",
                "BUTTON_COMPONENT_CUSTOM_ID_NOT_ALLOWED",
                "A custom id and url cannot both be specified",
            )
        return url

    def read_select(self, fields: FormFields) -> Json:
        """Return a select menu of any kind."""
        kind = fields.raw_value("type")
        low, high = read_value_bounds(fields, 25, default_low=1)
        body: Json = {
            "custom_id": self.read_custom_id(fields),
            "min_values": low,
            "max_values": high,
            "disabled": fields.boolean("disabled"),
        }
        if (placeholder := fields.text("placeholder", high=150)) is not None:
            body["placeholder"] = placeholder
        if kind != _STRING_SELECT:
            return body | self._read_default_values(fields, kind)
        options = read_options(fields, low=1, high=25)
        body["options"] = options
        if options and low > len(options):
            fields.add_error(
                "min_values",
                "SELECT_COMPONENT_MIN_VALUES_TOO_LARGE",
                f"min_values must be equal to or less than {len(options)}.",
            )
        if options and fields.raw_value("max_values") is not None and high > len(options):
            fields.add_error(
                "max_values",
                "SELECT_COMPONENT_MAX_VALUES_TOO_LARGE",
                f"max_values must be equal to or less than {len(options)}.",
            )
        if sum(bool(o.get("default")) for o in options) > high:
            fields.add_error(
                "options",
                "SELECT_COMPONENT_TOO_MANY_DEFAULT_VALUES",
                "More options are selected by default than max_values allows",
            )
        return body

    def _read_default_values(self, fields: FormFields, kind: int) -> Json:
        body: Json = {}
        if kind == _CHANNEL_SELECT and fields.raw_value("channel_types") is not None:
            body["channel_types"] = fields.items("channel_types") or []
        defaults = [
            {
                "id": str(item.snowflake("id", required=True)),
                "type": item.one_of("type", ["user", "role", "channel"], required=True),
            }
            for item in fields.objects("default_values", high=25)
        ]
        if defaults:
            body["default_values"] = defaults
        return body


def read_value_bounds(fields: FormFields, high: int, *, default_low: int) -> tuple[int, int]:
    """``min_values`` and ``max_values``."""
    minimum = fields.integer("min_values", low=0, high=high)
    maximum = fields.integer("max_values", low=1, high=high)
    minimum = default_low if minimum is None else minimum
    maximum = 1 if maximum is None else maximum
    if minimum > maximum:
        fields.add_error(
            "min_values", "NUMBER_TYPE_MAX", "min_values must be less than or equal to max_values."
        )
    return minimum, maximum


def read_options(fields: FormFields, *, low: int, high: int) -> list[Json]:
    """Return the options of a select, radio group or checkbox group, with unique values."""
    options: list[Json] = []
    for item in fields.objects("options", low=low, high=high, required=True):
        option: Json = {
            "label": item.text("label", low=1, high=100, required=True) or "",
            "value": item.text("value", low=1, high=100, required=True) or "",
        }
        if description := item.text("description", high=100):
            option["description"] = description
        if emoji := read_emoji(item):
            option["emoji"] = emoji
        if item.boolean("default"):
            option["default"] = True
        if any(option["value"] == other["value"] for other in options):
            item.add_error(
                "value",
                "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED",
                "The specified option value is already used",
            )
        options.append(option)
    return options


def read_emoji(fields: FormFields) -> Json | None:
    """Return the emoji of a button or option: a custom one's id or a unicode emoji."""
    emoji = fields.child_object("emoji")
    if emoji is None:
        return None
    emoji_id = emoji.snowflake("id")
    name = emoji.text("name", high=32)
    if emoji_id is None and not is_unicode_emoji(name or ""):
        emoji.add_error("name", "COMPONENT_INVALID_EMOJI", "Invalid emoji")
    body: Json = {"name": name or ""}
    if emoji_id is not None:
        body |= {"id": str(emoji_id), "animated": emoji.boolean("animated")}
    return body


def is_unicode_emoji(name: str) -> bool:
    """Whether a name can be a unicode emoji: not empty and not plain text."""
    keycap = name.endswith("\u20e3") and len(name) <= 3
    return bool(name) and len(name) <= 32 and (keycap or all(ord(c) > 0xA8 for c in name))
