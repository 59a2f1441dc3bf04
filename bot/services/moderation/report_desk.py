"""Carries out what is decided about reported clips, and writes the staff's messages.

Each process looks for cases that are out of sync, and claims them, so that none is dealt with
twice. All steps can be repeated after a crash.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final, Protocol

import structlog

from bot.domain.access import ActingPerson
from bot.domain.clips.clip import Clip
from bot.domain.errors import ChannelUnavailable, DatabaseUnavailable, DeliveryError
from bot.domain.moderation.report import ReportCase, ReportDecision, ReportEffect, ReportNotice
from bot.domain.ports import Clock, EditResult
from bot.services.clips.removal import ClipRemoval
from bot.services.event_waits import wait_for_event
from bot.services.repeated_work import repeat_work
from bot.services.showcase.publisher import ShowcasePublisher
from bot.store.guilds import GuildStore
from bot.store.jobs.clips import ClipStore
from bot.store.jobs.jobs import JobStore
from bot.store.moderation.report_notices import ReportNoticeStore
from bot.store.moderation.reports import ReportStore
from bot.store.showcase.posts import ShowcasePostStore

CLAIM_FOR: Final = timedelta(seconds=30)
"""Longer than a case takes, unless Discord is slow: a second process then does the same, which
nonces and fenced changes make harmless. After a crash another one goes on after this time."""
RETRY_PAUSE: Final = timedelta(seconds=30)
CLOSED_CHANNEL_PAUSE: Final = timedelta(minutes=2)
"""How soon a staff channel that was closed to the bot gets the reports from before."""
_INTERVAL_S: Final = 3.0

_log: Final = structlog.get_logger(__name__)


class ReportMessages(Protocol):
    """The messages about reports in Discord. All may raise `DeliveryError`."""

    async def post_case(self, case: ReportCase, clip: Clip | None, channel_id: int) -> int:
        """Post the staff's message and return its id."""
        ...

    async def find_case(self, case: ReportCase, channel_id: int) -> int | None:
        """Look for a message that a process posted before it ended."""
        ...

    async def edit_case(self, case: ReportCase, clip: Clip | None) -> EditResult:
        """Let the staff's message show the case as it is now.

        A channel that is closed to the bot counts as gone while the case is undecided.
        """
        ...

    async def delete_case(self, case: ReportCase) -> None:
        """Delete the staff's message, if it exists."""
        ...

    async def send_notice(self, notice: ReportNotice, *, since: datetime) -> None:
        """Send a direct message, unless the person has it already since that time."""
        ...


