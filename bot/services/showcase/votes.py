"""Stars as votes: counted once a member, over restarts, and put right from Discord when in doubt.

In doubt is every message that this process has not counted since its session with Discord began:
what happened before that, nobody told it. So is a post of the bot that is starred before anybody
has written down what it shows: people see a post sooner than the database does.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from weakref import WeakValueDictionary

import structlog

from bot.domain.errors import DatabaseUnavailable, DeliveryError, RequestRefused
from bot.domain.ports import Clock
from bot.domain.showcase.ports import ShowcaseChannel
from bot.domain.showcase.post import ShowcasePost, ShowcaseSettings, VoteTarget
from bot.services.showcase.publisher import ShowcasePublisher
from bot.services.showcase.showcase import ShowcaseService
from bot.store.jobs.clips import ClipStore
from bot.store.showcase.posts import ShowcasePostStore
from bot.store.showcase.settings import ShowcaseSettingsStore
from bot.store.showcase.stars import StarStore

RECOUNT_WINDOW: Final = timedelta(days=35)
"""How old an entry may be to be counted again after a break: `/showcase top` asks for a month."""
FRESH_POST_WINDOW: Final = timedelta(days=3)
"""How old a clip's own post may be to be counted again after a break, where stars show clips."""
UNKNOWN_MESSAGE_TIMEOUT_S: Final = 120.0
"""How long a starred post of the bot may take to be written down as a clip's."""
_MAX_RECOUNTS: Final = 200
_MAX_FRESH_POSTS: Final = 50
_MAX_COUNTED_MESSAGES: Final = 10_000
_MAX_UNKNOWN_MESSAGES: Final = 1_000

_log: Final = structlog.get_logger(__name__)


@dataclass(slots=True)
class _UnknownMessage:
    """A starred message that shows no clip as far as the database knows.

    ``until`` is when to believe it, counted from the first time that the database said so.
    """

    channel_id: int
    give_up_at: float | None = None


class VoteCounter:
    """Follows the stars that people give and take."""

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
        self._stars = stars
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
        """A session with Discord begins: nobody knows what happened in these servers before."""
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
        is_own_message: bool = False,
    ) -> None:
        """A member has given or taken a star; ``ours`` tells that the message is the bot's.

        Raises `StoreAway`; the message is counted when the database is back.
        """
        try:
            async with self._get_message_lock(message_id):
                clip_id = await self._stars.find_clip_by_message(message_id)
                if clip_id is None:
                    if is_own_message:
                        self._recount_later(message_id, channel_id)
                    return
                if message_id not in self._counted_messages:
                    await self._recount_message(message_id, channel_id, clip_id)
                after = await self._stars.set_star(message_id, clip_id, user_id, starred=starred)
            await self._evaluate(after)
        except DatabaseUnavailable:
            self._recount_later(message_id, channel_id)
            raise

    async def reset(self, message_id: int) -> None:
        """A moderator has removed every star of a message. Raises `StoreAway`."""
        async with self._get_message_lock(message_id):
            clip_id = await self._stars.find_clip_by_message(message_id)
            if clip_id is None:
                return
            after = await self._stars.replace_stars(message_id, clip_id, ())
        await self._evaluate(after)

    async def recount_posts(self, posts: Sequence[ShowcasePost]) -> None:
        """Ask Discord who stars these, in the showcase and at the clips' own posts.

        Raises `StoreAway`; Discord's faults leave the old count.
        """
        for exhibit in posts:
            entry, clip = exhibit.entry, exhibit.entry.clip
            for message_id, channel_id in (
                (entry.message_id, entry.channel_id),
                (clip.message_id, clip.channel_id),
            ):
                if message_id is not None and channel_id is not None:
                    async with self._get_message_lock(message_id):
                        await self._recount_message(message_id, channel_id, clip.id)

    async def recount_stale(self) -> None:
        """Count what nobody knew the clip of, and again what stands in one of the doubted servers.

        One server a time, so that a bot in many does not keep its other duties waiting. Raises
        `StoreAway`.
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
        now = self._clock.now()
        await self.recount_posts(
            await self._showcase_posts.list_recent(
                showcase_settings.guild_id, since=now - RECOUNT_WINDOW, limit=_MAX_RECOUNTS
            )
        )
        if not showcase_settings.stars or showcase_settings.channel_id is None:
            return
        for post in await self._stars.list_unshowcased(
            showcase_settings.guild_id, since=now - FRESH_POST_WINDOW, limit=_MAX_FRESH_POSTS
        ):
            async with self._get_message_lock(post.message_id):
                after = await self._recount_message(post.message_id, post.channel_id, post.clip_id)
            if after is not None:
                await self._evaluate(after)

    def _recount_later(self, message_id: int, channel_id: int) -> None:
        self._unknown_messages.setdefault(message_id, _UnknownMessage(channel_id))
        if len(self._unknown_messages) > _MAX_UNKNOWN_MESSAGES:
            self._unknown_messages.popitem(last=False)
        self._publisher.request_settle()

    async def _resolve_unknown_message(self, message_id: int, message: _UnknownMessage) -> None:
        async with self._get_message_lock(message_id):
            clip_id = await self._stars.find_clip_by_message(message_id)
            after = None
            if clip_id is not None:
                after = await self._recount_message(message_id, message.channel_id, clip_id)
        if after is not None:
            await self._evaluate(after)
        now = self._clock.monotonic()
        if message.give_up_at is None:
            message.give_up_at = now + UNKNOWN_MESSAGE_TIMEOUT_S
        if after is not None or now >= message.give_up_at:
            self._unknown_messages.pop(message_id, None)

    def _get_message_lock(self, message_id: int) -> asyncio.Lock:
        """One thing at a time: what Discord said a moment ago must not overwrite a later star."""
        return self._locks.setdefault(message_id, asyncio.Lock())

    async def _recount_message(
        self, message_id: int, channel_id: int, clip_id: int
    ) -> VoteTarget | None:
        try:
            found = await self._showcase_channel.fetch_stars(channel_id, message_id)
        except DeliveryError as fault:
            _log.info("stars not read", message=message_id, error=str(fault))
            return None
        if found is None:
            await self._showcase_service.withdraw_deleted_message(message_id)
            return None
        after = await self._stars.replace_stars(message_id, clip_id, found)
        self._counted_messages[message_id] = None
        if len(self._counted_messages) > _MAX_COUNTED_MESSAGES:
            self._counted_messages.popitem(last=False)
        return after

    async def _evaluate(self, vote_target: VoteTarget) -> None:
        """Bring the entry's card up to date, or show the clip if enough members star it."""
        if vote_target.post_id is not None:
            self._publisher.request_settle()
            return
        clip = await self._clips.get(vote_target.clip_id)
        if clip is None or clip.guild_id is None:
            return
        house = await self._showcase_settings_store.load_settings(clip.guild_id)
        if not house.stars or vote_target.votes < house.stars:
            return
        try:
            await self._showcase_service.add_clip(clip, guild_id=clip.guild_id, actor=None)
        except (RequestRefused, DeliveryError) as fault:
            _log.info("stars do not show the clip", clip=clip.id, reason=str(fault))
