"""How a request is answered: privately for an interaction, by a reply for a message."""

from collections.abc import Sequence
from typing import Any, Protocol

import discord
from discord import ui

from bot.discord.client import respond_privately
from bot.discord.user_install import delete_reply, hand_over_reply
from bot.domain.clips.history_query import HistoryPage
from bot.i18n.catalogs import translate
from bot.ui.components import ActionButton, PageButton


class InteractionAnswer(Protocol):
    """Where the answer to one request goes."""

    async def send_text(self, text: str, buttons: Sequence[ActionButton] = ()) -> None:
        """Answer with ``text``: nothing was accepted."""
        ...

    async def confirm_accepted(self, text: str) -> None:
        """Say that the request is accepted; the status message in the channel says the rest."""
        ...


async def respond_with(interaction: discord.Interaction, key: str, **values: object) -> None:
    await respond_privately(interaction, translate(key, interaction.locale.value, **values))


def build_button_row(buttons: Sequence[ui.Item[Any]]) -> ui.View | None:
    """Return a view of ``buttons`` for a message with plain content; ``None`` without any."""
    if not buttons:
        return None
    view = ui.View(timeout=None)
    for button in buttons:
        view.add_item(button)
    return view


def build_page_buttons(page: HistoryPage, locale: str) -> ui.View | None:
    return build_button_row(
        [
            PageButton(to, label=translate(f"button.{to.direction}", locale))
            for to in (page.newer, page.older)
            if to is not None
        ]
    )


class PrivateAnswer:
    """Answers in the place of "thinking", for the person alone."""

    def __init__(self, interaction: discord.Interaction) -> None:
        self._interaction = interaction

    async def send_text(self, text: str, buttons: Sequence[ActionButton] = ()) -> None:
        await delete_reply(self._interaction)
        await respond_privately(self._interaction, text, build_button_row(buttons))

    async def confirm_accepted(self, text: str) -> None:
        hand_over_reply(self._interaction)
        await respond_privately(self._interaction, text)


class EditedAnswer:
    """Answers a pressed button by changing the message that the button was on."""

    def __init__(self, interaction: discord.Interaction, *, public: bool) -> None:
        self._interaction = interaction
        self._public = public

    async def send_text(self, text: str, buttons: Sequence[ActionButton] = ()) -> None:
        await delete_reply(self._interaction)
        await self._edit_message(text, buttons)

    async def confirm_accepted(self, text: str) -> None:
        """Say it in the place of the question; a question that everyone saw is deleted."""
        hand_over_reply(self._interaction)
        if self._public:
            await self._interaction.delete_original_response()
        else:
            await self._edit_message(text)

    async def _edit_message(self, text: str, buttons: Sequence[ActionButton] = ()) -> None:
        await self._interaction.edit_original_response(content=text, view=build_button_row(buttons))


class ReplyAnswer:
    """Answers a message by a reply to it."""

    def __init__(self, message: discord.Message) -> None:
        self._message = message

    async def send_text(self, text: str, buttons: Sequence[ActionButton] = ()) -> None:
        """Reply with ``text``, even if the message has been deleted."""
        await self._message.channel.send(
            text,
            reference=self._message.to_reference(fail_if_not_exists=False),
            mention_author=False,
            nonce=f"r{self._message.id}",  # another process may have received the message too
            view=build_button_row(buttons) or discord.utils.MISSING,
        )

    async def confirm_accepted(self, text: str) -> None:
        """Say nothing: the status message replies to the person already."""
