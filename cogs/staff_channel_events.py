"""Shows moderators the clips that waited until their channel was age-restricted."""

from dataclasses import dataclass

import discord
import structlog
from discord.ext import commands

from bot.domain.errors import DatabaseUnavailable
from bot.services.moderation.clip_reviews import ClipReviewService

_log = structlog.get_logger(__name__)


@dataclass(kw_only=True, eq=False)
class StaffChannelEvents(commands.Cog):
    clip_reviews: ClipReviewService

    @commands.Cog.listener()
    async def on_guild_channel_update(
        self, before: discord.abc.GuildChannel, after: discord.abc.GuildChannel
    ) -> None:
        if not getattr(after, "nsfw", False) or getattr(before, "nsfw", False):
            return
        try:
            await self.clip_reviews.show_waiting(after.guild.id, after.id)
        except DatabaseUnavailable as error:  # the loop of the service does it later
            _log.warning("staff_channel.not_looked_at", channel=after.id, error=str(error))
