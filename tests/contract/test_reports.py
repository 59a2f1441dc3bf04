"""Reports on both databases: everybody counts once, one decision, nothing lost or repeated."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import AsyncMock, Mock

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.access import ActingPerson
from bot.domain.clips.clip import Clip
from bot.domain.errors import (
    ChannelUnavailable,
    DiscordUnavailable,
    NotAllowed,
    RecordNotFound,
)
from bot.domain.guild import GuildRules
from bot.domain.moderation.report import (
    MEMBER_WINDOW,
    REPORTS_IN_WINDOW,
    ReportCase,
    ReportDecision,
    ReportNotice,
    ReportNoticeKind,
    ReportReceipt,
)
from bot.domain.ports import EditResult
from bot.domain.showcase.post import AuditAction
from bot.services.moderation.report_desk import (
    CLAIM_FOR,
    CLOSED_CHANNEL_PAUSE,
    RETRY_PAUSE,
    ReportDesk,
)
from bot.services.moderation.reports import ReportDecisions, ReportIntake
from bot.services.moderation.request_blocks import RequestBlockService
from bot.store.moderation.report_notices import ReportNoticeStore
from bot.store.moderation.report_rows import follow_showcase_moderator
from bot.store.moderation.reports import ReportStore
from bot.store.moderation.request_blocks import RequestBlockStore
from bot.store.privacy.erasure import ErasureStore
from bot.store.privacy.exports import ExportStore
from bot.store.showcase.posts import ShowcasePostStore
from bot.store.showcase.settings import ShowcaseSettingsStore
from bot.store.tables.moderation import report_cases_table, reports_table
from tests.fakes.clock import VirtualClock
from tests.fakes.world import GUILD, MEMBER, SimulatedWorld

STAFF_CHANNEL, OTHER_STAFF_CHANNEL = 801, 802
MODERATOR, OTHER_MODERATOR, REPORTER = 31, 32, 87_654_321
STAFF = ActingPerson(MODERATOR, GUILD, STAFF_CHANNEL, moderator=True)


class FakeReportMessages:
    """The staff's channel and direct messages; ``errors`` are raised by the next calls."""

    def __init__(self) -> None:
        self.posts: dict[int, ReportCase] = {}
        self.notices: list[ReportNotice] = []
        self.errors: list[Exception] = []
        self.errors_of_posts: list[Exception] = []
        self.errors_after_post: list[Exception] = []
        self.edit_result = EditResult.DONE
        self.edit_count = 0

    def _fail(self, errors: list[Exception]) -> None:
        if errors:
            raise errors.pop(0)

    async def post_case(self, case: ReportCase, clip: Clip | None, channel_id: int) -> int:
        self._fail(self.errors)
        self._fail(self.errors_of_posts)
        assert channel_id in (STAFF_CHANNEL, OTHER_STAFF_CHANNEL)
        message_id = 5000 + channel_id + len(self.posts)
        self.posts[message_id] = case
        self._fail(self.errors_after_post)
        return message_id

    async def find_case(self, case: ReportCase, channel_id: int) -> int | None:
        return next(
            (
                number
                for number, posted in self.posts.items()
                if posted.post_nonce == case.post_nonce
            ),
            None,
        )

    async def edit_case(self, case: ReportCase, clip: Clip | None) -> EditResult:
        self._fail(self.errors)
        self.edit_count += 1
        if self.edit_result is EditResult.DONE:
            assert case.message_id is not None
            self.posts[case.message_id] = case
        return self.edit_result

    async def delete_case(self, case: ReportCase) -> None:
        self._fail(self.errors)
        assert case.message_id is not None
        self.posts.pop(case.message_id, None)

    async def send_notice(self, notice: ReportNotice, *, since: datetime) -> None:
        self._fail(self.errors)
        if notice not in self.notices:
            self.notices.append(notice)


