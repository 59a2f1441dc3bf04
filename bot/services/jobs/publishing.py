"""Posts clips once, even after crashes and errors of Discord.

A post is made and recorded in one critical section. If it may have been made already, after a crash
or an error, the channel is searched first. An attempt is short compared to the time for which
Discord remembers a nonce. It ends with the lease, which is checked for every piece of a file that
is sent. So a post that hangs cannot appear after another process has posted.

A message that is refused as too large was not made, so the next upload option has the same nonce.
Some of Discord's servers reset large uploads instead of refusing them. The search between the
attempts succeeds then, unlike in an outage, so after some resets the next option is tried too.
"""

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

import structlog

from bot.domain.backoff import Backoff
from bot.domain.clips.clip import Clip
from bot.domain.clips.upload_options import PreparedUpload
from bot.domain.errors import (
    ChannelUnavailable,
    ContentBlocked,
    DatabaseUnavailable,
    DiscordUnavailable,
    FileTooLarge,
    MediaUnavailable,
    RecordNotFound,
    UploadInterrupted,
)
from bot.domain.jobs.job import Job, Origin
from bot.domain.jobs.job_messages import JobMessages
from bot.domain.ports import Clock
from bot.services.jobs.critical_sections import CriticalSections
from bot.services.jobs.lease import Lease
from bot.services.jobs.upload import UploadJob, UploadPreparer
from bot.store.jobs.clips import ClipStore

POST_RETRY_WINDOW: Final = timedelta(hours=24)
"""How long posting is retried before the clip is only in the history."""
ATTEMPT_TIMEOUT_S: Final = 90.0
"""Short, because Discord recognizes a repeated nonce only for "the past few minutes"."""
_LEASE_CHECK_INTERVAL_S: Final = 1.0
_MAX_OS_ERRORS: Final = 5
_MAX_REPOST_ATTEMPTS: Final = 4
_MAX_INTERRUPTIONS: Final = 3
"""After so many resets of an upload, a smaller file is tried."""

_log = structlog.get_logger(__name__)

RecordMessage = Callable[[int], Coroutine[Any, Any, Job]]
"""Saves the id of the message that was posted."""


class ClipPost(Protocol):
    """Where clips are posted; see `JobMessages`, which posts them in the channel of their job."""

    async def post_clips(
        self,
        job: Job,
        uploads: Sequence[PreparedUpload],
        *,
        may_send: Callable[[], None],
        is_mentioned: bool = False,
    ) -> int: ...

    async def find_posted(self, job: Job) -> int | None: ...


