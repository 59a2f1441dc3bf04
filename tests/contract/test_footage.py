"""Whose footage is in a clip, and whose consent is needed to show it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select

from bot.domain.clips.clip import Clip, NewClip
from bot.domain.errors import ChannelUnavailable, DiscordUnavailable, NotAllowed
from bot.domain.jobs.job import AdmissionRequest, Job
from bot.domain.jobs.request import GenerationMode
from bot.domain.showcase.gallery import GallerySearch, Reach
from bot.domain.showcase.post import ShowcaseConsent, Star
from bot.services.showcase.creator_names import CreatorNames
from bot.services.showcase.showcase import RankingPeriod, ShowcaseActor
from bot.store.engine.database import Database
from bot.store.jobs.clips import write_clips
from bot.store.showcase.gallery import GalleryStore
from bot.store.tables.core import clips_table
from bot.store.tables.showcase import footage_table
from tests.contract.test_erasure import end
from tests.contract.test_showcase_services import MODERATOR, Town
from tests.contract.test_showcase_store import GUILD, NOW, WALL, made, numbers, opened
from tests.fakes.clock import VirtualClock
from tests.fakes.world import SimulatedWorld, make_origin, make_plan

ADA, CEM, DIA = 901, 902, 903
NEW_WALL = 801


def acting(user_id: int) -> ShowcaseActor:
    return ShowcaseActor(user_id, f"member {user_id}")


@pytest.fixture
async def town(world: SimulatedWorld) -> Town:
    world.clock = VirtualClock(start=NOW)
    await opened(world.database)
    return Town(world)


async def continued(
    database: Database, number: int, user_id: int, parent: Clip | None = None, **changes: Any
) -> Clip:
    """Record a clip with its footage, as `write_clips` does."""
    facts: dict[str, Any] = {"user_id": user_id, "age_restricted": False}
    rows = [{"clip_id": number, "source_clip_id": number, "user_id": user_id, "guild_id": GUILD}]
    if parent is not None:
        root = parent.root_clip_id or parent.id
        facts |= {"parent_clip_id": parent.id, "root_clip_id": root, "extension_depth": 1}
        query = select(footage_table.c.source_clip_id, footage_table.c.user_id).where(
            footage_table.c.clip_id == parent.id
        )
        rows += [
            {"clip_id": number, "guild_id": GUILD} | dict(row)
            for row in await database.read_rows(query)
        ]
    clip = await made(database, number, **facts | changes)
    await database.write(lambda c: c.execute(insert(footage_table), rows))
    return clip


async def show(town: Town, clip: Clip) -> None:
    await town.showcase.add_clip(clip, guild_id=GUILD, actor=acting(clip.user_id))


async def list_public(town: Town) -> list[int]:
    page = await GalleryStore(town.world.database).load_page(GallerySearch(), cursor=None, limit=50)
    return sorted(numbers(page.entries))


async def list_shown(town: Town) -> list[int]:
    """Return the clips in the showcase channel."""
    await town.hanging.settle_all()
    await town.hanging.settle_all()
    return sorted(post.entry.clip.id for post in town.showroom.live_posts.values())


async def test_extensions_go_when_their_first_maker_withdraws(town: Town) -> None:
    """Ada withdraws and deletes her clip; what Cem and Dia made from it is removed. [web-W02]"""
    database = town.world.database
    first = await continued(database, 2, ADA)
    second = await continued(database, 25, CEM, first)
    third = await continued(database, 26, DIA, second)
    for clip in (first, second, third):
        await show(town, clip)
    assert await list_public(town) == await list_shown(town) == [2, 25, 26]
    api = await GalleryStore(database).find_entry(25)
    assert api is not None
    assert api.public_parent_id == 2

    await town.showcase.withdraw_clip(first, guild_id=GUILD, actor=acting(ADA))
    assert await list_public(town) == await list_shown(town) == []
    with pytest.raises(NotAllowed, match="showcase_footage"):
        await show(town, second)

    # she shows it again: theirs are back as well
    await show(town, first)
    assert await list_public(town) == await list_shown(town) == [2, 25, 26]

    await town.showcase.withdraw_deleted_clip(first, ADA)
    await town.world.clips.delete_for_job(first.job_id)
    assert await list_public(town) == await list_shown(town) == []


async def test_footage_that_was_never_shown_is_not_shown_by_others(town: Town) -> None:
    """Emi never shows her clip and is erased; Zoe's extension of it cannot be shown. [web-W02]"""
    database = town.world.database
    [job] = await town.world.jobs.admit_requests(
        [AdmissionRequest(make_plan(), make_origin("emi", user_id=ADA))],
        policy=town.world.policy,
        owner=None,
    )
    assert isinstance(job, Job)
    await end(town.world, job.id)
    first = await continued(database, 1, ADA, job_id=job.id)
    second = await continued(database, 2, DIA, first)
    with pytest.raises(NotAllowed, match="showcase_footage"):
        await show(town, second)
    await town.showcase.set_preferences(
        guild_id=GUILD, user_id=ADA, consent=ShowcaseConsent.EVERYONE
    )
    await show(town, second)
    assert await list_public(town) == await list_shown(town) == [2]

    await town.privacy.erase_member(ADA)
    assert await list_public(town) == await list_shown(town) == []
    kept = await database.read_rows(select(footage_table).where(footage_table.c.clip_id == 2))
    assert {(row["source_clip_id"], row["user_id"], row["is_deleted"]) for row in kept} == {
        (1, None, True),
        (2, DIA, False),
    }
    with pytest.raises(NotAllowed, match="showcase_footage"):
        await show(town, second)


