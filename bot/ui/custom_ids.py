"""Buttons and forms that work for ever: their custom ids say everything.

Cards are built by `bot.ui.clip_card` and posted by whichever process finished the job; they are pressed
months later, after any number of restarts. So a button carries only an action and a number, is
rebuilt from the message at each press, and looks its handler up in a `Presses` table that the cogs
fill at start. Forms (modals) work the same way: discord.py would forget them with the process.

There are few classes of such items on purpose (page buttons and menus stand in `bot.ui.components`).
discord.py unregisters a dynamic item for the whole process when a view that mixes it with ordinary
buttons ends, and when a sent view is edited: views here hold nothing but such items and link
buttons, never time out, and are built anew for every message and every edit.
"""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final, Protocol, Self, cast

import discord
from discord import ui

from bot.domain.clips.history_query import PageRequest

CUSTOM_ID_PREFIX: Final = "clapper"
_CUSTOM_ID_PATTERN: Final = re.compile(
    rf"{CUSTOM_ID_PREFIX}:(?P<action>[a-z_]+):(?P<number>\d{{1,20}})"
)


class ButtonAction(StrEnum):
    """What a button asks for; the number beside it is a clip's, a job's or an offer's."""

    EXTEND = "extend"
    """number: clip"""
    REDO = "redo"
    """number: job"""
    EDIT = "edit"
    """number: job"""
    DETAILS = "details"
    """number: job"""
    DELETE = "delete"
    """number: job"""
    CANCEL = "cancel"
    """number: job"""
    RETRY = "retry"
    """number: job"""
    ACCEPT = "accept"
    """number: offer"""
    DECLINE = "decline"
    """number: offer"""
    ANIMATE = "animate"
    """number: draft"""
    SHOWCASE = "showcase"
    """number: clip"""
    WITHDRAW = "withdraw"
    """number: exhibit"""
    RANKING = "ranking"
    """number: digest"""
    ERASE_MEMBER = "forget"
    """number: the member who asks for it"""
    CHECK_PERMISSIONS = "check"
    """number: none, 0; tests the bot's permissions"""


class FormKind(StrEnum):
    """A modal; the number beside it is a clip's or a job's."""

    EXTEND = "extend_form"
    EDIT = "edit_form"
    ANIMATE = "animate_form"


ButtonHandler = Callable[[discord.Interaction, int], Awaitable[None]]
FormHandler = Callable[[discord.Interaction, int, Mapping[str, str]], Awaitable[None]]
MenuHandler = Callable[[discord.Interaction, Sequence[str]], Awaitable[None]]
PageHandler = Callable[[discord.Interaction, PageRequest], Awaitable[None]]


class SetupSetting(StrEnum):
    """What a menu of `/server setup` chooses."""

    CHANNELS = "channels"
    PEOPLE = "people"
    QUOTA = "quota"
    SHOWCASE = "showcase"
    LANGUAGE = "language"


class InteractionRouter:
    """Which handler answers which button, which menu and which form."""

    def __init__(self) -> None:
        self._button_handlers: dict[ButtonAction, ButtonHandler] = {}
        self._form_handlers: dict[FormKind, FormHandler] = {}
        self._menu_handlers: dict[SetupSetting, MenuHandler] = {}
        self._page_handler: PageHandler | None = None

    def register_button(self, action: ButtonAction, handler: ButtonHandler) -> None:
        """Let ``handler`` answer the buttons of ``action``."""
        self._button_handlers[action] = handler

    def register_form(self, form: FormKind, handler: FormHandler) -> None:
        """Let ``handler`` answer the forms of kind ``form``."""
        self._form_handlers[form] = handler

    def register_menu(self, setting: SetupSetting, handler: MenuHandler) -> None:
        """Let ``handler`` answer the menu that chooses ``setting``."""
        self._menu_handlers[setting] = handler

    def register_pager(self, handler: PageHandler) -> None:
        """Let ``handler`` answer the buttons that turn the pages of a history."""
        self._page_handler = handler

    async def select(
        self, interaction: discord.Interaction, setting: str, values: Sequence[str]
    ) -> None:
        """Run the handler of a menu. Raises `LookupError` where there is none."""
        await self._menu_handlers[SetupSetting(setting)](interaction, values)

    async def turn_page(self, interaction: discord.Interaction, page_request: PageRequest) -> None:
        """Run the handler of the pages. Raises `LookupError` where there is none."""
        if self._page_handler is None:
            raise LookupError("nobody turns pages")
        await self._page_handler(interaction, page_request)

    async def press_button(
        self, interaction: discord.Interaction, action: str, number: int
    ) -> None:
        """Run the handler of a pressed button. Raises `LookupError` where there is none."""
        await self._button_handlers[ButtonAction(action)](interaction, number)

    async def submit_form(self, interaction: discord.Interaction) -> bool:
        """Run the handler of a submitted form; ``False`` where the form is none of ours."""
        data = cast(Mapping[str, Any], interaction.data or {})
        match = _CUSTOM_ID_PATTERN.fullmatch(str(data.get("custom_id", "")))
        if match is None or match["action"] not in frozenset(FormKind):
            return False
        fields = dict(_collect_field_values(data.get("components", [])))
        await self._form_handlers[FormKind(match["action"])](
            interaction, int(match["number"]), fields
        )
        return True


