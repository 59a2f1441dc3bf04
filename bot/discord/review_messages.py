"""Shows moderators clips before anybody else. Implements `ReviewMessages` of the domain.

Like `bot.discord.job_messages`, it only uses REST and channel ids, because any process may finish
any job.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import discord
import structlog

from bot.discord.age_restriction import is_age_restricted
from bot.discord.api_errors import (
    DISCORD_ERRORS,
    convert_discord_errors,
    raise_if_transient,
    summarize_error,
)
from bot.discord.clip_files import open_attachments
from bot.discord.message_history import find_own_message
from bot.discord.permissions import find_missing_for_post
from bot.domain.clips.media_store import MediaStore
from bot.domain.clips.upload_options import PreparedUpload
from bot.domain.errors import ChannelUnavailable
from bot.domain.jobs.job import Job
from bot.ui.clip_card import ClipCards, get_public_locale
from bot.ui.components import build_text_view, find_button_number
from bot.ui.custom_ids import ButtonAction
from bot.ui.review import describe_decision, describe_hidden_review

_log: Final = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscordReviewMessages:
    """Implements `ReviewMessages` of the domain, which documents the methods."""

    client: discord.Client
    cards: ClipCards
    media_store: MediaStore

    async def find_parent(self, channel_id: int) -> int | None:
        channel: object = self.client.get_channel(channel_id)
        if channel is None:
            try:
                channel = await self.client.fetch_channel(channel_id)
            except discord.NotFound:
                return None
            except DISCORD_ERRORS as error:
                raise_if_transient(error)
                return None
        return channel.parent_id if isinstance(channel, discord.Thread) else None

    async def post_review(
        self,
        job: Job,
        uploads: Sequence[PreparedUpload],
        *,
        channel_id: int,
        may_send: Callable[[], None],
    ) -> int:
        view = self.cards.build_review_card(job, uploads, get_public_locale(job))
        try:
            async with (
                open_attachments(uploads, media_store=self.media_store, may_send=may_send) as files,
                convert_discord_errors(),
            ):
                may_send()
                message = await self._get_channel(job, channel_id).send(
                    view=view,
                    files=files,
                    nonce=_build_nonce(job, "v", channel_id),
                    allowed_mentions=discord.AllowedMentions.none(),
                )
        except ChannelUnavailable as error:
            if not error.missing:
                missing = find_missing_for_post(
                    self.client, guild_id=job.origin.guild_id, channel_id=channel_id
                )
                error.missing = tuple(missing)
            raise
        return message.id

    async def is_age_restricted(self, channel_id: int) -> bool:
        return await is_age_restricted(self.client, channel_id)

    async def post_notice(self, job: Job, *, channel_id: int) -> int:
        async with convert_discord_errors():
            message = await self._get_channel(job, channel_id).send(
                view=build_text_view(describe_hidden_review(job, get_public_locale(job))),
                nonce=_build_nonce(job, "n", channel_id),
                allowed_mentions=discord.AllowedMentions.none(),
            )
        return message.id

    async def delete_message(self, job: Job, *, channel_id: int, message_id: int) -> None:
        message = self._get_channel(job, channel_id).get_partial_message(message_id)
        try:
            await message.delete()
        except DISCORD_ERRORS as error:
            raise_if_transient(error)
            _log.info("review.delete_failed", job_id=job.id, error=summarize_error(error))

    async def find_review(self, job: Job, *, channel_id: int, since: datetime) -> int | None:
        return await find_own_message(
            self.client,
            self._get_channel(job, channel_id),
            after=since,
            matches=lambda message: find_button_number(message, ButtonAction.REVIEW_POST) == job.id,
        )

    async def show_decision(
        self,
        job: Job,
        *,
        channel_id: int,
        message_id: int,
        decided_by: int | None,
    ) -> None:
        text = describe_decision(job, decided_by, get_public_locale(job))
        message = self._get_channel(job, channel_id).get_partial_message(message_id)
        try:
            await message.edit(
                view=build_text_view(text),
                attachments=[],
                allowed_mentions=discord.AllowedMentions.none(),
            )
        except DISCORD_ERRORS as error:
            _log.info("review.edit_failed", job_id=job.id, error=summarize_error(error))
            raise_if_transient(error)

    def _get_channel(self, job: Job, channel_id: int) -> discord.PartialMessageable:
        return self.client.get_partial_messageable(channel_id, guild_id=job.origin.guild_id)


def _build_nonce(job: Job, kind: str, channel_id: int) -> str:
    """Return another nonce for each staff channel, or Discord would return the earlier message."""
    return job.nonce_for(f"{kind}{channel_id % 1000}-")
