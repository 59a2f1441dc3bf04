"""Takes reports of clips, and the staff's decisions about them.

Both are recorded first. `bot.services.moderation.report_desk` carries them out, in this process or
another one.
"""

from collections.abc import Callable
from dataclasses import dataclass

from bot.domain.access import ActingPerson
from bot.domain.clips.clip import Clip
from bot.domain.errors import NotAllowed, RecordNotFound
from bot.domain.moderation.report import ReportCase, ReportDecision, ReportReceipt
from bot.domain.moderation.request_block import BlockLength
from bot.services.moderation.request_blocks import RequestBlockService
from bot.store.moderation.reports import ReportStore


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportIntake:
    """Takes reports, also in a process without Discord. ``on_report`` wakes the desk."""

    reports: ReportStore
    on_report: Callable[[], None] = lambda: None

    async def report_as_member(self, clip: Clip, user_id: int) -> ReportReceipt:
        """Record a member's report. Raises `NotAllowed` and `RecordNotFound`."""
        if clip.guild_id is None:
            raise RecordNotFound("report_server")
        if clip.user_id == user_id:
            raise NotAllowed("report_own")
        receipt = await self.reports.add_report(clip, clip.guild_id, user_id=user_id)
        self.on_report()
        return receipt

    async def report_as_visitor(self, clip: Clip, guild_id: int, visitor: str) -> ReportReceipt:
        """Record the report of a visitor of the gallery. ``visitor`` is not stored."""
        receipt = await self.reports.add_report(clip, guild_id, visitor=visitor)
        self.on_report()
        return receipt


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportDecisions:
    reports: ReportStore
    request_blocks: RequestBlockService

    async def decide(
        self, clip_id: int, decision: ReportDecision, person: ActingPerson
    ) -> tuple[ReportCase, bool]:
        """Record what a moderator decided; return ``False`` with it if somebody was faster.

        Raises `NotAllowed` and `RecordNotFound`.
        """
        if not person.moderator or person.guild_id is None:
            raise NotAllowed("moderate")
        return await self.reports.decide(
            clip_id, decision, guild_id=person.guild_id, actor_id=person.user_id
        )

    async def block_creator(
        self, clip_id: int, *, guild_id: int, actor_id: int
    ) -> tuple[ReportCase, bool]:
        """Keep a clip's creator from making clips; return ``False`` if somebody already has.

        Raises `RecordNotFound`.
        """
        case = await self.reports.find(clip_id)
        if case is None or case.guild_id != guild_id:
            raise RecordNotFound("report")
        if case.creator_blocked_by is not None:
            return case, False
        # first the block: if this process ends in between, a second press repeats it unharmed
        await self.request_blocks.block_member(
            guild_id, case.creator_id, length=BlockLength.FOREVER, reason=None, actor_id=actor_id
        )
        return await self.reports.record_block(clip_id, guild_id=guild_id, actor_id=actor_id)
