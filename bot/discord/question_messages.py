"""Questions to moderators in Discord: the staff's messages, and what the member is told.

It only uses REST and ids, because any process may deal with any question.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Final

import discord
import structlog
from discord import ui

from bot.discord.age_restriction import is_age_restricted
from bot.discord.api_errors import (
    DISCORD_ERRORS,
    convert_discord_errors,
    raise_if_transient,
    summarize_error,
)
from bot.discord.message_history import find_own_message
from bot.domain.clips.media_store import MediaStore
from bot.domain.errors import MediaUnavailable
from bot.domain.jobs.pictures import list_pictures
from bot.domain.moderation.question import ModeratorQuestion
from bot.services.clips.thumbnails import EncoderBusy, Thumbnails
from bot.ui.components import build_text_view, find_button_number
from bot.ui.custom_ids import ButtonAction
from bot.ui.questions import (
    PROMPT_FILE_NAME,
    QuestionCards,
    build_end_view,
    build_waiting_view,
    describe_answer,
    describe_end,
    is_cut,
    list_texts,
)

_PICTURE_SIDE: Final = 1280
"""The longer side in pixels. Large enough to judge, and all of them fit into a message."""
_SEARCH_LIMIT: Final = 200
"""How many messages of a public channel are searched for one that was not recorded."""

_log: Final = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscordQuestionMessages:
    """Implements `bot.services.moderation.questions.QuestionMessages`, which documents it."""

    client: discord.Client
    cards: QuestionCards
    thumbnails: Thumbnails
    media_store: MediaStore

    async def find_question(self, question: ModeratorQuestion, channel_id: int) -> int | None:
        # without a limit: it may have been moved here hours after it was asked
        return await self._find_button(question, channel_id, ButtonAction.QUESTION_ALLOW)

    async def is_age_restricted(self, channel_id: int) -> bool:
        return await is_age_restricted(self.client, channel_id)

    async def post_question(self, question: ModeratorQuestion, channel_id: int) -> int:
        channel = self._get_channel(question, channel_id)
        async with self._open_files(question) as files, convert_discord_errors():
            names = [file.filename for file in files if file.filename != PROMPT_FILE_NAME]
            message = await channel.send(
                view=self.cards.build_question(question, names),
                files=files,
                nonce=question.staff_nonce,
                allowed_mentions=discord.AllowedMentions.none(),
            )
        return message.id

    async def find_waiting(self, question: ModeratorQuestion) -> int | None:
        channel_id = question.origin.channel_id
        return await self._find_button(
            question, channel_id, ButtonAction.QUESTION_CANCEL, limit=_SEARCH_LIMIT
        )

    async def post_waiting(self, question: ModeratorQuestion) -> int:
        channel = self._get_channel(question, question.origin.channel_id)
        async with convert_discord_errors():
            message = await channel.send(
                view=build_waiting_view(question),
                nonce=question.nonce_for("w"),
                reference=_build_reference(question),  # type: ignore[arg-type]  # None is accepted
                mention_author=False,
                allowed_mentions=discord.AllowedMentions.none(),
            )
        return message.id

    async def show_staff_end(self, question: ModeratorQuestion) -> None:
        assert question.staff_channel_id is not None
        assert question.staff_message_id is not None
        channel = self._get_channel(question, question.staff_channel_id)
        view = build_text_view(describe_answer(question, question.locale))
        await self._edit(channel.get_partial_message(question.staff_message_id), view)

    async def show_end(self, question: ModeratorQuestion, *, is_mentioned: bool) -> None:
        channel = self._get_channel(question, question.origin.channel_id)
        waiting_id = question.waiting_message_id
        if not is_mentioned:
            if waiting_id is not None:
                view = build_end_view(question)
                await self._edit(channel.get_partial_message(waiting_id), view)
            return
        text = describe_end(question, question.locale)
        if not await self._is_sent(channel, question, text):
            async with convert_discord_errors():
                await channel.send(
                    text,
                    nonce=question.nonce_for("e"),
                    reference=_build_reference(question),  # type: ignore[arg-type]
                    mention_author=False,
                    suppress_embeds=True,
                    allowed_mentions=discord.AllowedMentions(
                        everyone=False,
                        roles=False,
                        users=[discord.Object(question.origin.user_id)],
                    ),
                )
        if waiting_id is not None:
            await self.delete_message(question.origin.channel_id, waiting_id)

    async def send_direct_notice(self, question: ModeratorQuestion) -> bool:
        text = describe_end(question, question.origin.locale)
        try:
            channel = await self.client.create_dm(discord.Object(question.origin.user_id))
            if not await self._is_sent(channel, question, text):
                await channel.send(text, nonce=question.nonce_for("d"), suppress_embeds=True)
        except DISCORD_ERRORS as error:
            _log.info("question.dm_failed", question_id=question.id, error=summarize_error(error))
            raise_if_transient(error)
            return False
        return True

    async def delete_message(self, channel_id: int, message_id: int) -> None:
        message = self.client.get_partial_messageable(channel_id).get_partial_message(message_id)
        try:
            await message.delete()
        except discord.NotFound:
            return
        except DISCORD_ERRORS as error:
            _log.info("question.delete_failed", error=summarize_error(error))
            raise_if_transient(error)

    async def _find_button(
        self,
        question: ModeratorQuestion,
        channel_id: int,
        action: ButtonAction,
        *,
        limit: int | None = None,
    ) -> int | None:
        return await find_own_message(
            self.client,
            self._get_channel(question, channel_id),
            after=question.asked_at,
            matches=lambda message: find_button_number(message, action) == question.id,
            limit=limit,
        )

    async def _is_sent(
        self,
        channel: discord.PartialMessageable | discord.DMChannel,
        question: ModeratorQuestion,
        text: str,
    ) -> bool:
        """Return whether a notice was sent before; its text has the time of the request."""
        known = await find_own_message(
            self.client,
            channel,
            after=question.decided_at or question.asked_at,
            matches=lambda sent: sent.content == text,
        )
        return known is not None

    async def _edit(self, message: discord.PartialMessage, view: ui.LayoutView) -> None:
        try:
            await message.edit(
                view=view, attachments=[], allowed_mentions=discord.AllowedMentions.none()
            )
        except DISCORD_ERRORS as error:
            _log.info("question.edit_failed", error=summarize_error(error))
            raise_if_transient(error)

    @asynccontextmanager
    async def _open_files(self, question: ModeratorQuestion) -> AsyncIterator[list[discord.File]]:
        """Yield the pictures, smaller than sent, and the texts if they are too long to be shown.

        Raises `MediaUnavailable`, also if too many pictures are being made smaller.
        """
        files: list[discord.File] = []
        try:
            pictures = list_pictures(question.plan.as_request())
            for number, (_, picture) in enumerate(pictures, start=1):
                try:
                    small = await self.thumbnails.get_small_picture(picture.path, _PICTURE_SIDE)
                    async with self.media_store.read(small.key) as path:
                        name = f"image-{number}{path.suffix}"
                        files.append(await asyncio.to_thread(discord.File, path, name))
                except (FileNotFoundError, ValueError) as error:  # such a request cannot be made
                    _log.warning("question.picture_not_shown", error=type(error).__name__)
                except EncoderBusy as error:
                    raise MediaUnavailable("too many pictures at once") from error
            if is_cut(question):
                texts = "\n\n".join(text for _, text in list_texts(question))
                files.append(discord.File(BytesIO(texts.encode()), PROMPT_FILE_NAME))
            yield files
        finally:
            for file in files:
                file.close()

    def _get_channel(
        self, question: ModeratorQuestion, channel_id: int
    ) -> discord.PartialMessageable:
        return self.client.get_partial_messageable(channel_id, guild_id=question.origin.guild_id)


def _build_reference(question: ModeratorQuestion) -> discord.MessageReference | None:
    """Return the member's message, if the request was one."""
    origin = question.origin
    if origin.request_message_id is None:
        return None
    return discord.MessageReference(
        message_id=origin.request_message_id,
        channel_id=origin.channel_id,
        guild_id=origin.guild_id,
        fail_if_not_exists=False,
    )
