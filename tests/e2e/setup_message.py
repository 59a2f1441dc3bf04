"""The message of `/server setup`, as an admin uses it."""

from collections.abc import Mapping
from typing import Any, Final

from tests.e2e.stage import BotStage, Json, components_of, text_of
from tests.harness.texts import quote_text


def menus_of(message: Json) -> dict[str, Json]:
    """Return a message's menus by the setting that they change."""
    return {
        component["custom_id"].removeprefix("clapper-set:"): component
        for component in components_of(message)
        if component.get("custom_id", "").startswith("clapper-set:")
    }


def selected_values(message: Json, menu: str) -> list[str]:
    """Return the selected values of a menu."""
    select = menus_of(message)[menu]
    defaults = [choice["id"] for choice in select.get("default_values", [])]
    return defaults + [
        choice["value"] for choice in select.get("options", []) if choice.get("default")
    ]


ON_SECOND_PAGE: Final = ("channels", "showcase", "language")


class SetupMessage:
    """The message of `/server setup`."""

    def __init__(self, stage: BotStage, room: str, interaction: str) -> None:
        self.stage = stage
        self.room = room
        self.interaction = interaction

    async def message(self) -> Json:
        """Return the current message."""
        state = await self.stage.control.wait_interaction(
            self.interaction, lambda s: s["messages"] and menus_of(s["messages"][0])
        )
        message: Json = state["messages"][0]
        return message

    async def show(self, menu: str, user: str = "Ada") -> Json:
        """Return the message with a menu, on whichever page that is."""
        message = await self.message()
        if menu not in menus_of(message):
            page = f"setup_page_{'channels' if menu in ON_SECOND_PAGE else 'safety'}"
            pressed = await self.stage.press_button(message, quote_text(f"button.{page}"), user)
            await self.stage.control.wait_interaction(pressed, lambda s: s["messages"])
            state = await self.stage.control.wait_interaction(
                self.interaction, lambda s: menu in menus_of(s["messages"][0])
            )
            message = state["messages"][0]
        return message

    async def selected(self, menu: str) -> list[str]:
        return selected_values(await self.show(menu), menu)

    async def choose(self, menu: str, *values: str, user: str = "Ada") -> str:
        """Choose in a menu and return the updated message's text."""
        message = await self.show(menu, user)
        pressed = await self.stage.control.component(
            self.stage.people[user], message["id"], f"clapper-set:{menu}", values
        )
        await self.stage.control.wait_interaction(pressed, lambda s: s["messages"])
        return text_of(await self.message())


async def open_setup(stage: BotStage, room: str, user: str = "Ada", **more: Any) -> SetupMessage:
    """Open `/server setup`."""
    interaction = await stage.control.command(stage.people[user], room, "server setup", {}, **more)
    setup_message = SetupMessage(stage, room, interaction)
    await setup_message.message()
    return setup_message


class TappingAdmin:
    """An admin with `/server setup`; each press, choice and submit is one tap."""

    def __init__(self, setup: SetupMessage, taps: int = 0) -> None:
        self.stage = setup.stage
        self.setup = setup
        self.taps = taps

    async def choose(self, menu: str, value: str) -> None:
        assert menu in menus_of(await self.setup.message()), "a page to turn is another tap"
        self.taps += 1
        await self.setup.choose(menu, value)

    async def fill_form(self, chosen: Mapping[str, str], typed: Mapping[str, str]) -> str:
        """Open the form about moderation, send it, and return what the setup then says."""
        self.taps += 1 + len(chosen) + 1
        message = await self.setup.message()
        opened = await self.stage.press_button(message, quote_text("button.moderation"))
        await self.stage.control.wait_interaction(opened, lambda state: state.get("modal"))
        sent = await self.stage.control.modal(self.stage.people["Ada"], opened, {**chosen, **typed})
        await self.stage.control.wait_interaction(sent, lambda state: state["messages"])
        return text_of(await self.setup.message())
