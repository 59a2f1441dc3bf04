"""Answers requests: interactions privately, messages by a reply."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final, Protocol

import discord
import structlog
from discord import ui

from bot.discord.api_errors import DISCORD_ERRORS
from bot.discord.client import respond_privately
from bot.discord.interaction_edits import edit_response
from bot.discord.retries import retry_while_busy
from bot.discord.user_install import delete_reply, hand_over_reply
from bot.domain.clips.history_query import HistoryPage
from bot.domain.errors import DeliveryError
from bot.domain.ports import Clock
from bot.i18n.catalogs import translate
from bot.ui.components import ActionButton, PageButton

_log: Final = structlog.get_logger(__name__)


class InteractionAnswer(Protocol):
    """Sends the answer to one request to the right place."""

    @property
    def is_public(self) -> bool:
        """Whether others see the answer too."""
        ...

    async def send_text(self, text: str, buttons: Sequence[ActionButton] = ()) -> None:
        """Answer a request that was not accepted, for example with a question."""
        ...

    async def confirm_accepted(self, text: str) -> None:
        """Say that the request is accepted. The status message in the channel shows the rest."""
        ...


async def respond_with(interaction: discord.Interaction, key: str, **values: object) -> None:
    await respond_privately(interaction, translate(key, interaction.locale.value, **values))


def build_button_row(buttons: Sequence[ui.Item[Any]]) -> ui.View | None:
    """Return a view for a message with plain content, or `None` without buttons."""
    if not buttons:
        return None
    view = ui.View(timeout=None)
    for button in buttons:
        view.add_item(button)
    return view


def build_page_buttons(page: HistoryPage, locale: str) -> ui.View | None:
    return build_button_row(
        [
            PageButton(page_request, label=translate(f"button.{page_request.direction}", locale))
            for page_request in (page.newer, page.older)
            if page_request is not None
        ]
    )


class PrivateAnswer:
    """Answers an interaction with a message that only the person sees."""

    is_public = False

    def __init__(self, interaction: discord.Interaction) -> None:
        self._interaction = interaction

    async def send_text(self, text: str, buttons: Sequence[ActionButton] = ()) -> None:
        await delete_reply(self._interaction)
        await respond_privately(self._interaction, text, build_button_row(buttons))

    async def confirm_accepted(self, text: str) -> None:
        hand_over_reply(self._interaction)
        await respond_privately(self._interaction, text)


class EditedAnswer:
    """Answers a pressed button by editing the message with the button."""

    def __init__(self, interaction: discord.Interaction, *, public: bool) -> None:
        self._interaction = interaction
        self.is_public = public

    async def send_text(self, text: str, buttons: Sequence[ActionButton] = ()) -> None:
        await delete_reply(self._interaction)
        await self._edit_message(text, buttons)

    async def confirm_accepted(self, text: str) -> None:
        """Replace the question by ``text``. A public question is deleted instead."""
        hand_over_reply(self._interaction)
        if self.is_public:
            with suppress(*DISCORD_ERRORS):  # if it stays, another press does nothing
                await self._interaction.delete_original_response()
        else:
            await self._edit_message(text)

    async def _edit_message(self, text: str, buttons: Sequence[ActionButton] = ()) -> None:
        await edit_response(self._interaction, content=text, view=build_button_row(buttons))


class ReplyAnswer:
    """Answers a message by a reply to it, and retries while Discord is busy.

    ``letter`` is part of the nonce. It must differ between answers to the same message.
    """

    is_public = True

    def __init__(self, message: discord.Message, clock: Clock, *, letter: str = "r") -> None:
        self._message = message
        self._clock = clock
        self._letter = letter

    async def send_text(self, text: str, buttons: Sequence[ActionButton] = ()) -> None:
        """Reply with ``text``, even if the message has been deleted. A failure is only logged."""
        message = self._message

        async def send_reply() -> None:
            await message.channel.send(
                text,
                reference=message.to_reference(fail_if_not_exists=False),
                mention_author=False,
                # another process may have received the message too
                nonce=f"{self._letter}{message.id}",
                view=build_button_row(buttons) or discord.utils.MISSING,
            )

        try:
            await retry_while_busy(send_reply, self._clock)
        except DeliveryError as error:
            _log.info("reply.answer_failed", channel=message.channel.id, error=str(error))

    async def confirm_accepted(self, text: str) -> None:
        """Send nothing, because the status message already replies to the person."""


class ElsewhereAnswer:
    """Wraps an answer to say in which other channel the clip will be posted."""

    def __init__(self, answer: InteractionAnswer, place_text: str) -> None:
        self._answer = answer
        self._place_text = place_text
        self.is_public = answer.is_public

    async def send_text(self, text: str, buttons: Sequence[ActionButton] = ()) -> None:
        await self._answer.send_text(text, buttons)

    async def confirm_accepted(self, text: str) -> None:
        await self._answer.send_text(self._place_text)
