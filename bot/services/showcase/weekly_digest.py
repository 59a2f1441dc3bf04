"""The weekly digest: at the time that a server's admins chose, once, whoever is running then.

Every process looks for what is due. The first to write a week's row has it; the row names the
winner, so that a second try says the same. A digest that was missed comes late rather than never.
What is withdrawn, hidden or forgotten afterwards leaves the post, too.
"""

from datetime import timedelta
from typing import Final

import structlog

from bot.domain.errors import ChannelUnavailable, DeliveryError, RecordNotFound
from bot.domain.ports import Clock
from bot.domain.showcase.gallery import GalleryEntry
from bot.domain.showcase.ports import ShowcaseChannel, WorkerHandle
from bot.domain.showcase.post import WEEK, ShowcaseSettings, WeeklyDigest
from bot.services.showcase.votes import VoteCounter
from bot.store.showcase.digests import DigestStore
from bot.store.showcase.posts import ShowcasePostStore
from bot.store.showcase.settings import ShowcaseSettingsStore

_log: Final = structlog.get_logger(__name__)

RANKING_LENGTH: Final = 10
"""Entries of a week's list."""
_MAX_RECOUNTS: Final = 200
_MAX_LATENESS: Final = timedelta(days=6)
"""A digest that could not come for so long makes way for the next one."""


class DigestScheduler:
    """Opens and posts digests."""

    def __init__(
        self,
        *,
        digests: DigestStore,
        showcase_settings_store: ShowcaseSettingsStore,
        showcase_posts: ShowcasePostStore,
        showcase_channel: ShowcaseChannel,
        vote_counter: VoteCounter,
        worker: WorkerHandle,
        clock: Clock,
    ) -> None:
        self._digests = digests
        self._showcase_settings_store = showcase_settings_store
        self._showcase_posts = showcase_posts
        self._showcase_channel = showcase_channel
        self._vote_counter = vote_counter
        self._worker = worker
        self._clock = clock

    async def get_ranking(self, digest_id: int, *, guild_id: int) -> list[GalleryEntry]:
        """Return the best of a digest's week as they stand now. Raises `NotFound`."""
        digest = await self._digests.get(digest_id)
        if digest is None or digest.showcase_settings.guild_id != guild_id:
            raise RecordNotFound("showcase_empty")
        return await self._showcase_posts.list_top(
            guild_id, since=digest.since, until=digest.due_at, limit=RANKING_LENGTH
        )

    async def run_due(self) -> None:
        """Open what is due, post what is open, renew what names a changed entry.

        Raises `StoreAway`.
        """
        opened = set()
        for house in await self._showcase_settings_store.list_with_digest():
            number = await self._open_due_digest(house)
            if number is not None:
                opened.add(number)
        for number in await self._digests.list_out_of_sync(self._worker.worker_id):
            await self._process_digest(number, is_new=number in opened)

    async def _open_due_digest(self, showcase_settings: ShowcaseSettings) -> int | None:
        now = self._clock.now()
        due = showcase_settings.find_last_due(now)
        if due is None or now - due > _MAX_LATENESS:
            return None
        last = await self._digests.find_last_due(showcase_settings.guild_id)
        if last is not None and last >= due:
            return None
        since = due - WEEK if last is None else max(last, due - WEEK)
        await self._vote_counter.recount_posts(
            await self._showcase_posts.list_recent(
                showcase_settings.guild_id, since=since, limit=_MAX_RECOUNTS
            )
        )
        return await self._digests.create_digest(
            showcase_settings, due_at=due, since=since, owner=self._worker.worker_id
        )

    async def _process_digest(self, digest_id: int, *, is_new: bool) -> None:
        digest = await self._digests.claim(digest_id, self._worker.worker_id)
        if digest is None or not self._worker.is_alive:
            return
        try:
            message_id = await self._publish(digest, is_new=is_new)
        except ChannelUnavailable as fault:
            _log.warning("digest cannot be posted", digest=digest_id, reason=str(fault))
            message_id = None
        except DeliveryError as fault:
            _log.info("digest not posted yet", digest=digest_id, reason=str(fault))
            return
        await self._digests.mark_posted(digest_id, message_id, owner=self._worker.worker_id)

    async def _publish(self, digest: WeeklyDigest, *, is_new: bool) -> int | None:
        """Let a message say what may be seen of the digest now, or none where nothing may."""
        message_id = digest.message_id
        if message_id is None and not is_new:
            message_id = await self._showcase_channel.find_digest(digest)
        if message_id is None:
            return await self._showcase_channel.publish_digest(digest) if digest.entries else None
        if digest.entries:
            return (
                message_id
                if await self._showcase_channel.refresh_digest(digest, message_id)
                else None
            )
        await self._showcase_channel.delete_message(digest.channel_id, message_id)
        return None
