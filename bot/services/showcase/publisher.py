"""Brings Discord to what the showcase's rows say: posts, renews and takes down, each exactly once.

Whoever wants something of an exhibit writes it into its row; whoever claims the row does it here.
A post that may have been made by a process that died is looked for before another is made.
"""

import asyncio
from typing import Final
from weakref import WeakValueDictionary

import structlog

from bot.domain.errors import ChannelUnavailable, DeliveryError
from bot.domain.showcase.ports import PublishedFiles, ShowcaseChannel, WorkerHandle
from bot.domain.showcase.post import ShowcasePost
from bot.store.showcase.posts import ShowcasePostStore

_log: Final = structlog.get_logger(__name__)


class ShowcasePublisher:
    """Settles exhibits in this process."""

    def __init__(
        self,
        *,
        showcase_posts: ShowcasePostStore,
        showcase_channel: ShowcaseChannel,
        published_files: PublishedFiles,
        worker: WorkerHandle,
    ) -> None:
        self._showcase_posts = showcase_posts
        self._showcase_channel = showcase_channel
        self._published_files = published_files
        self._worker = worker
        self._locks: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
        self.settle_requested = asyncio.Event()
        """Set when something should be settled soon."""

    def request_settle(self) -> None:
        """Something has changed that may wait a moment, and for more like it."""
        self.settle_requested.set()

    async def settle_post(self, post_id: int, *, is_new: bool = False) -> None:
        """Bring one exhibit's message to what is wanted; ``fresh`` when no post can stand yet.

        Raises `ChannelClosed` where it can never be posted (it is withdrawn then), `DeliveryBusy`
        and `StoreAway` where it will be tried again.
        """
        lock = self._locks.setdefault(post_id, asyncio.Lock())
        async with lock:
            while self._worker.is_alive:
                exhibit = await self._showcase_posts.claim(post_id, self._worker.worker_id)
                if exhibit is None:
                    return
                await self._apply_desired_state(exhibit, is_new=is_new)
                is_new = False

    async def settle_all(self) -> None:
        """Settle whatever is this process's to settle, or nobody's alive. Raises `StoreAway`."""
        for exhibit_id in await self._showcase_posts.list_out_of_sync(self._worker.worker_id):
            try:
                await self.settle_post(exhibit_id)
            except DeliveryError as fault:
                _log.info("exhibit not settled", exhibit=exhibit_id, error=str(fault))

    async def _apply_desired_state(self, post: ShowcasePost, *, is_new: bool) -> None:
        if post.should_be_posted and post.entry.message_id is None:
            await self._publish_post(post, is_new=is_new)
        elif post.should_be_posted:
            if await self._showcase_channel.refresh_post(post):
                await self._showcase_posts.mark_refreshed(post)
            else:  # whoever deletes the message wants it out of the showcase
                await self._mark_withdrawn(post)
        else:
            await self._published_files.delete_published(post.entry.clip)
            message_id = post.entry.message_id or await self._showcase_channel.find_post(post)
            if message_id is not None:
                await self._showcase_channel.unpublish(post, message_id)
            await self._showcase_posts.mark_unpublished(post)

    async def _publish_post(self, post: ShowcasePost, *, is_new: bool) -> None:
        message_id = None if is_new else await self._showcase_channel.find_post(post)
        if message_id is None:
            try:
                message_id = await self._showcase_channel.publish(post)
            except ChannelUnavailable:
                await self._mark_withdrawn(post)
                await self._showcase_posts.mark_unpublished(
                    await self._showcase_posts.get(post.id) or post
                )
                raise
        await self._showcase_posts.mark_published(post, message_id)

    async def _mark_withdrawn(self, post: ShowcasePost) -> None:
        await self._showcase_posts.update_post(
            post.id, owner=self._worker.worker_id, audit_entry=None, withdrawn=True
        )
