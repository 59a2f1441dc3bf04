"""The end of drafts: the last one posts all of them in one message, in the name of the first.

Who is the last one is decided under a lock (`bot.store.jobs.takes`). It still owns its job then, so
if its process dies, another one adopts the job and continues here, as with every announcement.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from bot.domain.clips.clip import Clip
from bot.domain.clips.upload_options import PreparedUpload
from bot.domain.jobs.announcement import plan_announcement
from bot.domain.jobs.job import Job, JobState, Outcome
from bot.domain.jobs.job_messages import JobMessages
from bot.services.jobs.publishing import ClipPublisher, PostRefused
from bot.services.jobs.stages.discord_retries import retry_for_discord
from bot.services.jobs.stages.running_job import RunningJob
from bot.store.jobs.clips import ClipStore
from bot.store.jobs.takes import TakesStore
from bot.store.member_preferences import MemberPreferenceStore

_CANCELLATIONS: Final = (Outcome.CANCELLED, Outcome.REVIEW_WITHDRAWN)


@dataclass(frozen=True, slots=True)
class _TakesPost:
    """The post of all drafts, for `ClipPublisher`."""

    messages: JobMessages
    takes: Sequence[Job]

    async def post_clips(
        self,
        job: Job,
        uploads: Sequence[PreparedUpload],
        *,
        may_send: Callable[[], None],
        is_mentioned: bool = False,
    ) -> int:
        return await self.messages.post_clips(
            job, uploads, may_send=may_send, is_mentioned=is_mentioned, takes=self.takes
        )

    async def find_posted(self, job: Job) -> int | None:
        return await self.messages.find_posted(job)


@dataclass(frozen=True, slots=True, kw_only=True)
class TakesAnnouncer:
    takes: TakesStore
    clips: ClipStore
    member_preferences: MemberPreferenceStore
    clip_publisher: ClipPublisher

    async def announce_end(self, running: RunningJob) -> None:
        """Record that a draft has ended; the last one tells about all. Raises `LeaseLost`."""
        running.show_progress()
        await running.status_message.flush_updates()
        takes = await running.retry_until_stored(lambda: self.takes.choose_poster(running.job))
        if takes is None:
            return
        clips = await running.retry_until_stored(
            lambda: self.clips.list_for_request(replace(running.job, posted_message_id=None))
        )
        is_cancelled = any(
            take.cancel_requested or take.outcome in _CANCELLATIONS for take in takes
        )
        first = replace(takes[0], finished_at=running.clock.now())
        if is_cancelled:
            ended = replace(first, state=JobState.CANCELLED, outcome=Outcome.CANCELLED)
        elif takes[0].posted_message_id is not None or await self._post(
            running, first, takes, clips
        ):
            await self._announce_post(running, first)
            return
        elif clips:
            ended = replace(first, state=JobState.DONE, outcome=Outcome.DELIVERY_FAILED)
        else:
            ended = first
        await self._announce_outcome(running, ended, takes, clips)

    async def _post(
        self, running: RunningJob, first: Job, takes: Sequence[Job], clips: Sequence[Clip]
    ) -> bool:
        if not clips:
            return False
        choice = await running.retry_until_stored(
            lambda: self.member_preferences.load_notify_choice(first.origin.user_id)
        )
        ready = replace(first, state=JobState.DONE, outcome=Outcome.DELIVERED)

        async def record_message(message_id: int) -> Job:
            await running.retry_until_stored(
                lambda: self.takes.record_post(running.job, message_id)
            )
            return running.job

        posted = await self.clip_publisher.publish_clips(
            ready,
            clips,
            running.lease,
            search_first=not running.just_claimed,
            record_message=record_message,
            is_mentioned=plan_announcement(choice, ready).is_mentioned,
            post=_TakesPost(running.shared.job_messages, takes),
        )
        return not isinstance(posted, PostRefused)

    async def _announce_post(self, running: RunningJob, first: Job) -> None:
        messages = running.shared.job_messages
        saved = await running.retry_until_stored(lambda: running.jobs.get(first.id)) or first
        ready = replace(
            saved, state=JobState.DONE, outcome=Outcome.DELIVERED, finished_at=first.finished_at
        )
        choice = await running.retry_until_stored(
            lambda: self.member_preferences.load_notify_choice(ready.origin.user_id)
        )
        if plan_announcement(choice, ready).has_direct_message:
            clips = await running.retry_until_stored(lambda: self.clips.list_for_request(ready))
            await self._send_direct_notice(running, ready, clips)
        await retry_for_discord(
            running, ready, lambda again: messages.remove_status(ready, search_first=again)
        )
        await running.retry_until_stored(lambda: self.takes.close(running.job))

    async def _announce_outcome(
        self, running: RunningJob, ended: Job, takes: Sequence[Job], clips: Sequence[Clip]
    ) -> None:
        messages = running.shared.job_messages
        choice = await running.retry_until_stored(
            lambda: self.member_preferences.load_notify_choice(ended.origin.user_id)
        )
        plan = plan_announcement(choice, ended)
        card_id = await retry_for_discord(
            running,
            ended,
            lambda again: messages.announce_outcome(
                ended, clips, is_mentioned=plan.is_mentioned, search_first=again, takes=takes
            ),
        )
        is_cancelled = ended.outcome is Outcome.CANCELLED
        if plan.has_direct_message or (card_id is None and not is_cancelled):
            await self._send_direct_notice(running, ended, clips, takes)
        await running.retry_until_stored(
            lambda: self.takes.close(running.job, status_message_id=card_id)
        )

    async def _send_direct_notice(
        self,
        running: RunningJob,
        job: Job,
        clips: Sequence[Clip],
        takes: Sequence[Job] = (),
    ) -> None:
        messages = running.shared.job_messages
        is_accepted = await retry_for_discord(
            running,
            job,
            lambda again: messages.send_direct_notice(job, clips, search_first=again, takes=takes),
        )
        if is_accepted is False:
            await running.retry_until_stored(
                lambda: self.member_preferences.mark_direct_messages_refused(job.origin.user_id)
            )
