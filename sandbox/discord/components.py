"""Reads and checks the components of messages.

Without the flag IS_COMPONENTS_V2, a message has up to five action rows below its content. With it,
the message consists of up to 40 components with up to 4000 characters of text.

Rules: https://docs.discord.com/developers/components/reference
"""

from collections.abc import Callable, Mapping
from enum import IntEnum

from sandbox.discord.entities import Json
from sandbox.discord.form_fields import FormFields
from sandbox.discord.interactive_components import InteractiveComponentReader

MAX_COMPONENTS = 40
MAX_TEXT_LENGTH = 4000
_ATTACHMENT_SCHEME = "attachment://"
_MEDIA_SCHEMES = ("http://", "https://", _ATTACHMENT_SCHEME)


class ComponentKind(IntEnum):
    """Discord's component types."""

    ACTION_ROW = 1
    BUTTON = 2
    STRING_SELECT = 3
    TEXT_INPUT = 4
    USER_SELECT = 5
    ROLE_SELECT = 6
    MENTIONABLE_SELECT = 7
    CHANNEL_SELECT = 8
    SECTION = 9
    TEXT_DISPLAY = 10
    THUMBNAIL = 11
    MEDIA_GALLERY = 12
    FILE = 13
    SEPARATOR = 14
    CONTAINER = 17
    LABEL = 18
    FILE_UPLOAD = 19
    RADIO_GROUP = 21
    CHECKBOX_GROUP = 22
    CHECKBOX = 23


K = ComponentKind
SELECT_KINDS = (
    K.STRING_SELECT,
    K.USER_SELECT,
    K.ROLE_SELECT,
    K.MENTIONABLE_SELECT,
    K.CHANNEL_SELECT,
)
_CONTAINER_CHILDREN = (
    K.ACTION_ROW,
    K.SECTION,
    K.TEXT_DISPLAY,
    K.MEDIA_GALLERY,
    K.FILE,
    K.SEPARATOR,
)
_TOP_LEVEL_V2 = (*_CONTAINER_CHILDREN, K.CONTAINER)


def read_components(
    fields: FormFields, attachment_ids: Mapping[str, int], *, v2: bool
) -> list[Json] | None:
    """Return the ``components`` of a message body, or None if the field is absent or null.

    ``attachment_ids``: the ids of the message's files, by name.
    """
    if fields.raw_value("components") is None:
        return None
    return _ComponentReader(fields, attachment_ids, v2=v2).read()


def walk_components(components: list[Json]) -> list[Json]:
    """Return every component of a tree, outer ones first."""
    result: list[Json] = []
    for component in components:
        result.append(component)
        result += walk_components(component.get("components") or [])
        for name in ("accessory", "component"):
            if inner := component.get(name):
                result += walk_components([inner])
    return result


def find_component(components: list[Json], custom_id: str) -> Json | None:
    """Return the component with a custom id."""
    return next((c for c in walk_components(components) if c.get("custom_id") == custom_id), None)


def used_attachment_ids(components: list[Json]) -> set[int]:
    """Return the ids of the attachments that components show."""
    ids: set[int] = set()
    for component in walk_components(components):
        sources = [component.get("media"), component.get("file")]
        sources += [item["media"] for item in component.get("items", [])]
        ids |= {int(s["attachment_id"]) for s in sources if s and "attachment_id" in s}
    return ids


