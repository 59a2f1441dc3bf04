"""The showcase's stores on both databases: posts, votes, gallery queries and digests."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from bot.domain.clips.clip import Clip
from bot.domain.errors import NotAllowed
from bot.domain.showcase.gallery import (
    ClipCount,
    ClipLength,
    ClipShape,
    CursorInvalid,
    GalleryEntry,
    GalleryOrder,
    GalleryPeriod,
    GallerySearch,
)
from bot.domain.showcase.post import (
    AuditAction,
    AuditEntry,
    NewShowcasePost,
    ShowcasePost,
    ShowcaseSettings,
    Star,
)
from bot.store.engine.database import Database
from bot.store.jobs.clips import ClipStore
from bot.store.jobs.workers import WorkerStore
from bot.store.privacy.erasure import ErasureStore
from bot.store.showcase.digests import DigestStore
from bot.store.showcase.gallery import GalleryStore
from bot.store.showcase.lineages import MAX_ANCESTORS
from bot.store.showcase.posts import ShowcasePostStore
from bot.store.showcase.settings import ShowcaseSettingsStore
from bot.store.showcase.stars import StarStore
from bot.store.tables.core import clips_table

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
GUILD, OTHER, MAKER, ADMIN = 700, 701, 900, 1
WALL = 800
LEASE = timedelta(seconds=60)


async def made(database: Database, number: int, **changes: Any) -> Clip:
    """Record a finished clip and return it."""
    row: dict[str, Any] = {
        "id": number,
        "job_id": number,
        "index": 0,
        "guild_id": GUILD,
        "channel_id": 10,
        "user_id": MAKER,
        "model": "veo-a",
        "route": "gemini",
        "mode": "text",
        "prompt": f"Ein Fuchs im Schnee, Nummer {number}",
        "aspect_ratio": "16:9",
        "resolution": "720p",
        "seconds": 8,
        "width": 1280,
        "height": 720,
        "extension_depth": 0,
        "path": f"clips/{number}-0.mp4",
        "sha256": "0" * 64,
        "size_bytes": 1000,
        "created_at": NOW,
        "message_id": 10_000 + number,
    } | changes
    await database.write(lambda c: c.execute(insert(clips_table).values(row)))
    clip = await ClipStore(database).get(number)
    assert clip is not None
    return clip


async def opened(database: Database, guild_id: int = GUILD, **changes: Any) -> ShowcaseSettings:
    """Set up a server's showcase."""
    facts: dict[str, Any] = {"name": f"Server {guild_id}", "channel_id": WALL, "public": True}
    house = ShowcaseSettings(guild_id, **facts | changes)
    await ShowcaseSettingsStore(database).configure(
        house, record(AuditAction.ARRANGE, guild_id=guild_id)
    )
    return house


def record(act: AuditAction, **changes: Any) -> AuditEntry:
    facts: dict[str, Any] = {
        "guild_id": GUILD,
        "actor_id": ADMIN,
        "action": act,
        "recorded_at": NOW,
    }
    return AuditEntry(**facts | changes)


async def shown(
    database: Database, clip: Clip, *, owner: str | None = None, **changes: Any
) -> tuple[ShowcasePost, bool]:
    """Add a clip to the showcase."""
    facts: dict[str, Any] = {
        "clip": clip,
        "guild_id": clip.guild_id,
        "channel_id": WALL,
        "creator_name": "Cem",
        "hide_prompt": False,
        "public": True,
        "added_by": clip.user_id,
    }
    at = changes.pop("at", NOW)
    return await ShowcasePostStore(database).add_post(
        NewShowcasePost(**facts | changes),
        record(AuditAction.SHOW, recorded_at=at, clip_id=clip.id),
        owner=owner,
    )


async def many(database: Database, count: int) -> None:
    for number in range(1, count + 1):
        await shown(database, await made(database, number))


def stars_of(count: int) -> list[Star]:
    return [Star(user_id) for user_id in range(1, count + 1)]


def numbers(entries: Sequence[GalleryEntry]) -> list[int]:
    return [entry.clip.id for entry in entries]


async def test_a_clip_has_one_entry_whoever_asks(database: Database) -> None:
    clip = await made(database, 1)
    answers = await asyncio.gather(*(shown(database, clip, owner=f"w{n}") for n in range(5)))
    assert sorted(new for _, new in answers) == [False] * 4 + [True]
    assert len({exhibit.id for exhibit, _ in answers}) == 1
    log = await ShowcaseSettingsStore(database).list_audit_entries(GUILD, limit=10)
    assert [each.action for each in log] == [AuditAction.SHOW]


