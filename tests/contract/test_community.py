"""The showcase's use cases over both databases, with Discord played: nothing hangs twice."""

import asyncio
import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from unittest.mock import AsyncMock

import pytest

from bot.domain.clips.clip import Clip
from bot.domain.errors import ChannelClosed, DeliveryBusy, NotAllowed, NotFound, StoreAway
from bot.domain.showcase.post import Consent, Curation, Digest
from bot.services.admin.privacy import Privacy
from bot.services.showcase.maintenance import Upkeep
from bot.services.showcase.publisher import Hanging
from bot.services.showcase.showcase import Period, Person, Showcase
from bot.services.showcase.votes import RECORDED_WITHIN_S, Votes
from bot.services.showcase.weekly_digest import Weekly
from bot.store.engine.database import Database
from bot.store.privacy.erasure import FarewellStore
from bot.store.privacy.exports import ExportStore
from bot.store.showcase.digests import DigestStore
from bot.store.showcase.posts import ShowcaseStore
from bot.store.showcase.settings import HouseStore
from bot.store.showcase.stars import StarStore
from bot.store.tables.core import clips
from tests.contract.test_farewells import end
from tests.contract.test_showcase import NOW, made, opened
from tests.fakes.clock import StandingClock
from tests.fakes.showroom import FakeShowroom
from tests.fakes.world import GUILD, MEMBER, World

MAKER = Person(MEMBER, "Cem")
MODERATOR = Person(2, "Bea", moderator=True)


@dataclass
class Desk:
    """A worker, as far as the showcase knows it."""

    worker_id: str = "w1"
    alive: bool = True


class NoRequests:
    """Remembers what was to be cancelled."""

    def __init__(self) -> None:
        self.cancelled: list[int] = []

    async def cancel(self, job_id: int, *, user_id: int, moderator: bool) -> object:
        """Remember it."""
        self.cancelled.append(job_id)
        return None


@dataclass
class Town:
    """One process's worth of services."""

    world: World
    showroom: FakeShowroom = field(default_factory=FakeShowroom)
    desk: Desk = field(default_factory=Desk)

    def __post_init__(self) -> None:
        database, clock = self.world.database, self.world.clock
        self.exhibits, self.houses = ShowcaseStore(database), HouseStore(database)
        self.requests = NoRequests()
        shared: Any = {"exhibits": self.exhibits, "showroom": self.showroom, "desk": self.desk}
        self.hanging = Hanging(**shared, files=self.showroom)
        self.showcase = Showcase(**shared, houses=self.houses, hanging=self.hanging, clock=clock)
        self.votes = Votes(
            stars=StarStore(database),
            exhibits=self.exhibits,
            houses=self.houses,
            clips=self.world.clips,
            showroom=self.showroom,
            showcase=self.showcase,
            hanging=self.hanging,
            clock=clock,
        )
        self.weekly = Weekly(
            **shared,
            digests=DigestStore(database),
            houses=self.houses,
            votes=self.votes,
            clock=clock,
        )
        self.privacy = Privacy(
            farewells=FarewellStore(database),
            exports=ExportStore(database),
            exhibits=self.exhibits,
            jobs=self.world.jobs,
            requests=self.requests,
            hanging=self.hanging,
            posts=self.showroom,
            files=self.showroom,
            desk=self.desk,
            clock=clock,
            grace=timedelta(days=30),
        )
        self.upkeep = Upkeep(
            duties=(
                self.hanging.settle_all,
                self.votes.settle_doubts,
                self.weekly.tend,
                self.privacy.tend,
            ),
            wanted=self.hanging.wanted,
            desk=self.desk,
            clock=clock,
            every_s=1.0,
        )


@pytest.fixture
async def town(world: World) -> Town:
    """Give a server with a showcase, where time passes when a test says so."""
    world.clock = StandingClock(began=NOW)
    await opened(world.database)
    return Town(world)


