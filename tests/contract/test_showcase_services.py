"""The showcase services on both databases, with a fake Discord: posts, votes and digests."""

import asyncio
import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from unittest.mock import AsyncMock

import pytest

from bot.domain.clips.clip import Clip
from bot.domain.errors import (
    ChannelUnavailable,
    DatabaseUnavailable,
    DiscordUnavailable,
    NotAllowed,
    RecordNotFound,
)
from bot.domain.jobs.announcement import NotifyChoice
from bot.domain.showcase.post import CurationPolicy, ShowcaseConsent, Star, WeeklyDigest
from bot.services.admin.privacy import PrivacyService
from bot.services.showcase.channel_lanes import ChannelLanes
from bot.services.showcase.maintenance import MaintenanceLoop
from bot.services.showcase.publisher import ShowcasePublisher
from bot.services.showcase.showcase import RankingPeriod, ShowcaseActor, ShowcaseService
from bot.services.showcase.votes import UNKNOWN_MESSAGE_TIMEOUT_S, VoteCounter
from bot.services.showcase.weekly_digest import DigestScheduler
from bot.store.engine.database import Database
from bot.store.member_preferences import MemberPreferenceStore
from bot.store.privacy.erasure import ErasureStore
from bot.store.privacy.exports import ExportStore
from bot.store.showcase.channels import ShowcaseChannelStore
from bot.store.showcase.digests import DigestStore
from bot.store.showcase.posts import ShowcasePostStore
from bot.store.showcase.settings import ShowcaseSettingsStore
from bot.store.showcase.stars import StarStore
from bot.store.tables.core import clips_table
from tests.contract.test_erasure import end
from tests.contract.test_showcase_store import NOW, made, opened
from tests.fakes.clock import VirtualClock
from tests.fakes.showcase_channels import FakeShowcaseChannel
from tests.fakes.world import GUILD, MEMBER, SimulatedWorld

MAKER = ShowcaseActor(MEMBER, "Cem")
MODERATOR = ShowcaseActor(2, "Bea", moderator=True)


@dataclass
class FakeWorker:
    """The part of a worker that the showcase uses."""

    worker_id: str = "w1"
    is_alive: bool = True

    def wake(self) -> None: ...

    def notify_job_changed(self, job_id: int) -> None: ...

    def resume_jobs(self) -> None: ...


class NoRequests:
    """Remembers which jobs were to be cancelled."""

    def __init__(self) -> None:
        self.cancelled: list[int] = []

    async def cancel(self, job_id: int, *, user_id: int, moderator: bool) -> object:
        """Remember it."""
        self.cancelled.append(job_id)
        return None


@dataclass
class ShowcaseProcess:
    """The showcase services of one process."""

    world: SimulatedWorld
    discord: FakeShowcaseChannel = field(default_factory=FakeShowcaseChannel)
    worker: FakeWorker = field(default_factory=FakeWorker)
    gallery_url: str | None = None

    def __post_init__(self) -> None:
        database, clock = self.world.database, self.world.clock
        self.posts, self.settings = ShowcasePostStore(database), ShowcaseSettingsStore(database)
        self.requests = NoRequests()
        shared: Any = {
            "showcase_posts": self.posts,
            "showcase_channel": self.discord,
            "worker": self.worker,
        }
        channels = ShowcaseChannelStore(database)
        self.publisher = ShowcasePublisher(
            **shared,
            published_files=self.discord,
            showcase_channels=channels,
            clock=clock,
            lanes=ChannelLanes(kind="post", clock=clock),
        )
        self.showcase = ShowcaseService(
            **shared,
            showcase_settings_store=self.settings,
            showcase_channels=channels,
            publisher=self.publisher,
            clock=clock,
            gallery_url=self.gallery_url,
        )
        self.votes = VoteCounter(
            stars=StarStore(database),
            showcase_posts=self.posts,
            showcase_settings_store=self.settings,
            clips=self.world.clips,
            showcase_channel=self.discord,
            showcase_service=self.showcase,
            publisher=self.publisher,
            clock=clock,
        )
        self.weekly = DigestScheduler(
            **shared,
            digests=DigestStore(database),
            showcase_settings_store=self.settings,
            vote_counter=self.votes,
            clock=clock,
            lanes=ChannelLanes(kind="digest", clock=clock),
            member_preferences=MemberPreferenceStore(database),
        )
        self.privacy = PrivacyService(
            erasure_requests=ErasureStore(database),
            exports=ExportStore(database),
            showcase_posts=self.posts,
            jobs=self.world.jobs,
            job_canceller=self.requests,
            publisher=self.publisher,
            discord_messages=self.discord,
            erasable_files=self.discord,
            worker=self.worker,
            clock=clock,
            grace_period=timedelta(days=30),
        )
        self.upkeep = MaintenanceLoop(
            tasks=(
                self.publisher.settle_all,
                self.votes.recount_stale,
                self.weekly.run_due,
                self.privacy.run_due,
            ),
            run_requested=self.publisher.settle_requested,
            worker=self.worker,
            clock=clock,
            interval_s=1.0,
        )


