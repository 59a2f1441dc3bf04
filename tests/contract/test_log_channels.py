"""Audit logs in channels, on both databases: in order, each entry once, nothing from before."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.errors import ChannelUnavailable, DiscordUnavailable
from bot.domain.moderation.log_channel import FLOOD_LENGTH, MAX_ENTRIES_LISTED, LogPost
from bot.domain.moderation.report import ReportNoticeKind
from bot.domain.showcase.post import AuditAction, AuditEntry
from bot.services.moderation.log_channels import (
    CLAIM_FOR,
    MESSAGE_PAUSE,
    RETRY_PAUSE,
    LogChannelChoice,
    LogChannelPoster,
)
from bot.store.engine.database import Database
from bot.store.moderation.log_channels import LogChannelStore
from bot.store.moderation.report_notices import ReportNoticeStore
from bot.store.privacy.erasure import ErasureStore
from bot.store.showcase.audit_log import write_audit_entry
from bot.store.showcase.settings import ShowcaseSettingsStore
from bot.store.tables.moderation import log_channels_table
from bot.store.tables.showcase import audit_log_table
from tests.fakes.clock import VirtualClock
from tests.fakes.world import GUILD

CHANNEL, OTHER_CHANNEL, ADMIN = 701, 702, 31
SECOND = timedelta(seconds=1)
NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)


class FakeLogMessages:
    """A server's channels; ``errors`` are raised by the next messages, before or after they are
    sent.
    """

    def __init__(self) -> None:
        self.posts: list[LogPost] = []
        self.errors: list[Exception] = []
        self.errors_after_post: list[Exception] = []
        self.fitting = MAX_ENTRIES_LISTED

    async def count_fitting(self, guild_id: int, entries: Sequence[AuditEntry]) -> int:
        return min(len(entries), self.fitting)

    async def find_post(self, post: LogPost) -> bool:
        return any(
            (sent.channel_id, sent.nonce) == (post.channel_id, post.nonce) for sent in self.posts
        )

    async def send_post(self, post: LogPost) -> None:
        if self.errors:
            raise self.errors.pop(0)
        if not any(sent.nonce == post.nonce for sent in self.posts if sent == post):
            self.posts.append(post)
        if self.errors_after_post:
            raise self.errors_after_post.pop(0)

    def list_comments(self) -> list[str | None]:
        return [entry.comment for post in self.posts for entry in post.entries]


class LogScene:
    """A server with a log, and the services of one process."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.clock = VirtualClock(start=NOON)
        self.messages = FakeLogMessages()
        self.store = LogChannelStore(database, now=self.now)
        self.choice = LogChannelChoice(channels=self.store, clock=self.clock)

    async def now(self, _: AsyncConnection) -> datetime:
        """Tell the database's time, which passes only where a test says so."""
        return self.clock.now()

    def open_poster(self) -> LogChannelPoster:
        """Return the poster of another process."""
        return LogChannelPoster(channels=self.store, messages=self.messages, clock=self.clock)

    async def choose(self, channel_id: int = CHANNEL) -> None:
        await self.choice.choose(GUILD, channel_id, actor_id=ADMIN)

    async def write(self, *comments: object, guild_id: int = GUILD) -> None:
        async def write_entries(connection: Any) -> None:
            for comment in comments:
                entry = AuditEntry(
                    guild_id,
                    ADMIN,
                    AuditAction.CANCEL_JOB,
                    self.clock.now(),
                    comment=str(comment),
                )
                await write_audit_entry(connection, entry)

        await self.database.write(write_entries)

    async def run(self, *, after: timedelta = MESSAGE_PAUSE) -> None:
        """Let time pass, and let a process that has just started post what waits."""
        self.clock.jump(after + SECOND)
        await self.open_poster().run_due()

    async def count_waiting(self) -> int:
        waiting = select(audit_log_table.c.id).where(audit_log_table.c.log_batch.is_not(None))
        return len(await self.database.read_rows(waiting))

    async def list_actions(self) -> list[AuditAction]:
        store = ShowcaseSettingsStore(self.database)
        return [entry.action for entry in await store.list_audit_entries(GUILD, limit=9)]


@pytest.fixture
def scene(database: Database) -> LogScene:
    return LogScene(database)


async def test_what_is_written_after_the_choice_is_posted_in_order_and_once(
    scene: LogScene,
) -> None:
    """Two processes look at the same time; entries that wait together are one message."""
    await scene.write("before")
    await scene.choose()
    await scene.write(*range(3))
    await scene.write("elsewhere", guild_id=GUILD + 1)
    first, second = scene.open_poster(), scene.open_poster()
    await asyncio.gather(first.run_due(), second.run_due())
    assert scene.messages.list_comments() == [str(CHANNEL), "0", "1", "2"]
    assert [post.channel_id for post in scene.messages.posts] == [CHANNEL]
    await scene.write("later")
    await first.run_due()
    assert len(scene.messages.posts) == 1, "a moment passes between two messages"
    scene.clock.jump(MESSAGE_PAUSE + SECOND)
    await asyncio.gather(first.run_due(), second.run_due())
    assert scene.messages.list_comments()[-1] == "later"
    await scene.run()
    assert len(scene.messages.posts) == 2
    assert await scene.count_waiting() == 0


