"""Counts star reactions as votes, one per member, and recounts from Discord if they may be stale.

A message is stale until this process has counted it in its current Discord session. A starred
message of the bot may also be unknown at first, because members see it before the database does.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from weakref import WeakValueDictionary

import structlog

from bot.domain.errors import (
    ChannelUnavailable,
    DatabaseUnavailable,
    DeliveryError,
    RequestRefused,
)
from bot.domain.ports import Clock, ShowcaseChannel
from bot.domain.showcase.post import ShowcasePost, ShowcaseSettings, Star, VoteTarget
from bot.services.showcase.publisher import ShowcasePublisher
from bot.services.showcase.showcase import ShowcaseService
from bot.store.jobs.clips import ClipStore
from bot.store.showcase.posts import ShowcasePostStore
from bot.store.showcase.settings import ShowcaseSettingsStore
from bot.store.showcase.stars import StarStore

RECOUNT_WINDOW: Final = timedelta(days=35)
"""Age up to which showcase posts are recounted in a new session; `/showcase top` shows a month."""
FRESH_POST_WINDOW: Final = timedelta(days=3)
"""Age up to which other clip messages are recounted if stars can add clips to the showcase."""
UNKNOWN_MESSAGE_TIMEOUT_S: Final = 120.0
"""How long to wait until the database knows which clip a starred message of the bot shows."""
_MAX_RECOUNTS: Final = 200
_MAX_FRESH_POSTS: Final = 50
_MAX_COUNTED_MESSAGES: Final = 10_000
_MAX_UNKNOWN_MESSAGES: Final = 1_000

_log: Final = structlog.get_logger(__name__)


@dataclass(slots=True)
class _UnknownMessage:
    """A starred message without a known clip; it is dropped at ``give_up_at`` (monotonic)."""

    channel_id: int
    give_up_at: float | None = None


class VoteCounter:
    def __init__(
        self,
        *,
        stars: StarStore,
        showcase_posts: ShowcasePostStore,
        showcase_settings_store: ShowcaseSettingsStore,
        clips: ClipStore,
        showcase_channel: ShowcaseChannel,
        showcase_service: ShowcaseService,
        publisher: ShowcasePublisher,
        clock: Clock,
    ) -> None:
        self.stars = stars
        self._showcase_posts = showcase_posts
        self._showcase_settings_store = showcase_settings_store
        self._clips = clips
        self._showcase_channel = showcase_channel
        self._showcase_service = showcase_service
        self._publisher = publisher
        self._clock = clock
        self._counted_messages: OrderedDict[int, None] = OrderedDict()
        self._locks: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
        self._stale_guilds: set[int] = set()
        self._unknown_messages: OrderedDict[int, _UnknownMessage] = OrderedDict()

    def mark_stale(self, guild_ids: Sequence[int]) -> None:
        """Mark servers whose events may have been missed before a new Discord session."""
        self._counted_messages.clear()
        self._stale_guilds |= set(guild_ids)
        self._publisher.request_settle()

    async def record_star(
        self,
        message_id: int,
        channel_id: int,
        user_id: int,
        *,
        starred: bool,
        is_super: bool = False,
        is_own_message: bool = False,
    ) -> None:
        """Record that a member added or removed a star; ``is_own_message`` are those of the bot.

        Raises `DatabaseUnavailable`; the message is then recounted later.
        """
        try:
            async with self._get_message_lock(message_id):
                clip_id = await self.stars.find_clip_by_message(message_id)
                if clip_id is None:
                    if is_own_message:
                        self._recount_later(message_id, channel_id)
                    return
                if message_id not in self._counted_messages:
                    await self._recount_message(message_id, channel_id, clip_id)
                star = Star(user_id, is_super=is_super)
                target = await self.stars.set_star(message_id, clip_id, star, starred=starred)
            await self._evaluate(target)
        except DatabaseUnavailable:
            self._recount_later(message_id, channel_id)
            raise

    async def reset(self, message_id: int) -> None:
        """Remove all votes of a message whose stars were cleared. Raises `DatabaseUnavailable`."""
        async with self._get_message_lock(message_id):
            clip_id = await self.stars.find_clip_by_message(message_id)
            if clip_id is None:
                return
            target = await self.stars.replace_stars(message_id, clip_id, ())
        await self._evaluate(target)

    async def recount_posts(self, posts: Sequence[ShowcasePost]) -> None:
        """Recount the stars of showcase posts and of the clips' own messages from Discord.

        Raises `DatabaseUnavailable`. After errors of Discord the old count stays.
        """
        for post in posts:
            entry, clip = post.entry, post.entry.clip
            for message_id, channel_id in (
                (entry.message_id, entry.channel_id),
                (clip.message_id, clip.channel_id),
            ):
                if message_id is not None and channel_id is not None:
                    async with self._get_message_lock(message_id):
                        await self._recount_message(message_id, channel_id, clip.id)

    async def recount_stale(self) -> None:
        """Look up unknown messages again and recount one stale server.

        Only one, so that other maintenance need not wait. Raises `DatabaseUnavailable`.
        """
        for message_id, unknown in list(self._unknown_messages.items()):
            await self._resolve_unknown_message(message_id, unknown)
        if not self._stale_guilds:
            return
        guild_id = self._stale_guilds.pop()
        try:
            await self._recount_guild(await self._showcase_settings_store.load_settings(guild_id))
        except DatabaseUnavailable:
            self._stale_guilds.add(guild_id)
            raise
        if self._stale_guilds:
            self._publisher.request_settle()

    async def _recount_guild(self, showcase_settings: ShowcaseSettings) -> None:
        await self._showcase_service.record_channels(showcase_settings.guild_id)
        now = self._clock.now()
        await self.recount_posts(
            await self._showcase_posts.list_recent(
                showcase_settings.guild_id, since=now - RECOUNT_WINDOW, limit=_MAX_RECOUNTS
            )
        )
        if not showcase_settings.stars or showcase_settings.channel_id is None:
            return
        for post in await self.stars.list_unshowcased(
            showcase_settings.guild_id, since=now - FRESH_POST_WINDOW, limit=_MAX_FRESH_POSTS
        ):
            async with self._get_message_lock(post.message_id):
                target = await self._recount_message(post.message_id, post.channel_id, post.clip_id)
            if target is not None:
                await self._evaluate(target)

    def _recount_later(self, message_id: int, channel_id: int) -> None:
        self._unknown_messages.setdefault(message_id, _UnknownMessage(channel_id))
        if len(self._unknown_messages) > _MAX_UNKNOWN_MESSAGES:
            self._unknown_messages.popitem(last=False)
        self._publisher.request_settle()

    async def _resolve_unknown_message(self, message_id: int, message: _UnknownMessage) -> None:
        async with self._get_message_lock(message_id):
            clip_id = await self.stars.find_clip_by_message(message_id)
            target = None
            if clip_id is not None:
                target = await self._recount_message(message_id, message.channel_id, clip_id)
        if target is not None:
            await self._evaluate(target)
        now = self._clock.monotonic()
        if message.give_up_at is None:
            message.give_up_at = now + UNKNOWN_MESSAGE_TIMEOUT_S
        if target is not None or now >= message.give_up_at:
            self._unknown_messages.pop(message_id, None)

    def _get_message_lock(self, message_id: int) -> asyncio.Lock:
        """Return the lock of a message; an older recount must not overwrite a later star."""
        return self._locks.setdefault(message_id, asyncio.Lock())

    async def _recount_message(
        self, message_id: int, channel_id: int, clip_id: int
    ) -> VoteTarget | None:
        try:
            stars = await self._showcase_channel.fetch_stars(channel_id, message_id)
        except ChannelUnavailable:
            await self._keep_posts_of_deleted_channel(message_id, channel_id)
            return None
        except DeliveryError as error:
            _log.info("stars.read_failed", message_id=message_id, error=str(error))
            return None
        if stars is None:
            await self._showcase_service.withdraw_deleted_message(message_id)
            return None
        target = await self.stars.replace_stars(message_id, clip_id, stars)
        self._counted_messages[message_id] = None
        if len(self._counted_messages) > _MAX_COUNTED_MESSAGES:
            self._counted_messages.popitem(last=False)
        return target

    async def _keep_posts_of_deleted_channel(self, message_id: int, channel_id: int) -> None:
        """Keep the showcase posts of a deleted channel instead of withdrawing them."""
        post = await self._showcase_posts.find_by_message(message_id)
        if post is not None:
            await self._publisher.handle_deleted_channel(post.entry.guild_id, channel_id)

    async def _evaluate(self, vote_target: VoteTarget) -> None:
        """Refresh the showcase post, or add the clip to the showcase if it has enough stars."""
        if vote_target.post_id is not None:
            self._publisher.request_settle()
            return
        clip = await self._clips.get(vote_target.clip_id)
        if clip is None or clip.guild_id is None:
            return
        showcase_settings = await self._showcase_settings_store.load_settings(clip.guild_id)
        if not showcase_settings.stars or vote_target.votes < showcase_settings.stars:
            return
        try:
            await self._showcase_service.add_clip(clip, guild_id=clip.guild_id, actor=None)
        except (RequestRefused, DeliveryError) as error:
            _log.info("stars.clip_not_added", clip_id=clip.id, error=str(error))
