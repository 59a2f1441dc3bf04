"""Forgets the messages of deleted channels, so that lists do not link to them."""

from dataclasses import dataclass

import discord
import structlog
from discord.ext import commands

from bot.domain.errors import DatabaseUnavailable
from bot.store.jobs.clips import ClipStore
from bot.store.moderation.reviews import ReviewStore

_log = structlog.get_logger(__name__)


@dataclass(kw_only=True, eq=False)
class DeletedChannels(commands.Cog):
    clips: ClipStore
    reviews: ReviewStore

    @commands.Cog.listener()
    async def on_guild_channel_delete(self, channel: discord.abc.GuildChannel) -> None:
        await self._forget_messages(channel.id)

    @commands.Cog.listener()
    async def on_raw_thread_delete(self, payload: discord.RawThreadDeleteEvent) -> None:
        await self._forget_messages(payload.thread_id)

    async def _forget_messages(self, channel_id: int) -> None:
        try:
            await self.clips.forget_messages(channel_id)
            await self.reviews.forget_channel(channel_id)
        except DatabaseUnavailable as error:  # the dead links stay
            _log.warning("deleted_channel.not_recorded", channel=channel_id, error=str(error))
