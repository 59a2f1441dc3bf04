"""The weekly digest: at the time that a server's admins chose, once, whoever is running then.

Every process looks for what is due. The first to write a week's row has it; the row names the
winner, so that a second try says the same. A digest that was missed comes late rather than never.
What is withdrawn, hidden or forgotten afterwards leaves the post, too.
"""

from datetime import timedelta
from typing import Final

import structlog

from bot.domain.errors import ChannelClosed, DeliveryError, NotFound
from bot.domain.ports import Clock
from bot.domain.showcase.gallery import Entry
from bot.domain.showcase.ports import Desk, Showroom
from bot.domain.showcase.post import WEEK, Digest, House
from bot.services.showcase.votes import Votes
from bot.store.showcase.digests import DigestStore
from bot.store.showcase.posts import ShowcaseStore
from bot.store.showcase.settings import HouseStore

_log: Final = structlog.get_logger(__name__)

RANKING: Final = 10
"""Entries of a week's list."""
_MOST_RECOUNTS: Final = 200
_TOO_LATE: Final = timedelta(days=6)
"""A digest that could not come for so long makes way for the next one."""


class Weekly:
    """Opens and posts digests."""

    def __init__(
        self,
        *,
        digests: DigestStore,
        houses: HouseStore,
        exhibits: ShowcaseStore,
        showroom: Showroom,
        votes: Votes,
        desk: Desk,
        clock: Clock,
    ) -> None:
        self._digests = digests
        self._houses = houses
        self._exhibits = exhibits
        self._showroom = showroom
        self._votes = votes
        self._desk = desk
        self._clock = clock

    async def ranking(self, digest_id: int, *, guild_id: int) -> list[Entry]:
        """Return the best of a digest's week as they stand now. Raises `NotFound`."""
        digest = await self._digests.get(digest_id)
        if digest is None or digest.house.guild_id != guild_id:
            raise NotFound("showcase_empty")
        return await self._exhibits.top(
            guild_id, since=digest.since, until=digest.due_at, limit=RANKING
        )

    async def tend(self) -> None:
        """Open what is due, post what is open, renew what names a changed entry.

        Raises `StoreAway`.
        """
        opened = set()
        for house in await self._houses.with_digest():
            number = await self._open(house)
            if number is not None:
                opened.add(number)
        for number in await self._digests.unsettled(self._desk.worker_id):
            await self._post(number, fresh=number in opened)

    async def _open(self, house: House) -> int | None:
        now = self._clock.now()
        due = house.due(now)
        if due is None or now - due > _TOO_LATE:
            return None
        last = await self._digests.last(house.guild_id)
        if last is not None and last >= due:
            return None
        since = due - WEEK if last is None else max(last, due - WEEK)
        await self._votes.recount(
            await self._exhibits.recent(house.guild_id, since=since, limit=_MOST_RECOUNTS)
        )
        return await self._digests.open(house, due_at=due, since=since, owner=self._desk.worker_id)

    async def _post(self, number: int, *, fresh: bool) -> None:
        digest = await self._digests.claim(number, self._desk.worker_id)
        if digest is None or not self._desk.alive:
            return
        try:
            message_id = await self._bring(digest, fresh=fresh)
        except ChannelClosed as fault:
            _log.warning("digest cannot be posted", digest=number, reason=str(fault))
            message_id = None
        except DeliveryError as fault:
            _log.info("digest not posted yet", digest=number, reason=str(fault))
            return
        await self._digests.posted(number, message_id, owner=self._desk.worker_id)

    async def _bring(self, digest: Digest, *, fresh: bool) -> int | None:
        """Let a message say what may be seen of the digest now, or none where nothing may."""
        message_id = digest.message_id
        if message_id is None and not fresh:
            message_id = await self._showroom.find_announced(digest)
        if message_id is None:
            return await self._showroom.announce(digest) if digest.entries else None
        if digest.entries:
            return message_id if await self._showroom.renew(digest, message_id) else None
        await self._showroom.delete(digest.channel_id, message_id)
        return None
