"""The last stage: tells the requester how the job ended, and deletes the status message.

The clip's post already mentions them (`bot.services.jobs.stages.delivery`). This stage sends direct
messages, or shows why there is no clip. A process that adopts an ended job finishes its
announcement, so each step may have been made before. If Discord is unavailable, a step is retried
for a day. The job has ended in any case.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from bot.domain.clips.clip import Clip
from bot.domain.jobs.announcement import JobAnnouncement, plan_announcement
from bot.domain.jobs.job import Job, Outcome
from bot.services.jobs.stages.discord_retries import retry_for_discord
from bot.services.jobs.stages.running_job import RunningJob
from bot.services.jobs.stages.takes import TakesAnnouncer
from bot.store.jobs.clips import ClipStore
from bot.store.member_preferences import MemberPreferenceStore


@dataclass(frozen=True, slots=True, kw_only=True)
class JobAnnouncer:
    """``offer_star`` puts the bot's star under a delivered clip that can be voted for."""

    clips: ClipStore
    member_preferences: MemberPreferenceStore
    takes_announcer: TakesAnnouncer
    offer_star: Callable[[Job, Sequence[Clip]], Awaitable[None]]

    async def announce_end(self, running: RunningJob) -> None:
        """Notify the requester, then record that this is done. Raises `LeaseLost`."""
        status_message, store = running.status_message, running.jobs
        if running.job.is_open_take or running.job.takes_poster == running.job.id:
            await self.takes_announcer.announce_end(running)
            return
        await status_message.wait_for_edit()
        saved = await running.retry_until_stored(lambda: store.get(running.job.id))
        if status_message.message_id is None:
            status_message.message_id = saved.status_message_id if saved else None
        job = status_message.with_message(running.job)
        user_id = job.origin.user_id
        clips = await running.retry_until_stored(lambda: self.clips.list_for_job(job.id))
        choice = await running.retry_until_stored(
            lambda: self.member_preferences.load_notify_choice(user_id)
        )
        plan = plan_announcement(choice, job)
        running.lease.require_valid()
        card_id: int | None = None
        if job.outcome is Outcome.DELIVERED:
            await self._announce_clip(running, job, clips, plan)
        else:
            card_id = await self._announce_outcome(running, job, clips, plan)
        await running.retry_until_stored(
            lambda: store.mark_announced(job, status_message_id=card_id)
        )

    async def _announce_clip(
        self, running: RunningJob, job: Job, clips: Sequence[Clip], plan: JobAnnouncement
    ) -> None:
        messages = running.shared.job_messages
        if plan.has_direct_message:
            await self._send_direct_notice(running, job, clips)
        await retry_for_discord(
            running, job, lambda again: messages.remove_status(job, search_first=again)
        )
        await running.retry_until_stored(lambda: self.offer_star(job, clips))

    async def _announce_outcome(
        self, running: RunningJob, job: Job, clips: Sequence[Clip], plan: JobAnnouncement
    ) -> int | None:
        """Return the id of the message that shows the outcome, if one does."""
        messages = running.shared.job_messages
        card_id = await retry_for_discord(
            running,
            job,
            lambda again: messages.announce_outcome(
                job, clips, is_mentioned=plan.is_mentioned, search_first=again
            ),
        )
        is_cancelled = job.outcome is Outcome.CANCELLED  # then they know already
        if plan.has_direct_message or (card_id is None and not is_cancelled):
            await self._send_direct_notice(running, job, clips)
        return card_id

    async def _send_direct_notice(
        self, running: RunningJob, job: Job, clips: Sequence[Clip]
    ) -> None:
        messages = running.shared.job_messages
        is_accepted = await retry_for_discord(
            running,
            job,
            lambda again: messages.send_direct_notice(job, clips, search_first=again),
        )
        if is_accepted is False:
            user_id = job.origin.user_id
            await running.retry_until_stored(
                lambda: self.member_preferences.mark_direct_messages_refused(user_id)
            )
