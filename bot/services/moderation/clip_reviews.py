"""Decides about clips under review, and looks after those that nobody decides about.

Switching reviews off lets no clip pass: those that wait still need a decision.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, Final

import structlog

from bot.domain.errors import DiscordUnavailable, RecordNotFound
from bot.domain.guild import GuildRules
from bot.domain.jobs.job import Job
from bot.domain.moderation.clip_review import ReviewDecision
from bot.domain.moderation.review_messages import ReviewMessages
from bot.domain.ports import Clock, WorkerHandle
from bot.services.admin.guild_rules import ServerRulesService
from bot.services.repeated_work import repeat_work
from bot.store.jobs.jobs import JobStore
from bot.store.moderation.reviews import ClipReview, ReviewStore

_INTERVAL_S: Final = 600.0

_log: Final = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ReviewStatus:
    """A server's rules for reviews, and how many clips wait; ``unseen`` ones have no message."""

    rules: GuildRules
    waiting: int
    unseen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipReviewService:
    """``keep_for`` is how long originals are kept, `None` for ever."""

    reviews: ReviewStore
    jobs: JobStore
    messages: ReviewMessages
    server_rules: ServerRulesService
    worker: WorkerHandle
    clock: Clock
    keep_for: timedelta | None

    async def decide(
        self,
        job_id: int,
        decision: ReviewDecision,
        *,
        actor_id: int,
        guild_id: int | None,
        message: tuple[int, int] | None,
    ) -> tuple[Job, ClipReview] | None:
        """Decide as a moderator of a server. If it was decided before, return by whom and how.

        ``message`` is the channel and message of the pressed button. If it still shows the clip
        after a decision, because Discord did not accept the change, it is changed now. Raises
        `RecordNotFound` for a job of another server, or one that is not reviewed.
        """
        job = await self.jobs.get(job_id)
        if job is None or job.review is None or job.origin.guild_id != guild_id:
            raise RecordNotFound("review")
        if await self._decide(job_id, decision, actor_id=actor_id, message=message) is not None:
            return None
        job, review = await self.jobs.get(job_id), await self.reviews.get(job_id)
        if job is None or review is None or job.is_under_review:
            raise RecordNotFound("review")
        if message is not None:
            channel_id, message_id = message
            with suppress(DiscordUnavailable):
                await self.messages.show_decision(
                    job,
                    channel_id=channel_id,
                    message_id=message_id,
                    decided_by=review.decided_by,
                )
        return job, review

    async def load_status(self, guild_id: int) -> ReviewStatus:
        rules = await self.server_rules.guilds.load_rules(guild_id)
        return ReviewStatus(rules, *await self.reviews.count_waiting(guild_id))

    async def change_rules(self, guild_id: int, *, actor_id: int, **changes: Any) -> ReviewStatus:
        """Change the fields of `GuildRules` that reviews depend on.

        Clips that wait are shown in the staff channel if it is another one, or if they were not.
        """
        rules = await self.server_rules.change_rules(guild_id, actor_id=actor_id, **changes)
        if rules.staff_channel is not None:
            await self._ask_again(guild_id, rules.staff_channel)
        return await self.load_status(guild_id)

    async def show_waiting(self, guild_id: int, channel_id: int) -> None:
        """Show the clips that wait, if this is the staff channel. Raises `DatabaseUnavailable`."""
        rules = await self.server_rules.guilds.load_rules(guild_id)
        if rules.staff_channel == channel_id:
            await self._ask_again(guild_id, channel_id)

    async def run(self) -> None:
        await repeat_work(
            self.run_once,
            pause=lambda _: self.clock.sleep(_INTERVAL_S),
            log_postponed=partial(_log.warning, "reviews.postponed"),
            worker=self.worker,
        )

    async def run_once(self) -> None:
        """End the reviews whose files are no longer kept, and show clips that were not shown.

        Raises `DatabaseUnavailable`.
        """
        if self.keep_for is not None:
            for job_id in await self.reviews.list_expired(after_s=self.keep_for.total_seconds()):
                await self._decide(job_id, ReviewDecision.EXPIRE, actor_id=None)
        for guild_id, channel_id in await self.reviews.list_unseen_guilds():
            await self._ask_again(guild_id, channel_id)

    async def _ask_again(self, guild_id: int, staff_channel: int) -> None:
        jobs = await self.reviews.ask_again(
            guild_id, staff_channel=staff_channel, owner=self.worker.worker_id
        )
        if jobs:
            self.worker.resume_jobs()

    async def _decide(
        self,
        job_id: int,
        decision: ReviewDecision,
        *,
        actor_id: int | None,
        message: tuple[int, int] | None = None,
    ) -> Job | None:
        job = await self.reviews.decide(
            job_id,
            decision,
            actor_id=actor_id,
            message=message,
            owner=self.worker.worker_id,
            now=self.clock.now(),
        )
        if job is not None:
            _log.info("review.decided", job_id=job_id, decision=decision)
            self.worker.resume_jobs()
        return job