async def test_a_post_whose_answer_was_lost_is_found(town: Town) -> None:
    clip = await made(town.world.database, 1, user_id=MEMBER)
    town.showroom.after.append(DeliveryBusy("lost"))
    exhibit, new = await town.showcase.add(clip, guild_id=GUILD, by=MAKER)
    assert new
    assert exhibit.entry.message_id is None
    assert town.hanging.wanted.is_set()
    await town.upkeep.round()
    found = await town.exhibits.get(exhibit.id)
    assert found is not None
    assert found.entry.message_id in town.showroom.standing
    assert found.settled
    assert town.showroom.posts == 1


async def test_withdrawing_what_was_posted_and_not_recorded_takes_it_down(town: Town) -> None:
    clip = await made(town.world.database, 1, user_id=MEMBER)
    town.showroom.after.append(DeliveryBusy("lost"))
    await town.showcase.add(clip, guild_id=GUILD, by=MAKER)
    assert town.showroom.standing
    await town.showcase.withdraw(clip, guild_id=GUILD, by=MAKER)
    assert not town.showroom.standing
    assert town.showroom.removed == ["public 1"]


async def test_a_closed_channel_shows_nothing_and_says_so(town: Town) -> None:
    clip = await made(town.world.database, 1, user_id=MEMBER)
    town.showroom.before.append(ChannelClosed("gone"))
    with pytest.raises(ChannelClosed):
        await town.showcase.add(clip, guild_id=GUILD, by=MAKER)
    assert await town.exhibits.of_clip(1) is None
    await town.upkeep.round()
    assert town.showroom.posts == 0
    _, new = await town.showcase.add(clip, guild_id=GUILD, by=MAKER)
    assert new


async def test_ten_wishes_at_once_hang_one_exhibit(town: Town) -> None:
    clip = await made(town.world.database, 1, user_id=MEMBER)
    await asyncio.gather(
        *(town.showcase.add(clip, guild_id=GUILD, by=MAKER) for _ in range(10)),
        town.upkeep.round(),
    )
    assert town.showroom.posts == 1


async def test_a_process_without_its_lease_touches_nothing(town: Town) -> None:
    clip = await made(town.world.database, 1, user_id=MEMBER)
    town.desk.alive = False
    await town.showcase.add(clip, guild_id=GUILD, by=MAKER)
    assert town.showroom.posts == 0
    other = Town(town.world, showroom=town.showroom, desk=Desk("w2"))
    await other.upkeep.round()
    assert town.showroom.posts == 1


async def test_who_may_show_a_clip(town: Town) -> None:
    clip = await made(town.world.database, 1, user_id=MEMBER)
    with pytest.raises(NotAllowed, match="showcase_others"):
        await town.showcase.add(clip, guild_id=GUILD, by=Person(3))
    with pytest.raises(NotAllowed, match="showcase_consent"):
        await town.showcase.add(clip, guild_id=GUILD, by=MODERATOR)
    with pytest.raises(NotFound):
        await town.showcase.add(clip, guild_id=GUILD + 1, by=MAKER)
    await town.showcase.arrange(GUILD, by=1, curation=Curation.ALWAYS)
    exhibit, _ = await town.showcase.add(clip, guild_id=GUILD, by=MODERATOR)
    assert not exhibit.public
    assert exhibit.entry.maker_name == f"member {MEMBER} of {GUILD}"
    # the maker's own wish makes it public
    await town.showcase.add(clip, guild_id=GUILD, by=MAKER)
    public = await town.exhibits.of_clip(1)
    assert public is not None
    assert public.public
    second = await made(town.world.database, 2, user_id=MEMBER)
    await town.showcase.choose(guild_id=GUILD, user_id=MEMBER, consent=Consent.NOBODY)
    with pytest.raises(NotAllowed, match="showcase_consent"):
        await town.showcase.add(second, guild_id=GUILD, by=MODERATOR)
    await town.showcase.arrange(GUILD, by=1, curation=Curation.NEVER)
    await town.showcase.choose(guild_id=GUILD, user_id=MEMBER, consent=Consent.EVERYONE)
    with pytest.raises(NotAllowed, match="showcase_curation"):
        await town.showcase.add(second, guild_id=GUILD, by=MODERATOR)
    await town.showcase.arrange(GUILD, by=1, channel_id=None)
    with pytest.raises(NotAllowed, match="showcase_off"):
        await town.showcase.add(second, guild_id=GUILD, by=MAKER)
    for act in (town.showcase.hide, town.showcase.lock):
        with pytest.raises(NotAllowed, match="moderate"):
            await act(clip, guild_id=GUILD, by=MAKER, on=True)
    with pytest.raises(NotAllowed, match="moderate"):
        await town.showcase.block(MEMBER, guild_id=GUILD, by=MAKER, on=True)
    notes = [each.note for each in await town.houses.log(GUILD, limit=1)]
    assert notes == ["channel_id = None"]


