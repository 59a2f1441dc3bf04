"""Limits of components in messages and modals, and the fields that Discord fills in."""

from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.discord.discord_harness import PING, V2, DiscordHarness, button, row, text

Json = dict[str, Any]
LINK: Json = {"type": 2, "style": 5, "label": "Go", "url": "https://example.org"}


def select(**more: Any) -> Json:
    options = [{"label": "A", "value": "a"}, {"label": "B", "value": "b"}]
    return {"type": 3, "custom_id": "pick", "options": options, **more}


@pytest.mark.parametrize(
    ("components", "path", "code"),
    [
        ([row(button(label="x" * 81))], "0.components.0.label", "BASE_TYPE_MAX_LENGTH"),
        ([row(button("x" * 101))], "0.components.0.custom_id", "BASE_TYPE_BAD_LENGTH"),
        ([row(button(""))], "0.components.0.custom_id", "BASE_TYPE_REQUIRED"),
        ([row(button() | {"custom_id": None})], "0.components.0.custom_id", "BASE_TYPE_REQUIRED"),
        ([row(button(style=7))], "0.components.0.style", "BASE_TYPE_CHOICES"),
        ([row(button(label=None))], "0.components.0", "BUTTON_COMPONENT_LABEL_REQUIRED"),
        ([row(button(url="https://x"))], "0.components.0.url", "BUTTON_COMPONENT_URL_NOT_ALLOWED"),
        (
            [row(button(emoji={"name": "smile"}))],
            "0.components.0.emoji.name",
            "COMPONENT_INVALID_EMOJI",
        ),
        ([row(LINK | {"url": None})], "0.components.0.url", "BASE_TYPE_REQUIRED"),
        ([row(LINK | {"url": "ftp://x"})], "0.components.0.url", "URL_TYPE_INVALID_SCHEME"),
        (
            [row(LINK | {"custom_id": "x"})],
            "0.components.0.custom_id",
            "BUTTON_COMPONENT_CUSTOM_ID_NOT_ALLOWED",
        ),
        ([row(*(button(str(n)) for n in range(6)))], "0.components", "BASE_TYPE_BAD_LENGTH"),
        ([row()], "0.components", "BASE_TYPE_BAD_LENGTH"),
        (
            [row(button("a"), button("a"))],
            "0.components.1.custom_id",
            "COMPONENT_CUSTOM_ID_DUPLICATED",
        ),
        (
            [row(button("a")), row(button("a"))],
            "1.components.0.custom_id",
            "COMPONENT_CUSTOM_ID_DUPLICATED",
        ),
        (
            [row(button(id=1), button("b", id=1))],
            "0.components.1.id",
            "COMPONENT_ID_DUPLICATED",
        ),
        ([row(button(), select())], "0.components.1", "COMPONENT_LAYOUT_WIDTH_EXCEEDED"),
        ([row(button(str(n))) for n in range(6)], "", "BASE_TYPE_MAX_LENGTH"),
        ([button()], "0.type", "BASE_TYPE_CHOICES"),
        ([text("needs the flag")], "0.type", "BASE_TYPE_CHOICES"),
        ([row(text("not in rows"))], "0.components.0.type", "BASE_TYPE_CHOICES"),
        ([row(select(options=[]))], "0.components.0.options", "BASE_TYPE_BAD_LENGTH"),
        (
            [row(select(options=[{"label": "A", "value": "a"}] * 2))],
            "0.components.0.options.1.value",
            "SELECT_COMPONENT_OPTION_VALUE_DUPLICATED",
        ),
        (
            [row(select(options=[{"label": "x" * 101, "value": "a"}]))],
            "0.components.0.options.0.label",
            "BASE_TYPE_BAD_LENGTH",
        ),
        (
            [row(select(options=[{"label": str(n), "value": str(n)} for n in range(26)]))],
            "0.components.0.options",
            "BASE_TYPE_BAD_LENGTH",
        ),
        (
            [row(select(placeholder="x" * 151))],
            "0.components.0.placeholder",
            "BASE_TYPE_MAX_LENGTH",
        ),
        ([row(select(min_values=2, max_values=1))], "0.components.0.min_values", "NUMBER_TYPE_MAX"),
        (
            [row(select(max_values=3))],
            "0.components.0.max_values",
            "SELECT_COMPONENT_MAX_VALUES_TOO_LARGE",
        ),
        ([row(select(min_values=26))], "0.components.0.min_values", "NUMBER_TYPE_MAX"),
    ],
)
async def test_classic_components(
    harness: DiscordHarness, components: list[Json], path: str, code: str
) -> None:
    answer = await harness.send({"content": "x", "components": components})
    answer.assert_field_error("components" + (f".{path}" if path else ""), code)


