"""The last stages: the clips are posted, and the requester learns how the job ended."""

import structlog

from bot.domain.backoff import Backoff
from bot.domain.billing.ledger import Settlement
from bot.domain.errors import DiscordUnavailable
from bot.domain.jobs.job import Job, JobState, Outcome
from bot.domain.ports import JobMessages
from bot.services.jobs.publishing import POST_RETRY_WINDOW, ClipPublisher
from bot.services.jobs.stages.running_job import RunningJob
from bot.store.jobs.clips import ClipStore

_log = structlog.get_logger(__name__)


class ClipDelivery:
    """The stage ``posting``."""

    def __init__(self, *, clips: ClipStore, clip_publisher: ClipPublisher) -> None:
        self._clips = clips
        self._clip_publisher = clip_publisher

    async def deliver_clips(self, running: RunningJob) -> None:
        """Post the clips and end the job; a cancelled job keeps them in the history only.

        Raises `LeaseLost`.
        """
        clips = await running.retry_until_stored(lambda: self._clips.list_for_job(running.job.id))
        count = len(clips)
        if running.is_cancelled:  # made and billed nevertheless
            await running.end(
                JobState.CANCELLED, Outcome.CANCELLED, Settlement.CHARGE, clip_count=count
            )
            return
        running.show_progress()
        await running.status_message.flush_updates()
        running.job = running.status_message.with_message(running.job)

        async def record_message(message_id: int) -> Job:
            await running.end(
                JobState.DONE,
                Outcome.DELIVERED,
                Settlement.CHARGE,
                clip_count=count,
                message_id=message_id,
            )
            return running.job

        posted = await self._clip_publisher.publish_clips(
            running.job,
            clips,
            running.lease,
            search_first=not running.just_claimed,
            record_message=record_message,
        )
        if posted is None:
            await running.end(
                JobState.DONE, Outcome.DELIVERY_FAILED, Settlement.CHARGE, clip_count=count
            )


class RequesterNotifier:
    """The announcement of the end, the last thing that is done for a job."""

    def __init__(self, *, job_messages: JobMessages) -> None:
        self._job_messages = job_messages

    async def announce_end(self, running: RunningJob) -> None:
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
            await self._job_messages.close_status(job)
        else:
            await self._notify_requester(running, job)
        await running.retry_until_stored(lambda: running.jobs.mark_announced(job))

    async def _notify_requester(self, running: RunningJob, job: Job) -> None:
        backoff = Backoff(initial=1.0, maximum=300.0)
        until = (job.finished_at or running.clock.now()) + POST_RETRY_WINDOW
        while True:
            running.lease.require_valid()
            try:
                await self._job_messages.notify_requester(job)
            except DiscordUnavailable as error:
                _log.warning("notification.postponed", error=str(error))
                if running.clock.now() >= until:
                    return
                await running.clock.sleep(backoff.next_delay(error.retry_after_s))
            else:
                return
