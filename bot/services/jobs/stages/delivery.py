"""The stage ``posting``: posts the clips as one message that notifies the requester."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from bot.domain.billing.ledger import Settlement
from bot.domain.clips.clip import Clip
from bot.domain.errors import MediaUnavailable
from bot.domain.jobs.announcement import plan_announcement
from bot.domain.jobs.job import Job, JobState, Outcome
from bot.domain.jobs.progress import JobProgress
from bot.domain.moderation.clip_review import find_refusal
from bot.services.clips.originals import Originals
from bot.services.jobs.publishing import ClipPublisher, PostRefused
from bot.services.jobs.stages.review import ReviewDesk
from bot.services.jobs.stages.running_job import RunningJob
from bot.store.jobs.clips import ClipStore
from bot.store.member_preferences import MemberPreferenceStore


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipDelivery:
    clips: ClipStore
    member_preferences: MemberPreferenceStore
    clip_publisher: ClipPublisher
    review_desk: ReviewDesk
    originals: Originals

    async def deliver_clips(self, running: RunningJob) -> None:
        """Post the clips; those of a canceled job stay in the history only. Raises `LeaseLost`.

        Clips that moderators or a check refuse are deleted.
        """
        clips = await running.retry_until_stored(lambda: self.clips.list_for_job(running.job.id))
        if running.job.review is not None:
            await self.review_desk.show_decision(running)
        refusal = find_refusal(running.job.review)
        if refusal is not None:
            await self._refuse_clips(running, clips, *refusal)
            return
        end = partial(running.end, settlement=Settlement.CHARGE, clip_count=len(clips))
        if running.is_cancelled:  # Google made and billed the clips nevertheless
            await end(JobState.CANCELLED, Outcome.CANCELLED)
            return
        if running.job.is_open_take:  # the last draft to end posts all of them
            await end(JobState.DONE, Outcome.DELIVERED)
            return
        running.show_progress()
        choice = await running.retry_until_stored(
            lambda: self.member_preferences.load_notify_choice(running.job.origin.user_id)
        )
        await running.status_message.flush_updates()
        running.job = running.status_message.with_message(running.job)

        async def record_message(message_id: int) -> Job:
            await end(JobState.DONE, Outcome.DELIVERED, message_id=message_id)
            return running.job

        def show_delay(retry_at: datetime) -> None:
            running.show_progress(JobProgress(running.job, retry_at=retry_at))

        posted = await self.clip_publisher.publish_clips(
            running.job,
            clips,
            running.lease,
            search_first=not running.just_claimed,
            record_message=record_message,
            is_mentioned=plan_announcement(choice, running.job).is_mentioned,
            show_delay=show_delay,
        )
        if isinstance(posted, PostRefused):
            reasons = ",".join(posted.reasons) or None
            await end(JobState.DONE, Outcome.DELIVERY_FAILED, detail=reasons)

    async def _refuse_clips(
        self, running: RunningJob, clips: Sequence[Clip], outcome: Outcome, is_charged: bool
    ) -> None:
        """Delete the clips and end the job. Google made and billed them in any case.

        After a crash in between they are deleted already; then all that were made count.
        """
        job_id = running.job.id
        await running.retry_until_stored(lambda: self.clips.delete_for_job(job_id))
        for clip in clips:
            with suppress(MediaUnavailable, OSError):  # `FileRetention` deletes what is left
                await self.originals.remove_files(clip)
        await running.end(
            JobState.DONE if is_charged else JobState.FAILED,
            outcome,
            Settlement.CHARGE if is_charged else Settlement.ABSORBED,
            clip_count=len(clips) or None,
            detail=running.job.detail if outcome is Outcome.RESULT_REFUSED else None,
        )