@pytest.fixture
async def process(world: SimulatedWorld) -> ShowcaseProcess:
    """Give a server with a showcase, and a clock that only the test moves."""
    world.clock = VirtualClock(start=NOW)
    await opened(world.database)
    return ShowcaseProcess(world)


async def test_post_with_lost_answer_is_found(process: ShowcaseProcess) -> None:
    clip = await made(process.world.database, 1, user_id=MEMBER)
    process.discord.errors_after.append(DiscordUnavailable("lost"))
    exhibit, new = await process.showcase.add_clip(clip, guild_id=GUILD, actor=MAKER)
    assert new
    assert exhibit.entry.message_id is None
    assert process.publisher.settle_requested.is_set()
    await process.upkeep.run_once()
    found = await process.posts.get(exhibit.id)
    assert found is not None
    assert found.entry.message_id in process.discord.live_posts
    assert found.in_sync
    assert process.discord.post_count == 1


async def test_withdrawing_unrecorded_post_deletes_it(process: ShowcaseProcess) -> None:
    clip = await made(process.world.database, 1, user_id=MEMBER)
    process.discord.errors_after.append(DiscordUnavailable("lost"))
    await process.showcase.add_clip(clip, guild_id=GUILD, actor=MAKER)
    assert process.discord.live_posts
    await process.showcase.withdraw_clip(clip, guild_id=GUILD, actor=MAKER)
    assert not process.discord.live_posts
    assert process.discord.removed_files == ["public 1"]


async def test_unavailable_channel_is_reported(process: ShowcaseProcess) -> None:
    clip = await made(process.world.database, 1, user_id=MEMBER)
    process.discord.errors_before.append(ChannelUnavailable("gone"))
    with pytest.raises(ChannelUnavailable):
        await process.showcase.add_clip(clip, guild_id=GUILD, actor=MAKER)
    assert await process.posts.find_by_clip(1) is None
    await process.upkeep.run_once()
    assert process.discord.post_count == 0
    _, new = await process.showcase.add_clip(clip, guild_id=GUILD, actor=MAKER)
    assert new


async def test_ten_concurrent_adds_publish_one_post(process: ShowcaseProcess) -> None:
    clip = await made(process.world.database, 1, user_id=MEMBER)
    await asyncio.gather(
        *(process.showcase.add_clip(clip, guild_id=GUILD, actor=MAKER) for _ in range(10)),
        process.upkeep.run_once(),
    )
    assert process.discord.post_count == 1


async def test_process_without_lease_changes_nothing(process: ShowcaseProcess) -> None:
    clip = await made(process.world.database, 1, user_id=MEMBER)
    process.worker.is_alive = False
    await process.showcase.add_clip(clip, guild_id=GUILD, actor=MAKER)
    assert process.discord.post_count == 0
    other = ShowcaseProcess(process.world, discord=process.discord, worker=FakeWorker("w2"))
    await other.upkeep.run_once()
    assert process.discord.post_count == 1


