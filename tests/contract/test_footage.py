"""Whose footage is in a clip, and whose consent is needed to show it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select

from bot.domain.clips.clip import Clip, NewClip
from bot.domain.errors import ChannelUnavailable, DiscordUnavailable, MediaUnavailable, NotAllowed
from bot.domain.jobs.job import AdmissionRequest
from bot.domain.jobs.request import GenerationMode
from bot.domain.showcase.gallery import GallerySearch, Reach
from bot.domain.showcase.post import ShowcaseConsent, Star
from bot.services.showcase.creator_names import CreatorNames
from bot.services.showcase.showcase import RankingPeriod, ShowcaseActor
from bot.store.engine.database import Database
from bot.store.jobs.admission import Admission
from bot.store.jobs.clips import write_clips
from bot.store.showcase.gallery import GalleryStore
from bot.store.tables.core import clips_table
from bot.store.tables.showcase import footage_table
from tests.contract.test_erasure import end
from tests.contract.test_showcase_services import MODERATOR, ShowcaseProcess
from tests.contract.test_showcase_store import GUILD, NOW, WALL, made, numbers, opened
from tests.fakes.clock import VirtualClock
from tests.fakes.world import SimulatedWorld, make_origin, make_plan

ADA, CEM, DIA = 901, 902, 903
NEW_WALL = 801


def acting(user_id: int) -> ShowcaseActor:
    return ShowcaseActor(user_id, f"member {user_id}")


@pytest.fixture
async def process(world: SimulatedWorld) -> ShowcaseProcess:
    world.clock = VirtualClock(start=NOW)
    await opened(world.database)
    return ShowcaseProcess(world)


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


async def show(process: ShowcaseProcess, clip: Clip) -> None:
    await process.showcase.add_clip(clip, guild_id=GUILD, actor=acting(clip.user_id))


async def list_public(process: ShowcaseProcess) -> list[int]:
    page = await GalleryStore(process.world.database).load_page(
        GallerySearch(), cursor=None, limit=50
    )
    return sorted(numbers(page.entries))


async def list_shown(process: ShowcaseProcess) -> list[int]:
    """Return the clips in the showcase channel."""
    await process.publisher.settle_all()
    await process.publisher.settle_all()
    return sorted(post.entry.clip.id for post in process.discord.live_posts.values())


async def test_extensions_go_when_their_first_creator_withdraws(process: ShowcaseProcess) -> None:
    """Ada withdraws and deletes her clip; what Cem and Dia made from it is removed. [web-W02]"""
    database = process.world.database
    first = await continued(database, 2, ADA)
    second = await continued(database, 25, CEM, first)
    third = await continued(database, 26, DIA, second)
    for clip in (first, second, third):
        await show(process, clip)
    assert await list_public(process) == await list_shown(process) == [2, 25, 26]
    api = await GalleryStore(database).find_entry(25)
    assert api is not None
    assert api.public_parent_id == 2

    await process.showcase.withdraw_clip(first, guild_id=GUILD, actor=acting(ADA))
    assert await list_public(process) == await list_shown(process) == []
    with pytest.raises(NotAllowed, match="showcase_footage"):
        await show(process, second)

    # she shows it again: theirs are back as well
    await show(process, first)
    assert await list_public(process) == await list_shown(process) == [2, 25, 26]

    await process.showcase.withdraw_deleted_clip(first, ADA)
    await process.world.clips.delete_for_job(first.job_id)
    assert await list_public(process) == await list_shown(process) == []


async def test_footage_that_was_never_shown_is_not_shown_by_others(
    process: ShowcaseProcess,
) -> None:
    """Emi never shows her clip and is erased; Zoe's extension of it cannot be shown. [web-W02]"""
    database = process.world.database
    [admission] = await process.world.jobs.admit_requests(
        [AdmissionRequest(make_plan(), make_origin("emi", user_id=ADA))],
        policy=process.world.policy,
        owner=None,
    )
    assert isinstance(admission, Admission)
    job = admission.job
    await end(process.world, job.id)
    first = await continued(database, 1, ADA, job_id=job.id)
    second = await continued(database, 2, DIA, first)
    with pytest.raises(NotAllowed, match="showcase_footage"):
        await show(process, second)
    await process.showcase.set_preferences(
        guild_id=GUILD, user_id=ADA, consent=ShowcaseConsent.EVERYONE
    )
    await show(process, second)
    assert await list_public(process) == await list_shown(process) == [2]

    await process.privacy.erase_member(ADA)
    assert await list_public(process) == await list_shown(process) == []
    kept = await database.read_rows(select(footage_table).where(footage_table.c.clip_id == 2))
    assert {(row["source_clip_id"], row["user_id"], row["is_deleted"]) for row in kept} == {
        (1, None, True),
        (2, DIA, False),
    }
    with pytest.raises(NotAllowed, match="showcase_footage"):
        await show(process, second)