async def test_post_is_synced_by_one_live_worker(database: Database) -> None:
    store, workers = ShowcasePostStore(database), WorkerStore(database)
    exhibit, _ = await shown(database, await made(database, 1), owner="first")
    await workers.register("first", host="x", lease=LEASE)
    if database.is_shared:
        await workers.register("second", host="x", lease=LEASE)
    assert await store.claim(exhibit.id, "second") is None
    assert await store.list_out_of_sync("second") == []
    assert await store.list_out_of_sync("first") == [exhibit.id]
    await workers.retire("first")
    assert await store.list_out_of_sync("second") == [exhibit.id]
    taken = await store.claim(exhibit.id, "second")
    assert taken is not None
    assert taken.should_be_posted
    # a change requested while the post is made is not lost
    await store.update_post(exhibit.id, owner="third", audit_entry=None, hidden=True)
    await store.mark_published(taken, 5000)
    again = await store.claim(exhibit.id, "second")
    assert again is not None
    assert not again.should_be_posted
    assert again.entry.message_id == 5000
    await store.mark_unpublished(again)
    assert await store.claim(exhibit.id, "second") is None
    hidden = await store.get(exhibit.id)
    assert hidden is not None
    assert hidden.entry.message_id is None
    assert hidden.post_nonce != taken.post_nonce


async def test_only_creator_restores_withdrawn_post(database: Database) -> None:
    store = ShowcasePostStore(database)
    clip = await made(database, 1)
    exhibit, _ = await shown(database, clip)

    async def withdraw(exhibit_id: int) -> None:
        await store.update_post(exhibit_id, owner="w", audit_entry=None, withdrawn=True)
        claimed = await store.claim(exhibit_id, "w")
        assert claimed is not None
        await store.mark_unpublished(claimed)

    await withdraw(exhibit.id)
    assert await store.find_by_clip(1) is None
    with pytest.raises(NotAllowed):
        await shown(database, clip, added_by=None, by_stars=True)
    back, new = await shown(database, clip)
    assert new
    assert back.id > exhibit.id
    # one that a moderator had hidden stays out
    await store.update_post(back.id, owner="w", audit_entry=record(AuditAction.HIDE), hidden=True)
    await withdraw(back.id)
    with pytest.raises(NotAllowed):
        await shown(database, clip)


async def test_member_votes_once_across_both_messages(database: Database) -> None:
    store, stars = ShowcasePostStore(database), StarStore(database)
    clip = await made(database, 1)
    own = 10_001
    assert await stars.find_clip_by_message(own) == 1
    assert await stars.find_clip_by_message(4) is None
    early = await stars.set_star(own, 1, Star(31), starred=True)
    assert (early.votes, early.post_id) == (1, None)
    exhibit, _ = await shown(database, clip)
    assert exhibit.entry.votes == 1
    claimed = await store.claim(exhibit.id, "w")
    assert claimed is not None
    await store.mark_published(claimed, 5000)
    assert await stars.find_clip_by_message(5000) == 1
    assert (await stars.set_star(5000, 1, Star(31), starred=True)).votes == 1
    together = await asyncio.gather(
        *(stars.set_star(5000, 1, Star(n), starred=True) for n in range(40, 50))
    )
    assert max(each.votes for each in together) == 11
    # a change of votes needs an update, because the card shows them
    assert await store.list_out_of_sync("w") == [exhibit.id]
    assert (await stars.set_star(5000, 1, Star(31), starred=False)).votes == 11
    assert (await stars.set_star(own, 1, Star(31), starred=False)).votes == 10
    assert (await stars.replace_stars(5000, 1, [Star(40), Star(41)])).votes == 2
    await store.update_post(exhibit.id, owner="w", audit_entry=None, locked=True)
    await stars.set_star(5000, 1, Star(77), starred=True)
    locked = await store.get(exhibit.id)
    assert locked is not None
    assert locked.entry.votes == 2
    unlocked = await store.update_post(exhibit.id, owner="w", audit_entry=None, locked=False)
    assert unlocked is not None
    assert unlocked.entry.votes == 3