class ReportWorld:
    """A clip that was made, and the services of one process."""

    def __init__(self, world: SimulatedWorld, clip: Clip) -> None:
        self.world = world
        self.clip = clip
        self.clock = VirtualClock(start=world.clock.now())
        self.store = ReportStore(world.database, now=self.now)
        self.messages = FakeReportMessages()
        self.intake = ReportIntake(reports=self.store)
        self.decisions = ReportDecisions(
            reports=self.store,
            request_blocks=RequestBlockService(
                request_blocks=RequestBlockStore(world.database, now=self.now),
                worker=Mock(worker_id="w"),
            ),
        )
        self.removal = AsyncMock()

    async def now(self, _: AsyncConnection) -> datetime:
        """Tell the database's time, which passes only where a test says so."""
        return self.clock.now()

    def open_desk(self) -> ReportDesk:
        """Return the desk of another process."""
        return ReportDesk(
            reports=self.store,
            notices=ReportNoticeStore(self.world.database, now=self.now),
            guilds=self.world.guilds,
            clips=self.world.clips,
            jobs=self.world.jobs,
            showcase_posts=ShowcasePostStore(self.world.database),
            publisher=Mock(),
            clip_removal=self.removal,
            messages=self.messages,
            worker_id="w",
            clock=self.clock,
        )

    async def set_rules(self, **changes: Any) -> None:
        before = await self.world.guilds.load_rules(GUILD)
        await self.world.guilds.save_rules(
            replace(before, **changes), actor_id=1, now=self.clock.now()
        )

    async def report(self, *user_ids: int) -> list[ReportReceipt]:
        return [await self.intake.report_as_member(self.clip, user_id) for user_id in user_ids]

    async def load(self) -> ReportCase:
        case = await self.store.find(self.clip.id)
        assert case is not None
        return case

    async def list_actions(self) -> list[AuditAction]:
        store = ShowcaseSettingsStore(self.world.database)
        entries = await store.list_audit_entries(GUILD, limit=30)
        return [entry.action for entry in reversed(entries)]

    async def count_reporters(self) -> int:
        return len(await self.world.database.read_rows(select(reports_table)))


@pytest.fixture
async def scene(world: SimulatedWorld) -> ReportWorld:
    """A finished clip in a server with a staff channel."""
    process = await world.start_process()
    job = await process.submit_job("a")
    await world.wait_for_end(job)
    [clip] = await world.clips.list_for_job(job.id)
    scene = ReportWorld(world, clip)
    await scene.set_rules(staff_channel=STAFF_CHANNEL)
    return scene


async def test_everybody_counts_once_also_at_the_same_time(scene: ReportWorld) -> None:
    receipts = await asyncio.gather(*(scene.report(REPORTER) for _ in range(4)))
    assert sorted(receipts) == [[ReportReceipt.REPEATED]] * 3 + [[ReportReceipt.RECEIVED]]
    visitor = ("203.0.113.7", "203.0.113.7", "2001:db8::/64")
    for address in visitor:
        await scene.intake.report_as_visitor(scene.clip, GUILD, address)
    assert (await scene.load()).report_count == 3
    rows = await scene.world.database.read_rows(select(reports_table))
    assert not any("203.0" in str(dict(row)) or "2001" in str(dict(row)) for row in rows)
    with pytest.raises(NotAllowed, match="report_own"):
        await scene.report(MEMBER)
    with pytest.raises(RecordNotFound):
        await scene.intake.report_as_member(replace(scene.clip, guild_id=None), REPORTER)


async def test_one_message_is_edited_as_more_reports_come(scene: ReportWorld) -> None:
    first, second = scene.open_desk(), scene.open_desk()
    await scene.report(REPORTER)
    await asyncio.gather(first.run_due(), second.run_due())
    assert [case.report_count for case in scene.messages.posts.values()] == [1]
    await scene.report(REPORTER + 1, REPORTER + 2)
    await asyncio.gather(first.run_due(), second.run_due())
    await first.run_due()
    assert [case.report_count for case in scene.messages.posts.values()] == [3]
    assert scene.messages.edit_count == 1


async def test_a_process_that_ends_after_the_post_repeats_nothing(scene: ReportWorld) -> None:
    """The next one finds the message; a busy Discord is asked again."""
    await scene.report(REPORTER)
    scene.messages.errors_after_post = [RuntimeError("killed")]
    with pytest.raises(RuntimeError):
        await scene.open_desk().run_due()
    desk = scene.open_desk()
    await desk.run_due()
    assert (await scene.load()).message_id is None, "the dead process has claimed it"
    scene.clock.jump(CLAIM_FOR + timedelta(seconds=1))
    await desk.run_due()
    assert list(scene.messages.posts) == [(await scene.load()).message_id]
    await scene.report(REPORTER + 1)
    scene.messages.errors = [DiscordUnavailable("busy")]
    await desk.run_due()
    await desk.run_due()
    edits = scene.messages.edit_count
    scene.clock.jump(timedelta(minutes=1))
    await desk.run_due()
    assert scene.messages.edit_count == edits + 1
    assert [case.report_count for case in scene.messages.posts.values()] == [2]