@pytest.mark.parametrize("what", ["nobody", "block", "hide"])
async def test_choices_blocks_and_moderation_reach_what_was_made_from_a_clip(
    process: ShowcaseProcess, what: str
) -> None:
    """[web-W02]"""
    database = process.world.database
    first = await continued(database, 1, ADA)
    second = await continued(database, 2, CEM, first)
    await show(process, first)
    await show(process, second)
    assert await list_shown(process) == [1, 2]

    async def take_back(*, undo: bool) -> None:
        if what == "nobody":
            consent = ShowcaseConsent.STARS if undo else ShowcaseConsent.NOBODY
            await process.showcase.set_preferences(guild_id=GUILD, user_id=ADA, consent=consent)
        elif what == "block":
            await process.showcase.set_blocked(
                ADA, guild_id=GUILD, actor=MODERATOR, blocked=not undo
            )
        if what == "hide" or (what == "block" and undo):
            await process.showcase.set_hidden(
                first, guild_id=GUILD, actor=MODERATOR, hidden=not undo
            )

    await take_back(undo=False)
    assert 2 not in await list_public(process)
    assert 2 not in await list_shown(process)
    await take_back(undo=True)
    assert await list_public(process) == await list_shown(process) == [1, 2]


async def test_own_deleted_footage_is_ones_own(process: ShowcaseProcess) -> None:
    database = process.world.database
    first = await continued(database, 1, CEM)
    second = await continued(database, 2, CEM, first)
    await show(process, second)
    await process.showcase.withdraw_deleted_clip(first, CEM)
    await process.world.clips.delete_for_job(first.job_id)
    assert await list_public(process) == await list_shown(process) == [2]


async def test_stars_show_others_footage_in_the_server_only(process: ShowcaseProcess) -> None:
    database = process.world.database
    first = await continued(database, 1, ADA)
    second = await continued(database, 2, CEM, first)
    await process.showcase.add_clip(second, guild_id=GUILD, actor=None)
    assert await list_shown(process) == [2]
    assert await list_public(process) == []


async def test_hidden_prompts_of_ancestors_stay_hidden(process: ShowcaseProcess) -> None:
    """[web-W02]"""
    database = process.world.database
    first = await continued(database, 1, ADA, prompt="Adas secret")
    second = await continued(database, 2, CEM, first)
    await show(process, first)
    await show(process, second)
    await process.showcase.set_preferences(guild_id=GUILD, user_id=ADA, hide_prompt=True)
    lineage = await GalleryStore(database).load_lineage(2)
    assert [entry.prompt for entry in lineage] == [None, second.prompt]
    assert "secret" not in str(lineage)


async def test_parent_is_named_only_while_it_is_public(process: ShowcaseProcess) -> None:
    """[web-W27]"""
    database = process.world.database
    first = await continued(database, 1, CEM)
    second = await continued(database, 2, CEM, first)
    await show(process, second)

    async def find_parent() -> int | None:
        entry = await GalleryStore(database).find_entry(2)
        assert entry is not None
        return entry.public_parent_id

    assert await find_parent() is None
    await show(process, first)
    assert await find_parent() == 1
    await process.showcase.withdraw_clip(first, guild_id=GUILD, actor=acting(CEM))
    assert await find_parent() is None


async def test_favourite_is_of_late_and_has_a_star(process: ShowcaseProcess) -> None:
    """[web-W19]"""
    database = process.world.database
    gallery, since = GalleryStore(database), NOW - timedelta(days=30)
    for number in (1, 2, 3):
        await show(process, await continued(database, number, CEM))
    assert await gallery.find_favourite(since=since) is None
    for number, count in ((1, 1), (2, 2)):
        for user_id in range(31, 31 + count):
            await process.votes.stars.set_star(10_000 + number, number, Star(user_id), starred=True)
    favourite = await gallery.find_favourite(since=since)
    assert favourite is not None
    assert favourite.clip.id == 2
    assert await gallery.find_favourite(since=NOW + timedelta(days=1)) is None