async def test_a_moderator_cannot_reveal_a_prompt_that_its_maker_hid(town: Town) -> None:
    await town.showcase.arrange(GUILD, by=1, curation=Curation.ALWAYS)
    hidden = await made(town.world.database, 1, user_id=MEMBER)
    await town.showcase.choose(guild_id=GUILD, user_id=MEMBER, hide_prompt=True)
    exhibit, _ = await town.showcase.add(hidden, guild_id=GUILD, by=MODERATOR, hide_prompt=False)
    assert exhibit.entry.prompt is None
    # nor by asking again; the maker may, for one clip
    exhibit, _ = await town.showcase.add(hidden, guild_id=GUILD, by=MODERATOR, hide_prompt=False)
    assert exhibit.entry.prompt is None
    own = await made(town.world.database, 2, user_id=MEMBER)
    exhibit, _ = await town.showcase.add(own, guild_id=GUILD, by=MAKER, hide_prompt=False)
    assert exhibit.entry.prompt == own.prompt
    await town.showcase.choose(guild_id=GUILD, user_id=MEMBER, hide_prompt=False)
    open_ = await made(town.world.database, 3, user_id=MEMBER)
    exhibit, _ = await town.showcase.add(open_, guild_id=GUILD, by=MODERATOR, hide_prompt=True)
    assert exhibit.entry.prompt is None


async def test_a_maker_hides_the_prompt_of_a_clip_that_is_shown_already(town: Town) -> None:
    clip = await made(town.world.database, 1, user_id=MEMBER)
    first, _ = await town.showcase.add(clip, guild_id=GUILD, by=MAKER)
    message = first.entry.message_id
    assert message is not None
    for hide, prompt in ((True, None), (None, None), (False, clip.prompt)):
        again, new = await town.showcase.add(clip, guild_id=GUILD, by=MAKER, hide_prompt=hide)
        assert not new
        assert again.settled
        assert again.entry.prompt == prompt
        assert town.showroom.standing[message].entry.prompt == prompt
    assert town.showroom.posts == 1


async def test_choosing_leaves_what_was_withdrawn_alone(town: Town) -> None:
    clip = await made(town.world.database, 1, user_id=MEMBER)
    exhibit, _ = await town.showcase.add(clip, guild_id=GUILD, by=MAKER)
    await town.showcase.withdraw(clip, guild_id=GUILD, by=MAKER)
    before = await town.exhibits.get(exhibit.id)
    await town.showcase.choose(guild_id=GUILD, user_id=MEMBER, hide_prompt=False)
    assert await town.exhibits.get(exhibit.id) == before
    # whoever is forgotten needs it all the same
    assert await town.exhibits.of_member(MEMBER) == [exhibit.id]


