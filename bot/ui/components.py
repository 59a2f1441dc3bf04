"""Buttons and menus that still work after restarts.

discord.py rebuilds them from their custom id, and the `InteractionRouter` finds the handler.

discord.py unregisters a dynamic item for the whole process in two cases: when a view that also has
ordinary buttons ends, and when a sent view is edited. So views contain only these items and link
buttons, never time out, and are built anew for every message and every edit.
"""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, Self, cast

import discord
from discord import ui

from bot.domain.billing.money import Micros
from bot.domain.clips.history_query import PageRequest
from bot.i18n.catalogs import translate
from bot.i18n.formatting import format_money
from bot.ui.custom_ids import (
    ACTION_PATTERN,
    MENU_PATTERN,
    PAGE_PATTERN,
    ButtonAction,
    SetupSetting,
    build_custom_id,
    build_menu_custom_id,
    build_page_custom_id,
    parse_button_number,
    parse_page_request,
    parse_shown_price,
)
from bot.ui.router import InteractionRouter, RoutingClient

ACCENT_COLOR: Final = 0x4F7CAC
_MAX_SECTIONS: Final = 15
_MAX_SECTIONS_LENGTH: Final = 3800
"""Discord allows 40 components and 4,000 characters in a message."""
_ICONS: Final[Mapping[str, str]] = {
    ButtonAction.EXTEND: "⏩",
    ButtonAction.EXTEND_BY_REPLY: "⏩",
    ButtonAction.EDIT: "🪄",
    ButtonAction.EDIT_BY_REPLY: "🪄",
    ButtonAction.REDO: "🔁",
    ButtonAction.RETRY: "🔁",
    ButtonAction.REWORD: "💬",
    ButtonAction.REWRITE: "💬",
    ButtonAction.FULL_HD: "✨",
    ButtonAction.ULTRA_HD: "✨",
    ButtonAction.TAKES: "🎬",
    ButtonAction.MORE_TAKES: "🎬",
    ButtonAction.UPRIGHT: "📱",
    ButtonAction.WIDE: "🖥️",
    ButtonAction.SHOWCASE: "🏆",
    ButtonAction.DETAILS: "🔎",
    ButtonAction.DELETE: "🗑️",
    ButtonAction.CANCEL: "⏹️",
    ButtonAction.QUESTION_CANCEL: "⏹️",
    ButtonAction.UNDO: "↩️",
    ButtonAction.OTHER_MODEL: "🎛️",
    ButtonAction.RANKING: "🏅",
    ButtonAction.WITHDRAW: "📤",
    ButtonAction.ASK_REPORT: "🚩",
    ButtonAction.REPORT: "🚩",
    ButtonAction.SETUP: "⚙️",
}
"""Shown before the label. What only answers a question has none."""
_SelectMenu = (
    ui.Select[ui.LayoutView] | ui.ChannelSelect[ui.LayoutView] | ui.RoleSelect[ui.LayoutView]
)


class ActionButton(ui.DynamicItem[ui.Button[ui.LayoutView]], template=ACTION_PATTERN):
    """A button with the custom id ``clapper:ACTION:NUMBER``, and ``@PRICE`` if it shows a price."""

    def __init__(
        self,
        action: ButtonAction | str,
        number: int,
        *,
        label: str,
        primary: bool = False,
        danger: bool = False,
        price: Micros | None = None,
    ) -> None:
        style = discord.ButtonStyle.secondary
        if primary or danger:
            style = discord.ButtonStyle.primary if primary else discord.ButtonStyle.danger
        button: ui.Button[ui.LayoutView] = ui.Button(
            label=label,
            emoji=_ICONS.get(str(action)),
            style=style,
            custom_id=build_custom_id(action, number, price),
        )
        super().__init__(button)
        self.action = str(action)
        self.number = number

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction, item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        return cls(
            match["action"],
            int(match["number"]),
            label=getattr(item, "label", None) or "…",
            price=parse_shown_price(match[0]),
        )

    async def callback(self, interaction: discord.Interaction) -> None:
        await _route(
            interaction, lambda router: router.press_button(interaction, self.action, self.number)
        )


class PageButton(ui.DynamicItem[ui.Button[ui.View]], template=PAGE_PATTERN):
    def __init__(self, page_request: PageRequest, *, label: str) -> None:
        super().__init__(ui.Button(label=label, custom_id=build_page_custom_id(page_request)))
        self.page_request = page_request

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction, item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        return cls(parse_page_request(match), label=getattr(item, "label", None) or "…")

    async def callback(self, interaction: discord.Interaction) -> None:
        await _route(interaction, lambda router: router.turn_page(interaction, self.page_request))


