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
class Desk:
    """The part of a worker that the showcase uses."""

    worker_id: str = "w1"
    is_alive: bool = True

    def wake(self) -> None: ...

    def notify_job_changed(self, job_id: int) -> None: ...


class NoRequests:
    """Remembers which jobs were to be cancelled."""

    def __init__(self) -> None:
        self.cancelled: list[int] = []

    async def cancel(self, job_id: int, *, user_id: int, moderator: bool) -> object:
        """Remember it."""
        self.cancelled.append(job_id)
        return None


@dataclass
class Town:
    """The showcase services of one process."""

    world: SimulatedWorld
    showroom: FakeShowcaseChannel = field(default_factory=FakeShowcaseChannel)
    desk: Desk = field(default_factory=Desk)
    gallery_url: str | None = None

    def __post_init__(self) -> None:
        database, clock = self.world.database, self.world.clock
        self.exhibits, self.houses = ShowcasePostStore(database), ShowcaseSettingsStore(database)
        self.requests = NoRequests()
        shared: Any = {
            "showcase_posts": self.exhibits,
            "showcase_channel": self.showroom,
            "worker": self.desk,
        }
        channels = ShowcaseChannelStore(database)
        self.hanging = ShowcasePublisher(
            **shared,
            published_files=self.showroom,
            showcase_channels=channels,
            clock=clock,
            lanes=ChannelLanes(kind="post", clock=clock),
        )
        self.showcase = ShowcaseService(
            **shared,
            showcase_settings_store=self.houses,
            showcase_channels=channels,
            publisher=self.hanging,
            clock=clock,
            gallery_url=self.gallery_url,
        )
        self.votes = VoteCounter(
            stars=StarStore(database),
            showcase_posts=self.exhibits,
            showcase_settings_store=self.houses,
            clips=self.world.clips,
            showcase_channel=self.showroom,
            showcase_service=self.showcase,
            publisher=self.hanging,
            clock=clock,
        )
        self.weekly = DigestScheduler(
            **shared,
            digests=DigestStore(database),
            showcase_settings_store=self.houses,
            vote_counter=self.votes,
            clock=clock,
            lanes=ChannelLanes(kind="digest", clock=clock),
            member_preferences=MemberPreferenceStore(database),
        )
        self.privacy = PrivacyService(
            erasure_requests=ErasureStore(database),
            exports=ExportStore(database),
            showcase_posts=self.exhibits,
            jobs=self.world.jobs,
            job_canceller=self.requests,
            publisher=self.hanging,
            discord_messages=self.showroom,
            erasable_files=self.showroom,
            worker=self.desk,
            clock=clock,
            grace_period=timedelta(days=30),
        )
        self.upkeep = MaintenanceLoop(
            tasks=(
                self.hanging.settle_all,
                self.votes.recount_stale,
                self.weekly.run_due,
                self.privacy.run_due,
            ),
            run_requested=self.hanging.settle_requested,
            worker=self.desk,
            clock=clock,
            interval_s=1.0,
        )


@pytest.fixture
async def town(world: SimulatedWorld) -> Town:
    """Give a server with a showcase, and a clock that only the test moves."""
    world.clock = VirtualClock(start=NOW)
    await opened(world.database)
    return Town(world)


async def test_post_with_lost_answer_is_found(town: Town) -> None:
    clip = await made(town.world.database, 1, user_id=MEMBER)
    town.showroom.errors_after.append(DiscordUnavailable("lost"))
    exhibit, new = await town.showcase.add_clip(clip, guild_id=GUILD, actor=MAKER)
    assert new
    assert exhibit.entry.message_id is None
    assert town.hanging.settle_requested.is_set()
    await town.upkeep.run_once()
    found = await town.exhibits.get(exhibit.id)
    assert found is not None
    assert found.entry.message_id in town.showroom.live_posts
    assert found.in_sync
    assert town.showroom.post_count == 1