class RoutingClient(Protocol):
    """What a button needs of the client that it was pressed on."""

    router: InteractionRouter

    async def respond_with_error(self, interaction: discord.Interaction, fault: Exception) -> None:
        """Tell the person who pressed what went wrong."""
        ...


class ActionButton(ui.DynamicItem[ui.Button[ui.LayoutView]], template=_CUSTOM_ID_PATTERN):
    """A button whose custom id is ``clapper:ACTION:NUMBER``."""

    def __init__(
        self,
        action: ButtonAction | str,
        number: int,
        *,
        label: str | None = None,
        emoji: str | None = None,
        primary: bool = False,
        danger: bool = False,
    ) -> None:
        style = discord.ButtonStyle.secondary
        if primary or danger:
            style = discord.ButtonStyle.primary if primary else discord.ButtonStyle.danger
        button: ui.Button[ui.LayoutView] = ui.Button(
            label=label, emoji=emoji, style=style, custom_id=build_custom_id(action, number)
        )
        super().__init__(button)
        self.action = str(action)
        self.number = number

    @classmethod
    async def from_custom_id(
        cls, interaction: discord.Interaction, item: ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        """Rebuild the button from the pressed one; nothing is looked up here."""
        return cls(match["action"], int(match["number"]), label=getattr(item, "label", None) or "…")

    async def callback(self, interaction: discord.Interaction) -> None:
        """Hand the press to the handler that a cog has registered."""
        desk = cast(RoutingClient, interaction.client)
        try:
            await desk.router.press_button(interaction, self.action, self.number)
        except Exception as fault:  # discord.py would only log it: the person must hear of it
            await desk.respond_with_error(interaction, fault)


def build_custom_id(action: ButtonAction | FormKind | str, number: int) -> str:
    """Return the custom id of a button or form."""
    return f"{CUSTOM_ID_PREFIX}:{action}:{number}"


def parse_button_number(custom_id: str, action: ButtonAction) -> int | None:
    """Return the number in a custom id of ``action``; ``None`` where it is another's."""
    match = _CUSTOM_ID_PATTERN.fullmatch(custom_id)
    return int(match["number"]) if match and match["action"] == action else None


def find_button_numbers(message: discord.Message, action: ButtonAction) -> list[int]:
    """Return the numbers on a message's buttons for ``action``, from the top."""
    view = ui.LayoutView.from_message(message, timeout=None)
    found = [
        parse_button_number(item.custom_id, action)
        for item in view.walk_children()
        if isinstance(item, ui.Button) and item.custom_id is not None
    ]
    return [number for number in found if number is not None]


def find_button_number(message: discord.Message, action: ButtonAction) -> int | None:
    """Return the number on a message's first button for ``action``; ``None`` without one."""
    return next(iter(find_button_numbers(message, action)), None)


def _collect_field_values(components: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Collect custom id and value of every input, below rows and labels."""
    found: list[tuple[str, str]] = []
    for component in components:
        if "value" in component and "custom_id" in component:
            found.append((str(component["custom_id"]), str(component["value"])))
        below = component.get("components", [])
        if "component" in component:
            below = [*below, component["component"]]
        found += _collect_field_values(below)
    return found