async def test_a_message_has_only_so_many_lines(scene: LogScene) -> None:
    await scene.choose()
    await scene.write(*range(MAX_ENTRIES_LISTED + 9))
    for _ in range(3):
        await scene.run()
    assert [len(post.entries) for post in scene.messages.posts] == [MAX_ENTRIES_LISTED, 10]
    scene.messages.fitting = 2
    await scene.write("a", "b", "c")
    await scene.run()
    assert scene.messages.list_comments()[-2:] == ["a", "b"], "long lines are fewer"
    await scene.run()
    assert scene.messages.list_comments()[-1] == "c"


async def test_a_flood_becomes_one_message(scene: LogScene) -> None:
    await scene.choose()
    await scene.run()
    await scene.write(*range(FLOOD_LENGTH + 50))
    await scene.run()
    assert [len(post.entries) for post in scene.messages.posts] == [1, FLOOD_LENGTH + 50]
    assert await scene.count_waiting() == 0


@pytest.mark.parametrize("is_sent", [True, False])
async def test_a_process_that_ends_while_it_posts_loses_and_repeats_nothing(
    scene: LogScene, is_sent: bool
) -> None:
    await scene.choose()
    await scene.write("one")
    killed: list[Exception] = [RuntimeError("killed")]
    if is_sent:
        scene.messages.errors_after_post = killed
    else:
        scene.messages.errors = killed
    with pytest.raises(RuntimeError):
        await scene.open_poster().run_due()
    await scene.write("two")
    await scene.open_poster().run_due()
    assert len(scene.messages.posts) == int(is_sent), "the dead process has claimed it"
    await scene.run(after=CLAIM_FOR)
    await scene.run()
    assert scene.messages.list_comments() == [str(CHANNEL), "one", "two"]


async def test_a_busy_discord_is_asked_again(scene: LogScene) -> None:
    await scene.choose()
    scene.messages.errors = [DiscordUnavailable("busy"), DiscordUnavailable("busy")]
    await scene.run()
    await scene.write("one")
    await scene.run()
    assert scene.messages.posts == []
    for _ in range(3):
        await scene.run(after=RETRY_PAUSE)
    assert scene.messages.list_comments() == [str(CHANNEL), "one"]


async def test_what_was_posted_in_the_old_channel_is_not_posted_in_the_new_one(
    scene: LogScene,
) -> None:
    await scene.choose()
    scene.messages.errors_after_post = [DiscordUnavailable("the answer was lost")]
    await scene.run()
    await scene.choose(OTHER_CHANNEL)
    await scene.run(after=RETRY_PAUSE)
    await scene.run()
    assert [(post.channel_id, len(post.entries)) for post in scene.messages.posts] == [
        (CHANNEL, 1),
        (OTHER_CHANNEL, 1),
    ]


async def test_a_closed_channel_ends_it_and_the_owner_is_told_once(scene: LogScene) -> None:
    """`/server log` says so too; another choice begins anew."""
    await scene.choose()
    await scene.write("lost with the channel")
    scene.messages.errors = [ChannelUnavailable("gone", is_gone=True)]
    await scene.run()
    await scene.write("afterwards")
    await scene.run(after=RETRY_PAUSE)
    assert scene.messages.posts == []
    stopped = await scene.store.find(GUILD)
    assert stopped is not None
    assert stopped.stopped_at is not None
    assert (await scene.list_actions()).count(AuditAction.LOG_STOPPED) == 1
    notices = ReportNoticeStore(scene.database, now=scene.now)
    [(notice, _)] = await notices.claim_due(claim_for=CLAIM_FOR)
    assert (notice.kind, notice.user_id) == (ReportNoticeKind.LOG_STOPPED, None)
    await scene.choose(OTHER_CHANNEL)
    await scene.run()
    assert scene.messages.list_comments() == [str(OTHER_CHANNEL)]


async def test_turned_off_nothing_more_is_posted(scene: LogScene) -> None:
    await scene.choose()
    await scene.choice.turn_off(GUILD, actor_id=ADMIN)
    await scene.write("afterwards")
    await scene.run()
    assert scene.messages.posts == []
    assert await scene.count_waiting() == 0
    assert (await scene.list_actions())[1] is AuditAction.TURN_OFF_LOG


async def test_a_left_server_keeps_no_channel(scene: LogScene) -> None:
    await scene.choose()
    erasure, now = ErasureStore(scene.database), scene.clock.now()
    await erasure.mark_guild_left(GUILD, now=now)
    assert await erasure.erase_guild(GUILD, left_before=now + timedelta(days=1))
    assert await scene.database.read_rows(select(log_channels_table)) == []
    assert await scene.count_waiting() == 0