@pytest.mark.parametrize("what", ["nobody", "block", "hide"])
async def test_choices_blocks_and_moderation_reach_what_was_made_from_a_clip(
    town: Town, what: str
) -> None:
    """[web-W02]"""
    database = town.world.database
    first = await continued(database, 1, ADA)
    second = await continued(database, 2, CEM, first)
    await show(town, first)
    await show(town, second)
    assert await list_shown(town) == [1, 2]

    async def take_back(*, undo: bool) -> None:
        if what == "nobody":
            consent = ShowcaseConsent.STARS if undo else ShowcaseConsent.NOBODY
            await town.showcase.set_preferences(guild_id=GUILD, user_id=ADA, consent=consent)
        elif what == "block":
            await town.showcase.set_blocked(ADA, guild_id=GUILD, actor=MODERATOR, blocked=not undo)
        if what == "hide" or (what == "block" and undo):
            await town.showcase.set_hidden(first, guild_id=GUILD, actor=MODERATOR, hidden=not undo)

    await take_back(undo=False)
    assert 2 not in await list_public(town)
    assert 2 not in await list_shown(town)
    await take_back(undo=True)
    assert await list_public(town) == await list_shown(town) == [1, 2]


async def test_own_deleted_footage_is_ones_own(town: Town) -> None:
    database = town.world.database
    first = await continued(database, 1, CEM)
    second = await continued(database, 2, CEM, first)
    await show(town, second)
    await town.showcase.withdraw_deleted_clip(first, CEM)
    await town.world.clips.delete_for_job(first.job_id)
    assert await list_public(town) == await list_shown(town) == [2]


async def test_stars_show_others_footage_in_the_server_only(town: Town) -> None:
    database = town.world.database
    first = await continued(database, 1, ADA)
    second = await continued(database, 2, CEM, first)
    await town.showcase.add_clip(second, guild_id=GUILD, actor=None)
    assert await list_shown(town) == [2]
    assert await list_public(town) == []


async def test_hidden_prompts_of_ancestors_stay_hidden(town: Town) -> None:
    """[web-W02]"""
    database = town.world.database
    first = await continued(database, 1, ADA, prompt="Adas secret")
    second = await continued(database, 2, CEM, first)
    await show(town, first)
    await show(town, second)
    await town.showcase.set_preferences(guild_id=GUILD, user_id=ADA, hide_prompt=True)
    lineage = await GalleryStore(database).load_lineage(2)
    assert [entry.prompt for entry in lineage] == [None, second.prompt]
    assert "secret" not in str(lineage)


async def test_parent_is_named_only_while_it_is_public(town: Town) -> None:
    """[web-W27]"""
    database = town.world.database
    first = await continued(database, 1, CEM)
    second = await continued(database, 2, CEM, first)
    await show(town, second)

    async def find_parent() -> int | None:
        entry = await GalleryStore(database).find_entry(2)
        assert entry is not None
        return entry.public_parent_id

    assert await find_parent() is None
    await show(town, first)
    assert await find_parent() == 1
    await town.showcase.withdraw_clip(first, guild_id=GUILD, actor=acting(CEM))
    assert await find_parent() is None


async def test_favourite_is_of_late_and_has_a_star(town: Town) -> None:
    """[web-W19]"""
    database = town.world.database
    gallery, since = GalleryStore(database), NOW - timedelta(days=30)
    for number in (1, 2, 3):
        await show(town, await continued(database, number, CEM))
    assert await gallery.find_favourite(since=since) is None
    for number, count in ((1, 1), (2, 2)):
        for user_id in range(31, 31 + count):
            await town.votes.stars.set_star(10_000 + number, number, Star(user_id), starred=True)
    favourite = await gallery.find_favourite(since=since)
    assert favourite is not None
    assert favourite.clip.id == 2
    assert await gallery.find_favourite(since=NOW + timedelta(days=1)) is None


