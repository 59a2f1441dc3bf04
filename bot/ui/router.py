"""Finds the handler of a button, menu, page button or form by its custom id.

The cogs register their handlers at the start. discord.py's own handlers belong to view objects,
which are lost when the process ends.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, Final, Protocol, TypeVar, cast

import discord

from bot.domain.clips.history_query import PageRequest
from bot.domain.errors import RecordNotFound
from bot.ui.custom_ids import (
    ACTION_PATTERN,
    MAX_NUMBER,
    ButtonAction,
    FormKind,
    SetupSetting,
    is_known_format,
)

_ChoiceT = TypeVar("_ChoiceT", bound=StrEnum)
_HandlerT = TypeVar("_HandlerT")
_OUTDATED: Final = "component"
"""The reason of a `RecordNotFound` for a component of another version of the bot."""

ButtonHandler = Callable[[discord.Interaction, int], Awaitable[None]]
FormHandler = Callable[[discord.Interaction, int, Mapping[str, str]], Awaitable[None]]
MenuHandler = Callable[[discord.Interaction, Sequence[str]], Awaitable[None]]
PageHandler = Callable[[discord.Interaction, PageRequest], Awaitable[None]]


class InteractionRouter:
    """The registered handlers.

    Messages stay for months, so other versions of the bot may have sent them. A component that this
    version does not know raises `RecordNotFound`. ``check_place`` raises an error if the bot may
    not be used there.
    """

    def __init__(
        self, check_place: Callable[[discord.Interaction], None] = lambda _interaction: None
    ) -> None:
        self._check_place = check_place
        self._button_handlers: dict[ButtonAction, ButtonHandler] = {}
        self._form_handlers: dict[FormKind, FormHandler] = {}
        self._menu_handlers: dict[SetupSetting, MenuHandler] = {}
        self._page_handler: PageHandler | None = None

    def register_button(self, action: ButtonAction, handler: ButtonHandler) -> None:
        self._button_handlers[action] = handler

    def register_form(self, form: FormKind, handler: FormHandler) -> None:
        self._form_handlers[form] = handler

    def register_menu(self, setting: SetupSetting, handler: MenuHandler) -> None:
        self._menu_handlers[setting] = handler

    def register_pager(self, handler: PageHandler) -> None:
        self._page_handler = handler

    async def select(
        self, interaction: discord.Interaction, setting: str, values: Sequence[str]
    ) -> None:
        self._check_place(interaction)
        handler = _find_handler(self._menu_handlers, SetupSetting, setting)
        await handler(interaction, values)

    async def turn_page(self, interaction: discord.Interaction, page_request: PageRequest) -> None:
        self._check_place(interaction)
        if self._page_handler is None:
            raise RecordNotFound(_OUTDATED)
        await self._page_handler(interaction, page_request)

    async def press_button(
        self, interaction: discord.Interaction, action: str, number: int
    ) -> None:
        self._check_place(interaction)
        handler = _find_handler(self._button_handlers, ButtonAction, action)
        await handler(interaction, _check_number(number))

    async def submit_form(self, interaction: discord.Interaction) -> None:
        """Run the handler of a submitted form."""
        self._check_place(interaction)
        data = cast(Mapping[str, Any], interaction.data or {})
        match = ACTION_PATTERN.fullmatch(str(data.get("custom_id", "")))
        if match is None:
            raise RecordNotFound(_OUTDATED)
        handler = _find_handler(self._form_handlers, FormKind, match["action"])
        fields = dict(_iterate_field_values(data.get("components", [])))
        await handler(interaction, _check_number(int(match["number"])), fields)


def parse_choice(kind: type[_ChoiceT], value: str) -> _ChoiceT:
    """Return a menu's chosen value. Raises `RecordNotFound` if this version does not know it."""
    try:
        return kind(value)
    except ValueError:
        raise RecordNotFound(_OUTDATED) from None


def refuse_unknown_component(custom_id: str) -> None:
    """Raise `RecordNotFound` for a button or menu that this version does not know."""
    if not is_known_format(custom_id):
        raise RecordNotFound(_OUTDATED)


def _find_handler(
    handlers: Mapping[_ChoiceT, _HandlerT], kind: type[_ChoiceT], name: str
) -> _HandlerT:
    handler = handlers.get(parse_choice(kind, name))
    if handler is None:
        raise RecordNotFound(_OUTDATED)
    return handler


def _check_number(number: int) -> int:
    if number > MAX_NUMBER:
        raise RecordNotFound(_OUTDATED)
    return number


class RoutingClient(Protocol):
    """What a button or menu needs from the client. Fakes in tests implement it too."""

    router: InteractionRouter

    async def respond_with_error(
        self, interaction: discord.Interaction, error: Exception
    ) -> None: ...


def _iterate_field_values(components: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Yield the custom id and value of every input, also inside of action rows and labels.

    Of a menu this is what is chosen, or an empty text.
    """
    for component in components:
        if "custom_id" in component and "value" in component:
            yield str(component["custom_id"]), str(component["value"])
        elif "custom_id" in component and "values" in component:
            yield str(component["custom_id"]), str(next(iter(component["values"]), ""))
        children = component.get("components", [])
        if "component" in component:
            children = [*children, component["component"]]
        yield from _iterate_field_values(children)