@dataclass(kw_only=True, eq=False)
class ReportDesk:
    reports: ReportStore
    notices: ReportNoticeStore
    guilds: GuildStore
    clips: ClipStore
    jobs: JobStore
    showcase_posts: ShowcasePostStore
    publisher: ShowcasePublisher
    clip_removal: ClipRemoval
    messages: ReportMessages
    worker_id: str
    clock: Clock
    _requested: asyncio.Event = field(init=False, default_factory=asyncio.Event)

    def wake(self) -> None:
        """Let the loop look soon."""
        self._requested.set()

    async def ask_again(self, guild_id: int, staff_channel: int) -> None:
        """Post the open cases of a server in its staff channel that are not there."""
        await self.reports.ask_again(guild_id, staff_channel=staff_channel)
        self.wake()

    async def run(self) -> None:
        await repeat_work(
            self.run_due,
            pause=lambda _: self._pause(),
            log_postponed=partial(_log.warning, "reports.postponed"),
        )

    async def _pause(self) -> None:
        await wait_for_event(self._requested, self.clock, _INTERVAL_S)
        self._requested.clear()

    async def run_due(self) -> None:
        """Deal with what is due and no other process has claimed. Raises `DatabaseUnavailable`."""
        for case in await self.reports.claim_due(claim_for=CLAIM_FOR):
            await self._deal_with(case)
        for notice, created_at in await self.notices.claim_due(claim_for=CLAIM_FOR):
            await self._send(notice, created_at)

    async def settle(self, clip_id: int) -> None:
        """Deal with one case now; the loop goes on with what does not work or is claimed."""
        with suppress(DatabaseUnavailable):
            case = await self.reports.claim(clip_id, claim_for=CLAIM_FOR)
            if case is not None:
                await self._deal_with(case)
        self.wake()

    async def _deal_with(self, case: ReportCase) -> None:
        try:
            await self._apply_effect(case)
            await self._show(case)
        except ChannelUnavailable as error:
            _log.warning("report.not_posted", guild=case.guild_id, error=str(error))
            await self.reports.postpone_unposted(case, pause=CLOSED_CHANNEL_PAUSE)
        except DeliveryError as error:
            _log.warning("report.postponed", clip_id=case.clip_id, error=str(error))
            await self.reports.postpone(case, pause=RETRY_PAUSE)
        else:
            await self.reports.record_sync(case)

    async def _apply_effect(self, case: ReportCase) -> None:
        """Hide, show again or delete the clip. Raises `DeliveryError`."""
        effect = case.pending_effect
        if effect is None:
            return
        if effect is ReportEffect.DELETE:
            await self._delete_clip(case)
        else:
            await self._set_hidden(case, hidden=effect is ReportEffect.HIDE)
        if case.decision is None:
            await self.reports.record_automatic_hiding(case)
        else:
            await self.reports.record_effect(case)

    async def _delete_clip(self, case: ReportCase) -> None:
        job = await self.jobs.get(case.job_id)
        if job is not None:
            person = ActingPerson(case.decided_by or 0, case.guild_id, moderator=True)
            await self.clip_removal.remove_job(job, person)

    async def _set_hidden(self, case: ReportCase, *, hidden: bool) -> None:
        post = await self.showcase_posts.find_by_clip(case.clip_id)
        if post is None or not (hidden or case.hid_post):
            return
        await self.showcase_posts.update_post(
            post.id, owner=self.worker_id, audit_entry=None, hidden=hidden
        )
        self.publisher.request_settle()

    async def _show(self, case: ReportCase) -> None:
        """Write the staff's message. Raises `DeliveryError`."""
        clip = await self.clips.get(case.clip_id)
        staff_channel = (await self.guilds.load_rules(case.guild_id)).staff_channel
        if case.is_in_other_channel(staff_channel):
            await self.messages.delete_case(case)
            await self.reports.record_message(case, channel_id=None, message_id=None)
            case = case.without_message()
        if case.message_id is not None:
            if await self.messages.edit_case(case, clip) is EditResult.DONE:
                return
            await self.reports.record_message(case, channel_id=None, message_id=None)
            case = case.without_message()
        is_settled = case.decision in (ReportDecision.DELETE, ReportDecision.DISMISS)
        if is_settled or clip is None or staff_channel is None:
            return  # nothing is left to do, or a channel must be chosen, which opens it again
        message_id = await self.messages.find_case(case, staff_channel)
        if message_id is not None:  # it may show fewer reports
            posted = replace(case, channel_id=staff_channel, message_id=message_id)
            await self.messages.edit_case(posted, clip)
        else:
            message_id = await self.messages.post_case(case, clip, staff_channel)
        await self.reports.record_message(case, channel_id=staff_channel, message_id=message_id)

    async def _send(self, notice: ReportNotice, created_at: datetime) -> None:
        try:
            await self.messages.send_notice(notice, since=created_at)
        except ChannelUnavailable:  # the person takes no direct messages
            _log.info("report.notice_refused", kind=notice.kind, guild=notice.guild_id)
        except DeliveryError as error:
            _log.info("report.notice_postponed", kind=notice.kind, error=str(error))
            return  # the claim ends by itself
        await self.notices.remove(notice)