class SlowStars(FakeShowroom):
    """Answers who stars a message when it is let to, as of the time of the question."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.let = asyncio.Event(), asyncio.Event()

    async def stars(self, channel_id: int, message_id: int) -> frozenset[int] | None:
        """Return who starred it when it was asked."""
        found = await super().stars(channel_id, message_id)
        self.asked.set()
        await self.let.wait()
        return found


@pytest.mark.parametrize("cleared", [False, True])
async def test_what_happens_during_a_recount_is_not_overwritten(
    world: World, cleared: bool
) -> None:
    await opened(world.database)
    showroom = SlowStars()
    town = Town(world, showroom=showroom)
    clip = await made(world.database, 1, user_id=MEMBER)
    exhibit, _ = await town.showcase.add(clip, guild_id=GUILD, by=MAKER)
    message = exhibit.entry.message_id
    assert message is not None
    showroom.starred[message] = {11}
    showroom.let.set()
    await town.votes.recount([exhibit])
    showroom.let.clear()
    showroom.asked.clear()
    counting = asyncio.create_task(town.votes.recount([exhibit]))
    await showroom.asked.wait()
    change = asyncio.create_task(
        town.votes.cleared(message) if cleared else town.votes.star(message, 800, 14, on=True)
    )
    await asyncio.wait({change}, timeout=0.2)  # it has to wait for the recount
    showroom.let.set()
    await asyncio.gather(counting, change)
    assert [each.votes for each in await town.showcase.top(GUILD, Period.ALL)] == [
        0 if cleared else 2
    ]


async def test_stars_of_a_time_nobody_listened_are_counted_when_in_doubt(town: Town) -> None:
    clip = await made(town.world.database, 1, user_id=MEMBER)
    exhibit, _ = await town.showcase.add(clip, guild_id=GUILD, by=MAKER)
    message = exhibit.entry.message_id
    assert message is not None
    town.showroom.starred[message] = {11, 12, 13}
    town.votes.doubt([GUILD])
    await town.upkeep.round()
    await town.upkeep.round()
    assert town.showroom.standing[message].entry.votes == 3
    # from then on each is counted by itself, and a doubt that Discord cannot settle changes nothing
    town.showroom.starred[message] = set()
    await town.votes.star(message, 800, 14, on=True)
    await town.votes.star(message, 800, 11, on=False)
    assert [each.votes for each in await town.showcase.top(GUILD, Period.ALL)] == [3]
    town.votes.doubt([GUILD])
    town.showroom.before.append(DeliveryBusy("away"))
    await town.votes.settle_doubts()
    assert [each.votes for each in await town.showcase.top(GUILD, Period.ALL)] == [3]
    await town.votes.cleared(message)
    assert [each.votes for each in await town.showcase.top(GUILD, Period.ALL)] == [0]


class OwnPost:
    """A clip of the member that stands in Discord and is not written down yet."""

    message = 6_100

    def __init__(self, town: Town, clip: Clip) -> None:
        self._town = town
        self.clip = clip

    async def recorded(self) -> None:
        """Write down which message shows it."""
        values = {"message_id": self.message}
        await self._town.world.database.write(
            lambda c: c.execute(clips.update().where(clips.c.id == self.clip.id).values(values))
        )

    async def shown(self) -> bool:
        return await self._town.exhibits.of_clip(self.clip.id) is not None


@pytest.fixture
async def own_post(town: Town) -> OwnPost:
    """Give a post that is starred before anybody has written it down; two stars show a clip."""
    await town.showcase.arrange(GUILD, by=1, stars=2)
    post = OwnPost(town, await made(town.world.database, 1, user_id=MEMBER, message_id=None))
    town.showroom.starred[post.message] = {11, 12}
    return post


async def test_stars_given_before_the_post_is_written_down_count(
    town: Town, own_post: OwnPost
) -> None:
    for user_id in (11, 12):
        await town.votes.star(own_post.message, 10, user_id, on=True, ours=True)
    assert town.hanging.wanted.is_set(), "the upkeep is to look soon"
    await town.upkeep.round()
    assert not await own_post.shown()
    await own_post.recorded()
    await town.upkeep.round()
    assert await own_post.shown()


async def test_a_starred_message_that_never_was_a_clips_is_asked_about_for_a_time_only(
    town: Town, own_post: OwnPost
) -> None:
    await town.votes.star(own_post.message, 10, 11, on=True, ours=True)
    await town.votes.star(own_post.message + 1, 10, 11, on=True)  # of somebody else
    await town.upkeep.round()
    began = town.world.clock.monotonic()
    while town.world.clock.monotonic() - began <= RECORDED_WITHIN_S:
        await town.world.clock.sleep(RECORDED_WITHIN_S / 4)
    await town.upkeep.round()
    await own_post.recorded()
    await town.upkeep.round()
    assert not await own_post.shown()
    await town.votes.star(own_post.message, 10, 12, on=True, ours=True)
    assert await own_post.shown(), "the next star finds the others"


async def test_a_star_while_the_database_is_away_counts_when_it_is_back(
    town: Town, own_post: OwnPost, monkeypatch: pytest.MonkeyPatch
) -> None:
    await own_post.recorded()
    with monkeypatch.context() as patch:
        patch.setattr(StarStore, "shown_by", AsyncMock(side_effect=StoreAway("away")))
        for user_id in (11, 12):
            with pytest.raises(StoreAway):
                await town.votes.star(own_post.message, 10, user_id, on=True)
    await town.upkeep.round()
    assert await own_post.shown()


async def test_stars_of_a_time_nobody_listened_show_a_clip(town: Town, own_post: OwnPost) -> None:
    await own_post.recorded()
    town.votes.doubt([GUILD])
    await town.upkeep.round()
    assert await own_post.shown()


async def test_a_doubt_covers_both_messages_of_an_exhibit(town: Town) -> None:
    clip = await made(town.world.database, 1, user_id=MEMBER)
    exhibit, _ = await town.showcase.add(clip, guild_id=GUILD, by=MAKER)
    assert exhibit.entry.message_id is not None
    assert clip.message_id is not None
    town.showroom.starred = {exhibit.entry.message_id: {11}, clip.message_id: {11, 12}}
    town.votes.doubt([GUILD])
    await town.votes.settle_doubts()
    assert [each.votes for each in await town.showcase.top(GUILD, Period.ALL)] == [2]


class SlowLookup(StarStore):
    """Is slow to say what a message shows, the first time that it is asked."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.asked, self.let = asyncio.Event(), asyncio.Event()

    async def shown_by(self, message_id: int) -> int | None:
        """Look it up."""
        first = not self.asked.is_set()
        self.asked.set()
        if first:
            await self.let.wait()
        return await super().shown_by(message_id)