async def test_withdrawing_unrecorded_post_deletes_it(town: Town) -> None:
    clip = await made(town.world.database, 1, user_id=MEMBER)
    town.showroom.errors_after.append(DiscordUnavailable("lost"))
    await town.showcase.add_clip(clip, guild_id=GUILD, actor=MAKER)
    assert town.showroom.live_posts
    await town.showcase.withdraw_clip(clip, guild_id=GUILD, actor=MAKER)
    assert not town.showroom.live_posts
    assert town.showroom.removed_files == ["public 1"]


async def test_unavailable_channel_is_reported(town: Town) -> None:
    clip = await made(town.world.database, 1, user_id=MEMBER)
    town.showroom.errors_before.append(ChannelUnavailable("gone"))
    with pytest.raises(ChannelUnavailable):
        await town.showcase.add_clip(clip, guild_id=GUILD, actor=MAKER)
    assert await town.exhibits.find_by_clip(1) is None
    await town.upkeep.run_once()
    assert town.showroom.post_count == 0
    _, new = await town.showcase.add_clip(clip, guild_id=GUILD, actor=MAKER)
    assert new


async def test_ten_concurrent_adds_publish_one_post(town: Town) -> None:
    clip = await made(town.world.database, 1, user_id=MEMBER)
    await asyncio.gather(
        *(town.showcase.add_clip(clip, guild_id=GUILD, actor=MAKER) for _ in range(10)),
        town.upkeep.run_once(),
    )
    assert town.showroom.post_count == 1


async def test_process_without_lease_changes_nothing(town: Town) -> None:
    clip = await made(town.world.database, 1, user_id=MEMBER)
    town.desk.is_alive = False
    await town.showcase.add_clip(clip, guild_id=GUILD, actor=MAKER)
    assert town.showroom.post_count == 0
    other = Town(town.world, showroom=town.showroom, desk=Desk("w2"))
    await other.upkeep.run_once()
    assert town.showroom.post_count == 1


async def test_posting_policy_is_enforced(town: Town) -> None:
    clip = await made(town.world.database, 1, user_id=MEMBER)
    with pytest.raises(NotAllowed, match="showcase_others"):
        await town.showcase.add_clip(clip, guild_id=GUILD, actor=ShowcaseActor(3))
    with pytest.raises(NotAllowed, match="showcase_consent"):
        await town.showcase.add_clip(clip, guild_id=GUILD, actor=MODERATOR)
    with pytest.raises(RecordNotFound):
        await town.showcase.add_clip(clip, guild_id=GUILD + 1, actor=MAKER)
    await town.showcase.configure(GUILD, actor_id=1, curation=CurationPolicy.ALWAYS)
    exhibit, _ = await town.showcase.add_clip(clip, guild_id=GUILD, actor=MODERATOR)
    assert not exhibit.public
    assert exhibit.entry.creator_name == f"member {MEMBER} of {GUILD}"
    # the creator can make it public
    await town.showcase.add_clip(clip, guild_id=GUILD, actor=MAKER)
    public = await town.exhibits.find_by_clip(1)
    assert public is not None
    assert public.public
    second = await made(town.world.database, 2, user_id=MEMBER)
    await town.showcase.set_preferences(
        guild_id=GUILD, user_id=MEMBER, consent=ShowcaseConsent.NOBODY
    )
    with pytest.raises(NotAllowed, match="showcase_consent"):
        await town.showcase.add_clip(second, guild_id=GUILD, actor=MODERATOR)
    await town.showcase.configure(GUILD, actor_id=1, curation=CurationPolicy.NEVER)
    await town.showcase.set_preferences(
        guild_id=GUILD, user_id=MEMBER, consent=ShowcaseConsent.EVERYONE
    )
    with pytest.raises(NotAllowed, match="showcase_curation"):
        await town.showcase.add_clip(second, guild_id=GUILD, actor=MODERATOR)
    await town.showcase.configure(GUILD, actor_id=1, channel_id=None)
    with pytest.raises(NotAllowed, match="showcase_off"):
        await town.showcase.add_clip(second, guild_id=GUILD, actor=MAKER)
    with pytest.raises(NotAllowed, match="moderate"):
        await town.showcase.set_hidden(clip, guild_id=GUILD, actor=MAKER, hidden=True)
    with pytest.raises(NotAllowed, match="moderate"):
        await town.showcase.set_locked(clip, guild_id=GUILD, actor=MAKER, locked=True)
    with pytest.raises(NotAllowed, match="moderate"):
        await town.showcase.set_blocked(MEMBER, guild_id=GUILD, actor=MAKER, blocked=True)
    notes = [each.comment for each in await town.houses.list_audit_entries(GUILD, limit=1)]
    assert notes == ["channel_id = None"]