async def test_posting_policy_is_enforced(process: ShowcaseProcess) -> None:
    clip = await made(process.world.database, 1, user_id=MEMBER)
    with pytest.raises(NotAllowed, match="showcase_others"):
        await process.showcase.add_clip(clip, guild_id=GUILD, actor=ShowcaseActor(3))
    with pytest.raises(NotAllowed, match="showcase_consent"):
        await process.showcase.add_clip(clip, guild_id=GUILD, actor=MODERATOR)
    with pytest.raises(RecordNotFound):
        await process.showcase.add_clip(clip, guild_id=GUILD + 1, actor=MAKER)
    await process.showcase.configure(GUILD, actor_id=1, curation=CurationPolicy.ALWAYS)
    exhibit, _ = await process.showcase.add_clip(clip, guild_id=GUILD, actor=MODERATOR)
    assert not exhibit.public
    assert exhibit.entry.creator_name == f"member {MEMBER} of {GUILD}"
    # the creator can make it public
    await process.showcase.add_clip(clip, guild_id=GUILD, actor=MAKER)
    public = await process.posts.find_by_clip(1)
    assert public is not None
    assert public.public
    second = await made(process.world.database, 2, user_id=MEMBER)
    await process.showcase.set_preferences(
        guild_id=GUILD, user_id=MEMBER, consent=ShowcaseConsent.NOBODY
    )
    with pytest.raises(NotAllowed, match="showcase_consent"):
        await process.showcase.add_clip(second, guild_id=GUILD, actor=MODERATOR)
    await process.showcase.configure(GUILD, actor_id=1, curation=CurationPolicy.NEVER)
    await process.showcase.set_preferences(
        guild_id=GUILD, user_id=MEMBER, consent=ShowcaseConsent.EVERYONE
    )
    with pytest.raises(NotAllowed, match="showcase_curation"):
        await process.showcase.add_clip(second, guild_id=GUILD, actor=MODERATOR)
    await process.showcase.configure(GUILD, actor_id=1, channel_id=None)
    with pytest.raises(NotAllowed, match="showcase_off"):
        await process.showcase.add_clip(second, guild_id=GUILD, actor=MAKER)
    with pytest.raises(NotAllowed, match="moderate"):
        await process.showcase.set_hidden(clip, guild_id=GUILD, actor=MAKER, hidden=True)
    with pytest.raises(NotAllowed, match="moderate"):
        await process.showcase.set_locked(clip, guild_id=GUILD, actor=MAKER, locked=True)
    with pytest.raises(NotAllowed, match="moderate"):
        await process.showcase.set_blocked(MEMBER, guild_id=GUILD, actor=MAKER, blocked=True)
    notes = [each.comment for each in await process.settings.list_audit_entries(GUILD, limit=1)]
    assert notes == ["channel_id = None"]


async def test_moderator_cannot_reveal_hidden_prompt(process: ShowcaseProcess) -> None:
    await process.showcase.configure(GUILD, actor_id=1, curation=CurationPolicy.ALWAYS)
    hidden = await made(process.world.database, 1, user_id=MEMBER)
    await process.showcase.set_preferences(guild_id=GUILD, user_id=MEMBER, hide_prompt=True)
    exhibit, _ = await process.showcase.add_clip(
        hidden, guild_id=GUILD, actor=MODERATOR, hide_prompt=False
    )
    assert exhibit.entry.prompt is None
    # nor by asking again; the creator may, for one clip
    exhibit, _ = await process.showcase.add_clip(
        hidden, guild_id=GUILD, actor=MODERATOR, hide_prompt=False
    )
    assert exhibit.entry.prompt is None
    own = await made(process.world.database, 2, user_id=MEMBER)
    exhibit, _ = await process.showcase.add_clip(
        own, guild_id=GUILD, actor=MAKER, hide_prompt=False
    )
    assert exhibit.entry.prompt == own.prompt
    await process.showcase.set_preferences(guild_id=GUILD, user_id=MEMBER, hide_prompt=False)
    open_ = await made(process.world.database, 3, user_id=MEMBER)
    exhibit, _ = await process.showcase.add_clip(
        open_, guild_id=GUILD, actor=MODERATOR, hide_prompt=True
    )
    assert exhibit.entry.prompt is None


