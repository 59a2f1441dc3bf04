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

from bot.domain.errors import DeliveryError, Refused, StoreAway
from bot.domain.ports import Clock
from bot.domain.showcase.ports import Showroom
from bot.domain.showcase.post import Exhibit, House, Starred
from bot.services.showcase.publisher import Hanging
from bot.services.showcase.showcase import Showcase
from bot.store.jobs.clips import ClipStore
from bot.store.showcase.posts import ShowcaseStore
from bot.store.showcase.settings import HouseStore
from bot.store.showcase.stars import StarStore

DOUBTFUL: Final = timedelta(days=35)
"""How old an entry may be to be counted again after a break: `/showcase top` asks for a month."""
FRESH: Final = timedelta(days=3)
"""How old a clip's own post may be to be counted again after a break, where stars show clips."""
RECORDED_WITHIN_S: Final = 120.0
"""How long a starred post of the bot may take to be written down as a clip's."""
_MOST_RECOUNTS: Final = 200
_MOST_FRESH: Final = 50
_MOST_COUNTED: Final = 10_000
_MOST_UNKNOWN: Final = 1_000

_log: Final = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Unknown:
    """A starred message that shows no clip as far as the database knows.

    ``until`` is when to believe it, counted from the first time that the database said so.
    """

    channel_id: int
    until: float | None = None


class Votes:
    """Follows the stars that people give and take."""

    def __init__(
        self,
        *,
        stars: StarStore,
        exhibits: ShowcaseStore,
        houses: HouseStore,
        clips: ClipStore,
        showroom: Showroom,
        showcase: Showcase,
        hanging: Hanging,
        clock: Clock,
    ) -> None:
        self._stars = stars
        self._exhibits = exhibits
        self._houses = houses
        self._clips = clips
        self._showroom = showroom
        self._showcase = showcase
        self._hanging = hanging
        self._clock = clock
        self._counted: OrderedDict[int, None] = OrderedDict()
        self._locks: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
        self._doubted: set[int] = set()
        self._unknown: OrderedDict[int, _Unknown] = OrderedDict()

    def doubt(self, guild_ids: Sequence[int]) -> None:
        """A session with Discord begins: nobody knows what happened in these servers before."""
        self._counted.clear()
        self._doubted |= set(guild_ids)
        self._hanging.soon()

    async def star(
        self, message_id: int, channel_id: int, user_id: int, *, on: bool, ours: bool = False
    ) -> None:
        """A member has given or taken a star; ``ours`` tells that the message is the bot's.

        Raises `StoreAway`; the message is counted when the database is back.
        """
        try:
            async with self._lock(message_id):
                clip_id = await self._stars.shown_by(message_id)
                if clip_id is None:
                    if ours:
                        self._look_again(message_id, channel_id)
                    return
                if message_id not in self._counted:
                    await self._recount(message_id, channel_id, clip_id)
                after = await self._stars.star(message_id, clip_id, user_id, on=on)
            await self._consider(after)
        except StoreAway:
            self._look_again(message_id, channel_id)
            raise

    async def cleared(self, message_id: int) -> None:
        """A moderator has removed every star of a message. Raises `StoreAway`."""
        async with self._lock(message_id):
            clip_id = await self._stars.shown_by(message_id)
            if clip_id is None:
                return
            after = await self._stars.count(message_id, clip_id, ())
        await self._consider(after)

    async def recount(self, exhibits: Sequence[Exhibit]) -> None:
        """Ask Discord who stars these, in the showcase and at the clips' own posts.

        Raises `StoreAway`; Discord's faults leave the old count.
        """
        for exhibit in exhibits:
            entry, clip = exhibit.entry, exhibit.entry.clip
            for message_id, channel_id in (
                (entry.message_id, entry.channel_id),
                (clip.message_id, clip.channel_id),
            ):
                if message_id is not None and channel_id is not None:
                    async with self._lock(message_id):
                        await self._recount(message_id, channel_id, clip.id)

    async def settle_doubts(self) -> None:
        """Count what nobody knew the clip of, and again what stands in one of the doubted servers.

        One server a time, so that a bot in many does not keep its other duties waiting. Raises
        `StoreAway`.
        """
        for message_id, unknown in list(self._unknown.items()):
            await self._settle_unknown(message_id, unknown)
        if not self._doubted:
            return
        guild_id = self._doubted.pop()
        try:
            await self._settle_server(await self._houses.house(guild_id))
        except StoreAway:
            self._doubted.add(guild_id)
            raise
        if self._doubted:
            self._hanging.soon()

    async def _settle_server(self, house: House) -> None:
        now = self._clock.now()
        await self.recount(
            await self._exhibits.recent(house.guild_id, since=now - DOUBTFUL, limit=_MOST_RECOUNTS)
        )
        if not house.stars or house.channel_id is None:
            return
        for post in await self._stars.fresh(house.guild_id, since=now - FRESH, limit=_MOST_FRESH):
            async with self._lock(post.message_id):
                after = await self._recount(post.message_id, post.channel_id, post.clip_id)
            if after is not None:
                await self._consider(after)

    def _look_again(self, message_id: int, channel_id: int) -> None:
        self._unknown.setdefault(message_id, _Unknown(channel_id))
        if len(self._unknown) > _MOST_UNKNOWN:
            self._unknown.popitem(last=False)
        self._hanging.soon()

    async def _settle_unknown(self, message_id: int, unknown: _Unknown) -> None:
        async with self._lock(message_id):
            clip_id = await self._stars.shown_by(message_id)
            after = None
            if clip_id is not None:
                after = await self._recount(message_id, unknown.channel_id, clip_id)
        if after is not None:
            await self._consider(after)
        now = self._clock.monotonic()
        if unknown.until is None:
            unknown.until = now + RECORDED_WITHIN_S
        if after is not None or now >= unknown.until:
            self._unknown.pop(message_id, None)

    def _lock(self, message_id: int) -> asyncio.Lock:
        """One thing at a time: what Discord said a moment ago must not overwrite a later star."""
        return self._locks.setdefault(message_id, asyncio.Lock())

    async def _recount(self, message_id: int, channel_id: int, clip_id: int) -> Starred | None:
        try:
            found = await self._showroom.stars(channel_id, message_id)
        except DeliveryError as fault:
            _log.info("stars not read", message=message_id, error=str(fault))
            return None
        if found is None:
            await self._showcase.message_gone(message_id)
            return None
        after = await self._stars.count(message_id, clip_id, found)
        self._counted[message_id] = None
        if len(self._counted) > _MOST_COUNTED:
            self._counted.popitem(last=False)
        return after

    async def _consider(self, after: Starred) -> None:
        """Bring the entry's card up to date, or show the clip if enough members star it."""
        if after.exhibit_id is not None:
            self._hanging.soon()
            return
        clip = await self._clips.get(after.clip_id)
        if clip is None or clip.guild_id is None:
            return
        house = await self._houses.house(clip.guild_id)
        if not house.stars or after.votes < house.stars:
            return
        try:
            await self._showcase.add(clip, guild_id=clip.guild_id, by=None)
        except (Refused, DeliveryError) as fault:
            _log.info("stars do not show the clip", clip=clip.id, reason=str(fault))