async def test_nothing_is_public_before_its_creator_was_told(process: ShowcaseProcess) -> None:
    """This includes clips shown before the gallery was opened. [people-M21]"""
    database = process.world.database
    process = ShowcaseProcess(process.world, gallery_url="https://clips.example")
    await process.showcase.configure(GUILD, actor_id=1, public=False)
    clip = await continued(database, 1, CEM)

    async def ask() -> bool:
        choices = await process.showcase.needs_public_notice(
            clip, guild_id=GUILD, actor=acting(CEM)
        )
        return choices is not None

    assert not await ask()
    await show(process, clip)
    await process.showcase.configure(GUILD, actor_id=1, public=True)
    assert await list_public(process) == []
    assert await ask()
    await process.showcase.record_public_notice(guild_id=GUILD, user_id=CEM)
    assert not await ask()
    await show(process, clip)
    assert await list_public(process) == [1]
    post = await process.posts.find_by_clip(1)
    assert post is not None
    assert await process.showcase.find_web_address(post) == "https://clips.example/clips/1"


async def test_names_follow_those_who_are_seen(process: ShowcaseProcess) -> None:
    """[web-W26]"""
    database = process.world.database
    await show(process, await continued(database, 1, CEM))
    names = CreatorNames(posts=process.posts)
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


async def test_age_restricted_clips_stay_in_restricted_channels(process: ShowcaseProcess) -> None:
    """None gets into a showcase, digest, random clip or the gallery. [people-M22, web-W03]"""
    database = process.world.database
    process.discord.channels = {WALL: False}
    clip = await continued(database, 1, CEM, age_restricted=True)
    for actor in (acting(CEM), None):
        with pytest.raises(NotAllowed, match="showcase_age_restricted"):
            await process.showcase.add_clip(clip, guild_id=GUILD, actor=actor)
    assert await list_shown(process) == []

    # it is shown in an age-restricted showcase only
    process.discord.channels = {WALL: True}
    await show(process, clip)
    assert await list_shown(process) == [1]
    assert await list_public(process) == []
    assert await process.showcase.list_top(GUILD, RankingPeriod.ALL) == []
    seen = await process.showcase.list_top(GUILD, RankingPeriod.ALL, with_age_restricted=True)
    assert numbers(seen) == [1]
    assert await process.posts.lists.pick_random(GUILD) is None
    assert await process.posts.lists.pick_random(GUILD, with_age_restricted=True) is not None

    # until the channel is no longer age-restricted
    process.discord.channels = {WALL: False}
    await process.showcase.record_channels(GUILD)
    assert await list_shown(process) == []


async def test_clips_from_before_take_it_from_their_channel(process: ShowcaseProcess) -> None:
    """[people-M22]"""
    database = process.world.database
    await made(database, 1, channel_id=11)
    await made(database, 2, channel_id=12)
    await made(database, 3, channel_id=13, age_restricted=False)
    process.discord.channels = {11: True, 12: False, 13: True}
    await process.showcase.record_channels(GUILD)
    found = {number: await process.world.clips.get(number) for number in (1, 2, 3)}
    assert {number: clip and clip.age_restricted for number, clip in found.items()} == {
        1: True,
        2: False,
        3: False,
    }