async def test_a_maker_hides_the_prompt_of_a_clip_that_is_shown_already(
    process: ShowcaseProcess,
) -> None:
    clip = await made(process.world.database, 1, user_id=MEMBER)
    first, _ = await process.showcase.add_clip(clip, guild_id=GUILD, actor=MAKER)
    message = first.entry.message_id
    assert message is not None
    for hide, prompt in ((True, None), (None, None), (False, clip.prompt)):
        again, new = await process.showcase.add_clip(
            clip, guild_id=GUILD, actor=MAKER, hide_prompt=hide
        )
        assert not new
        assert again.in_sync
        assert again.entry.prompt == prompt
        assert process.discord.live_posts[message].entry.prompt == prompt
    assert process.discord.post_count == 1


async def test_preferences_do_not_restore_withdrawn_posts(process: ShowcaseProcess) -> None:
    clip = await made(process.world.database, 1, user_id=MEMBER)
    exhibit, _ = await process.showcase.add_clip(clip, guild_id=GUILD, actor=MAKER)
    await process.showcase.withdraw_clip(clip, guild_id=GUILD, actor=MAKER)
    before = await process.posts.get(exhibit.id)
    await process.showcase.set_preferences(guild_id=GUILD, user_id=MEMBER, hide_prompt=False)
    assert await process.posts.get(exhibit.id) == before
    # an erased member needs it too
    assert await process.posts.list_member_post_ids(MEMBER) == [exhibit.id]


class SlowStars(FakeShowcaseChannel):
    """Returns the stars of a message as they were when asked, once the test allows it."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.let = asyncio.Event(), asyncio.Event()

    async def fetch_stars(self, channel_id: int, message_id: int) -> frozenset[Star] | None:
        """Return who starred it when it was asked."""
        found = await super().fetch_stars(channel_id, message_id)
        self.asked.set()
        await self.let.wait()
        return found


@pytest.mark.parametrize("cleared", [False, True])
async def test_recount_keeps_concurrent_votes(world: SimulatedWorld, cleared: bool) -> None:
    await opened(world.database)
    discord = SlowStars()
    process = ShowcaseProcess(world, discord=discord)
    clip = await made(world.database, 1, user_id=MEMBER)
    exhibit, _ = await process.showcase.add_clip(clip, guild_id=GUILD, actor=MAKER)
    message = exhibit.entry.message_id
    assert message is not None
    discord.stars_by_message[message] = {11}
    discord.let.set()
    await process.votes.recount_posts([exhibit])
    discord.let.clear()
    discord.asked.clear()
    counting = asyncio.create_task(process.votes.recount_posts([exhibit]))
    await discord.asked.wait()
    change = asyncio.create_task(
        process.votes.reset(message)
        if cleared
        else process.votes.record_star(message, 800, 14, starred=True)
    )
    await asyncio.wait({change}, timeout=0.2)  # it has to wait for the recount
    discord.let.set()
    await asyncio.gather(counting, change)
    assert [each.votes for each in await process.showcase.list_top(GUILD, RankingPeriod.ALL)] == [
        0 if cleared else 2
    ]


async def test_missed_stars_are_counted_by_stale_recount(process: ShowcaseProcess) -> None:
    clip = await made(process.world.database, 1, user_id=MEMBER)
    exhibit, _ = await process.showcase.add_clip(clip, guild_id=GUILD, actor=MAKER)
    message = exhibit.entry.message_id
    assert message is not None
    process.discord.stars_by_message[message] = {11, 12, 13}
    process.votes.mark_stale([GUILD])
    await process.upkeep.run_once()
    await process.upkeep.run_once()
    assert process.discord.live_posts[message].entry.votes == 3
    # from now on each is counted separately, and what Discord cannot confirm changes nothing
    process.discord.stars_by_message[message] = set()
    await process.votes.record_star(message, 800, 14, starred=True)
    await process.votes.record_star(message, 800, 11, starred=False)
    assert [each.votes for each in await process.showcase.list_top(GUILD, RankingPeriod.ALL)] == [3]
    process.votes.mark_stale([GUILD])
    process.discord.errors_before.append(DiscordUnavailable("away"))
    await process.votes.recount_stale()
    assert [each.votes for each in await process.showcase.list_top(GUILD, RankingPeriod.ALL)] == [3]
    await process.votes.reset(message)
    assert [each.votes for each in await process.showcase.list_top(GUILD, RankingPeriod.ALL)] == [0]


class OwnPost:
    """A member's clip that is posted in Discord and not recorded yet."""

    message = 6_100

    def __init__(self, process: ShowcaseProcess, clip: Clip) -> None:
        self._town = process
        self.clip = clip

    async def recorded(self) -> None:
        """Record which message shows it."""
        values = {"message_id": self.message}
        await self._town.world.database.write(
            lambda c: c.execute(
                clips_table.update().where(clips_table.c.id == self.clip.id).values(values)
            )
        )

    async def shown(self) -> bool:
        return await self._town.posts.find_by_clip(self.clip.id) is not None


