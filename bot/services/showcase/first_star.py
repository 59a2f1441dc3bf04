"""Puts the bot's own star under a clip that members may vote for, so that a vote is one click.

The bot's star is no vote: `bot.services.showcase.votes` counts members only.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.clips.clip import Clip
from bot.domain.errors import NotAllowed
from bot.domain.jobs.job import Job
from bot.domain.ports import ShowcaseChannel
from bot.domain.showcase.post import PostingPolicy, authorize_showcasing
from bot.store.showcase.settings import ShowcaseSettingsStore


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstStar:
    showcase_settings_store: ShowcaseSettingsStore
    showcase_channel: ShowcaseChannel

    async def offer(self, job: Job, clips: Sequence[Clip]) -> None:
        """Star a job's post if votes for it can count. Doing so again changes nothing.

        A post of several clips gets no star, which would not say which clip it is for. Raises
        `DatabaseUnavailable`; errors of Discord are only logged.
        """
        message_id, guild_id = job.posted_message_id, job.origin.guild_id
        if message_id is None or guild_id is None or len(clips) != 1:
            return
        if await self._may_be_voted_for(clips[0], guild_id):
            await self.showcase_channel.offer_star(job.origin.channel_id, message_id)

    async def _may_be_voted_for(self, clip: Clip, guild_id: int) -> bool:
        settings = await self.showcase_settings_store.load_settings(guild_id)
        if settings.channel_id is None:
            return False
        channels = self.showcase_channel.get_channels(guild_id) or {}
        if clip.age_restricted and not channels.get(settings.channel_id, False):
            return False
        creator = await self.showcase_settings_store.load_preferences(guild_id, clip.user_id)
        try:
            authorize_showcasing(
                clip,
                settings,
                creator,
                actor_id=0,
                is_moderator=False,
                policy=PostingPolicy.STARS,
            )
        except NotAllowed:
            return False
        return True