async def test_nothing_is_public_before_its_creator_was_told(town: Town) -> None:
    """This includes clips shown before the gallery was opened. [people-M21]"""
    database = town.world.database
    town = Town(town.world, gallery_url="https://clips.example")
    await town.showcase.configure(GUILD, actor_id=1, public=False)
    clip = await continued(database, 1, CEM)

    async def ask() -> bool:
        choices = await town.showcase.needs_public_notice(clip, guild_id=GUILD, actor=acting(CEM))
        return choices is not None

    assert not await ask()
    await show(town, clip)
    await town.showcase.configure(GUILD, actor_id=1, public=True)
    assert await list_public(town) == []
    assert await ask()
    await town.showcase.record_public_notice(guild_id=GUILD, user_id=CEM)
    assert not await ask()
    await show(town, clip)
    assert await list_public(town) == [1]
    post = await town.exhibits.find_by_clip(1)
    assert post is not None
    assert await town.showcase.find_web_address(post) == "https://clips.example/clips/1"


async def test_names_follow_those_who_are_seen(town: Town) -> None:
    """[web-W26]"""
    database = town.world.database
    await show(town, await continued(database, 1, CEM))
    names = CreatorNames(posts=town.exhibits)
    for name in ("Cem the Great", "Cem the Great", "Cem"):
        await names.record_name(GUILD, CEM, name)
        entry = await GalleryStore(database).find_entry(1)
        assert entry is not None
        assert entry.creator_name == name


@pytest.mark.parametrize("mode", [GenerationMode.EXTENSION, GenerationMode.EDIT])
async def test_new_clips_keep_whose_footage_is_in_them(
    world: SimulatedWorld, mode: GenerationMode
) -> None:
    """Even if their source was deleted meanwhile; restricted clips stay restricted."""
    database = world.database
    first = await continued(database, 50, ADA, age_restricted=True)
    job = await world.admit_job("extension")
    source = first.as_source()
    job = replace(job, plan=make_plan(mode=mode, source=replace(source, age_restricted=False)))
    new_clip = NewClip(index=0, width=1, height=1, seconds=15, path="x", sha256="0", size_bytes=1)
    await database.write(lambda c: c.execute(clips_table.delete().where(clips_table.c.id == 50)))
    restricted = replace(job, plan=make_plan(mode=mode, source=source))
    [clip] = await database.write(lambda c: write_clips(c, restricted, [new_clip]))
    assert clip.age_restricted
    assert (clip.parent_clip_id, clip.root_clip_id) == (50, 50)
    assert clip.extension_depth == (mode is GenerationMode.EXTENSION)  # an edit goes no deeper
    rows = await database.read_rows(select(footage_table).where(footage_table.c.clip_id == clip.id))
    assert {row["source_clip_id"]: row["user_id"] for row in rows} == {
        clip.id: job.origin.user_id,
        50: ADA,
    }


async def test_age_restricted_clips_stay_in_restricted_channels(town: Town) -> None:
    """None gets into a showcase, digest, random clip or the gallery. [people-M22, web-W03]"""
    database = town.world.database
    town.showroom.channels = {WALL: False}
    clip = await continued(database, 1, CEM, age_restricted=True)
    for actor in (acting(CEM), None):
        with pytest.raises(NotAllowed, match="showcase_age_restricted"):
            await town.showcase.add_clip(clip, guild_id=GUILD, actor=actor)
    assert await list_shown(town) == []

    # it is shown in an age-restricted showcase only
    town.showroom.channels = {WALL: True}
    await show(town, clip)
    assert await list_shown(town) == [1]
    assert await list_public(town) == []
    assert await town.showcase.list_top(GUILD, RankingPeriod.ALL) == []
    seen = await town.showcase.list_top(GUILD, RankingPeriod.ALL, with_age_restricted=True)
    assert numbers(seen) == [1]
    assert await town.exhibits.lists.pick_random(GUILD) is None
    assert await town.exhibits.lists.pick_random(GUILD, with_age_restricted=True) is not None

    # until the channel is no longer age-restricted
    town.showroom.channels = {WALL: False}
    await town.showcase.record_channels(GUILD)
    assert await list_shown(town) == []