@pytest.fixture
async def own_post(process: ShowcaseProcess) -> OwnPost:
    """Give a post that is starred before it is recorded; two stars add a clip to the showcase."""
    await process.showcase.configure(GUILD, actor_id=1, stars=2)
    post = OwnPost(process, await made(process.world.database, 1, user_id=MEMBER, message_id=None))
    process.discord.stars_by_message[post.message] = {11, 12}
    return post


async def test_stars_before_post_is_recorded_count(
    process: ShowcaseProcess, own_post: OwnPost
) -> None:
    for user_id in (11, 12):
        await process.votes.record_star(
            own_post.message, 10, user_id, starred=True, is_own_message=True
        )
    assert process.publisher.settle_requested.is_set(), "the upkeep is to look soon"
    await process.upkeep.run_once()
    assert not await own_post.shown()
    await own_post.recorded()
    await process.upkeep.run_once()
    assert await own_post.shown()


async def test_unknown_starred_message_is_checked_for_limited_time(
    process: ShowcaseProcess, own_post: OwnPost
) -> None:
    await process.votes.record_star(own_post.message, 10, 11, starred=True, is_own_message=True)
    await process.votes.record_star(own_post.message + 1, 10, 11, starred=True)  # of somebody else
    await process.upkeep.run_once()
    began = process.world.clock.monotonic()
    while process.world.clock.monotonic() - began <= UNKNOWN_MESSAGE_TIMEOUT_S:
        await process.world.clock.sleep(UNKNOWN_MESSAGE_TIMEOUT_S / 4)
    await process.upkeep.run_once()
    await own_post.recorded()
    await process.upkeep.run_once()
    assert not await own_post.shown()
    await process.votes.record_star(own_post.message, 10, 12, starred=True, is_own_message=True)
    assert await own_post.shown(), "the next star finds the others"


async def test_star_during_database_outage_counts_later(
    process: ShowcaseProcess, own_post: OwnPost, monkeypatch: pytest.MonkeyPatch
) -> None:
    await own_post.recorded()
    with monkeypatch.context() as patch:
        patch.setattr(
            StarStore, "find_clip_by_message", AsyncMock(side_effect=DatabaseUnavailable("away"))
        )
        for user_id in (11, 12):
            with pytest.raises(DatabaseUnavailable):
                await process.votes.record_star(own_post.message, 10, user_id, starred=True)
    await process.upkeep.run_once()
    assert await own_post.shown()


async def test_missed_stars_add_clip_to_showcase(
    process: ShowcaseProcess, own_post: OwnPost
) -> None:
    await own_post.recorded()
    process.votes.mark_stale([GUILD])
    await process.upkeep.run_once()
    assert await own_post.shown()


