"""The last stages: the clips are posted, and the requester learns how the job ended."""

from dataclasses import dataclass
from functools import partial

import structlog

from bot.domain.backoff import Backoff
from bot.domain.billing.ledger import Settlement
from bot.domain.errors import DiscordUnavailable
from bot.domain.jobs.job import Job, JobState, Outcome
from bot.services.jobs.publishing import POST_RETRY_WINDOW, ClipPublisher
from bot.services.jobs.stages.running_job import RunningJob
from bot.store.jobs.clips import ClipStore

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipDelivery:
    """The stage ``posting``."""

    clips: ClipStore
    clip_publisher: ClipPublisher

    async def deliver_clips(self, running: RunningJob) -> None:
        """Post the clips; a cancelled job keeps them in the history only. Raises `LeaseLost`."""
        clips = await running.retry_until_stored(lambda: self.clips.list_for_job(running.job.id))
        end = partial(running.end, settlement=Settlement.CHARGE, clip_count=len(clips))
        if running.is_cancelled:  # made and billed nevertheless
            await end(JobState.CANCELLED, Outcome.CANCELLED)
            return
        running.show_progress()
        await running.status_message.flush_updates()
        running.job = running.status_message.with_message(running.job)

        async def record_message(message_id: int) -> Job:
            await end(JobState.DONE, Outcome.DELIVERED, message_id=message_id)
            return running.job

        posted = await self.clip_publisher.publish_clips(
            running.job,
            clips,
            running.lease,
            search_first=not running.just_claimed,
            record_message=record_message,
        )
        if posted is None:
            await end(JobState.DONE, Outcome.DELIVERY_FAILED)


async def announce_end(running: RunningJob) -> None:
    """Tell the requester; a process that adopts the job finishes an interrupted announcement.

    Waits for Discord for at most `POST_RETRY_WINDOW`. Raises `LeaseLost`.
    """
    status_message = running.status_message
    await status_message.wait_for_edit()
    if status_message.message_id is None:
        saved = await running.retry_until_stored(lambda: running.jobs.get(running.job.id))
        status_message.message_id = saved.status_message_id if saved else None
    job = status_message.with_message(running.job)
    running.lease.require_valid()
    if job.outcome is Outcome.DELIVERED:
        await running.shared.job_messages.close_status(job)
    else:
        await _notify_requester(running, job)
    await running.retry_until_stored(lambda: running.jobs.mark_announced(job))


async def _notify_requester(running: RunningJob, job: Job) -> None:
    backoff = Backoff(initial=1.0, maximum=300.0)
    until = (job.finished_at or running.clock.now()) + POST_RETRY_WINDOW
    while True:
        running.lease.require_valid()
        try:
            await running.shared.job_messages.notify_requester(job)
            return
        except DiscordUnavailable as error:
            _log.warning("notification.postponed", error=str(error))
            if running.clock.now() >= until:
                return
            await running.clock.sleep(backoff.next_delay(error.retry_after_s))