async def test_a_block_hides_what_the_member_has_there(database: Database) -> None:
    store, settings = ShowcasePostStore(database), ShowcaseSettingsStore(database)
    await many(database, 2)
    blocking = record(AuditAction.BLOCK, target_user_id=MAKER)
    assert len(await store.set_blocked(blocking, blocked=True, owner="w")) == 2
    assert await store.set_blocked(blocking, blocked=True, owner="w") == []
    assert (await settings.load_preferences(GUILD, MAKER)).blocked
    assert await store.lists.list_top(GUILD, since=None, limit=10) == []
    assert len(await store.lists.list_member_entries(GUILD, MAKER, limit=10)) == 2
    await store.set_blocked(
        record(AuditAction.UNBLOCK, target_user_id=MAKER), blocked=False, owner="w"
    )
    assert not (await settings.load_preferences(GUILD, MAKER)).blocked


async def test_the_gallery_shows_what_is_public_and_nothing_else(database: Database) -> None:
    gallery, store, settings = (
        GalleryStore(database),
        ShowcasePostStore(database),
        ShowcaseSettingsStore(database),
    )
    await opened(database)
    await opened(database, OTHER, public=False)
    await many(database, 4)
    await shown(database, await made(database, 5, guild_id=OTHER))
    by_stars, _ = await shown(database, await made(database, 6), public=False, added_by=None)
    hidden = await store.find_by_clip(2)
    withdrawn = await store.find_by_clip(3)
    assert hidden is not None
    assert withdrawn is not None
    await store.update_post(hidden.id, owner=None, audit_entry=None, hidden=True)
    await store.update_post(withdrawn.id, owner=None, audit_entry=None, withdrawn=True)
    seen = await gallery.load_page(GallerySearch(), cursor=None, limit=10)
    assert numbers(seen.entries) == [4, 1]
    assert seen.next_cursor is None
    assert seen.entries[0].guild_name == f"Server {GUILD}"
    for number in (2, 3, 5, by_stars.entry.clip.id, 99, -1, 2**70):
        assert await gallery.find_entry(number) is None
    assert await gallery.list_guilds() == [(GUILD, f"Server {GUILD}")]
    assert await gallery.list_models() == ["veo-a"]
    await settings.configure(ShowcaseSettings(GUILD, channel_id=WALL), record(AuditAction.ARRANGE))
    assert (await gallery.load_page(GallerySearch(), cursor=None, limit=10)).entries == ()
    assert await gallery.list_guilds() == []


@pytest.mark.parametrize("draws", [0, 16])
async def test_a_random_entry_is_any_visible_one(
    database: Database, monkeypatch: pytest.MonkeyPatch, draws: int
) -> None:
    """Also where nearly all are hidden, so that each draw meets a hidden one."""
    monkeypatch.setattr("bot.store.showcase.lists._MAX_DRAWS", draws)
    posts = ShowcasePostStore(database)
    assert await posts.lists.pick_random(GUILD) is None
    await many(database, 4)
    await shown(database, await made(database, 5, guild_id=OTHER))

    async def draw() -> set[int]:
        drawn = [await posts.lists.pick_random(GUILD) for _ in range(40)]
        return {entry.clip.id for entry in drawn if entry is not None}

    assert await draw() == ({1, 2, 3, 4} if draws else {1})
    for number in (1, 2, 4):
        post = await posts.find_by_clip(number)
        assert post is not None
        await posts.update_post(post.id, owner=None, audit_entry=None, hidden=number > 1)
        await posts.update_post(post.id, owner=None, audit_entry=None, withdrawn=number == 1)
    assert await draw() == {3}


async def test_a_server_that_the_bot_has_left_is_not_in_the_gallery(database: Database) -> None:
    gallery, erasures = GalleryStore(database), ErasureStore(database)
    await opened(database)
    await opened(database, OTHER)
    await many(database, 1)
    await shown(database, await made(database, 5, guild_id=OTHER, model="veo-b"))

    async def seen() -> tuple[list[int], list[int], list[str]]:
        page = await gallery.load_page(GallerySearch(), cursor=None, limit=10)
        servers = [number for number, _ in await gallery.list_guilds()]
        return numbers(page.entries), servers, await gallery.list_models()

    everything = ([5, 1], [GUILD, OTHER], ["veo-a", "veo-b"])
    assert await seen() == everything
    await erasures.mark_guild_left(GUILD, now=NOW)
    assert await seen() == ([5], [OTHER], ["veo-b"])
    assert await gallery.find_entry(1) is None
    assert await gallery.load_lineage(1) == []
    await erasures.mark_guilds_rejoined([GUILD])
    assert await seen() == everything
    assert await gallery.find_entry(1) is not None