async def test_a_deleted_message_is_posted_again_while_nobody_has_decided(
    scene: ReportWorld,
) -> None:
    desk = scene.open_desk()
    await scene.report(REPORTER)
    await desk.run_due()
    scene.messages.edit_result = EditResult.MESSAGE_GONE
    await scene.report(REPORTER + 1)
    await desk.run_due()
    scene.clock.jump(CLOSED_CHANNEL_PAUSE + timedelta(seconds=1))
    await desk.run_due()
    assert len(scene.messages.posts) == 2
    assert (await scene.load()).post_nonce.endswith("-1")


async def test_of_two_who_press_at_once_the_first_decides(scene: ReportWorld) -> None:
    await scene.report(REPORTER)
    other = replace(STAFF, user_id=OTHER_MODERATOR)
    answers = await asyncio.gather(
        scene.decisions.decide(scene.clip.id, ReportDecision.HIDE, STAFF),
        scene.decisions.decide(scene.clip.id, ReportDecision.HIDE, other),
    )
    assert sorted(is_first for _, is_first in answers) == [False, True]
    assert len({case.decided_by for case, _ in answers}) == 1
    assert (await scene.list_actions()).count(AuditAction.REPORT_HIDE) == 1
    assert await scene.count_reporters() == 0
    assert await scene.report(REPORTER + 5) == [ReportReceipt.DECIDED]
    assert await scene.count_reporters() == 0
    _, is_dismissed = await scene.decisions.decide(scene.clip.id, ReportDecision.DISMISS, STAFF)
    assert not is_dismissed
    _, is_shown = await scene.decisions.decide(scene.clip.id, ReportDecision.SHOW, other)
    assert is_shown
    assert not (await scene.load()).is_hidden
    for person in (replace(STAFF, moderator=False), replace(STAFF, guild_id=None)):
        with pytest.raises(NotAllowed):
            await scene.decisions.decide(scene.clip.id, ReportDecision.DELETE, person)
    with pytest.raises(RecordNotFound):
        await scene.decisions.decide(
            scene.clip.id, ReportDecision.DELETE, replace(STAFF, guild_id=GUILD + 1)
        )


@pytest.mark.parametrize(
    ("decision", "told"),
    [
        (ReportDecision.HIDE, [ReportNoticeKind.HIDDEN]),
        (ReportDecision.DELETE, [ReportNoticeKind.DELETED]),
        (ReportDecision.DISMISS, []),
    ],
)
async def test_the_creator_is_told_once_of_what_the_staff_did(
    scene: ReportWorld, decision: ReportDecision, told: list[ReportNoticeKind]
) -> None:
    """A refused direct message is not repeated, and a busy Discord is asked again."""
    desk = scene.open_desk()
    await scene.report(REPORTER)
    await desk.run_due()
    await scene.decisions.decide(scene.clip.id, decision, STAFF)
    if told:
        scene.removal.remove_job.side_effect = [DiscordUnavailable("busy"), None]
    await desk.run_due()
    scene.clock.jump(timedelta(minutes=5))
    await desk.run_due()
    scene.clock.jump(timedelta(minutes=5))
    await desk.run_due()
    assert [notice.kind for notice in scene.messages.notices] == told
    assert all(notice.user_id == MEMBER for notice in scene.messages.notices)
    assert str(REPORTER) not in str(scene.messages.notices)
    [shown] = scene.messages.posts.values()
    assert (shown.decision, shown.decided_by) == (decision, MODERATOR)


async def test_a_refused_direct_message_is_given_up(scene: ReportWorld) -> None:
    desk = scene.open_desk()
    await scene.report(REPORTER)
    await desk.run_due()
    await scene.decisions.decide(scene.clip.id, ReportDecision.HIDE, STAFF)
    await desk.reports.claim_due(claim_for=timedelta(0))
    case = await scene.load()
    assert await desk.reports.record_effect(case)
    assert not await desk.reports.record_effect(case), "nobody is told twice"
    scene.messages.errors = [ChannelUnavailable("no direct messages")]
    notices = ReportNoticeStore(scene.world.database, now=scene.now)
    [(notice, created_at)] = await notices.claim_due(claim_for=CLAIM_FOR)
    await desk._send(notice, created_at)
    scene.clock.jump(timedelta(hours=1))
    assert await notices.claim_due(claim_for=CLAIM_FOR) == []


