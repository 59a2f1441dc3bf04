"""Brings Discord to what the showcase's rows say: posts, renews and takes down, each exactly once.

Whoever wants something of an exhibit writes it into its row; whoever claims the row does it here.
A post that may have been made by a process that died is looked for before another is made.
"""

import asyncio
from typing import Final
from weakref import WeakValueDictionary

import structlog

from bot.domain.errors import ChannelClosed, DeliveryError
from bot.domain.showcase.ports import Desk, PublicFiles, Showroom
from bot.domain.showcase.post import Exhibit
from bot.store.showcase.posts import ShowcaseStore

_log: Final = structlog.get_logger(__name__)


class Hanging:
    """Settles exhibits in this process."""

    def __init__(
        self, *, exhibits: ShowcaseStore, showroom: Showroom, files: PublicFiles, desk: Desk
    ) -> None:
        self._exhibits = exhibits
        self._showroom = showroom
        self._files = files
        self._desk = desk
        self._locks: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
        self.wanted = asyncio.Event()
        """Set when something should be settled soon."""

    def soon(self) -> None:
        """Something has changed that may wait a moment, and for more like it."""
        self.wanted.set()

    async def settle(self, exhibit_id: int, *, fresh: bool = False) -> None:
        """Bring one exhibit's message to what is wanted; ``fresh`` when no post can stand yet.

        Raises `ChannelClosed` where it can never be posted (it is withdrawn then), `DeliveryBusy`
        and `StoreAway` where it will be tried again.
        """
        lock = self._locks.setdefault(exhibit_id, asyncio.Lock())
        async with lock:
            while self._desk.alive:
                exhibit = await self._exhibits.claim(exhibit_id, self._desk.worker_id)
                if exhibit is None:
                    return
                await self._bring(exhibit, fresh=fresh)
                fresh = False

    async def settle_all(self) -> None:
        """Settle whatever is this process's to settle, or nobody's alive. Raises `StoreAway`."""
        for exhibit_id in await self._exhibits.unsettled(self._desk.worker_id):
            try:
                await self.settle(exhibit_id)
            except DeliveryError as fault:
                _log.info("exhibit not settled", exhibit=exhibit_id, error=str(fault))

    async def _bring(self, exhibit: Exhibit, *, fresh: bool) -> None:
        if exhibit.wanted and exhibit.entry.message_id is None:
            await self._hang(exhibit, fresh=fresh)
        elif exhibit.wanted:
            if await self._showroom.refresh(exhibit):
                await self._exhibits.refreshed(exhibit)
            else:  # whoever deletes the message wants it out of the showcase
                await self._withdraw(exhibit)
        else:
            await self._files.withdraw(exhibit.entry.clip)
            message_id = exhibit.entry.message_id or await self._showroom.find(exhibit)
            if message_id is not None:
                await self._showroom.take_down(exhibit, message_id)
            await self._exhibits.taken_down(exhibit)

    async def _hang(self, exhibit: Exhibit, *, fresh: bool) -> None:
        message_id = None if fresh else await self._showroom.find(exhibit)
        if message_id is None:
            try:
                message_id = await self._showroom.hang(exhibit)
            except ChannelClosed:
                await self._withdraw(exhibit)
                await self._exhibits.taken_down(await self._exhibits.get(exhibit.id) or exhibit)
                raise
        await self._exhibits.hung(exhibit, message_id)

    async def _withdraw(self, exhibit: Exhibit) -> None:
        await self._exhibits.mark(
            exhibit.id, owner=self._desk.worker_id, record=None, withdrawn=True
        )