async def test_stale_mark_covers_both_messages_of_a_post(process: ShowcaseProcess) -> None:
    clip = await made(process.world.database, 1, user_id=MEMBER)
    exhibit, _ = await process.showcase.add_clip(clip, guild_id=GUILD, actor=MAKER)
    assert exhibit.entry.message_id is not None
    assert clip.message_id is not None
    process.discord.stars_by_message = {exhibit.entry.message_id: {11}, clip.message_id: {11, 12}}
    process.votes.mark_stale([GUILD])
    await process.votes.recount_stale()
    assert [each.votes for each in await process.showcase.list_top(GUILD, RankingPeriod.ALL)] == [2]


class SlowLookup(StarStore):
    """Answers slowly the first time it is asked which clip a message shows."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.asked, self.let = asyncio.Event(), asyncio.Event()

    async def find_clip_by_message(self, message_id: int) -> int | None:
        """Look it up."""
        first = not self.asked.is_set()
        self.asked.set()
        if first:
            await self.let.wait()
        return await super().find_clip_by_message(message_id)


@pytest.mark.parametrize("cleared", [False, True])
async def test_vote_events_of_one_message_stay_ordered(
    process: ShowcaseProcess, cleared: bool
) -> None:
    clip = await made(process.world.database, 1, user_id=MEMBER)
    exhibit, _ = await process.showcase.add_clip(clip, guild_id=GUILD, actor=MAKER)
    message = exhibit.entry.message_id
    assert message is not None
    await process.votes.recount_posts([exhibit])
    slow = SlowLookup(process.world.database)
    process.votes.stars = slow
    given = asyncio.create_task(process.votes.record_star(message, 800, 14, starred=True))
    await slow.asked.wait()
    taken = asyncio.create_task(
        process.votes.reset(message)
        if cleared
        else process.votes.record_star(message, 800, 14, starred=False)
    )
    await asyncio.wait({taken}, timeout=0.2)  # it has to wait for the other
    slow.let.set()
    await asyncio.gather(given, taken)
    assert [each.votes for each in await process.showcase.list_top(GUILD, RankingPeriod.ALL)] == [0]


async def test_digest_with_lost_answer_is_found(process: ShowcaseProcess) -> None:
    clock = process.world.clock
    clip = await made(process.world.database, 1, user_id=MEMBER)
    await process.showcase.add_clip(clip, guild_id=GUILD, actor=MAKER)
    at = clock.now() + timedelta(hours=2)
    await process.showcase.configure(
        GUILD, actor_id=1, digest_day=at.weekday(), digest_hour=at.hour
    )
    await process.weekly.run_due()
    assert not process.discord.digests
    clock.jump(timedelta(hours=2))
    process.discord.errors_after.append(DiscordUnavailable("lost"))
    process.discord.stars_by_message[10_001] = {31}
    await process.weekly.run_due()
    await clock.sleep(60)
    await process.weekly.run_due()
    assert len(process.discord.digests) == 1
    clock.jump(timedelta(days=7))
    await process.weekly.run_due()  # nothing was shown in that week
    assert len(process.discord.digests) == 1
    [digest] = process.discord.digests.values()
    assert [e.clip.id for e in await process.weekly.get_ranking(digest.id, guild_id=GUILD)] == [1]
    with pytest.raises(RecordNotFound):
        await process.weekly.get_ranking(digest.id, guild_id=GUILD + 1)


async def announced(process: ShowcaseProcess) -> int:
    """Post the week's digest and return its message."""
    at = process.world.clock.now() + timedelta(hours=2)
    await process.showcase.configure(
        GUILD, actor_id=1, digest_day=at.weekday(), digest_hour=at.hour
    )
    process.world.clock.jump(timedelta(hours=2))
    await process.weekly.run_due()
    [message] = process.discord.digests
    return message


async def shown(process: ShowcaseProcess, number: int, **changes: Any) -> Clip:
    """Make a clip for the member and add it to the showcase."""
    clip = await made(process.world.database, number, user_id=MEMBER, **changes)
    assert clip.message_id is not None
    process.discord.stars_by_message[clip.message_id] = {31}  # a digest names nothing without stars
    await process.showcase.add_clip(clip, guild_id=GUILD, actor=MAKER)
    return clip