async def test_moderator_cannot_reveal_hidden_prompt(town: Town) -> None:
    await town.showcase.configure(GUILD, actor_id=1, curation=CurationPolicy.ALWAYS)
    hidden = await made(town.world.database, 1, user_id=MEMBER)
    await town.showcase.set_preferences(guild_id=GUILD, user_id=MEMBER, hide_prompt=True)
    exhibit, _ = await town.showcase.add_clip(
        hidden, guild_id=GUILD, actor=MODERATOR, hide_prompt=False
    )
    assert exhibit.entry.prompt is None
    # nor by asking again; the creator may, for one clip
    exhibit, _ = await town.showcase.add_clip(
        hidden, guild_id=GUILD, actor=MODERATOR, hide_prompt=False
    )
    assert exhibit.entry.prompt is None
    own = await made(town.world.database, 2, user_id=MEMBER)
    exhibit, _ = await town.showcase.add_clip(own, guild_id=GUILD, actor=MAKER, hide_prompt=False)
    assert exhibit.entry.prompt == own.prompt
    await town.showcase.set_preferences(guild_id=GUILD, user_id=MEMBER, hide_prompt=False)
    open_ = await made(town.world.database, 3, user_id=MEMBER)
    exhibit, _ = await town.showcase.add_clip(
        open_, guild_id=GUILD, actor=MODERATOR, hide_prompt=True
    )
    assert exhibit.entry.prompt is None


async def test_a_maker_hides_the_prompt_of_a_clip_that_is_shown_already(town: Town) -> None:
    clip = await made(town.world.database, 1, user_id=MEMBER)
    first, _ = await town.showcase.add_clip(clip, guild_id=GUILD, actor=MAKER)
    message = first.entry.message_id
    assert message is not None
    for hide, prompt in ((True, None), (None, None), (False, clip.prompt)):
        again, new = await town.showcase.add_clip(
            clip, guild_id=GUILD, actor=MAKER, hide_prompt=hide
        )
        assert not new
        assert again.in_sync
        assert again.entry.prompt == prompt
        assert town.showroom.live_posts[message].entry.prompt == prompt
    assert town.showroom.post_count == 1


async def test_preferences_do_not_restore_withdrawn_posts(town: Town) -> None:
    clip = await made(town.world.database, 1, user_id=MEMBER)
    exhibit, _ = await town.showcase.add_clip(clip, guild_id=GUILD, actor=MAKER)
    await town.showcase.withdraw_clip(clip, guild_id=GUILD, actor=MAKER)
    before = await town.exhibits.get(exhibit.id)
    await town.showcase.set_preferences(guild_id=GUILD, user_id=MEMBER, hide_prompt=False)
    assert await town.exhibits.get(exhibit.id) == before
    # an erased member needs it too
    assert await town.exhibits.list_member_post_ids(MEMBER) == [exhibit.id]


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
    showroom = SlowStars()
    town = Town(world, showroom=showroom)
    clip = await made(world.database, 1, user_id=MEMBER)
    exhibit, _ = await town.showcase.add_clip(clip, guild_id=GUILD, actor=MAKER)
    message = exhibit.entry.message_id
    assert message is not None
    showroom.stars_by_message[message] = {11}
    showroom.let.set()
    await town.votes.recount_posts([exhibit])
    showroom.let.clear()
    showroom.asked.clear()
    counting = asyncio.create_task(town.votes.recount_posts([exhibit]))
    await showroom.asked.wait()
    change = asyncio.create_task(
        town.votes.reset(message)
        if cleared
        else town.votes.record_star(message, 800, 14, starred=True)
    )
    await asyncio.wait({change}, timeout=0.2)  # it has to wait for the recount
    showroom.let.set()
    await asyncio.gather(counting, change)
    assert [each.votes for each in await town.showcase.list_top(GUILD, RankingPeriod.ALL)] == [
        0 if cleared else 2
    ]