async def test_a_deleted_channel_takes_no_entry_with_it(process: ShowcaseProcess) -> None:
    """Showcase posts and votes stay, and are posted in the next channel. [discord-D05]"""
    database = process.world.database
    clips = [await continued(database, number, CEM) for number in (1, 2, 3)]
    for clip in clips:
        await show(process, clip)
    post = await process.posts.find_by_clip(1)
    assert post is not None
    assert post.entry.message_id is not None
    await process.votes.record_star(post.entry.message_id, WALL, 31, starred=True)
    process.discord.deleted_channels.add(WALL)
    process.discord.channels = {NEW_WALL: False}
    # a recount, as after a restart, and a star's refresh both find the channel deleted
    await process.votes.recount_posts([post])
    assert await list_public(process) == [1, 2, 3]
    assert [entry.votes for entry in await process.showcase.list_top(GUILD, RankingPeriod.ALL)] == [
        1,
        0,
        0,
    ]
    settings = await process.settings.load_settings(GUILD)
    assert process.showcase.is_channel_gone(settings)
    log = await process.settings.list_audit_entries(GUILD, limit=1)
    assert [entry.action for entry in log] == ["channel_gone"]
    with pytest.raises(NotAllowed, match="showcase_channel_gone"):
        await show(process, await continued(database, 4, CEM))

    process.discord.live_posts.clear()
    await process.showcase.configure(GUILD, actor_id=1, channel_id=NEW_WALL)
    assert await list_shown(process) == [1, 2, 3]
    posts = process.discord.live_posts.values()
    assert {each.entry.channel_id for each in posts} == {NEW_WALL}
    again = await process.posts.find_by_clip(1)
    assert again is not None
    assert again.entry.votes == 1


async def test_a_refresh_that_meets_a_deleted_channel_withdraws_nothing(
    process: ShowcaseProcess,
) -> None:
    """[discord-D05]"""
    clip = await continued(process.world.database, 1, CEM)
    await show(process, clip)
    process.discord.deleted_channels.add(WALL)
    await process.showcase.set_preferences(guild_id=GUILD, user_id=CEM, hide_prompt=True)
    await process.publisher.settle_all()
    assert await list_public(process) == [1]
    post = await process.posts.find_by_clip(1)
    assert post is not None
    assert (post.entry.message_id, post.in_sync) == (None, True)


async def test_a_postponed_post_holds_up_no_other(process: ShowcaseProcess) -> None:
    """It waits as long as Discord says, and other posts continue. [discord-D13]"""
    database, clock = process.world.database, process.world.clock
    for number in (1, 2):
        await show(process, await continued(database, number, CEM))
    await process.showcase.set_preferences(guild_id=GUILD, user_id=CEM, hide_prompt=True)
    process.discord.errors_before.append(DiscordUnavailable("edits", retry_after_s=600))
    await process.publisher.settle_all()
    waiting = await process.posts.list_out_of_sync("w1")
    assert len(waiting) == 1
    calls = process.discord.edit_count
    await process.publisher.settle_all()
    assert process.discord.edit_count == calls, "not before Discord's time"
    await clock.sleep(700)
    await process.publisher.settle_all()
    assert await process.posts.list_out_of_sync("w1") == []


async def test_files_that_cannot_be_deleted_now_hold_up_no_withdrawal(
    process: ShowcaseProcess,
) -> None:
    """The message goes at once, and the files when the media store answers again."""
    database, clock = process.world.database, process.world.clock
    clip = await continued(database, 1, CEM)
    await show(process, clip)
    process.discord.file_errors.append(MediaUnavailable("no answer"))
    with pytest.raises(MediaUnavailable):
        await process.showcase.set_hidden(clip, guild_id=GUILD, actor=MODERATOR, hidden=True)
    assert process.discord.live_posts == {}
    assert process.discord.removed_files == []
    process.discord.file_errors.append(MediaUnavailable("no answer"))
    await process.publisher.settle_all()
    assert len(await process.posts.list_out_of_sync("w1")) == 1
    await clock.sleep(700)
    await process.publisher.settle_all()
    assert process.discord.removed_files == [f"public {clip.id}"]
    assert await process.posts.list_out_of_sync("w1") == []


async def test_a_post_that_was_shown_waits_for_a_channel_it_may_use(
    process: ShowcaseProcess,
) -> None:
    """A channel's permissions are no reason to lose votes either. [discord-D05]"""
    clip = await continued(process.world.database, 1, CEM)
    await show(process, clip)
    await process.showcase.set_hidden(clip, guild_id=GUILD, actor=MODERATOR, hidden=True)
    process.discord.errors_before.extend([ChannelUnavailable("no access")] * 2)
    with pytest.raises(ChannelUnavailable):
        await process.showcase.set_hidden(clip, guild_id=GUILD, actor=MODERATOR, hidden=False)
    process.discord.errors_before.clear()
    post = await process.posts.find_by_clip(1)
    assert post is not None
    assert post.entry.reach is Reach.PUBLIC
    await process.showcase.configure(GUILD, actor_id=1, channel_id=WALL)
    assert await list_shown(process) == [1]