def named(process: ShowcaseProcess, message: int) -> list[int]:
    """Return the clips that a digest's message names."""
    return [entry.clip.id for entry in process.discord.digests[message].entries]


async def test_withdrawn_hidden_and_blocked_posts_leave_digest(process: ShowcaseProcess) -> None:
    first, second, third = [await shown(process, number) for number in (1, 2, 3)]
    message = await announced(process)
    assert named(process, message) == [1, 2, 3]
    await process.showcase.withdraw_clip(first, guild_id=GUILD, actor=MAKER)
    assert process.publisher.settle_requested.is_set()
    await process.weekly.run_due()
    assert named(process, message) == [2, 3]
    await process.showcase.set_hidden(second, guild_id=GUILD, actor=MODERATOR, hidden=True)
    await process.weekly.run_due()
    assert named(process, message) == [3]
    await process.showcase.set_hidden(second, guild_id=GUILD, actor=MODERATOR, hidden=False)
    await process.showcase.set_preferences(guild_id=GUILD, user_id=MEMBER, hide_prompt=True)
    await process.weekly.run_due()
    assert named(process, message) == [2, 3]
    assert [each.prompt for each in process.discord.digests[message].entries] == [None, None]
    # old votes stay as they were unless a change is seen
    before, posts = process.discord.digests[message], process.discord.post_count
    await process.showcase.set_locked(third, guild_id=GUILD, actor=MODERATOR, locked=True)
    await process.weekly.run_due()
    assert process.discord.digests[message] is before
    # without clips to name, the post is deleted and does not come back
    await process.showcase.set_blocked(MEMBER, guild_id=GUILD, actor=MODERATOR, blocked=True)
    await process.weekly.run_due()
    assert not process.discord.digests
    await process.showcase.set_hidden(second, guild_id=GUILD, actor=MODERATOR, hidden=False)
    await process.weekly.run_due()
    assert not process.discord.digests
    assert process.discord.post_count == posts + 1, "the clip itself stands again"


@pytest.mark.parametrize("choice", [NotifyChoice.PING, NotifyChoice.QUIET])
async def test_winner_is_mentioned_unless_they_chose_quiet(
    process: ShowcaseProcess, choice: NotifyChoice
) -> None:
    """[people-M27]"""
    await MemberPreferenceStore(process.world.database).save_notify_choice(MEMBER, choice)
    await shown(process, 1)
    await announced(process)
    assert process.discord.mentioned_winners == [choice is NotifyChoice.PING]


async def test_a_digest_that_somebody_deleted_is_not_posted_again(process: ShowcaseProcess) -> None:
    clip, _ = [await shown(process, number) for number in (1, 2)]
    await announced(process)
    process.discord.digests.clear()
    await process.showcase.withdraw_clip(clip, guild_id=GUILD, actor=MAKER)
    await process.weekly.run_due()
    await process.showcase.add_clip(clip, guild_id=GUILD, actor=MAKER)
    await process.showcase.withdraw_clip(clip, guild_id=GUILD, actor=MAKER)
    await process.weekly.run_due()
    assert not process.discord.digests


