"""Posting as a stage of its own: its failure is never shown as a failed generation.

A post is made and recorded in one critical section. Whenever it is not certain that no post was
made (after a crash, after a fault of Discord), the channel is looked at first. One attempt is short
against the time for which Discord remembers a nonce, and ends with the lease, which is looked at
for every piece of a file that leaves: what hangs cannot come out as a second post after somebody
else has made the first. What is posted is made ready before (`bot.services.jobs.upload`): that can take
minutes and may be interrupted. A message that is too large was not made, so the next rung of the
ladder has the same nonce.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Final

import structlog

from bot.domain.clips.clip import Clip
from bot.domain.clips.upload_options import Enclosure
from bot.domain.errors import ChannelClosed, DeliveryBusy, FileTooLarge, NotFound
from bot.domain.jobs.job import Job, Origin
from bot.domain.ports import Clock, Delivery
from bot.services.jobs.critical_sections import Backoff, Steady
from bot.services.jobs.lease import Lease
from bot.services.jobs.upload import Packer, Parcel

PATIENCE: Final = timedelta(hours=24)
"""How long Discord may be away before the clip stays in the history only."""
ATTEMPT_S: Final = 90.0
"""Seconds that one attempt may take: Discord drops a repeated nonce for "the past few minutes"."""
_LOOK_S: Final = 1.0
"""Seconds between two looks at the lease during an attempt."""
_FAULTS: Final = 5
_AGAIN_TRIES: Final = 4

_log = structlog.get_logger(__name__)

Record = Callable[[int], Awaitable[Job]]


class Poster:
    """Posts the clips of jobs, each once, and again for whoever asks."""

    def __init__(self, *, delivery: Delivery, packer: Packer, clock: Clock, steady: Steady) -> None:
        self._delivery = delivery
        self._packer = packer
        self._clock = clock
        self._steady = steady

    async def post(
        self, job: Job, clips: Sequence[Clip], lease: Lease, *, look_first: bool, record: Record
    ) -> Job | None:
        """Post and ``record`` the message; ``None`` when the clips cannot be posted there."""
        backoff, faults, began = Backoff(first=1.0, most=300.0), 0, self._clock.now()
        parcel = self._packer.parcel(clips, job.origin)
        while True:
            lease.check()
            told: float | None = None
            try:
                if look_first:
                    found = await self._delivery.find_posted(job)
                    lease.check()
                    if found is not None:
                        return await self._steady.section(_recorded(record, found))
                enclosures = await self._packer.pack(parcel)
                lease.check()
                return await self._steady.section(
                    self._post(job, enclosures, parcel, lease, record)
                )
            except FileTooLarge as error:
                if not self._packer.refused(parcel):
                    _log.error("post.refused", job_id=job.id, error=str(error))
                    return None
                continue
            except NotFound as error:
                if parcel.verified:
                    _log.error("post.refused", job_id=job.id, error=str(error))
                    return None
                parcel.verified = True  # look at the originals again, and fetch what is gone
                continue
            except ChannelClosed as error:
                _log.warning("post.refused", job_id=job.id, error=str(error))
                return None
            except DeliveryBusy as error:
                told = error.retry_after_s
                _log.warning("post.busy", job_id=job.id, error=str(error))
            except OSError:
                _log.exception("post.fault", job_id=job.id)
                faults += 1
            look_first = True
            if faults >= _FAULTS or self._clock.now() - began > PATIENCE:
                return None
            await self._clock.sleep(backoff.next(told))

    async def post_again(self, job: Job, clips: Sequence[Clip], origin: Origin) -> int:
        """Post finished clips once more where ``origin`` asked, and return the message's id.

        The originals are held against their hashes first, and fetched from Google where they are
        gone. Raises `NotFound` (``clip_file``), `FileTooLarge`, `ChannelClosed` or `DeliveryBusy`.
        """
        parcel = self._packer.parcel(clips, origin, verified=True)
        backoff = Backoff(first=1.0, most=10.0)
        while True:
            try:
                enclosures = await self._packer.pack(parcel)
                message_id = await self._delivery.post_again(job, enclosures, origin)
            except FileTooLarge:
                if not self._packer.refused(parcel):
                    raise
            except DeliveryBusy as error:
                if backoff.tries >= _AGAIN_TRIES:
                    raise
                await self._clock.sleep(backoff.next(error.retry_after_s))
            else:
                self._packer.accepted(parcel)
                return message_id

    async def _post(
        self,
        job: Job,
        enclosures: Sequence[Enclosure],
        parcel: Parcel,
        lease: Lease,
        record: Record,
    ) -> Job:
        message_id = await self._attempt(job, enclosures, lease)
        self._packer.accepted(parcel)
        return await record(message_id)

    async def _attempt(self, job: Job, enclosures: Sequence[Enclosure], lease: Lease) -> int:
        """Post once, for no longer than `ATTEMPT_S` and the lease. Raises `LeaseLost` too."""
        posting = asyncio.create_task(self._delivery.post(job, enclosures, may_send=lease.check))
        until = self._clock.monotonic() + ATTEMPT_S
        try:
            while not posting.done():
                left = until - self._clock.monotonic()
                if left <= 0:
                    raise DeliveryBusy("Discord did not answer in time")
                lease.check()
                waiting = asyncio.create_task(self._clock.sleep(min(left, _LOOK_S)))
                try:
                    await asyncio.wait({posting, waiting}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    waiting.cancel()
            return posting.result()
        finally:
            posting.cancel()
            await asyncio.wait({posting})


async def _recorded(record: Record, message_id: int) -> Job:
    return await record(message_id)