@pytest.mark.parametrize("cleared", [False, True])
async def test_events_of_one_message_keep_their_order(town: Town, cleared: bool) -> None:
    clip = await made(town.world.database, 1, user_id=MEMBER)
    exhibit, _ = await town.showcase.add(clip, guild_id=GUILD, by=MAKER)
    message = exhibit.entry.message_id
    assert message is not None
    await town.votes.recount([exhibit])
    slow = SlowLookup(town.world.database)
    town.votes._stars = slow
    given = asyncio.create_task(town.votes.star(message, 800, 14, on=True))
    await slow.asked.wait()
    taken = asyncio.create_task(
        town.votes.cleared(message) if cleared else town.votes.star(message, 800, 14, on=False)
    )
    await asyncio.wait({taken}, timeout=0.2)  # it has to wait for the other
    slow.let.set()
    await asyncio.gather(given, taken)
    assert [each.votes for each in await town.showcase.top(GUILD, Period.ALL)] == [0]


async def test_a_digest_whose_answer_was_lost_is_found(town: Town) -> None:
    clock = town.world.clock
    clip = await made(town.world.database, 1, user_id=MEMBER)
    await town.showcase.add(clip, guild_id=GUILD, by=MAKER)
    at = clock.now() + timedelta(hours=2)
    await town.showcase.arrange(GUILD, by=1, digest_day=at.weekday(), digest_hour=at.hour)
    await town.weekly.tend()
    assert not town.showroom.digests
    clock.skip(timedelta(hours=2))
    town.showroom.after.append(DeliveryBusy("lost"))
    await town.weekly.tend()
    await town.weekly.tend()
    assert len(town.showroom.digests) == 1
    clock.skip(timedelta(days=7))
    await town.weekly.tend()  # nothing was shown in that week
    assert len(town.showroom.digests) == 1
    [digest] = town.showroom.digests.values()
    assert [e.clip.id for e in await town.weekly.ranking(digest.id, guild_id=GUILD)] == [1]
    with pytest.raises(NotFound):
        await town.weekly.ranking(digest.id, guild_id=GUILD + 1)