async def test_missed_stars_are_counted_by_stale_recount(town: Town) -> None:
    clip = await made(town.world.database, 1, user_id=MEMBER)
    exhibit, _ = await town.showcase.add_clip(clip, guild_id=GUILD, actor=MAKER)
    message = exhibit.entry.message_id
    assert message is not None
    town.showroom.stars_by_message[message] = {11, 12, 13}
    town.votes.mark_stale([GUILD])
    await town.upkeep.run_once()
    await town.upkeep.run_once()
    assert town.showroom.live_posts[message].entry.votes == 3
    # from now on each is counted separately, and what Discord cannot confirm changes nothing
    town.showroom.stars_by_message[message] = set()
    await town.votes.record_star(message, 800, 14, starred=True)
    await town.votes.record_star(message, 800, 11, starred=False)
    assert [each.votes for each in await town.showcase.list_top(GUILD, RankingPeriod.ALL)] == [3]
    town.votes.mark_stale([GUILD])
    town.showroom.errors_before.append(DiscordUnavailable("away"))
    await town.votes.recount_stale()
    assert [each.votes for each in await town.showcase.list_top(GUILD, RankingPeriod.ALL)] == [3]
    await town.votes.reset(message)
    assert [each.votes for each in await town.showcase.list_top(GUILD, RankingPeriod.ALL)] == [0]


class OwnPost:
    """A member's clip that is posted in Discord and not recorded yet."""

    message = 6_100

    def __init__(self, town: Town, clip: Clip) -> None:
        self._town = town
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
        return await self._town.exhibits.find_by_clip(self.clip.id) is not None


@pytest.fixture
async def own_post(town: Town) -> OwnPost:
    """Give a post that is starred before it is recorded; two stars add a clip to the showcase."""
    await town.showcase.configure(GUILD, actor_id=1, stars=2)
    post = OwnPost(town, await made(town.world.database, 1, user_id=MEMBER, message_id=None))
    town.showroom.stars_by_message[post.message] = {11, 12}
    return post


async def test_stars_before_post_is_recorded_count(town: Town, own_post: OwnPost) -> None:
    for user_id in (11, 12):
        await town.votes.record_star(
            own_post.message, 10, user_id, starred=True, is_own_message=True
        )
    assert town.hanging.settle_requested.is_set(), "the upkeep is to look soon"
    await town.upkeep.run_once()
    assert not await own_post.shown()
    await own_post.recorded()
    await town.upkeep.run_once()
    assert await own_post.shown()


async def test_unknown_starred_message_is_checked_for_limited_time(
    town: Town, own_post: OwnPost
) -> None:
    await town.votes.record_star(own_post.message, 10, 11, starred=True, is_own_message=True)
    await town.votes.record_star(own_post.message + 1, 10, 11, starred=True)  # of somebody else
    await town.upkeep.run_once()
    began = town.world.clock.monotonic()
    while town.world.clock.monotonic() - began <= UNKNOWN_MESSAGE_TIMEOUT_S:
        await town.world.clock.sleep(UNKNOWN_MESSAGE_TIMEOUT_S / 4)
    await town.upkeep.run_once()
    await own_post.recorded()
    await town.upkeep.run_once()
    assert not await own_post.shown()
    await town.votes.record_star(own_post.message, 10, 12, starred=True, is_own_message=True)
    assert await own_post.shown(), "the next star finds the others"


async def test_star_during_database_outage_counts_later(
    town: Town, own_post: OwnPost, monkeypatch: pytest.MonkeyPatch
) -> None:
    await own_post.recorded()
    with monkeypatch.context() as patch:
        patch.setattr(
            StarStore, "find_clip_by_message", AsyncMock(side_effect=DatabaseUnavailable("away"))
        )
        for user_id in (11, 12):
            with pytest.raises(DatabaseUnavailable):
                await town.votes.record_star(own_post.message, 10, user_id, starred=True)
    await town.upkeep.run_once()
    assert await own_post.shown()