class _ComponentReader:
    def __init__(self, fields: FormFields, attachment_ids: Mapping[str, int], *, v2: bool) -> None:
        self._fields = fields
        self._attachment_ids = attachment_ids
        self._v2 = v2
        self._interactive_reader = InteractiveComponentReader()
        self._component_count = 0
        self._text_length = 0

    def read(self) -> list[Json]:
        if self._v2:
            components = self._read_children(
                self._fields, "components", _TOP_LEVEL_V2, high=MAX_COMPONENTS
            )
        else:
            components = self._read_children(self._fields, "components", (K.ACTION_ROW,), high=5)
        if self._component_count > MAX_COMPONENTS:
            self._fields.add_error(
                "components",
                "COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED",
                f"Total number of components exceeds the maximum of {MAX_COMPONENTS}",
            )
        if self._text_length > MAX_TEXT_LENGTH:
            self._fields.add_error(
                "components",
                "COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED",
                "Total displayable text size of components exceeds the maximum size of "
                f"{MAX_TEXT_LENGTH}",
            )
        self._interactive_reader.assign_ids(components, walk_components)
        return components

    def _read_children(
        self,
        fields: FormFields,
        name: str,
        kinds: tuple[ComponentKind, ...],
        *,
        low: int = 0,
        high: int,
    ) -> list[Json]:
        children = []
        for item in fields.objects(name, low=low, high=high, required=low > 0):
            child = self._read_component(item, kinds)
            if child is not None:
                children.append(child)
        return children

    def _read_component(self, fields: FormFields, kinds: tuple[ComponentKind, ...]) -> Json | None:
        kind = fields.one_of("type", [int(k) for k in kinds], required=True)
        if kind is None:
            return None
        self._component_count += 1
        readers: dict[int, Callable[[FormFields], Json]] = {
            K.ACTION_ROW: self._read_action_row,
            K.BUTTON: self._interactive_reader.read_button,
            K.SECTION: self._read_section,
            K.TEXT_DISPLAY: self._read_text_display,
            K.THUMBNAIL: self._read_thumbnail,
            K.MEDIA_GALLERY: self._read_gallery,
            K.FILE: self._read_file,
            K.SEPARATOR: self._read_separator,
            K.CONTAINER: self._read_container,
        }
        body = readers.get(kind, self._interactive_reader.read_select)(fields)
        return {"type": kind, "id": self._interactive_reader.read_id(fields)} | body

    def _read_action_row(self, fields: FormFields) -> Json:
        children = self._read_children(
            fields, "components", (K.BUTTON, *SELECT_KINDS), low=1, high=5
        )
        width = 0
        for index, child in enumerate(children):
            width += 1 if child["type"] == K.BUTTON else 5
            if width > 5:
                fields.errors.add_error(
                    (*fields.path, "components", index),
                    "COMPONENT_LAYOUT_WIDTH_EXCEEDED",
                    "The specified component exceeds the maximum width",
                )
        return {"components": children}

    def _read_section(self, fields: FormFields) -> Json:
        children = self._read_children(fields, "components", (K.TEXT_DISPLAY,), low=1, high=3)
        accessory = fields.child_object("accessory", required=True)
        body: Json = {"components": children}
        if accessory is not None:
            body["accessory"] = self._read_component(accessory, (K.BUTTON, K.THUMBNAIL)) or {}
        return body

    def _read_text_display(self, fields: FormFields) -> Json:
        content = fields.text("content", low=1, high=MAX_TEXT_LENGTH, required=True) or ""
        self._text_length += len(content)
        return {"content": content}

    def _read_thumbnail(self, fields: FormFields) -> Json:
        return {
            "media": self._read_media(fields, "media"),
            "description": fields.text("description", low=1, high=1024),
            "spoiler": fields.boolean("spoiler"),
        }

    def _read_gallery(self, fields: FormFields) -> Json:
        return {
            "items": [
                {
                    "media": self._read_media(item, "media"),
                    "description": item.text("description", low=1, high=1024),
                    "spoiler": item.boolean("spoiler"),
                }
                for item in fields.objects("items", low=1, high=10, required=True)
            ]
        }

    def _read_file(self, fields: FormFields) -> Json:
        return {
            "file": self._read_media(fields, "file", only_attachments=True),
            "spoiler": fields.boolean("spoiler"),
        }

    def _read_separator(self, fields: FormFields) -> Json:
        return {
            "divider": fields.boolean("divider", default=True),
            "spacing": fields.one_of("spacing", [1, 2]) or 1,
        }

    def _read_container(self, fields: FormFields) -> Json:
        return {
            "accent_color": fields.integer("accent_color", low=0, high=0xFFFFFF),
            "spoiler": fields.boolean("spoiler"),
            "components": self._read_children(
                fields, "components", _CONTAINER_CHILDREN, low=1, high=MAX_COMPONENTS
            ),
        }

    def _read_media(self, fields: FormFields, name: str, *, only_attachments: bool = False) -> Json:
        media = fields.child_object(name, required=True)
        url = media.text("url", low=1, high=2048, required=True) if media else None
        if media is None or url is None:
            return {}
        schemes = (_ATTACHMENT_SCHEME,) if only_attachments else _MEDIA_SCHEMES
        if not url.startswith(schemes):
            media.add_error(
                "url",
                "URL_TYPE_INVALID_SCHEME",
                f'Scheme "{url.split(":", 1)[0]}" is not supported. '
                f"Scheme must be one of {tuple(s.split(':')[0] for s in schemes)}.",
            )
        if not url.startswith(_ATTACHMENT_SCHEME):
            return {"url": url}
        attachment_id = self._attachment_ids.get(url.removeprefix(_ATTACHMENT_SCHEME))
        if attachment_id is None:
            media.add_error(
                "url",
                "UNFURLED_MEDIA_ITEM_REFERENCED_ATTACHMENT_NOT_FOUND",
                "The referenced attachment was not found",
            )
            return {}
        return {"attachment_id": str(attachment_id)}