async def announced(town: Town) -> int:
    """Let the week's digest come; return its message."""
    at = town.world.clock.now() + timedelta(hours=2)
    await town.showcase.arrange(GUILD, by=1, digest_day=at.weekday(), digest_hour=at.hour)
    town.world.clock.skip(timedelta(hours=2))
    await town.weekly.tend()
    [message] = town.showroom.digests
    return message


async def shown(town: Town, number: int, **changes: Any) -> Clip:
    """Make a clip of the member and show it."""
    clip = await made(town.world.database, number, user_id=MEMBER, **changes)
    await town.showcase.add(clip, guild_id=GUILD, by=MAKER)
    return clip


def named(town: Town, message: int) -> list[int]:
    """Return the clips that a digest's message names."""
    return [entry.clip.id for entry in town.showroom.digests[message].entries]


async def test_what_is_withdrawn_hidden_or_blocked_leaves_the_digest(town: Town) -> None:
    first, second, third = [await shown(town, number) for number in (1, 2, 3)]
    message = await announced(town)
    assert named(town, message) == [1, 2, 3]
    await town.showcase.withdraw(first, guild_id=GUILD, by=MAKER)
    assert town.hanging.wanted.is_set()
    await town.weekly.tend()
    assert named(town, message) == [2, 3]
    await town.showcase.hide(second, guild_id=GUILD, by=MODERATOR, on=True)
    await town.weekly.tend()
    assert named(town, message) == [3]
    await town.showcase.hide(second, guild_id=GUILD, by=MODERATOR, on=False)
    await town.showcase.choose(guild_id=GUILD, user_id=MEMBER, hide_prompt=True)
    await town.weekly.tend()
    assert named(town, message) == [2, 3]
    assert [each.prompt for each in town.showroom.digests[message].entries] == [None, None]
    # votes are of their own time: what is not seen to change is left alone
    before, posts = town.showroom.digests[message], town.showroom.posts
    await town.showcase.lock(third, guild_id=GUILD, by=MODERATOR, on=True)
    await town.weekly.tend()
    assert town.showroom.digests[message] is before
    # with nothing left to name the post goes, and does not come back
    await town.showcase.block(MEMBER, guild_id=GUILD, by=MODERATOR, on=True)
    await town.weekly.tend()
    assert not town.showroom.digests
    await town.showcase.hide(second, guild_id=GUILD, by=MODERATOR, on=False)
    await town.weekly.tend()
    assert not town.showroom.digests
    assert town.showroom.posts == posts + 1, "the clip itself stands again"


async def test_a_digest_that_somebody_deleted_is_not_posted_again(town: Town) -> None:
    clip, _ = [await shown(town, number) for number in (1, 2)]
    await announced(town)
    town.showroom.digests.clear()
    await town.showcase.withdraw(clip, guild_id=GUILD, by=MAKER)
    await town.weekly.tend()
    await town.showcase.add(clip, guild_id=GUILD, by=MAKER)
    await town.showcase.withdraw(clip, guild_id=GUILD, by=MAKER)
    await town.weekly.tend()
    assert not town.showroom.digests


