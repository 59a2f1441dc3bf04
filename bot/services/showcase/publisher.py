"""Publishes, updates and removes showcase posts so that Discord matches the database.

Services write the desired state into a post's row. The process that claims the row applies it,
exactly once. If a dead process may have sent a message, it is searched for first.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Final
from weakref import WeakValueDictionary

import structlog

from bot.domain.clips.media_store import StoredFiles
from bot.domain.errors import ChannelUnavailable
from bot.domain.ports import Clock, EditResult, ShowcaseChannel, WorkerHandle
from bot.domain.showcase.post import AuditAction, AuditEntry, ShowcasePost
from bot.services.showcase.channel_lanes import ChannelLanes
from bot.store.showcase.channels import ShowcaseChannelStore
from bot.store.showcase.posts import ShowcasePostStore

_log: Final = structlog.get_logger(__name__)


@dataclass(kw_only=True, eq=False)
class ShowcasePublisher:
    showcase_posts: ShowcasePostStore
    showcase_channels: ShowcaseChannelStore
    showcase_channel: ShowcaseChannel
    published_files: StoredFiles
    worker: WorkerHandle
    clock: Clock
    lanes: ChannelLanes
    _locks: WeakValueDictionary[int, asyncio.Lock] = field(
        init=False, default_factory=WeakValueDictionary
    )
    settle_requested: asyncio.Event = field(init=False, default_factory=asyncio.Event)

    def request_settle(self) -> None:
        """Ask the maintenance loop to settle changed posts soon, together with other changes."""
        self.settle_requested.set()

    async def settle_post(self, post_id: int, *, is_new: bool = False) -> None:
        """Apply one post's desired state; ``is_new`` skips the search for an earlier message.

        Raises `ChannelUnavailable` if the post cannot be sent; a new post is then withdrawn. Raises
        `DiscordUnavailable`, `DatabaseUnavailable` or `MediaUnavailable` if it will be retried.
        """
        async with self._locks.setdefault(post_id, asyncio.Lock()):
            while self.worker.is_alive:
                post = await self.showcase_posts.claim(post_id, self.worker.worker_id)
                if post is None:
                    return
                await self._apply_desired_state(post, is_new=is_new)
                is_new = False

    async def settle_all(self) -> None:
        """Settle the posts of this process and of dead processes. Raises `DatabaseUnavailable`."""
        posts_by_channel = await self.showcase_posts.list_out_of_sync_by_channel(
            self.worker.worker_id, except_for=self.lanes.postponed_ids
        )
        await self.lanes.run(posts_by_channel, self.settle_post)

    async def handle_deleted_channel(self, guild_id: int, channel_id: int) -> None:
        """Detach the posts of a deleted channel, and post them in the new channel, if any."""
        count = await self.showcase_channels.detach_posts(
            guild_id,
            channel_id,
            AuditEntry(
                guild_id=guild_id,
                actor_id=None,
                action=AuditAction.CHANNEL_GONE,
                recorded_at=self.clock.now(),
            ),
        )
        if count:
            _log.warning("showcase_channel.gone", guild=guild_id, channel=channel_id, posts=count)
        await self.post_waiting(guild_id, unless=channel_id)

    async def post_waiting(self, guild_id: int, *, unless: int | None = None) -> int:
        """Post what waits for a channel in the server's channel, if that is not ``unless``.

        Returns the number of posts.
        """
        channel_id = await self.showcase_channels.load_channel(guild_id)
        if channel_id is None or channel_id == unless:
            return 0
        count = await self.showcase_channels.attach_posts(
            guild_id,
            channel_id,
            age_restricted=self.is_age_restricted(guild_id, channel_id),
            owner=self.worker.worker_id,
        )
        if count:
            self.request_settle()
        return count

    def is_age_restricted(self, guild_id: int, channel_id: int) -> bool:
        """Return whether a channel is known to be age-restricted."""
        channels = self.showcase_channel.get_channels(guild_id) or {}
        return channels.get(channel_id, False)

    async def _apply_desired_state(self, post: ShowcasePost, *, is_new: bool) -> None:
        if post.should_be_posted and post.entry.message_id is None:
            await self._publish_post(post, is_new=is_new)
        elif post.should_be_posted:
            match await self.showcase_channel.refresh_post(post):
                case EditResult.DONE:
                    await self.showcase_posts.mark_refreshed(post)
                case EditResult.MESSAGE_GONE:  # deleting the message withdraws the post
                    await self._mark_withdrawn(post)
                case EditResult.CHANNEL_GONE:
                    await self.showcase_posts.mark_refreshed(post)
                    await self._detach_channel(post)
        else:
            message_id = post.entry.message_id or await self.showcase_channel.find_post(post)
            if message_id is not None:
                await self.showcase_channel.unpublish(post, message_id)
            await self.published_files.delete_published(post.entry.clip)
            await self.showcase_posts.mark_unpublished(post)

    async def _publish_post(self, post: ShowcasePost, *, is_new: bool) -> None:
        message_id = None if is_new else await self.showcase_channel.find_post(post)
        if message_id is None:
            try:
                message_id = await self.showcase_channel.publish(post)
            except ChannelUnavailable as error:
                await self._give_up(post, error)
                raise
        await self.showcase_posts.mark_published(post, message_id)

    async def _give_up(self, post: ShowcasePost, error: ChannelUnavailable) -> None:
        """Withdraw a new post; one that was shown before keeps its votes and waits."""
        if post.revision == 0:
            await self._mark_withdrawn(post)
            withdrawn = await self.showcase_posts.get(post.id) or post
            await self.showcase_posts.mark_unpublished(withdrawn)
            return
        _log.warning("showcase_post.postponed", post_id=post.id, error=str(error))
        await self.showcase_posts.mark_refreshed(post)
        if error.is_gone:
            await self._detach_channel(post)

    async def _detach_channel(self, post: ShowcasePost) -> None:
        assert post.entry.channel_id is not None
        await self.handle_deleted_channel(post.entry.guild_id, post.entry.channel_id)

    async def _mark_withdrawn(self, post: ShowcasePost) -> None:
        await self.showcase_posts.update_post(
            post.id, owner=self.worker.worker_id, audit_entry=None, withdrawn=True
        )
