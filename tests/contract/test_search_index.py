"""The index of the gallery's search has the words of what can be found, and no others."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import Table, select

from bot.domain.erasure import ErasureBatch
from bot.domain.showcase.gallery import GallerySearch
from bot.store.engine.database import Database
from bot.store.privacy.erasure import ErasureStore
from bot.store.showcase.gallery import GalleryStore
from bot.store.showcase.posts import ShowcasePostStore
from bot.store.showcase.search_words import list_suffixes, split_into_pieces
from bot.store.showcase.settings import ShowcaseSettingsStore
from bot.store.tables.row_mapping import Row
from bot.store.tables.showcase import (
    search_words_table,
    server_words_table,
    showcase_posts_table,
    showcase_settings_table,
    word_suffixes_table,
)
from tests.contract.test_showcase_store import (
    GUILD,
    MAKER,
    NOW,
    OTHER,
    made,
    numbers,
    opened,
    shown,
)


async def read_words(database: Database) -> set[str]:
    """Return all words of the index, which must agree with the posts and the servers' names."""
    posts, servers = showcase_posts_table.c, showcase_settings_table.c
    texts = await database.read_rows(select(posts.clip_id, posts.search_text))
    names = await database.read_rows(select(servers.guild_id, servers.search_name))
    in_texts = {(row["word"], row["clip_id"]) for row in await _read(database, search_words_table)}
    in_names = {(row["word"], row["guild_id"]) for row in await _read(database, server_words_table)}
    assert in_texts == {
        (piece, row["clip_id"]) for row in texts for piece in split_into_pieces(row["search_text"])
    }
    assert in_names == {
        (piece, row["guild_id"]) for row in names for piece in split_into_pieces(row["search_name"])
    }
    words = {word for word, _ in in_texts | in_names}
    endings = {(row["suffix"], row["word"]) for row in await _read(database, word_suffixes_table)}
    assert endings == {(suffix, word) for word in words for suffix in list_suffixes(word)}
    return words


async def _read(database: Database, table: Table) -> Sequence[Row]:
    return await database.read_rows(select(table))


async def test_words_come_and_go_with_posts(database: Database) -> None:
    store, settings = ShowcasePostStore(database), ShowcaseSettingsStore(database)
    await opened(database, name="Night Owls")
    await shown(database, await made(database, 1, prompt="a red fox"), creator_name="Zoë")
    post, _ = await shown(database, await made(database, 2, prompt="a blue whale"))
    base = {"night", "owls", "a"}
    assert await read_words(database) == base | {"red", "fox", "zoe", "blue", "whale", "cem"}
    await store.rename_creator(GUILD, MAKER, "Ada")
    assert await read_words(database) == base | {"red", "fox", "blue", "whale", "ada"}
    await store.update_post(post.id, owner="w", audit_entry=None, hide_prompt=True)
    assert await read_words(database) == base | {"red", "fox", "ada"}
    await store.update_post(post.id, owner="w", audit_entry=None, withdrawn=True)
    claimed = await store.claim(post.id, "w")
    assert claimed is not None
    await store.mark_unpublished(claimed)
    assert await read_words(database) == base | {"red", "fox", "ada"}
    await shown(database, claimed.entry.clip, creator_name="Ada")
    await settings.rename(GUILD, "Day Owls")
    assert {"day", "owls"} < await read_words(database)
    assert "night" not in await read_words(database)


async def test_erasure_leaves_no_word(database: Database) -> None:
    """Neither of an erased member nor of a server that the bot has left."""
    erasures = ErasureStore(database)
    await opened(database)
    await opened(database, OTHER, name="Atelier")
    await shown(database, await made(database, 1, prompt="my secret garden"))
    await shown(database, await made(database, 2, guild_id=OTHER, prompt="a tram", user_id=901))
    await erasures.erase_batch(ErasureBatch((1,), (1,), (), (), has_running_jobs=False))
    assert not await read_words(database) & {"my", "secret", "garden"}
    await erasures.erase_member(MAKER, now=NOW)
    assert await read_words(database) == {"server", str(GUILD), "atelier", "a", "tram", "cem"}
    await erasures.mark_guild_left(OTHER, now=NOW)
    await erasures.erase_guild(OTHER, left_before=NOW + timedelta(days=1))
    assert await read_words(database) == {"server", str(GUILD)}