async def test_missed_stars_add_clip_to_showcase(town: Town, own_post: OwnPost) -> None:
    await own_post.recorded()
    town.votes.mark_stale([GUILD])
    await town.upkeep.run_once()
    assert await own_post.shown()


async def test_stale_mark_covers_both_messages_of_a_post(town: Town) -> None:
    clip = await made(town.world.database, 1, user_id=MEMBER)
    exhibit, _ = await town.showcase.add_clip(clip, guild_id=GUILD, actor=MAKER)
    assert exhibit.entry.message_id is not None
    assert clip.message_id is not None
    town.showroom.stars_by_message = {exhibit.entry.message_id: {11}, clip.message_id: {11, 12}}
    town.votes.mark_stale([GUILD])
    await town.votes.recount_stale()
    assert [each.votes for each in await town.showcase.list_top(GUILD, RankingPeriod.ALL)] == [2]


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
async def test_vote_events_of_one_message_stay_ordered(town: Town, cleared: bool) -> None:
    clip = await made(town.world.database, 1, user_id=MEMBER)
    exhibit, _ = await town.showcase.add_clip(clip, guild_id=GUILD, actor=MAKER)
    message = exhibit.entry.message_id
    assert message is not None
    await town.votes.recount_posts([exhibit])
    slow = SlowLookup(town.world.database)
    town.votes.stars = slow
    given = asyncio.create_task(town.votes.record_star(message, 800, 14, starred=True))
    await slow.asked.wait()
    taken = asyncio.create_task(
        town.votes.reset(message)
        if cleared
        else town.votes.record_star(message, 800, 14, starred=False)
    )
    await asyncio.wait({taken}, timeout=0.2)  # it has to wait for the other
    slow.let.set()
    await asyncio.gather(given, taken)
    assert [each.votes for each in await town.showcase.list_top(GUILD, RankingPeriod.ALL)] == [0]


async def test_digest_with_lost_answer_is_found(town: Town) -> None:
    clock = town.world.clock
    clip = await made(town.world.database, 1, user_id=MEMBER)
    await town.showcase.add_clip(clip, guild_id=GUILD, actor=MAKER)
    at = clock.now() + timedelta(hours=2)
    await town.showcase.configure(GUILD, actor_id=1, digest_day=at.weekday(), digest_hour=at.hour)
    await town.weekly.run_due()
    assert not town.showroom.digests
    clock.jump(timedelta(hours=2))
    town.showroom.errors_after.append(DiscordUnavailable("lost"))
    town.showroom.stars_by_message[10_001] = {31}
    await town.weekly.run_due()
    await clock.sleep(60)
    await town.weekly.run_due()
    assert len(town.showroom.digests) == 1
    clock.jump(timedelta(days=7))
    await town.weekly.run_due()  # nothing was shown in that week
    assert len(town.showroom.digests) == 1
    [digest] = town.showroom.digests.values()
    assert [e.clip.id for e in await town.weekly.get_ranking(digest.id, guild_id=GUILD)] == [1]
    with pytest.raises(RecordNotFound):
        await town.weekly.get_ranking(digest.id, guild_id=GUILD + 1)


async def announced(town: Town) -> int:
    """Post the week's digest and return its message."""
    at = town.world.clock.now() + timedelta(hours=2)
    await town.showcase.configure(GUILD, actor_id=1, digest_day=at.weekday(), digest_hour=at.hour)
    town.world.clock.jump(timedelta(hours=2))
    await town.weekly.run_due()
    [message] = town.showroom.digests
    return message


async def shown(town: Town, number: int, **changes: Any) -> Clip:
    """Make a clip for the member and add it to the showcase."""
    clip = await made(town.world.database, number, user_id=MEMBER, **changes)
    assert clip.message_id is not None
    town.showroom.stars_by_message[clip.message_id] = {31}  # a digest names nothing without stars
    await town.showcase.add_clip(clip, guild_id=GUILD, actor=MAKER)
    return clip