async def test_gallery_pages_have_no_gaps_or_duplicates(database: Database) -> None:
    gallery, stars = GalleryStore(database), StarStore(database)
    await opened(database)
    await many(database, 9)
    for number, count in ((3, 2), (7, 2), (5, 1)):
        await stars.replace_stars(10_000 + number, number, stars_of(count))

    async def walked(order: GalleryOrder) -> list[int]:
        found: list[int] = []
        cursor = None
        while True:
            page = await gallery.load_page(GallerySearch(order=order), cursor=cursor, limit=2)
            found += numbers(page.entries)
            cursor = page.next_cursor
            if cursor is None:
                return found

    assert await walked(GalleryOrder.NEW) == [9, 8, 7, 6, 5, 4, 3, 2, 1]
    assert await walked(GalleryOrder.TOP) == [7, 3, 5, 9, 8, 6, 4, 2, 1]
    page = await gallery.load_page(GallerySearch(), cursor=None, limit=2)
    for cursor in (page.next_cursor, "x", "é", "bmV3LjE=.", "", "dG9wLjEuMQ==x", "bmV3Lng"):
        with pytest.raises(CursorInvalid):
            await gallery.load_page(GallerySearch(order=GalleryOrder.TOP), cursor=cursor, limit=2)


@pytest.mark.parametrize(
    ("written", "typed", "is_found"),
    [
        ("Cafe\u0301 am Meer", "café", True),
        ("Café am Meer", "cafe", True),
        ("Cafe am Meer", "CAFÉ", True),
        ("ｶﾀｶﾅ の夢", "カタカナ", True),
        ("ｆｕｌｌｗｉｄｔｈ", "fullwidth", True),
        ("İstanbul bei Nacht", "istanbul", True),
        ("ısı", "ISI", True),
        ("Straße", "STRASSE", True),
        ("한국의 밤", "한국의", True),
        ("かき", "がき", False),
        ("a fox", "zoe", True),
        ("a fox", "Zoë", True),
        ("a fox", "fox Zoe night-owls", True),
        ("a fox", "owls", True),
        ("one two three four five six seven", "one two three four five six seven eight", False),
        ("a b c d e f g h i j k", "a b c d e f g h i j k zebra", False),
    ],
)
async def test_words_are_found_however_they_are_written(
    database: Database, written: str, typed: str, is_found: bool
) -> None:
    """In the prompt, or the creator's or server's name; all words must match. [web-W18]"""
    await opened(database, name="Night-Owls Ä")
    await shown(database, await made(database, 1, prompt=written), creator_name="Zoë")
    page = await GalleryStore(database).load_page(GallerySearch(text=typed), cursor=None, limit=9)
    assert bool(page.entries) is is_found


async def test_a_creator_is_found_by_the_current_name(database: Database) -> None:
    """As soon as the new name is stored. [web-W18]"""
    await opened(database)
    await shown(database, await made(database, 1, prompt="a fox"), creator_name="Zoë")
    await ShowcasePostStore(database).rename_creator(GUILD, MAKER, "Émile")
    gallery = GalleryStore(database)
    found = {}
    for text in ("zoe", "emile", "emile fox"):
        page = await gallery.load_page(GallerySearch(text=text), cursor=None, limit=9)
        found[text] = len(page.entries)
    assert found == {"zoe": 0, "emile": 1, "emile fox": 1}


async def test_the_gallery_filters_and_searches_in_any_alphabet(database: Database) -> None:
    gallery = GalleryStore(database)
    await opened(database)
    await opened(database, OTHER)
    await shown(database, await made(database, 1, prompt="ÄRGER im Straßencafé, 100 % echt"))
    await shown(database, await made(database, 2, prompt="雪の中の狐", model="veo-b"))
    await shown(database, await made(database, 3, seconds=22, prompt="Медведь и лиса"))
    await shown(database, await made(database, 4, prompt="ärger"), hide_prompt=True)
    await shown(database, await made(database, 5, guild_id=OTHER, prompt="a fox_trot"))

    async def found(**search: Any) -> list[int]:
        return numbers(
            (await gallery.load_page(GallerySearch(**search), cursor=None, limit=9)).entries
        )

    assert await found(text="Ärger") == [1]
    assert await found(text="strassen CAFÉ") == [1]
    assert await found(text="の狐") == [2]
    assert await found(text="МЕДВЕДЬ лиса") == [3]
    assert await found(text="%") == [1]
    assert await found(text="fox_t") == [5]
    assert await found(text="f_x") == []
    assert await found(model="veo-b") == [2]
    assert await found(length=ClipLength.LONG) == [3]
    assert await found(length=ClipLength.SHORT) == [5, 4, 2, 1]
    assert await found(guild_id=OTHER) == [5]
    assert await found(guild_id=2**70) == []
    assert await found(text="ärger", guild_id=GUILD) == [1], "not by a hidden prompt"
    hidden = await gallery.find_entry(4)
    assert hidden is not None
    assert hidden.prompt is None
    assert hidden.clip.prompt == ""