async def test_a_long_word_is_found_by_any_part(database: Database) -> None:
    gallery = GalleryStore(database)
    await opened(database)
    rindfleisch = "Rindfleischetikettierungsüberwachungsaufgabe"
    await shown(database, await made(database, 1, prompt=f"Die {rindfleisch} im Film"))
    await shown(
        database, await made(database, 2, prompt="雪の中の狐が静かな森をゆっくりと歩いていく")
    )

    async def found(text: str) -> list[int]:
        page = await gallery.load_page(GallerySearch(text=text), cursor=None, limit=9)
        return numbers(page.entries)

    for part in (
        "etikettierung",
        "UBERWACHUNG",
        "aufgabe",
        "rind",
        "gsuber",
        rindfleisch,
        "kettier",
    ):
        assert await found(part) == [1], part
    assert await found("rindfleischetikettiert") == []
    assert await found("aufgaben") == []
    for part in ("狐", "森を", "静かな森をゆっくり", "いていく"):
        assert await found(part) == [2], part
    assert await found("静かな川") == []


async def test_servers_are_listed_by_their_latest_post(database: Database) -> None:
    gallery = GalleryStore(database)
    await opened(database, name="Beta")
    await opened(database, OTHER, name="alpha")
    await opened(database, 702, name="Empty")
    await shown(database, await made(database, 1, guild_id=OTHER), at=NOW)
    await shown(database, await made(database, 2), at=NOW + timedelta(hours=1))
    assert await gallery.list_guilds() == [(OTHER, "alpha"), (GUILD, "Beta")]
    assert await gallery.list_guilds(limit=1) == [(GUILD, "Beta")]
    assert await gallery.list_guilds(limit=1, including=OTHER) == [
        (OTHER, "alpha"),
        (GUILD, "Beta"),
    ]
    assert await gallery.list_guilds(limit=0, including=2**70) == []
    assert await gallery.list_guilds(limit=0, including=702) == []


async def test_a_server_that_opens_its_showcase_later_is_listed(database: Database) -> None:
    await shown(database, await made(database, 1))
    assert await GalleryStore(database).list_guilds() == []
    await opened(database)
    assert await GalleryStore(database).list_guilds() == [(GUILD, f"Server {GUILD}")]


async def test_only_what_is_public_is_like_a_clip_or_suggested(database: Database) -> None:
    """Also while the index still has the words of what was hidden or withdrawn."""
    store, gallery = ShowcasePostStore(database), GalleryStore(database)
    await opened(database)
    posts = []
    for number, prompt in enumerate(
        (
            "A paper boat",
            "Two boats, paper lanterns",
            "夜市を歩く三毛猫",
            "眠る三毛猫",
            "A boatyard",
        ),
        1,
    ):
        posts.append((await shown(database, await made(database, number, prompt=prompt)))[0])

    async def find_similar(number: int) -> list[int]:
        entry = await gallery.find_entry(number)
        assert entry is not None
        return [each.clip.id for each in await gallery.find_similar(entry, limit=5)]

    assert await find_similar(1) == [2, 5]
    assert await find_similar(3) == [4]
    assert await gallery.suggest_searches("lantrens", limit=5) == ["lanterns"]
    await store.update_post(posts[1].id, owner="w", audit_entry=None, hidden=True)
    await store.update_post(posts[3].id, owner="w", audit_entry=None, withdrawn=True)
    await store.update_post(posts[4].id, owner="w", audit_entry=None, hide_prompt=True)
    assert await find_similar(1) == []
    assert await find_similar(3) == []
    assert await gallery.suggest_searches("lantrens", limit=5) == []
    assert await gallery.list_clip_ranges(10) == [0]
    assert [number for number, _ in await gallery.list_public_clips(0, 10)] == [1, 3, 5]
