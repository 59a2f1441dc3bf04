"""Posting clips: its failure is never shown as a failed generation.

A post is made and recorded in one critical section. Whenever a post may have been made already
(after a crash or an error of Discord), the channel is searched first. An attempt is short against
the time for which Discord remembers a nonce, and it ends with the lease, which is checked for every
piece of a file that is sent: a post that hangs cannot appear after another process has posted. A
message that is too large was not made, so the next upload option has the same nonce.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import structlog

from bot.domain.backoff import Backoff
from bot.domain.clips.clip import Clip
from bot.domain.clips.upload_options import PreparedUpload
from bot.domain.errors import ChannelUnavailable, DiscordUnavailable, FileTooLarge, RecordNotFound
from bot.domain.jobs.job import Job, Origin
from bot.domain.ports import Clock, JobMessages
from bot.services.jobs.critical_sections import CriticalSections
from bot.services.jobs.lease import Lease
from bot.services.jobs.upload import UploadJob, UploadPreparer

POST_RETRY_WINDOW: Final = timedelta(hours=24)
"""How long Discord may be unavailable before the clip stays in the history only."""
ATTEMPT_TIMEOUT_S: Final = 90.0
"""Discord drops a repeated nonce for "the past few minutes" only."""
_LEASE_CHECK_INTERVAL_S: Final = 1.0
_MAX_OS_ERRORS: Final = 5
_MAX_REPOST_ATTEMPTS: Final = 4

_log = structlog.get_logger(__name__)

RecordMessage = Callable[[int], Coroutine[Any, Any, Job]]
"""Saves the id of the message that was posted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipPublisher:
    job_messages: JobMessages
    upload_preparer: UploadPreparer
    clock: Clock
    critical_sections: CriticalSections

    async def publish_clips(
        self,
        job: Job,
        clips: Sequence[Clip],
        lease: Lease,
        *,
        search_first: bool,
        record_message: RecordMessage,
    ) -> Job | None:
        """Post the clips once and record the message; ``None`` when they cannot be posted.

        With ``search_first`` they may have been posted before. Raises `LeaseLost`.
        """
        backoff, os_errors, started_at = Backoff(maximum=300.0), 0, self.clock.now()
        upload_job = self.upload_preparer.begin_upload(clips, job.origin)
        while True:
            lease.require_valid()
            retry_after: float | None = None
            try:
                if search_first:
                    message_id = await self.job_messages.find_posted(job)
                    lease.require_valid()
                    if message_id is not None:
                        return await self.critical_sections.run_shielded(record_message(message_id))
                await self.upload_preparer.prepare_uploads(upload_job)
                lease.require_valid()
                return await self.critical_sections.run_shielded(
                    self._post_and_record(job, upload_job, lease, record_message)
                )
            except FileTooLarge as error:
                if not self.upload_preparer.step_down(upload_job):
                    _log.error("post.refused", job_id=job.id, error=str(error))
                    return None
                continue
            except RecordNotFound as error:
                if upload_job.verify_originals:
                    _log.error("post.refused", job_id=job.id, error=str(error))
                    return None
                upload_job.verify_originals = True  # and download again what is missing
                continue
            except ChannelUnavailable as error:
                _log.warning("post.refused", job_id=job.id, error=str(error))
                return None
            except DiscordUnavailable as error:
                retry_after = error.retry_after_s
                _log.warning("post.postponed", job_id=job.id, error=str(error))
            except OSError:
                _log.exception("post.failed", job_id=job.id)
                os_errors += 1
            search_first = True
            if os_errors >= _MAX_OS_ERRORS or self.clock.now() - started_at > POST_RETRY_WINDOW:
                return None
            await self.clock.sleep(backoff.next_delay(retry_after))

    async def publish_again(self, job: Job, clips: Sequence[Clip], origin: Origin) -> int:
        """Post finished clips once more where ``origin`` asked, and return the message's id.

        Missing originals are downloaded again. Raises `RecordNotFound` (``clip_file``),
        `FileTooLarge`, `ChannelUnavailable` or `DiscordUnavailable`.
        """
        upload_job = self.upload_preparer.begin_upload(clips, origin, verify_originals=True)
        backoff = Backoff(maximum=10.0)
        while True:
            try:
                uploads = await self.upload_preparer.prepare_uploads(upload_job)
                message_id = await self.job_messages.repost_clips(job, uploads, origin)
                self.upload_preparer.record_accepted(upload_job)
                return message_id
            except FileTooLarge:
                if not self.upload_preparer.step_down(upload_job):
                    raise
            except DiscordUnavailable as error:
                if backoff.attempts >= _MAX_REPOST_ATTEMPTS:
                    raise
                await self.clock.sleep(backoff.next_delay(error.retry_after_s))

    async def _post_and_record(
        self, job: Job, upload_job: UploadJob, lease: Lease, record_message: RecordMessage
    ) -> Job:
        message_id = await self._attempt_post(job, upload_job.prepared, lease)
        self.upload_preparer.record_accepted(upload_job)
        return await record_message(message_id)

    async def _attempt_post(self, job: Job, uploads: Sequence[PreparedUpload], lease: Lease) -> int:
        """Post once, within `ATTEMPT_TIMEOUT_S` and the lease. Raises `LeaseLost`."""
        posting = asyncio.create_task(
            self.job_messages.post_clips(job, uploads, may_send=lease.require_valid)
        )
        until = self.clock.monotonic() + ATTEMPT_TIMEOUT_S
        try:
            while not posting.done():
                remaining_s = until - self.clock.monotonic()
                if remaining_s <= 0:
                    raise DiscordUnavailable("Discord did not answer in time")
                lease.require_valid()
                pause = asyncio.create_task(
                    self.clock.sleep(min(remaining_s, _LEASE_CHECK_INTERVAL_S))
                )
                try:
                    await asyncio.wait({posting, pause}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    pause.cancel()
            return posting.result()
        finally:
            posting.cancel()
            await asyncio.wait({posting})
