"""The staff channel of a server: where everything comes that its moderators decide about."""

from dataclasses import dataclass
from typing import Any

from bot.domain.guild import GuildRules
from bot.services.moderation.clip_reviews import ClipReviewService, ReviewStatus
from bot.services.moderation.report_desk import ReportDesk


@dataclass(frozen=True, slots=True)
class StaffChannelStatus:
    """A server's rules, and what needs a decision; ``unseen_clips`` could not be posted."""

    rules: GuildRules
    waiting_clips: int
    unseen_clips: int
    open_reports: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StaffChannelService:
    clip_reviews: ClipReviewService
    report_desk: ReportDesk

    async def load_status(self, guild_id: int) -> StaffChannelStatus:
        return await self._add_reports(await self.clip_reviews.load_status(guild_id))

    async def change_rules(
        self, guild_id: int, *, actor_id: int, **changes: Any
    ) -> StaffChannelStatus:
        """Change fields of `GuildRules`, and post in the staff channel what is not there yet."""
        status = await self.clip_reviews.change_rules(guild_id, actor_id=actor_id, **changes)
        if status.rules.staff_channel is not None:
            await self.report_desk.ask_again(guild_id, status.rules.staff_channel)
        return await self._add_reports(status)

    async def _add_reports(self, status: ReviewStatus) -> StaffChannelStatus:
        reports = await self.report_desk.reports.count_open(status.rules.guild_id)
        return StaffChannelStatus(status.rules, status.waiting, status.unseen, reports)