def gallery(*urls: str) -> Json:
    return {"type": 12, "items": [{"media": {"url": url}} for url in urls]}


def container(*components: Json, **more: Any) -> Json:
    return {"type": 17, "components": list(components), **more}


@pytest.mark.parametrize(
    ("components", "path", "code"),
    [
        ([text("x" * 4001)], "0.content", "BASE_TYPE_BAD_LENGTH"),
        ([text("x" * 4000), text("y")], "", "COMPONENT_DISPLAYABLE_TEXT_SIZE_EXCEEDED"),
        ([text("")], "0.content", "BASE_TYPE_REQUIRED"),
        ([text(str(n)) for n in range(41)], "", "BASE_TYPE_MAX_LENGTH"),
        (
            [container(*(text(str(n)) for n in range(40)))],
            "",
            "COMPONENT_MAX_TOTAL_COMPONENTS_EXCEEDED",
        ),
        ([container()], "0.components", "BASE_TYPE_BAD_LENGTH"),
        ([container(container(text("x")))], "0.components.0.type", "BASE_TYPE_CHOICES"),
        ([container(text("x"), accent_color=1 << 24)], "0.accent_color", "NUMBER_TYPE_MAX"),
        ([gallery()], "0.items", "BASE_TYPE_BAD_LENGTH"),
        ([gallery(*["https://example.org/a.png"] * 11)], "0.items", "BASE_TYPE_BAD_LENGTH"),
        (
            [gallery("attachment://missing.mp4")],
            "0.items.0.media.url",
            "UNFURLED_MEDIA_ITEM_REFERENCED_ATTACHMENT_NOT_FOUND",
        ),
        ([gallery("file:///etc/passwd")], "0.items.0.media.url", "URL_TYPE_INVALID_SCHEME"),
        (
            [{"type": 13, "file": {"url": "https://example.org/a.txt"}}],
            "0.file.url",
            "URL_TYPE_INVALID_SCHEME",
        ),
        ([{"type": 9, "components": [text("x")]}], "0.accessory", "BASE_TYPE_REQUIRED"),
        (
            [{"type": 9, "components": [text(str(n)) for n in range(4)], "accessory": button()}],
            "0.components",
            "BASE_TYPE_BAD_LENGTH",
        ),
        (
            [{"type": 9, "components": [text("x")], "accessory": row(button())}],
            "0.accessory.type",
            "BASE_TYPE_CHOICES",
        ),
        ([{"type": 14, "spacing": 3}], "0.spacing", "BASE_TYPE_CHOICES"),
        ([{"type": 18, "label": "x"}], "0.type", "BASE_TYPE_CHOICES"),
        (
            [container(row(button("a"))), row(button("a"))],
            "1.components.0.custom_id",
            "COMPONENT_CUSTOM_ID_DUPLICATED",
        ),
    ],
)
async def test_components_v2(
    harness: DiscordHarness, components: list[Json], path: str, code: str
) -> None:
    answer = await harness.send({"flags": V2, "components": components})
    answer.assert_field_error("components" + (f".{path}" if path else ""), code)


async def test_a_v2_card_comes_back_complete(harness: DiscordHarness) -> None:
    card = container(
        gallery("attachment://clip.png"),
        text("A **clip**"),
        {"type": 14},
        {"type": 9, "components": [text("More")], "accessory": button("details")},
        row(button("extend", id=77), LINK),
        accent_color=255,
    )
    data = Path(harness.create_image()).read_bytes()
    sent = (await harness.send({"flags": V2, "components": [card]}, files={"clip.png": data})).ok()
    assert sent["attachments"] == []
    shown = sent["components"][0]["components"]
    media = shown[0]["items"][0]["media"]
    assert (media["width"], media["height"], media["content_type"]) == (32, 18, "image/png")
    async with harness.http.get(media["url"]) as response:
        assert await response.read() == data
    ids = [c["id"] for c in shown]
    assert len(set(ids)) == len(ids)
    assert shown[4]["components"][0]["id"] == 77


