"""A stage before the post: moderators see the clip first, if their server wants that.

The clip is posted once in the staff channel, in the same way as in its own. Then the job waits in
the database without an owner, so it survives every process. A decision gives it a new owner
(`bot.store.moderation.reviews`), whose task delivers the clip or ends the job.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import structlog

from bot.domain.backoff import Backoff
from bot.domain.clips.age_restriction import may_show
from bot.domain.clips.clip import Clip
from bot.domain.clips.upload_options import PreparedUpload
from bot.domain.errors import (
    ChannelUnavailable,
    DeliveryError,
    DiscordUnavailable,
    LeaseLost,
)
from bot.domain.guild import ReviewScope
from bot.domain.jobs.job import Job
from bot.domain.moderation.clip_review import ReviewDecision, is_review_needed
from bot.domain.moderation.review_messages import ReviewMessages
from bot.services.jobs.publishing import ClipPublisher, PostRefused
from bot.services.jobs.stages.running_job import RunningJob
from bot.store.guilds import GuildStore
from bot.store.jobs.clips import ClipStore
from bot.store.moderation.reviews import ClipReview, ReviewStore

_MAX_ATTEMPTS: Final = 5
"""How often Discord is asked for something that the job does not depend on."""
_LONGEST_PAUSE_S: Final = 30.0
"""Longer than this, the member need not wait until Discord changes the moderators' message."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _StaffPost:
    """The post in the staff channel, for `ClipPublisher`."""

    messages: ReviewMessages
    channel_id: int
    since: datetime

    async def post_clips(
        self,
        job: Job,
        uploads: Sequence[PreparedUpload],
        *,
        may_send: Callable[[], None],
        is_mentioned: bool = False,
    ) -> int:
        return await self.messages.post_review(
            job, uploads, channel_id=self.channel_id, may_send=may_send
        )

    async def find_posted(self, job: Job) -> int | None:
        return await self.messages.find_review(job, channel_id=self.channel_id, since=self.since)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewDesk:
    reviews: ReviewStore
    guilds: GuildStore
    clips: ClipStore
    clip_publisher: ClipPublisher
    review_messages: ReviewMessages

    async def needs_review(self, running: RunningJob) -> bool:
        """Return whether the server's moderators must see the clips first.

        The rules are those of the time when the clips are finished. If Discord does not say whose
        thread the channel is, they are reviewed.
        """
        guild_id = running.job.origin.guild_id
        if guild_id is None:
            return False
        rules = await running.retry_until_stored(lambda: self.guilds.load_rules(guild_id))
        if is_review_needed(rules, running.job.origin, None):
            return True
        if rules.review_scope is not ReviewScope.CHANNEL:
            return False
        try:
            parent_id = await self._find_parent(running)
        except DiscordUnavailable:
            return True
        return is_review_needed(rules, running.job.origin, parent_id)

    async def has_moderators(self, running: RunningJob) -> bool:
        """Return whether the clips can be shown in a staff channel."""
        guild_id = running.job.origin.guild_id
        if guild_id is None:
            return False
        rules = await running.retry_until_stored(lambda: self.guilds.load_rules(guild_id))
        return rules.staff_channel is not None

    async def leave_to_moderators(self, running: RunningJob) -> None:
        """Let the job wait without an owner until somebody decides. Raises `LeaseLost`."""
        await running.save(self.reviews.begin_waiting)

    async def ask_moderators(self, running: RunningJob) -> None:
        """Show the clips in the staff channel, and leave the job to the moderators.

        Without a channel that can be posted in, the clips wait until an admin chooses one. Raises
        `LeaseLost`, also if a moderator has decided meanwhile.
        """
        job = running.job
        if running.is_cancelled:
            await self.withdraw(running)
            return
        review = await running.retry_until_stored(lambda: self.reviews.get(job.id))
        guild_id = job.origin.guild_id
        assert review is not None
        assert guild_id is not None
        rules = await running.retry_until_stored(lambda: self.guilds.load_rules(guild_id))
        channel_id = rules.staff_channel
        running.show_progress()
        await running.status_message.flush_updates()
        running.job = running.status_message.with_message(running.job)
        is_shown = review.message_id is not None and review.channel_id == channel_id
        if channel_id is None or is_shown:
            await self.leave_to_moderators(running)
            return
        await self._post_review(running, review, channel_id)

    async def show_decision(self, running: RunningJob) -> None:
        """Let the moderators' message say what was decided, without the clip.

        Gives up after some attempts, because the member waits for their clip.
        """
        job, backoff = running.job, Backoff(initial=0.5, maximum=10.0)
        review = await running.retry_until_stored(lambda: self.reviews.get(job.id))
        if review is None:
            return
        while backoff.attempts < _MAX_ATTEMPTS:
            running.lease.require_valid()
            try:
                if review.message_id is None:
                    review = await self._find_message(running, review)
                for channel_id, message_id in await self._list_messages(running, review):
                    await self.review_messages.show_decision(
                        job,
                        channel_id=channel_id,
                        message_id=message_id,
                        decided_by=review.decided_by,
                    )
            except DiscordUnavailable as error:
                if (error.retry_after_s or 0.0) > _LONGEST_PAUSE_S:
                    break
                await running.clock.sleep(backoff.next_delay(error.retry_after_s))
            else:
                return
        _log.warning("review.decision_not_shown", job_id=job.id)

    async def _post_review(self, running: RunningJob, review: ClipReview, channel_id: int) -> None:
        job = running.job
        clips = await running.retry_until_stored(lambda: self.clips.list_for_job(job.id))
        copies = await running.retry_until_stored(lambda: self.clips.list_reposts(job.id))
        notices = [
            message_id
            for copy_channel, message_id in copies
            if copy_channel == channel_id and message_id != review.message_id
        ]
        may_be_shown = await self._may_show(running, clips, channel_id)
        if may_be_shown is not True:
            # What moderators see in an earlier channel stays there until it can move.
            has_message = bool(notices) or review.message_id is not None
            if may_be_shown is None or has_message:
                await self.leave_to_moderators(running)
            else:
                await self._post_notice(running, channel_id)
            if may_be_shown is False and await self._may_show(running, clips, channel_id):
                await self._show_soon(running, channel_id)
            return

        async def record_message(message_id: int) -> Job:
            await running.retry_until_stored(
                lambda: self.reviews.record_message(job.id, channel_id, message_id)
            )
            try:
                await self.leave_to_moderators(running)
            except LeaseLost:
                await self._show_earlier_decision(running, channel_id, message_id)
                raise
            return running.job

        if review.message_id is not None and review.channel_id not in (None, channel_id):
            await self.show_decision(running)  # that the clip is in another channel now
        for message_id in notices:
            with suppress(DiscordUnavailable):
                await self.review_messages.delete_message(
                    job, channel_id=channel_id, message_id=message_id
                )
        posted = await self.clip_publisher.publish_clips(
            job,
            clips,
            running.lease,
            search_first=not running.just_claimed,
            record_message=record_message,
            post=_StaffPost(self.review_messages, channel_id, review.requested_at),
        )
        if isinstance(posted, PostRefused):
            reasons = list(posted.reasons)
            _log.warning("review.not_shown", job_id=job.id, channel=channel_id, reasons=reasons)
            await self.leave_to_moderators(running)

    async def _may_show(
        self, running: RunningJob, clips: Sequence[Clip], channel_id: int
    ) -> bool | None:
        """Return whether the clips may be shown in a staff channel, `None` if that is unknown.

        What comes from an age-restricted channel is shown in such channels only.
        """
        is_restricted = any(clip.age_restricted for clip in clips)
        if not is_restricted:
            return True
        backoff = Backoff(initial=0.5, maximum=10.0)
        while backoff.attempts < _MAX_ATTEMPTS:
            running.lease.require_valid()
            try:
                place = await self.review_messages.is_age_restricted(channel_id)
            except DiscordUnavailable as error:
                if (error.retry_after_s or 0.0) > _LONGEST_PAUSE_S:
                    break
                await running.clock.sleep(backoff.next_delay(error.retry_after_s))
            else:
                return may_show(age_restricted=is_restricted, place_age_restricted=place)
        return None

    async def _show_soon(self, running: RunningJob, channel_id: int) -> None:
        """Take the job back: its channel was changed before it waited, so no event shows it."""
        guild_id, worker_id = running.job.origin.guild_id, running.lease.worker_id
        assert guild_id is not None
        await running.retry_until_stored(
            lambda: self.reviews.ask_again(guild_id, staff_channel=channel_id, owner=worker_id)
        )

    async def _post_notice(self, running: RunningJob, channel_id: int) -> None:
        """Tell moderators why they do not see the clips, and let these wait."""
        job = running.job
        try:
            message_id = await self.review_messages.post_notice(job, channel_id=channel_id)
        except DeliveryError as error:
            _log.warning("review.notice_not_posted", job_id=job.id, error=str(error))
            await self.leave_to_moderators(running)
            return
        await running.retry_until_stored(
            lambda: self.clips.add_repost(job.id, channel_id=channel_id, message_id=message_id)
        )
        try:
            await self.leave_to_moderators(running)
        except LeaseLost:
            await self._show_earlier_decision(running, channel_id, message_id)
            raise

    async def _find_message(self, running: RunningJob, review: ClipReview) -> ClipReview:
        """Return a review with its message, if one was posted by a process that died after it.

        Raises `DiscordUnavailable`.
        """
        rules = await running.retry_until_stored(lambda: self.guilds.load_rules(review.guild_id))
        channel_id = rules.staff_channel
        if channel_id is None:
            return review
        post = _StaffPost(self.review_messages, channel_id, review.requested_at)
        try:
            message_id = await post.find_posted(running.job)
        except ChannelUnavailable:
            return review
        if message_id is None:
            return review
        await running.retry_until_stored(
            lambda: self.reviews.record_message(running.job.id, channel_id, message_id)
        )
        return replace(review, channel_id=channel_id, message_id=message_id)

    async def _list_messages(
        self, running: RunningJob, review: ClipReview
    ) -> Sequence[tuple[int, int]]:
        """Return the message with the clip, or the notices that it cannot be shown."""
        if review.message_id is None:
            job_id = review.job_id
            return await running.retry_until_stored(lambda: self.clips.list_reposts(job_id))
        if review.channel_id is None:
            return ()
        return [(review.channel_id, review.message_id)]

    async def _show_earlier_decision(
        self, running: RunningJob, channel_id: int, message_id: int
    ) -> None:
        """Take the clip out of a message that was still being posted when somebody decided."""
        job_id = running.job.id
        job = await running.retry_until_stored(lambda: running.jobs.get(job_id))
        review = await running.retry_until_stored(lambda: self.reviews.get(job_id))
        if job is None or review is None or job.is_under_review:
            return
        with suppress(DiscordUnavailable):
            await self.review_messages.show_decision(
                job, channel_id=channel_id, message_id=message_id, decided_by=review.decided_by
            )

    async def withdraw(self, running: RunningJob) -> None:
        """Record that the member canceled before a decision. Raises `LeaseLost`."""
        job, lease = running.job, running.lease
        decided = await running.retry_until_stored(
            lambda: self.reviews.decide(
                job.id,
                ReviewDecision.WITHDRAW,
                actor_id=job.origin.user_id,
                owner=lease.worker_id,
                now=running.clock.now(),
            )
        )
        if decided is None:  # the answer to an earlier attempt was lost, or a moderator decided
            decided = await running.retry_until_stored(lambda: running.jobs.get(job.id))
        if decided is None or decided.owner != lease.worker_id:
            raise LeaseLost(f"job {job.id} was decided by another process")
        running.job = decided

    async def _find_parent(self, running: RunningJob) -> int | None:
        backoff = Backoff(initial=0.5, maximum=10.0)
        while True:
            running.lease.require_valid()
            try:
                return await self.review_messages.find_parent(running.job.origin.channel_id)
            except DiscordUnavailable as error:
                if backoff.attempts >= _MAX_ATTEMPTS:
                    raise
                await running.clock.sleep(backoff.next_delay(error.retry_after_s))