async def test_the_chosen_number_of_reports_hides_until_somebody_decides(
    scene: ReportWorld,
) -> None:
    await scene.report(REPORTER)
    assert not (await scene.load()).is_hidden
    await scene.set_rules(reports_to_hide=3)
    await scene.report(REPORTER + 1)
    await scene.intake.report_as_visitor(scene.clip, GUILD, "203.0.113.7")
    hidden = await scene.load()
    assert hidden.is_hidden
    await scene.open_desk().run_due()
    assert scene.messages.notices == [], "only the staff's decisions are told"
    assert (await scene.list_actions()).count(AuditAction.REPORT_LIMIT) == 1
    await scene.decisions.decide(scene.clip.id, ReportDecision.DISMISS, STAFF)
    assert not (await scene.load()).is_hidden


async def test_without_a_staff_channel_reports_are_in_the_log_and_the_owner_is_told_once(
    scene: ReportWorld,
) -> None:
    await scene.set_rules(staff_channel=None)
    await scene.report(*range(REPORTER, REPORTER + 4))
    desk = scene.open_desk()
    await desk.run_due()
    assert scene.messages.posts == {}
    assert await scene.list_actions() == [AuditAction.REPORT] * 3, "at 1, 2 and 4 reports"
    [notice] = scene.messages.notices
    assert (notice.kind, notice.user_id) == (ReportNoticeKind.STAFF_CHANNEL, None)
    await scene.set_rules(staff_channel=STAFF_CHANNEL)
    await desk.run_due()
    assert [case.report_count for case in scene.messages.posts.values()] == [4]
    assert len(scene.messages.notices) == 1


async def test_open_reports_move_to_another_staff_channel(scene: ReportWorld) -> None:
    desk = scene.open_desk()
    await scene.report(REPORTER)
    await desk.run_due()
    assert await scene.store.count_open(GUILD) == 1
    [old] = scene.messages.posts
    await scene.set_rules(staff_channel=OTHER_STAFF_CHANNEL)
    await desk.ask_again(GUILD, OTHER_STAFF_CHANNEL)
    scene.messages.errors = [DiscordUnavailable("busy")]
    await desk.run_due()
    assert list(scene.messages.posts) == [old], "nothing is lost while Discord is busy"
    scene.clock.jump(RETRY_PAUSE + timedelta(seconds=1))
    await desk.run_due()
    [new] = scene.messages.posts
    assert new != old
    assert (await scene.load()).channel_id == OTHER_STAFF_CHANNEL
    await desk.ask_again(GUILD, OTHER_STAFF_CHANNEL)
    await desk.run_due()
    assert list(scene.messages.posts) == [new]
    await scene.decisions.decide(scene.clip.id, ReportDecision.DISMISS, STAFF)
    assert await scene.store.count_open(GUILD) == 0
    await scene.set_rules(staff_channel=STAFF_CHANNEL)
    await desk.ask_again(GUILD, STAFF_CHANNEL)
    await desk.run_due()
    assert list(scene.messages.posts) == [new], "what is decided stays"


async def test_a_creator_is_blocked_once(scene: ReportWorld) -> None:
    await scene.report(REPORTER)
    for is_first in (True, False):
        _, was_first = await scene.decisions.block_creator(
            scene.clip.id, guild_id=GUILD, actor_id=MODERATOR
        )
        assert was_first is is_first
    assert (await scene.list_actions()).count(AuditAction.BLOCK_REQUESTS) == 1
    assert (await scene.load()).decision is None


async def test_a_deleted_clip_leaves_nothing_to_decide(scene: ReportWorld) -> None:
    desk = scene.open_desk()
    await scene.report(REPORTER)
    await desk.run_due()
    await scene.world.clips.delete_for_job(scene.clip.job_id)
    await desk.run_due()
    assert scene.messages.edit_count == 1


async def test_reports_are_exported_and_erased(scene: ReportWorld) -> None:
    database, now = scene.world.database, scene.clock.now()
    await scene.report(REPORTER)
    exported = await ExportStore(database).export_member(REPORTER)
    assert [row["clip_id"] for row in exported["reports"]] == [scene.clip.id]
    assert str(REPORTER) not in str(await ExportStore(database).export_member(MEMBER))
    erasure = ErasureStore(database)
    await erasure.erase_member(REPORTER, now=now)
    assert await scene.count_reporters() == 0
    assert (await scene.load()).report_count == 1
    await scene.report(REPORTER + 1)
    await erasure.purge_expired(now=now, audit_before=now + timedelta(days=1))
    assert await scene.count_reporters() == 0
    await scene.open_desk().run_due()
    batch = await erasure.load_member_batch(MEMBER, requested_at=now + timedelta(days=1))
    assert (STAFF_CHANNEL, (await scene.load()).message_id) in batch.posts
    await erasure.erase_batch(batch)
    assert await scene.store.find(scene.clip.id) is None