async def test_v2_excludes_content_and_cannot_be_undone(harness: DiscordHarness) -> None:
    legacy = "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2"
    both = await harness.send({"flags": V2, "content": "x", "components": [text("x")]})
    both.assert_field_error("content", legacy)
    both = await harness.send({"flags": V2, "embeds": [{"title": "x"}], "components": [text("x")]})
    both.assert_field_error("embeds", legacy)
    sent = (await harness.send({"flags": V2, "components": [text("x")]})).ok()
    (await harness.edit(sent, {"content": "back"})).assert_field_error("content", legacy)
    (await harness.edit(sent, {"flags": 0})).assert_field_error(
        "flags", "MESSAGE_CANNOT_REMOVE_COMPONENTS_V2_FLAG"
    )
    (await harness.edit(sent, {"components": []})).assert_error(400, 50006)
    classic = (await harness.send({"content": "x"})).ok()
    (await harness.edit(classic, {"flags": V2, "components": [text("y")]})).assert_field_error(
        "content", legacy
    )
    body = {"flags": V2, "content": None, "components": [text("y")]}
    assert (await harness.edit(classic, body)).ok()["flags"] & V2


def modal(*components: Json, **more: Any) -> Json:
    return {"custom_id": "m", "title": "Title", "components": list(components), **more}


def label(component: Json, **more: Any) -> Json:
    return {"type": 18, "label": "Label", "component": component, **more}


def text_input(custom_id: str = "t", **more: Any) -> Json:
    return {"type": 4, "custom_id": custom_id, "style": 1, **more}


def group(kind: int, count: int = 2, **more: Any) -> Json:
    options = [{"label": str(n), "value": str(n)} for n in range(count)]
    return {"type": kind, "custom_id": "g", "options": options, **more}


@pytest.mark.parametrize(
    ("data", "path", "code"),
    [
        (modal(label(text_input()), title="x" * 46), "title", "BASE_TYPE_BAD_LENGTH"),
        (modal(label(text_input()), custom_id="x" * 101), "custom_id", "BASE_TYPE_BAD_LENGTH"),
        (modal(), "components", "BASE_TYPE_BAD_LENGTH"),
        (
            modal(*(label(text_input(str(n))) for n in range(6))),
            "components",
            "BASE_TYPE_BAD_LENGTH",
        ),
        (modal(button()), "components.0.type", "BASE_TYPE_CHOICES"),
        (modal(label(button())), "components.0.component.type", "BASE_TYPE_CHOICES"),
        (modal(label(text_input(), label="x" * 46)), "components.0.label", "BASE_TYPE_BAD_LENGTH"),
        (
            modal(label(text_input(), description="x" * 101)),
            "components.0.description",
            "BASE_TYPE_BAD_LENGTH",
        ),
        (
            modal(label(text_input(label="x"))),
            "components.0.component.label",
            "TEXT_INPUT_COMPONENT_LABEL_NOT_ALLOWED",
        ),
        (modal(row(text_input())), "components.0.components.0.label", "BASE_TYPE_REQUIRED"),
        (
            modal(row(text_input(label="x"), text_input("u", label="y"))),
            "components.0.components",
            "BASE_TYPE_BAD_LENGTH",
        ),
        (modal(label(text_input(style=3))), "components.0.component.style", "BASE_TYPE_CHOICES"),
        (
            modal(label(text_input(min_length=9, max_length=8))),
            "components.0.component.min_length",
            "NUMBER_TYPE_MAX",
        ),
        (
            modal(label(text_input(value="123456789", max_length=8))),
            "components.0.component.value",
            "BASE_TYPE_MAX_LENGTH",
        ),
        (
            modal(label(text_input(max_length=4001))),
            "components.0.component.max_length",
            "NUMBER_TYPE_MAX",
        ),
        (
            modal(label(text_input()), label(text_input())),
            "components.1.component.custom_id",
            "COMPONENT_CUSTOM_ID_DUPLICATED",
        ),
        (modal(label(group(21, 1))), "components.0.component.options", "BASE_TYPE_BAD_LENGTH"),
        (modal(label(group(22, 11))), "components.0.component.options", "BASE_TYPE_BAD_LENGTH"),
        (
            modal(label({"type": 19, "custom_id": "f", "max_values": 11})),
            "components.0.component.max_values",
            "NUMBER_TYPE_MAX",
        ),
        (
            modal(label({"type": 19, "custom_id": "f", "min_values": 0})),
            "components.0.component.required",
            "COMPONENT_REQUIRED_WITH_MIN_VALUES_ZERO",
        ),
        (
            modal(label(select(disabled=True))),
            "components.0.component.disabled",
            "COMPONENT_DISABLED_IN_MODAL",
        ),
    ],
)
async def test_modals(harness: DiscordHarness, data: Json, path: str, code: str) -> None:
    await harness.register(PING)
    interaction = await harness.command("ping")
    (await harness.respond(interaction, 9, data)).assert_field_error(f"data.{path}", code)
    (await harness.respond(interaction, 9, modal(label(text_input())))).ok()