async def test_the_gallery_knows_shapes_and_periods_and_counts_them(database: Database) -> None:
    gallery = GalleryStore(database)
    await opened(database)
    await opened(database, OTHER, public=False)
    now = NOW + timedelta(hours=1)
    clips: list[tuple[int, int, dict[str, Any]]] = [
        (1, 40, {}),
        (2, 20, {"aspect_ratio": "9:16"}),
        (3, 2, {"aspect_ratio": "9:16", "model": "veo-b"}),
        (4, 1, {"seconds": 22}),
        (5, 1, {"guild_id": OTHER}),
    ]
    for number, days, changes in clips:
        await shown(
            database, await made(database, number, **changes), at=now - timedelta(days=days)
        )

    async def found(**search: Any) -> list[int]:
        page = await gallery.load_page(GallerySearch(**search), cursor=None, limit=9, now=now)
        return numbers(page.entries)

    assert await found(shape=ClipShape.PORTRAIT) == [3, 2]
    assert await found(shape=ClipShape.LANDSCAPE) == [4, 1]
    assert await found(period=GalleryPeriod.WEEK) == [4, 3]
    assert await found(period=GalleryPeriod.MONTH) == [4, 3, 2]
    assert await found(period=GalleryPeriod.MONTH, shape=ClipShape.PORTRAIT, model="veo-b") == [3]
    counted = await gallery.count_clips(
        GallerySearch(period=GalleryPeriod.MONTH, model="veo-b", shape=ClipShape.LANDSCAPE), now=now
    )
    assert set(counted) == {
        ClipCount("veo-a", ClipShape.PORTRAIT, ClipLength.SHORT, 1),
        ClipCount("veo-b", ClipShape.PORTRAIT, ClipLength.SHORT, 1),
        ClipCount("veo-a", ClipShape.LANDSCAPE, ClipLength.LONG, 1),
    }, "of the period, and whatever model and shape are chosen"
    assert [each.count for each in await gallery.count_clips(GallerySearch(text="nummer 1"))] == [1]


async def test_lineage_lists_shown_ancestors(database: Database) -> None:
    gallery = GalleryStore(database)
    await opened(database)
    await shown(database, await made(database, 1))
    await made(database, 2, extension_depth=1, parent_clip_id=1, root_clip_id=1)
    third = await made(database, 3, extension_depth=2, parent_clip_id=2, root_clip_id=1)
    branch = await made(database, 4, extension_depth=1, parent_clip_id=1, root_clip_id=1)
    await shown(database, third)
    await shown(database, branch)
    assert numbers(await gallery.load_lineage(3)) == [1, 3]
    assert numbers(await gallery.load_lineage(4)) == [1, 4]
    assert numbers(await gallery.load_lineage(1)) == [1]
    assert await gallery.load_lineage(2) == []
    assert await gallery.load_lineage(2**70) == []


async def test_filmstrips_have_what_is_public_of_a_lineage(database: Database) -> None:
    gallery = GalleryStore(database)
    await opened(database)
    await opened(database, OTHER, public=False)
    await shown(database, await made(database, 1))
    extended: dict[str, Any] = {"mode": "extension", "root_clip_id": 1}
    await made(database, 2, extension_depth=1, parent_clip_id=1, seconds=15, **extended)
    third = await made(database, 3, extension_depth=2, parent_clip_id=2, seconds=22, **extended)
    await shown(database, third)
    branch = await made(database, 4, extension_depth=1, parent_clip_id=1, seconds=13, **extended)
    await shown(database, branch)
    elsewhere = await made(database, 5, guild_id=OTHER, parent_clip_id=1, seconds=15, **extended)
    await shown(database, elsewhere)
    await shown(database, await made(database, 6))
    filmstrip = await gallery.load_filmstrip(3)
    assert filmstrip is not None
    assert [
        (part.entry.clip.id, part.start_s, part.end_s, part.is_contained)
        for part in filmstrip.list_parts()
    ] == [(1, 0, 8, True), (3, 8, 22, True), (4, 8, 13, False)]
    for clip_id in (2, 5, 6, 99):
        assert await gallery.load_filmstrip(clip_id) is None, "it is not public, or alone"


