"""The staff channel of a server: where everything comes that its moderators decide about."""

from dataclasses import dataclass
from typing import Any

from bot.domain.guild import GuildRules
from bot.services.moderation.clip_reviews import ClipReviewService, ReviewStatus
from bot.services.moderation.questions import QuestionDesk
from bot.services.moderation.report_desk import ReportDesk


@dataclass(frozen=True, slots=True)
class StaffChannelStatus:
    """A server's rules, and what needs a decision; ``unseen_clips`` could not be posted."""

    rules: GuildRules
    waiting_clips: int
    unseen_clips: int
    open_reports: int
    waiting_requests: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffChannelService:
    clip_reviews: ClipReviewService
    report_desk: ReportDesk
    question_desk: QuestionDesk

    async def load_status(self, guild_id: int) -> StaffChannelStatus:
        return await self._count_rest(await self.clip_reviews.load_status(guild_id))

    async def change_rules(
        self, guild_id: int, *, actor_id: int, **changes: Any
    ) -> StaffChannelStatus:
        """Change fields of `GuildRules`, and post in the staff channel what is not there yet."""
        status = await self.clip_reviews.change_rules(guild_id, actor_id=actor_id, **changes)
        if status.rules.staff_channel is not None:
            await self.report_desk.ask_again(guild_id, status.rules.staff_channel)
            await self.question_desk.move_waiting(guild_id, status.rules.staff_channel)
        return await self._count_rest(status)

    async def _count_rest(self, status: ReviewStatus) -> StaffChannelStatus:
        guild_id = status.rules.guild_id
        return StaffChannelStatus(
            status.rules,
            waiting_clips=status.waiting,
            unseen_clips=status.unseen,
            open_reports=await self.report_desk.reports.count_open(guild_id),
            waiting_requests=await self.question_desk.questions.count_waiting(guild_id),
        )
