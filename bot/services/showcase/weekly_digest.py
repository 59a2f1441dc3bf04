"""Posts the weekly digest once, at the time that a server's admins chose, or later.

Every process looks for due digests, and the first to insert a week's row posts it. The row contains
the winner, so that a retry says the same. Clips that are withdrawn, hidden or erased later are
removed from the message.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog

from bot.domain.errors import ChannelUnavailable, RecordNotFound
from bot.domain.jobs.announcement import NotifyChoice
from bot.domain.ports import Clock, EditResult, ShowcaseChannel, WorkerHandle
from bot.domain.showcase.gallery import GalleryEntry
from bot.domain.showcase.post import WEEK, ShowcaseSettings, WeeklyDigest
from bot.services.showcase.channel_lanes import ChannelLanes
from bot.services.showcase.votes import VoteCounter
from bot.store.member_preferences import MemberPreferenceStore
from bot.store.showcase.digests import DigestStore
from bot.store.showcase.posts import ShowcasePostStore
from bot.store.showcase.settings import ShowcaseSettingsStore

_log: Final = structlog.get_logger(__name__)

RANKING_LENGTH: Final = 10
_MENTIONED_CHOICES: Final = (NotifyChoice.PING, NotifyChoice.DIRECT_MESSAGE_REFUSED)
_MAX_RECOUNTS: Final = 200
_MAX_LATENESS: Final = timedelta(days=6)
"""A digest this late is skipped in favor of the next one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DigestScheduler:
    digests: DigestStore
    showcase_settings_store: ShowcaseSettingsStore
    showcase_posts: ShowcasePostStore
    showcase_channel: ShowcaseChannel
    vote_counter: VoteCounter
    worker: WorkerHandle
    clock: Clock
    lanes: ChannelLanes
    member_preferences: MemberPreferenceStore

    async def get_ranking(
        self, digest_id: int, *, guild_id: int, with_age_restricted: bool = False
    ) -> list[GalleryEntry]:
        """Return the best clips of a digest's week by current votes. Raises `RecordNotFound`."""
        digest = await self.digests.get(digest_id)
        if digest is None or digest.showcase_settings.guild_id != guild_id:
            raise RecordNotFound("showcase_empty")
        return await self.showcase_posts.lists.list_top(
            guild_id,
            since=digest.period_start,
            until=digest.due_at,
            limit=RANKING_LENGTH,
            with_age_restricted=with_age_restricted,
        )

    async def run_due(self) -> None:
        """Create, post and refresh what is due or has changed. Raises `DatabaseUnavailable`."""
        created = set()
        for showcase_settings in await self.showcase_settings_store.list_with_digest():
            digest_id = await self._create_due_digest(showcase_settings)
            if digest_id is not None:
                created.add(digest_id)
        digest_ids = await self.digests.list_out_of_sync(self.worker.worker_id)
        postponed_ids = set(self.lanes.postponed_ids)
        await self.lanes.run(
            {digest_id: [digest_id] for digest_id in digest_ids if digest_id not in postponed_ids},
            lambda digest_id: self._settle_digest(digest_id, is_new=digest_id in created),
        )

    async def _create_due_digest(self, showcase_settings: ShowcaseSettings) -> int | None:
        now = self.clock.now()
        due_at = showcase_settings.find_last_due(now)
        if due_at is None or now - due_at > _MAX_LATENESS:
            return None
        last_due_at = await self.digests.find_last_due(showcase_settings.guild_id)
        if last_due_at is not None and last_due_at >= due_at:
            return None
        since = due_at - WEEK if last_due_at is None else max(last_due_at, due_at - WEEK)
        await self.vote_counter.recount_posts(
            await self.showcase_posts.list_recent(
                showcase_settings.guild_id, since=since, limit=_MAX_RECOUNTS
            )
        )
        return await self.digests.create_digest(
            showcase_settings, due_at=due_at, since=since, owner=self.worker.worker_id
        )

    async def _settle_digest(self, digest_id: int, *, is_new: bool) -> None:
        digest = await self.digests.claim(digest_id, self.worker.worker_id)
        if digest is None or not self.worker.is_alive:
            return
        try:
            message_id = await self._publish(digest, is_new=is_new)
        except ChannelUnavailable as error:
            _log.warning("digest.abandoned", digest_id=digest_id, error=str(error))
            message_id = None
        await self.digests.mark_posted(digest_id, message_id, owner=self.worker.worker_id)

    async def _publish(self, digest: WeeklyDigest, *, is_new: bool) -> int | None:
        """Publish or update the digest's message; delete it if no entries are left."""
        message_id = digest.message_id
        if message_id is None and not is_new:
            message_id = await self.showcase_channel.find_digest(digest)
        if message_id is None:
            if not digest.entries:
                return None
            choice = await self.member_preferences.load_notify_choice(
                digest.entries[0].clip.user_id
            )
            return await self.showcase_channel.publish_digest(
                digest, mentions_winner=choice in _MENTIONED_CHOICES
            )
        if digest.entries:
            result = await self.showcase_channel.refresh_digest(digest, message_id)
            return message_id if result is EditResult.DONE else None
        await self.showcase_channel.delete_message(digest.channel_id, message_id)
        return None