def named(town: Town, message: int) -> list[int]:
    """Return the clips that a digest's message names."""
    return [entry.clip.id for entry in town.showroom.digests[message].entries]


async def test_withdrawn_hidden_and_blocked_posts_leave_digest(town: Town) -> None:
    first, second, third = [await shown(town, number) for number in (1, 2, 3)]
    message = await announced(town)
    assert named(town, message) == [1, 2, 3]
    await town.showcase.withdraw_clip(first, guild_id=GUILD, actor=MAKER)
    assert town.hanging.settle_requested.is_set()
    await town.weekly.run_due()
    assert named(town, message) == [2, 3]
    await town.showcase.set_hidden(second, guild_id=GUILD, actor=MODERATOR, hidden=True)
    await town.weekly.run_due()
    assert named(town, message) == [3]
    await town.showcase.set_hidden(second, guild_id=GUILD, actor=MODERATOR, hidden=False)
    await town.showcase.set_preferences(guild_id=GUILD, user_id=MEMBER, hide_prompt=True)
    await town.weekly.run_due()
    assert named(town, message) == [2, 3]
    assert [each.prompt for each in town.showroom.digests[message].entries] == [None, None]
    # old votes stay as they were unless a change is seen
    before, posts = town.showroom.digests[message], town.showroom.post_count
    await town.showcase.set_locked(third, guild_id=GUILD, actor=MODERATOR, locked=True)
    await town.weekly.run_due()
    assert town.showroom.digests[message] is before
    # without clips to name, the post is deleted and does not come back
    await town.showcase.set_blocked(MEMBER, guild_id=GUILD, actor=MODERATOR, blocked=True)
    await town.weekly.run_due()
    assert not town.showroom.digests
    await town.showcase.set_hidden(second, guild_id=GUILD, actor=MODERATOR, hidden=False)
    await town.weekly.run_due()
    assert not town.showroom.digests
    assert town.showroom.post_count == posts + 1, "the clip itself stands again"


@pytest.mark.parametrize("choice", [NotifyChoice.PING, NotifyChoice.QUIET])
async def test_winner_is_mentioned_unless_they_chose_quiet(
    town: Town, choice: NotifyChoice
) -> None:
    """[people-M27]"""
    await MemberPreferenceStore(town.world.database).save_notify_choice(MEMBER, choice)
    await shown(town, 1)
    await announced(town)
    assert town.showroom.mentioned_winners == [choice is NotifyChoice.PING]


async def test_a_digest_that_somebody_deleted_is_not_posted_again(town: Town) -> None:
    clip, _ = [await shown(town, number) for number in (1, 2)]
    await announced(town)
    town.showroom.digests.clear()
    await town.showcase.withdraw_clip(clip, guild_id=GUILD, actor=MAKER)
    await town.weekly.run_due()
    await town.showcase.add_clip(clip, guild_id=GUILD, actor=MAKER)
    await town.showcase.withdraw_clip(clip, guild_id=GUILD, actor=MAKER)
    await town.weekly.run_due()
    assert not town.showroom.digests