class SettingMenu(ui.DynamicItem[Any], template=MENU_PATTERN):
    """A menu with the name of its setting in its custom id."""

    def __init__(self, menu: _SelectMenu) -> None:
        super().__init__(menu)

    @classmethod
    def from_options(cls, setting: SetupSetting, options: Sequence[discord.SelectOption]) -> Self:
        return cls(ui.Select(custom_id=build_menu_custom_id(setting), options=list(options)))

    @classmethod
    def from_channels(
        cls,
        setting: SetupSetting,
        *,
        channel_types: Sequence[discord.ChannelType],
        selected_ids: Sequence[int],
        maximum: int,
        placeholder: str,
    ) -> Self:
        """Return a menu of a server's channels that selects 0 to ``maximum`` of them."""
        defaults = [
            discord.SelectDefaultValue(id=selected_id, type=discord.SelectDefaultValueType.channel)
            for selected_id in selected_ids[:maximum]
        ]
        return cls(
            ui.ChannelSelect(
                custom_id=build_menu_custom_id(setting),
                channel_types=list(channel_types),
                placeholder=placeholder,
                min_values=0,
                max_values=maximum,
                default_values=defaults,
            )
        )

    @classmethod
    def from_roles(
        cls, setting: SetupSetting, *, selected_id: int | None, placeholder: str
    ) -> Self:
        """Return a menu of a server's roles that selects one, or none."""
        kind = discord.SelectDefaultValueType.role
        return cls(
            ui.RoleSelect(
                custom_id=build_menu_custom_id(setting),
                placeholder=placeholder,
                min_values=0,
                default_values=[]
                if selected_id is None
                else [discord.SelectDefaultValue(id=selected_id, type=kind)],
            )
        )

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction, item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        return cls(cast(_SelectMenu, item))

    async def callback(self, interaction: discord.Interaction) -> None:
        data = cast(dict[str, Any], interaction.data or {})
        values = [str(value) for value in data.get("values", [])]
        match = MENU_PATTERN.fullmatch(self.custom_id)
        assert match is not None
        await _route(
            interaction, lambda router: router.select(interaction, match["setting"], values)
        )


def build_button(
    action: ButtonAction,
    number: int,
    locale: str | None,
    *,
    key: str | None = None,
    primary: bool = False,
    danger: bool = False,
    price: Micros | None = None,
    **values: object,
) -> ActionButton:
    """Return a button with the text ``button.KEY``. By default, ``key`` is the action.

    The ``price`` is shown after the text and stored in the custom id.
    """
    label = translate(f"button.{key or action}", locale, **values)
    label = label if price is None else f"{label} · {format_money(price, locale)}"
    return ActionButton(action, number, label=label, primary=primary, danger=danger, price=price)


def build_action_row(*buttons: ui.Item[Any]) -> ui.ActionRow[Any]:
    """Return a row of up to five buttons, or of one menu."""
    return ui.ActionRow(*buttons)


def build_view(*items: ui.Item[Any]) -> ui.LayoutView:
    """Return a message of ``items`` that never times out."""
    view = ui.LayoutView(timeout=None)
    for item in items:
        view.add_item(item)
    return view


def build_text_view(text: str, *buttons: ActionButton) -> ui.LayoutView:
    rows = [build_action_row(*buttons)] if buttons else []
    return build_view(ui.TextDisplay(text), *rows)


def build_section_views(sections: Sequence[str], *buttons: ActionButton) -> list[ui.LayoutView]:
    """Return messages of ``sections`` with a line between two; the last one has the ``buttons``."""
    pages: list[list[str]] = [[]]
    for section in sections:
        is_full = sum(map(len, pages[-1])) + len(section) > _MAX_SECTIONS_LENGTH
        if pages[-1] and (is_full or len(pages[-1]) == _MAX_SECTIONS):
            pages.append([])
        pages[-1].append(section)
    views = []
    for number, page in enumerate(pages, start=1):
        container: ui.Container[ui.LayoutView] = ui.Container(accent_color=ACCENT_COLOR)
        for index, section in enumerate(page):
            if index:
                container.add_item(ui.Separator())
            container.add_item(ui.TextDisplay(section))
        if buttons and number == len(pages):
            container.add_item(build_action_row(*buttons))
        views.append(build_view(container))
    return views


def find_button_numbers(message: discord.Message, action: ButtonAction) -> list[int]:
    """Return the numbers of a message's buttons for ``action``, from top to bottom."""
    view = ui.LayoutView.from_message(message, timeout=None)
    numbers = [
        parse_button_number(item.custom_id, action)
        for item in view.walk_children()
        if isinstance(item, ui.Button) and item.custom_id is not None
    ]
    return [number for number in numbers if number is not None]


def find_button_number(message: discord.Message, action: ButtonAction) -> int | None:
    return next(iter(find_button_numbers(message, action)), None)


async def _route(
    interaction: discord.Interaction, run: Callable[[InteractionRouter], Awaitable[None]]
) -> None:
    """Run a handler and tell the member about any error. discord.py would only log it."""
    client = cast(RoutingClient, interaction.client)
    try:
        await run(client.router)
    except Exception as error:
        await client.respond_with_error(interaction, error)