async def test_a_lineage_is_followed_only_so_far(database: Database) -> None:
    gallery = GalleryStore(database)
    await opened(database)
    first = await made(database, 1)
    chain = [first]
    for number in range(2, MAX_ANCESTORS + 10):
        chain.append(
            await made(database, number, mode="edit", parent_clip_id=number - 1, root_clip_id=1)
        )
    middle, last = chain[-50], chain[-1]
    await shown(database, first)
    await shown(database, last)
    assert await gallery.load_filmstrip(last.id) is None
    assert numbers(await gallery.load_lineage(last.id)) == [last.id]
    await shown(database, middle)
    filmstrip = await gallery.load_filmstrip(last.id)
    assert filmstrip is not None
    assert [part.entry.clip.id for part in filmstrip.parts] == [middle.id, last.id]


async def test_a_week_has_one_digest_with_one_winner(database: Database) -> None:
    """Only clips with stars get a place. [people-M27]"""
    digests, stars = DigestStore(database), StarStore(database)
    house = await opened(database)
    await many(database, 5)
    await shown(database, await made(database, 6), at=NOW - timedelta(days=8))
    await stars.replace_stars(10_006, 6, stars_of(8))
    await stars.replace_stars(10_002, 2, stars_of(2))
    await stars.replace_stars(10_004, 4, stars_of(1))
    since, due = NOW - timedelta(days=7), NOW + timedelta(hours=1)
    answers = await asyncio.gather(
        *(digests.create_digest(house, due_at=due, since=since, owner=f"w{n}") for n in range(6))
    )
    [number] = [each for each in answers if each is not None]
    digest = await digests.get(number)
    assert digest is not None
    assert numbers(digest.entries) == [2, 4], "no place without a star"
    assert await digests.find_last_due(GUILD) == due
    # what has happened since does not change the winner
    await stars.replace_stars(10_005, 5, stars_of(19))
    claimed = await digests.claim(number, "w9")
    assert claimed is not None
    assert numbers(claimed.entries) == [2, 4]
    await digests.mark_posted(number, 77, owner="w9")
    assert await digests.claim(number, "w9") is None
    assert await digests.list_out_of_sync("w9") == []
    nothing = await digests.create_digest(
        house, due_at=due + timedelta(days=7), since=due, owner="w"
    )
    assert nothing is None
    # a week without stars is checked once
    assert await digests.find_last_due(GUILD) == due + timedelta(days=7)
    assert await digests.list_out_of_sync("w") == []


@pytest.mark.parametrize(
    ("now", "due"),
    [
        ("2026-11-23T11:59", "2026-11-16T12:00"),
        ("2026-11-23T12:00", "2026-11-23T12:00"),
        ("2026-11-29T23:00", "2026-11-23T12:00"),
    ],
)
def test_a_digest_is_due_at_the_hour_of_its_day(now: str, due: str) -> None:
    house = ShowcaseSettings(GUILD, channel_id=WALL, digest_day=0, digest_hour=12)
    at = datetime.fromisoformat(now).replace(tzinfo=UTC)
    assert house.find_last_due(at) == datetime.fromisoformat(due).replace(tzinfo=UTC)


def test_a_digest_keeps_the_servers_own_clock_and_begins_after_it_was_chosen() -> None:
    berlin = ShowcaseSettings(
        GUILD, channel_id=WALL, digest_day=0, digest_hour=12, digest_zone="Europe/Berlin"
    )
    assert berlin.find_last_due(NOW) == NOW.replace(hour=11)
    later = ShowcaseSettings(GUILD, channel_id=WALL, digest_day=0, digest_hour=11, digest_since=NOW)
    assert later.find_last_due(NOW) is None
    assert later.find_last_due(NOW + timedelta(days=7)) == NOW.replace(hour=11) + timedelta(days=7)
    assert ShowcaseSettings(GUILD, digest_day=0).find_last_due(NOW) is None