async def test_a_withdrawal_while_the_digest_is_being_posted_is_not_lost(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = await shown(town, 1)
    announce = town.showroom.publish_digest

    async def meanwhile(digest: WeeklyDigest, *, mentions_winner: bool) -> int:
        await town.showcase.withdraw_clip(clip, guild_id=GUILD, actor=MAKER)
        return await announce(digest, mentions_winner=mentions_winner)

    with monkeypatch.context() as patch:
        patch.setattr(town.showroom, "publish_digest", meanwhile)
        message = await announced(town)
    assert named(town, message) == [1]
    await town.weekly.run_due()
    assert not town.showroom.digests


async def test_a_forgotten_members_clips_leave_the_digest_and_their_votes_stay_away(
    town: Town,
) -> None:
    theirs = await made(town.world.database, 9, user_id=901)
    exhibit, _ = await town.showcase.add_clip(
        theirs, guild_id=GUILD, actor=ShowcaseActor(901, "Dia")
    )
    starred = exhibit.entry.message_id
    assert starred is not None
    town.showroom.stars_by_message[starred] = {MEMBER, 902}
    await town.votes.record_star(starred, 800, MEMBER, starred=True)
    job = await town.world.admit_job("a")
    await end(town.world, job.id)
    await shown(town, 1, job_id=job.id)
    message = await announced(town)
    assert sorted(named(town, message)) == [1, 9]
    await town.privacy.erase_member(MEMBER)
    await town.weekly.run_due()
    assert named(town, message) == [9]

    async def votes() -> int:
        [entry] = await town.showcase.list_top(GUILD, RankingPeriod.ALL)
        return entry.votes

    assert await votes() == 1
    town.showroom.stars_by_message[starred] = {MEMBER, 902, 903}  # the star itself is still there
    await town.votes.recount_posts([exhibit])
    assert await votes() == 2
    await town.votes.record_star(starred, 800, MEMBER, starred=True)
    assert await votes() == 3, "whoever stars again counts again"
    await town.votes.recount_posts([exhibit])
    assert await votes() == 3
    # removing a star removes its placeholder
    await town.privacy.erase_member(MEMBER)
    town.showroom.stars_by_message[starred] = {902}
    await town.votes.recount_posts([exhibit])
    town.showroom.stars_by_message[starred] = {902, MEMBER}
    await town.votes.recount_posts([exhibit])
    assert await votes() == 2


async def test_erasure_resumes_after_interruption(town: Town) -> None:
    world = town.world
    jobs = [await world.admit_job(n) for n in range(3)]
    for job in jobs[:2]:
        await end(world, job.id)
    clip = await made(world.database, 1, job_id=jobs[0].id, user_id=MEMBER)
    await town.showcase.add_clip(clip, guild_id=GUILD, actor=MAKER)
    name, data = await town.privacy.export_member(MEMBER)
    assert name == f"clapper-{MEMBER}.json"
    assert json.loads(data)["requests"][0]["plan"]["prompt"] == "a heron at dawn"
    town.showroom.errors_before.append(DiscordUnavailable("away"))
    assert not await town.privacy.erase_member(MEMBER)
    # another process takes over; one job is still being made
    other = Town(world, showroom=town.showroom, desk=Desk("w2"))
    await other.privacy.run_due()
    assert other.requests.cancelled == [jobs[2].id]
    assert not town.showroom.live_posts
    assert town.showroom.deleted_messages == [10_001]
    assert clip.path in town.showroom.removed_files
    await end(world, jobs[2].id)
    await other.privacy.run_due()
    exported = json.loads((await other.privacy.export_member(MEMBER))[1])
    assert not any(rows for rows in exported.values() if isinstance(rows, list))
    assert await other.privacy.erase_member(MEMBER)


async def test_server_is_erased_after_grace_unless_bot_returns(town: Town) -> None:
    world = town.world
    job = await world.admit_job(1)
    await end(world, job.id)
    await made(world.database, 1, job_id=job.id)
    # deleted while offline: noticed in the next session, by that server's shard
    await town.privacy.reconcile_guilds([5], is_own_guild=lambda guild_id: guild_id != GUILD)
    assert await ErasureStore(world.database).list_known_guilds() == [GUILD]
    await town.privacy.reconcile_guilds([5], is_own_guild=lambda guild_id: True)
    world.clock.jump(timedelta(days=29))
    await town.privacy.run_due()
    await town.privacy.reconcile_guilds([GUILD])
    world.clock.jump(timedelta(days=10))
    fresh = Town(world)
    await fresh.privacy.run_due()
    assert await world.clips.get(1) is not None
    await fresh.privacy.mark_guild_left(GUILD)
    world.clock.jump(timedelta(days=31))
    await Town(world).privacy.run_due()
    assert await world.clips.get(1) is None
    assert (await town.houses.load_settings(GUILD)).channel_id is None
