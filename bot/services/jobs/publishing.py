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
from bot.domain.clips.upload_options import PreparedUpload
from bot.domain.errors import ChannelUnavailable, DiscordUnavailable, FileTooLarge, RecordNotFound
from bot.domain.jobs.job import Job, Origin
from bot.domain.ports import Clock, JobMessages
from bot.services.jobs.critical_sections import Backoff, CriticalSections
from bot.services.jobs.lease import Lease
from bot.services.jobs.upload import UploadJob, UploadPreparer

POST_RETRY_WINDOW: Final = timedelta(hours=24)
"""How long Discord may be away before the clip stays in the history only."""
ATTEMPT_TIMEOUT_S: Final = 90.0
"""Seconds that one attempt may take: Discord drops a repeated nonce for "the past few minutes"."""
_LEASE_CHECK_INTERVAL_S: Final = 1.0
"""Seconds between two looks at the lease during an attempt."""
_MAX_OS_ERRORS: Final = 5
_MAX_REPOST_ATTEMPTS: Final = 4

_log = structlog.get_logger(__name__)

RecordMessage = Callable[[int], Awaitable[Job]]


class ClipPublisher:
    """Posts the clips of jobs, each once, and again for whoever asks."""

    def __init__(
        self,
        *,
        job_messages: JobMessages,
        upload_preparer: UploadPreparer,
        clock: Clock,
        critical_sections: CriticalSections,
    ) -> None:
        self._job_messages = job_messages
        self._upload_preparer = upload_preparer
        self._clock = clock
        self._critical_sections = critical_sections

    async def publish_clips(
        self,
        job: Job,
        clips: Sequence[Clip],
        lease: Lease,
        *,
        search_first: bool,
        record_message: RecordMessage,
    ) -> Job | None:
        """Post and ``record`` the message; ``None`` when the clips cannot be posted there."""
        backoff, faults, began = Backoff(initial=1.0, maximum=300.0), 0, self._clock.now()
        parcel = self._upload_preparer.begin_upload(clips, job.origin)
        while True:
            lease.require_valid()
            told: float | None = None
            try:
                if search_first:
                    found = await self._job_messages.find_posted(job)
                    lease.require_valid()
                    if found is not None:
                        return await self._critical_sections.run_shielded(
                            _record_found_message(record_message, found)
                        )
                enclosures = await self._upload_preparer.prepare_uploads(parcel)
                lease.require_valid()
                return await self._critical_sections.run_shielded(
                    self._post_and_record(job, enclosures, parcel, lease, record_message)
                )
            except FileTooLarge as error:
                if not self._upload_preparer.step_down(parcel):
                    _log.error("post.refused", job_id=job.id, error=str(error))
                    return None
                continue
            except RecordNotFound as error:
                if parcel.verify_originals:
                    _log.error("post.refused", job_id=job.id, error=str(error))
                    return None
                parcel.verify_originals = (
                    True  # look at the originals again, and fetch what is gone
                )
                continue
            except ChannelUnavailable as error:
                _log.warning("post.refused", job_id=job.id, error=str(error))
                return None
            except DiscordUnavailable as error:
                told = error.retry_after_s
                _log.warning("post.busy", job_id=job.id, error=str(error))
            except OSError:
                _log.exception("post.fault", job_id=job.id)
                faults += 1
            search_first = True
            if faults >= _MAX_OS_ERRORS or self._clock.now() - began > POST_RETRY_WINDOW:
                return None
            await self._clock.sleep(backoff.next(told))

    async def publish_again(self, job: Job, clips: Sequence[Clip], origin: Origin) -> int:
        """Post finished clips once more where ``origin`` asked, and return the message's id.

        The originals are held against their hashes first, and fetched from Google where they are
        gone. Raises `NotFound` (``clip_file``), `FileTooLarge`, `ChannelClosed` or `DeliveryBusy`.
        """
        parcel = self._upload_preparer.begin_upload(clips, origin, verify_originals=True)
        backoff = Backoff(initial=1.0, maximum=10.0)
        while True:
            try:
                enclosures = await self._upload_preparer.prepare_uploads(parcel)
                message_id = await self._job_messages.repost_clips(job, enclosures, origin)
            except FileTooLarge:
                if not self._upload_preparer.step_down(parcel):
                    raise
            except DiscordUnavailable as error:
                if backoff.attempts >= _MAX_REPOST_ATTEMPTS:
                    raise
                await self._clock.sleep(backoff.next(error.retry_after_s))
            else:
                self._upload_preparer.record_accepted(parcel)
                return message_id

    async def _post_and_record(
        self,
        job: Job,
        enclosures: Sequence[PreparedUpload],
        upload_job: UploadJob,
        lease: Lease,
        record_message: RecordMessage,
    ) -> Job:
        message_id = await self._attempt_post(job, enclosures, lease)
        self._upload_preparer.record_accepted(upload_job)
        return await record_message(message_id)

    async def _attempt_post(
        self, job: Job, enclosures: Sequence[PreparedUpload], lease: Lease
    ) -> int:
        """Post once, for no longer than `ATTEMPT_S` and the lease. Raises `LeaseLost` too."""
        posting = asyncio.create_task(
            self._job_messages.post_clips(job, enclosures, may_send=lease.require_valid)
        )
        until = self._clock.monotonic() + ATTEMPT_TIMEOUT_S
        try:
            while not posting.done():
                left = until - self._clock.monotonic()
                if left <= 0:
                    raise DiscordUnavailable("Discord did not answer in time")
                lease.require_valid()
                waiting = asyncio.create_task(self._clock.sleep(min(left, _LEASE_CHECK_INTERVAL_S)))
                try:
                    await asyncio.wait({posting, waiting}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    waiting.cancel()
            return posting.result()
        finally:
            posting.cancel()
            await asyncio.wait({posting})


async def _record_found_message(record_message: RecordMessage, message_id: int) -> Job:
    return await record_message(message_id)