@dataclass(frozen=True, slots=True)
class PostRefused:
    """The clips cannot be posted; ``reasons`` are the bot's missing permissions, or the filter."""

    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipPublisher:
    clips: ClipStore
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
        is_mentioned: bool = False,
        show_delay: Callable[[datetime], None] = lambda retry_at: None,
        post: ClipPost | None = None,
    ) -> Job | PostRefused:
        """Post the clips once and record the message.

        With ``search_first`` they may have been posted before. ``show_delay`` gets the time of the
        next attempt after a failure. They are posted by ``post``, by default in the channel of
        their job. Raises `LeaseLost`.
        """
        post = post or self.job_messages
        backoff, os_errors, started_at = Backoff(maximum=300.0), 0, self.clock.now()
        interruptions = 0
        upload_job = self.upload_preparer.begin_upload(clips, job.origin)
        while True:
            lease.require_valid()
            retry_after: float | None = None
            try:
                if search_first:
                    message_id = await post.find_posted(job)
                    lease.require_valid()
                    if message_id is not None:
                        return await self.critical_sections.run_shielded(record_message(message_id))
                await self.upload_preparer.prepare_uploads(upload_job)
                lease.require_valid()
                return await self.critical_sections.run_shielded(
                    self._post_and_record(
                        job, upload_job, lease, record_message, is_mentioned, post
                    )
                )
            except FileTooLarge as error:
                if not self.upload_preparer.step_down(upload_job):
                    _log.error("post.refused", job_id=job.id, error=str(error))
                    return PostRefused()
                continue
            except RecordNotFound as error:
                if upload_job.verify_originals:
                    _log.error("post.refused", job_id=job.id, error=str(error))
                    return PostRefused()
                upload_job.verify_originals = True  # this downloads missing originals again
                continue
            except ChannelUnavailable as error:
                _log.warning("post.refused", job_id=job.id, error=str(error))
                if isinstance(error, ContentBlocked):
                    return PostRefused((error.name,))
                return PostRefused(error.missing)
            except UploadInterrupted as error:
                interruptions += 1
                _log.warning("post.interrupted", job_id=job.id, error=str(error))
                if interruptions % _MAX_INTERRUPTIONS == 0:
                    self.upload_preparer.step_down_after_resets(upload_job)
            except DiscordUnavailable as error:
                retry_after = error.retry_after_s
                _log.warning("post.postponed", job_id=job.id, error=str(error))
            except MediaUnavailable as error:
                _log.warning("post.postponed", job_id=job.id, error=str(error))
            except OSError:
                _log.exception("post.failed", job_id=job.id)
                os_errors += 1
            search_first = True
            if os_errors >= _MAX_OS_ERRORS or self.clock.now() - started_at > POST_RETRY_WINDOW:
                return PostRefused()
            delay_s = backoff.next_delay(retry_after)
            show_delay(self.clock.now() + timedelta(seconds=delay_s))
            await self.clock.sleep(delay_s)

    async def publish_again(self, job: Job, clips: Sequence[Clip], origin: Origin) -> int:
        """Post finished clips again where ``origin`` asks for them, and return the message's id.

        Missing originals are downloaded again. Raises `RecordNotFound` (``clip_file``),
        `FileTooLarge`, `ChannelUnavailable`, `DiscordUnavailable` or `MediaUnavailable`.
        """
        upload_job = self.upload_preparer.begin_upload(clips, origin, verify_originals=True)
        backoff = Backoff(maximum=10.0)
        interruptions = 0
        while True:
            try:
                uploads = await self.upload_preparer.prepare_uploads(upload_job)
                message_id = await self.job_messages.repost_clips(job, uploads, origin)
                self.upload_preparer.record_accepted(upload_job)
                await self._record_repost(job, origin, message_id)
                return message_id
            except FileTooLarge:
                if not self.upload_preparer.step_down(upload_job):
                    raise
            except DiscordUnavailable as error:
                interruptions += isinstance(error, UploadInterrupted)
                if (
                    interruptions >= _MAX_INTERRUPTIONS
                    and self.upload_preparer.step_down_after_resets(upload_job)
                ):
                    interruptions = 0
                    backoff.reset()
                if backoff.attempts >= _MAX_REPOST_ATTEMPTS:
                    raise
                await self.clock.sleep(backoff.next_delay(error.retry_after_s))

    async def _record_repost(self, job: Job, origin: Origin, message_id: int) -> None:
        """Record the copy, so that it can be deleted with the clip, except from a user install."""
        if origin.user_install_reply is not None:
            return
        channel_id = origin.channel_id
        try:
            await self.clips.add_repost(job.id, channel_id=channel_id, message_id=message_id)
        except DatabaseUnavailable as error:  # the clip is posted nevertheless
            _log.warning("repost.not_recorded", job_id=job.id, error=str(error))

    async def _post_and_record(
        self,
        job: Job,
        upload_job: UploadJob,
        lease: Lease,
        record_message: RecordMessage,
        is_mentioned: bool,
        post: ClipPost,
    ) -> Job:
        message_id = await self._attempt_post(job, upload_job.prepared, lease, is_mentioned, post)
        self.upload_preparer.record_accepted(upload_job)
        return await record_message(message_id)

    async def _attempt_post(
        self,
        job: Job,
        uploads: Sequence[PreparedUpload],
        lease: Lease,
        is_mentioned: bool,
        post: ClipPost,
    ) -> int:
        """Post once, within `ATTEMPT_TIMEOUT_S` and the lease. Raises `LeaseLost`."""
        posting = asyncio.create_task(
            post.post_clips(job, uploads, may_send=lease.require_valid, is_mentioned=is_mentioned)
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
