"""Which handler answers which button, menu, page button and form.

The cogs register their handlers at start. discord.py's own handlers live in the view objects and
are lost with the process; these are found by the custom id alone.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from typing import Any, Protocol, cast

import discord

from bot.domain.clips.history_query import PageRequest
from bot.ui.custom_ids import ACTION_PATTERN, ButtonAction, FormKind, SetupSetting

ButtonHandler = Callable[[discord.Interaction, int], Awaitable[None]]
FormHandler = Callable[[discord.Interaction, int, Mapping[str, str]], Awaitable[None]]
MenuHandler = Callable[[discord.Interaction, Sequence[str]], Awaitable[None]]
PageHandler = Callable[[discord.Interaction, PageRequest], Awaitable[None]]


class InteractionRouter:
    """The table of handlers. Running one that is not registered raises `LookupError`."""

    def __init__(self) -> None:
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
        await self._menu_handlers[SetupSetting(setting)](interaction, values)

    async def turn_page(self, interaction: discord.Interaction, page_request: PageRequest) -> None:
        if self._page_handler is None:
            raise LookupError("no handler for page buttons")
        await self._page_handler(interaction, page_request)

    async def press_button(
        self, interaction: discord.Interaction, action: str, number: int
    ) -> None:
        await self._button_handlers[ButtonAction(action)](interaction, number)

    async def submit_form(self, interaction: discord.Interaction) -> bool:
        """Run the handler of a submitted form; ``False`` if the form is not this bot's."""
        data = cast(Mapping[str, Any], interaction.data or {})
        match = ACTION_PATTERN.fullmatch(str(data.get("custom_id", "")))
        if match is None or match["action"] not in frozenset(FormKind):
            return False
        fields = dict(_iterate_field_values(data.get("components", [])))
        handler = self._form_handlers[FormKind(match["action"])]
        await handler(interaction, int(match["number"]), fields)
        return True


class RoutingClient(Protocol):
    """What a button or menu needs from the client. Fakes of the tests implement it too."""

    router: InteractionRouter

    async def respond_with_error(
        self, interaction: discord.Interaction, error: Exception
    ) -> None: ...


def _iterate_field_values(components: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Yield custom id and value of every input, inside action rows and labels."""
    for component in components:
        if "value" in component and "custom_id" in component:
            yield str(component["custom_id"]), str(component["value"])
        children = component.get("components", [])
        if "component" in component:
            children = [*children, component["component"]]
        yield from _iterate_field_values(children)
