"""Publishes, updates and removes showcase posts so that Discord matches the database.

Services write the desired state into a post's row; the process that claims the row applies it here,
exactly once. A message that a dead process may have sent is searched for before another is sent.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Final
from weakref import WeakValueDictionary

import structlog

from bot.domain.errors import ChannelUnavailable, DeliveryError
from bot.domain.ports import ShowcaseChannel, StoredFiles, WorkerHandle
from bot.domain.showcase.post import ShowcasePost
from bot.store.showcase.posts import ShowcasePostStore

_log: Final = structlog.get_logger(__name__)


@dataclass(kw_only=True, eq=False)
class ShowcasePublisher:
    showcase_posts: ShowcasePostStore
    showcase_channel: ShowcaseChannel
    published_files: StoredFiles
    worker: WorkerHandle
    _locks: WeakValueDictionary[int, asyncio.Lock] = field(
        init=False, default_factory=WeakValueDictionary
    )
    settle_requested: asyncio.Event = field(init=False, default_factory=asyncio.Event)

    def request_settle(self) -> None:
        """Settle changed posts soon, batched with other changes."""
        self.settle_requested.set()

    async def settle_post(self, post_id: int, *, is_new: bool = False) -> None:
        """Apply one post's desired state; ``is_new`` skips the search for an earlier message.

        Raises `ChannelUnavailable` if it can never be sent (the post is withdrawn then),
        `DiscordUnavailable` and `DatabaseUnavailable` if it will be retried.
        """
        async with self._locks.setdefault(post_id, asyncio.Lock()):
            while self.worker.is_alive:
                post = await self.showcase_posts.claim(post_id, self.worker.worker_id)
                if post is None:
                    return
                await self._apply_desired_state(post, is_new=is_new)
                is_new = False

    async def settle_all(self) -> None:
        """Settle the posts of this process and of dead ones. Raises `DatabaseUnavailable`."""
        for post_id in await self.showcase_posts.list_out_of_sync(self.worker.worker_id):
            try:
                await self.settle_post(post_id)
            except DeliveryError as error:
                _log.info("showcase_post.settle_failed", post_id=post_id, error=str(error))

    async def _apply_desired_state(self, post: ShowcasePost, *, is_new: bool) -> None:
        if post.should_be_posted and post.entry.message_id is None:
            await self._publish_post(post, is_new=is_new)
        elif post.should_be_posted:
            if await self.showcase_channel.refresh_post(post):
                await self.showcase_posts.mark_refreshed(post)
            else:  # the message was deleted: that withdraws the post
                await self._mark_withdrawn(post)
        else:
            await self.published_files.delete_published(post.entry.clip)
            message_id = post.entry.message_id or await self.showcase_channel.find_post(post)
            if message_id is not None:
                await self.showcase_channel.unpublish(post, message_id)
            await self.showcase_posts.mark_unpublished(post)

    async def _publish_post(self, post: ShowcasePost, *, is_new: bool) -> None:
        message_id = None if is_new else await self.showcase_channel.find_post(post)
        if message_id is None:
            try:
                message_id = await self.showcase_channel.publish(post)
            except ChannelUnavailable:
                await self._mark_withdrawn(post)
                withdrawn = await self.showcase_posts.get(post.id) or post
                await self.showcase_posts.mark_unpublished(withdrawn)
                raise
        await self.showcase_posts.mark_published(post, message_id)

    async def _mark_withdrawn(self, post: ShowcasePost) -> None:
        await self.showcase_posts.update_post(
            post.id, owner=self.worker.worker_id, audit_entry=None, withdrawn=True
        )