async def test_a_withdrawal_while_the_digest_is_being_posted_is_not_lost(
    process: ShowcaseProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = await shown(process, 1)
    announce = process.discord.publish_digest

    async def meanwhile(digest: WeeklyDigest, *, mentions_winner: bool) -> int:
        await process.showcase.withdraw_clip(clip, guild_id=GUILD, actor=MAKER)
        return await announce(digest, mentions_winner=mentions_winner)

    with monkeypatch.context() as patch:
        patch.setattr(process.discord, "publish_digest", meanwhile)
        message = await announced(process)
    assert named(process, message) == [1]
    await process.weekly.run_due()
    assert not process.discord.digests


async def test_a_forgotten_members_clips_leave_the_digest_and_their_votes_stay_away(
    process: ShowcaseProcess,
) -> None:
    theirs = await made(process.world.database, 9, user_id=901)
    exhibit, _ = await process.showcase.add_clip(
        theirs, guild_id=GUILD, actor=ShowcaseActor(901, "Dia")
    )
    starred = exhibit.entry.message_id
    assert starred is not None
    process.discord.stars_by_message[starred] = {MEMBER, 902}
    await process.votes.record_star(starred, 800, MEMBER, starred=True)
    job = await process.world.admit_job("a")
    await end(process.world, job.id)
    await shown(process, 1, job_id=job.id)
    message = await announced(process)
    assert sorted(named(process, message)) == [1, 9]
    await process.privacy.erase_member(MEMBER)
    await process.weekly.run_due()
    assert named(process, message) == [9]

    async def votes() -> int:
        [entry] = await process.showcase.list_top(GUILD, RankingPeriod.ALL)
        return entry.votes

    assert await votes() == 1
    process.discord.stars_by_message[starred] = {MEMBER, 902, 903}  # the star itself is still there
    await process.votes.recount_posts([exhibit])
    assert await votes() == 2
    await process.votes.record_star(starred, 800, MEMBER, starred=True)
    assert await votes() == 3, "a new star counts again"
    await process.votes.recount_posts([exhibit])
    assert await votes() == 3
    # removing a star removes its placeholder
    await process.privacy.erase_member(MEMBER)
    process.discord.stars_by_message[starred] = {902}
    await process.votes.recount_posts([exhibit])
    process.discord.stars_by_message[starred] = {902, MEMBER}
    await process.votes.recount_posts([exhibit])
    assert await votes() == 2


async def test_erasure_resumes_after_interruption(process: ShowcaseProcess) -> None:
    world = process.world
    jobs = [await world.admit_job(n) for n in range(3)]
    for job in jobs[:2]:
        await end(world, job.id)
    clip = await made(world.database, 1, job_id=jobs[0].id, user_id=MEMBER)
    await process.showcase.add_clip(clip, guild_id=GUILD, actor=MAKER)
    name, data = await process.privacy.export_member(MEMBER)
    assert name == f"clapper-{MEMBER}.json"
    assert json.loads(data)["requests"][0]["plan"]["prompt"] == "a heron at dawn"
    process.discord.errors_before.append(DiscordUnavailable("away"))
    assert not await process.privacy.erase_member(MEMBER)
    # another process takes over; one job is still being made
    other = ShowcaseProcess(world, discord=process.discord, worker=FakeWorker("w2"))
    await other.privacy.run_due()
    assert other.requests.cancelled == [jobs[2].id]
    assert not process.discord.live_posts
    assert process.discord.deleted_messages == [10_001]
    assert clip.path in process.discord.removed_files
    await end(world, jobs[2].id)
    await other.privacy.run_due()
    exported = json.loads((await other.privacy.export_member(MEMBER))[1])
    assert not any(rows for rows in exported.values() if isinstance(rows, list))
    assert await other.privacy.erase_member(MEMBER)


async def test_server_is_erased_after_grace_unless_bot_returns(process: ShowcaseProcess) -> None:
    world = process.world
    job = await world.admit_job(1)
    await end(world, job.id)
    await made(world.database, 1, job_id=job.id)
    # deleted while offline: noticed in the next session, by that server's shard
    await process.privacy.reconcile_guilds([5], is_own_guild=lambda guild_id: guild_id != GUILD)
    assert await ErasureStore(world.database).list_known_guilds() == [GUILD]
    await process.privacy.reconcile_guilds([5], is_own_guild=lambda guild_id: True)
    world.clock.jump(timedelta(days=29))
    await process.privacy.run_due()
    await process.privacy.reconcile_guilds([GUILD])
    world.clock.jump(timedelta(days=10))
    fresh = ShowcaseProcess(world)
    await fresh.privacy.run_due()
    assert await world.clips.get(1) is not None
    await fresh.privacy.mark_guild_left(GUILD)
    world.clock.jump(timedelta(days=31))
    await ShowcaseProcess(world).privacy.run_due()
    assert await world.clips.get(1) is None
    assert (await process.settings.load_settings(GUILD)).channel_id is None
