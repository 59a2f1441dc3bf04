"""Clips of servers for adults are shown to those who ask for them, and listed for nobody else."""

from bot.domain.guild import GuildRules
from bot.domain.showcase.gallery import GallerySearch
from bot.store.engine.database import Database
from bot.store.guilds import GuildStore
from bot.store.showcase.creator_pages import CreatorPageStore
from bot.store.showcase.gallery import GalleryStore
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


async def restrict(database: Database, guild_id: int, *, restricted: bool = True) -> None:
    rules = GuildRules(guild_id, age_restricted_only=restricted)
    await GuildStore(database).save_rules(rules, actor_id=1, now=NOW)


async def test_lists_leave_out_servers_for_adults(database: Database) -> None:
    gallery, pages = GalleryStore(database), CreatorPageStore(database)
    await opened(database)
    await opened(database, OTHER, name="Late")
    key = await pages.open_page(MAKER, now=NOW)
    await shown(database, await made(database, 1, guild_id=OTHER, prompt="a red fox"))
    second = await made(database, 2, prompt="a red fox runs", parent_clip_id=1, root_clip_id=1)
    await restrict(database, OTHER)
    assert await gallery.list_models() == []
    assert await pages.list_public_keys(limit=9) == []
    await shown(database, second)

    async def find(**search: object) -> list[int]:
        wanted = GallerySearch(**search)  # type: ignore[arg-type]
        return numbers((await gallery.load_page(wanted, cursor=None, limit=9)).entries)

    assert await find() == await find(text="fox") == await find(creator_page=key) == [2]
    assert await find(guild_id=OTHER) == [1]
    assert sum(each.count for each in await gallery.count_clips(GallerySearch())) == 1
    assert await gallery.list_guilds() == [(GUILD, f"Server {GUILD}")]
    assert len(await gallery.list_guilds(with_adults=True)) == 2
    assert len(await gallery.list_guilds(including=OTHER)) == 2
    assert [number for number, _ in await gallery.list_public_clips(0, 9)] == [2]
    assert await gallery.is_server_for_adults(OTHER)
    for guild_id in (GUILD, 0, 2**70):
        assert not await gallery.is_server_for_adults(guild_id)
    one, two = await gallery.find_entry(1), await gallery.find_entry(2)
    assert one is not None
    assert two is not None
    assert (one.is_for_adults, two.is_for_adults) == (True, False)
    assert await gallery.find_similar(two, limit=5) == []
    assert numbers(await gallery.load_lineage(1)) == [1]
    assert await gallery.load_filmstrip(2) is None


async def test_a_choice_taken_back_shows_them_again(database: Database) -> None:
    await opened(database)
    await shown(database, await made(database, 1))
    everywhere = GalleryStore(database, lists_adults=True)

    async def find(gallery: GalleryStore) -> list[int]:
        return numbers((await gallery.load_page(GallerySearch(), cursor=None, limit=9)).entries)

    await restrict(database, GUILD)
    assert (await find(GalleryStore(database)), await find(everywhere)) == ([], [1])
    await restrict(database, GUILD, restricted=False)
    assert await find(GalleryStore(database)) == await find(everywhere) == [1]