async def test_a_withdrawal_while_the_digest_is_being_posted_is_not_lost(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = await shown(town, 1)
    announce = town.showroom.announce

    async def meanwhile(digest: Digest) -> int:
        await town.showcase.withdraw(clip, guild_id=GUILD, by=MAKER)
        return await announce(digest)

    with monkeypatch.context() as patch:
        patch.setattr(town.showroom, "announce", meanwhile)
        message = await announced(town)
    assert named(town, message) == [1]
    await town.weekly.tend()
    assert not town.showroom.digests


async def test_a_forgotten_members_clips_leave_the_digest_and_their_votes_stay_away(
    town: Town,
) -> None:
    theirs = await made(town.world.database, 9, user_id=901)
    exhibit, _ = await town.showcase.add(theirs, guild_id=GUILD, by=Person(901, "Dia"))
    starred = exhibit.entry.message_id
    assert starred is not None
    town.showroom.starred[starred] = {MEMBER, 902}
    await town.votes.star(starred, 800, MEMBER, on=True)
    job = await town.world.admit("a")
    await end(town.world, job.id)
    await shown(town, 1, job_id=job.id)
    message = await announced(town)
    assert sorted(named(town, message)) == [1, 9]
    await town.privacy.forget(MEMBER)
    await town.weekly.tend()
    assert named(town, message) == [9]

    async def votes() -> int:
        [entry] = await town.showcase.top(GUILD, Period.ALL)
        return entry.votes

    assert await votes() == 1
    town.showroom.starred[starred] = {MEMBER, 902, 903}  # the star itself still stands
    await town.votes.recount([exhibit])
    assert await votes() == 2
    await town.votes.star(starred, 800, MEMBER, on=True)
    assert await votes() == 3, "whoever stars again counts again"
    await town.votes.recount([exhibit])
    assert await votes() == 3
    # a star that is taken back takes its stand-in along
    await town.privacy.forget(MEMBER)
    town.showroom.starred[starred] = {902}
    await town.votes.recount([exhibit])
    town.showroom.starred[starred] = {902, MEMBER}
    await town.votes.recount([exhibit])
    assert await votes() == 2


async def test_a_farewell_goes_on_where_it_was_interrupted(town: Town) -> None:
    world = town.world
    jobs = [await world.admit(n) for n in range(3)]
    for job in jobs[:2]:
        await end(world, job.id)
    clip = await made(world.database, 1, job_id=jobs[0].id, user_id=MEMBER)
    await town.showcase.add(clip, guild_id=GUILD, by=MAKER)
    name, data = await town.privacy.export(MEMBER)
    assert name == f"clapper-{MEMBER}.json"
    assert json.loads(data)["requests"][0]["plan"]["prompt"] == "a heron at dawn"
    town.showroom.before.append(DeliveryBusy("away"))
    assert not await town.privacy.forget(MEMBER)
    # another process takes over; one job is still being made
    other = Town(world, showroom=town.showroom, desk=Desk("w2"))
    await other.privacy.tend()
    assert other.requests.cancelled == [jobs[2].id]
    assert not town.showroom.standing
    assert town.showroom.deleted == [10_001]
    assert clip.path in town.showroom.removed
    await end(world, jobs[2].id)
    await other.privacy.tend()
    exported = json.loads((await other.privacy.export(MEMBER))[1])
    assert not any(rows for rows in exported.values() if isinstance(rows, list))
    assert await other.privacy.forget(MEMBER)


async def test_a_server_goes_after_its_grace_unless_the_bot_comes_back(town: Town) -> None:
    world = town.world
    job = await world.admit(1)
    await end(world, job.id)
    await made(world.database, 1, job_id=job.id)
    # gone while nobody was connected: seen at the next session, by the shard that would know
    await town.privacy.present([5], ours=lambda guild_id: guild_id != GUILD)
    assert await FarewellStore(world.database).known_servers() == [GUILD]
    await town.privacy.present([5], ours=lambda guild_id: True)
    world.clock.skip(timedelta(days=29))
    await town.privacy.tend()
    await town.privacy.present([GUILD])
    world.clock.skip(timedelta(days=10))
    fresh = Town(world)
    await fresh.privacy.tend()
    assert await world.clips.get(1) is not None
    await fresh.privacy.left(GUILD)
    world.clock.skip(timedelta(days=31))
    await Town(world).privacy.tend()
    assert await world.clips.get(1) is None
    assert (await town.houses.house(GUILD)).channel_id is None