async def test_clips_from_before_take_it_from_their_channel(town: Town) -> None:
    """[people-M22]"""
    database = town.world.database
    await made(database, 1, channel_id=11)
    await made(database, 2, channel_id=12)
    await made(database, 3, channel_id=13, age_restricted=False)
    town.showroom.channels = {11: True, 12: False, 13: True}
    await town.showcase.record_channels(GUILD)
    found = {number: await town.world.clips.get(number) for number in (1, 2, 3)}
    assert {number: clip and clip.age_restricted for number, clip in found.items()} == {
        1: True,
        2: False,
        3: False,
    }


async def test_a_deleted_channel_takes_no_entry_with_it(town: Town) -> None:
    """Showcase posts and votes stay, and are posted in the next channel. [discord-D05]"""
    database = town.world.database
    clips = [await continued(database, number, CEM) for number in (1, 2, 3)]
    for clip in clips:
        await show(town, clip)
    post = await town.exhibits.find_by_clip(1)
    assert post is not None
    assert post.entry.message_id is not None
    await town.votes.record_star(post.entry.message_id, WALL, 31, starred=True)
    town.showroom.deleted_channels.add(WALL)
    town.showroom.channels = {NEW_WALL: False}
    # a recount, as after a restart, and a star's refresh both find the channel deleted
    await town.votes.recount_posts([post])
    assert await list_public(town) == [1, 2, 3]
    assert [entry.votes for entry in await town.showcase.list_top(GUILD, RankingPeriod.ALL)] == [
        1,
        0,
        0,
    ]
    settings = await town.houses.load_settings(GUILD)
    assert town.showcase.is_channel_gone(settings)
    log = await town.houses.list_audit_entries(GUILD, limit=1)
    assert [entry.action for entry in log] == ["channel_gone"]
    with pytest.raises(NotAllowed, match="showcase_channel_gone"):
        await show(town, await continued(database, 4, CEM))

    town.showroom.live_posts.clear()
    await town.showcase.configure(GUILD, actor_id=1, channel_id=NEW_WALL)
    assert await list_shown(town) == [1, 2, 3]
    posts = town.showroom.live_posts.values()
    assert {each.entry.channel_id for each in posts} == {NEW_WALL}
    again = await town.exhibits.find_by_clip(1)
    assert again is not None
    assert again.entry.votes == 1


async def test_a_refresh_that_meets_a_deleted_channel_withdraws_nothing(town: Town) -> None:
    """[discord-D05]"""
    clip = await continued(town.world.database, 1, CEM)
    await show(town, clip)
    town.showroom.deleted_channels.add(WALL)
    await town.showcase.set_preferences(guild_id=GUILD, user_id=CEM, hide_prompt=True)
    await town.hanging.settle_all()
    assert await list_public(town) == [1]
    post = await town.exhibits.find_by_clip(1)
    assert post is not None
    assert (post.entry.message_id, post.in_sync) == (None, True)


async def test_a_postponed_post_holds_up_no_other(town: Town) -> None:
    """It waits as long as Discord says, and other posts continue. [discord-D13]"""
    database, clock = town.world.database, town.world.clock
    for number in (1, 2):
        await show(town, await continued(database, number, CEM))
    await town.showcase.set_preferences(guild_id=GUILD, user_id=CEM, hide_prompt=True)
    town.showroom.errors_before.append(DiscordUnavailable("edits", retry_after_s=600))
    await town.hanging.settle_all()
    waiting = await town.exhibits.list_out_of_sync("w1")
    assert len(waiting) == 1
    calls = town.showroom.edit_count
    await town.hanging.settle_all()
    assert town.showroom.edit_count == calls, "not before Discord's time"
    await clock.sleep(700)
    await town.hanging.settle_all()
    assert await town.exhibits.list_out_of_sync("w1") == []


async def test_a_post_that_was_shown_waits_for_a_channel_it_may_use(town: Town) -> None:
    """A channel's permissions are no reason to lose votes either. [discord-D05]"""
    clip = await continued(town.world.database, 1, CEM)
    await show(town, clip)
    await town.showcase.set_hidden(clip, guild_id=GUILD, actor=MODERATOR, hidden=True)
    town.showroom.errors_before.extend([ChannelUnavailable("no access")] * 2)
    with pytest.raises(ChannelUnavailable):
        await town.showcase.set_hidden(clip, guild_id=GUILD, actor=MODERATOR, hidden=False)
    town.showroom.errors_before.clear()
    post = await town.exhibits.find_by_clip(1)
    assert post is not None
    assert post.entry.reach is Reach.PUBLIC
    await town.showcase.configure(GUILD, actor_id=1, channel_id=WALL)
    assert await list_shown(town) == [1]