async def test_a_left_server_keeps_no_reports(scene: ReportWorld) -> None:
    await scene.report(REPORTER)
    erasure, now = ErasureStore(scene.world.database), scene.clock.now()
    await erasure.mark_guild_left(GUILD, now=now)
    assert await erasure.erase_guild(GUILD, left_before=now + timedelta(days=1))
    assert await scene.store.find(scene.clip.id) is None
    rules = await scene.world.guilds.load_rules(GUILD)
    assert rules == GuildRules(GUILD)


async def test_a_large_number_of_open_cases_is_dealt_with_in_batches(scene: ReportWorld) -> None:
    await scene.report(REPORTER)
    await scene.world.database.execute(
        update(report_cases_table).values(claimed_until=scene.clock.now() + CLAIM_FOR)
    )
    assert await scene.store.claim_due(claim_for=CLAIM_FOR) == []
    assert await scene.store.claim(scene.clip.id, claim_for=CLAIM_FOR) is None


async def test_a_closed_staff_channel_is_in_the_log_and_the_owner_is_told_once(
    scene: ReportWorld,
) -> None:
    """Also if it is closed after a message was posted there; another channel gets what is open."""
    desk = scene.open_desk()
    await scene.report(REPORTER)
    await desk.run_due()
    scene.messages.edit_result = EditResult.CHANNEL_GONE
    scene.messages.errors_of_posts = [ChannelUnavailable("closed")] * 3
    for number in range(1, 4):
        await scene.report(REPORTER + number)
        await desk.run_due()
        scene.clock.jump(CLOSED_CHANNEL_PAUSE + timedelta(seconds=1))
    assert [notice.kind for notice in scene.messages.notices] == [ReportNoticeKind.STAFF_CLOSED]
    assert set(await scene.list_actions()) == {AuditAction.REPORT}
    await scene.set_rules(staff_channel=None)
    await scene.set_rules(staff_channel=STAFF_CHANNEL)
    await desk.run_due()
    assert [case.report_count for case in scene.messages.posts.values()] == [1, 4]


async def test_a_message_that_is_found_again_shows_what_was_reported_since(
    scene: ReportWorld,
) -> None:
    await scene.report(REPORTER)
    scene.messages.errors_after_post = [RuntimeError("killed")]
    with pytest.raises(RuntimeError):
        await scene.open_desk().run_due()
    await scene.report(REPORTER + 1)
    scene.clock.jump(CLAIM_FOR + timedelta(seconds=1))
    await scene.open_desk().run_due()
    assert [case.report_count for case in scene.messages.posts.values()] == [2]


async def test_one_member_cannot_flood_the_staff(scene: ReportWorld) -> None:
    """What they reported before counts on; everybody else still can report."""
    clips = [replace(scene.clip, id=scene.clip.id + number) for number in range(1, 12)]
    receipts = [await scene.intake.report_as_member(clip, REPORTER) for clip in clips]
    assert receipts[:REPORTS_IN_WINDOW] == [ReportReceipt.RECEIVED] * REPORTS_IN_WINDOW
    assert set(receipts[REPORTS_IN_WINDOW:]) == {ReportReceipt.LIMITED}
    assert await scene.report(REPORTER + 1) == [ReportReceipt.RECEIVED]
    scene.clock.jump(MEMBER_WINDOW + timedelta(seconds=1))
    assert await scene.report(REPORTER) == [ReportReceipt.RECEIVED]


@pytest.mark.parametrize("hidden", [True, False])
async def test_what_a_moderator_does_in_the_showcase_counts(
    scene: ReportWorld, hidden: bool
) -> None:
    """Hidden by them too, it stays so; shown again by them, later reports do not hide it."""
    await scene.set_rules(reports_to_hide=1)
    await scene.report(REPORTER)

    async def choose(connection: AsyncConnection) -> None:
        await follow_showcase_moderator(
            connection, scene.clip.id, hidden=hidden, actor_id=MODERATOR
        )

    await scene.world.database.write(choose)
    case = await scene.load()
    assert (case.is_hidden, case.hid_post) == (hidden, False)
    if hidden:
        assert case.decision is None
        return
    assert (case.decision, case.decided_by) == (ReportDecision.DISMISS, MODERATOR)
    assert await scene.count_reporters() == 0
    assert await scene.report(REPORTER + 1) == [ReportReceipt.DECIDED]
