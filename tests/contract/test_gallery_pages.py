"""The pages of servers and creators on both databases, and the copies of servers' icons."""

import asyncio
from dataclasses import replace
from pathlib import Path

from bot.domain.errors import DiscordUnavailable, ImageRefused
from bot.domain.ports import ServerIconSource
from bot.domain.showcase.gallery import GalleryOrder, GallerySearch
from bot.domain.showcase.post import AuditAction
from bot.domain.showcase.server_page import (
    PageField,
    ServerPage,
    build_icon_key,
    read_page_form,
)
from bot.media.images import ProcessImageDecoder
from bot.media.local_store import LocalMediaStore
from bot.services.showcase.creator_pages import CreatorPages
from bot.services.showcase.server_icons import ServerIcons
from bot.services.showcase.server_pages import ServerPages
from bot.store.engine.database import Database
from bot.store.privacy.erasure import ErasureStore
from bot.store.privacy.exports import ExportStore
from bot.store.showcase.creator_pages import CreatorPageStore
from bot.store.showcase.gallery import GalleryStore
from bot.store.showcase.posts import ShowcasePostStore
from bot.store.showcase.server_pages import ServerPageStore
from bot.store.showcase.settings import ShowcaseSettingsStore
from tests.contract.test_showcase_services import ShowcaseProcess
from tests.contract.test_showcase_store import (
    ADMIN,
    GUILD,
    MAKER,
    NOW,
    OTHER,
    made,
    opened,
    record,
    shown,
)
from tests.fakes.clock import VirtualClock
from tests.fakes.world import SimulatedWorld
from tests.unit.images.samples import encoded, picture

ICON = encoded("PNG", picture((128, 128)))
FORM = {
    PageField.TITLE: "Harbour films",
    PageField.DESCRIPTION: "Made by night.",
    PageField.ACCENT: "#3366ff",
    PageField.INVITE: "discord.gg/harbour",
}


class IconsInMemory(ServerIconSource):
    """Icons by server; ``error`` is raised instead of a download."""

    def __init__(self) -> None:
        self.icons: dict[int, tuple[str, bytes]] = {}
        self.error: Exception | None = None
        self.download_count = 0

    def find_icon_hash(self, guild_id: int) -> str | None:
        found = self.icons.get(guild_id)
        return None if found is None else found[0]

    async def download_icon(self, guild_id: int, destination: Path, *, max_bytes: int) -> None:
        self.download_count += 1
        if self.error is not None:
            raise self.error
        await asyncio.to_thread(destination.write_bytes, self.icons[guild_id][1])


def build_server_pages(database: Database) -> ServerPages:
    return ServerPages(store=ServerPageStore(database), clock=VirtualClock(start=NOW))


def build_creator_pages(database: Database) -> CreatorPages:
    return CreatorPages(
        store=CreatorPageStore(database),
        clock=VirtualClock(start=NOW),
        gallery_url="https://clips.example/",
    )


async def test_what_an_admin_writes_is_kept_and_logged(database: Database) -> None:
    pages = build_server_pages(database)
    assert await pages.store.load_server_page(GUILD) == ServerPage(GUILD)
    page, unusable = await pages.change_page(GUILD, FORM, actor_id=ADMIN)
    assert unusable == []
    assert await pages.store.load_server_page(GUILD) == page
    await pages.change_page(GUILD, read_page_form(page), actor_id=ADMIN)
    entries = await ShowcaseSettingsStore(database).list_audit_entries(GUILD, limit=9)
    assert [(each.action, each.actor_id) for each in entries] == [(AuditAction.PAGE, ADMIN)]
    assert not any(each.comment for each in entries), "the words are on the page"
    assert await pages.store.load_server_page(OTHER) == ServerPage(OTHER)


async def test_words_and_icon_are_changed_apart(database: Database) -> None:
    pages = build_server_pages(database)
    await pages.store.record_icon(GUILD, icon_hash="a" * 32, has_icon=True, accent=0x102030)
    await pages.change_page(GUILD, FORM, actor_id=ADMIN)
    page = await pages.store.load_server_page(GUILD)
    assert (page.has_icon, page.icon_hash, page.icon_accent) == (True, "a" * 32, 0x102030)
    await pages.store.record_icon(GUILD, icon_hash=None, has_icon=False, accent=None)
    page = await pages.store.load_server_page(GUILD)
    assert (page.title, page.shown_accent, page.has_icon) == ("Harbour films", 0x3366FF, False)


async def test_an_icon_is_kept_while_it_is_shown(database: Database, tmp_path: Path) -> None:
    source, media_store = IconsInMemory(), LocalMediaStore(tmp_path)
    pages = ServerPageStore(database)
    icons = ServerIcons(
        server_pages=pages,
        icon_source=source,
        image_decoder=ProcessImageDecoder(),
        media_store=media_store,
        clock=VirtualClock(start=NOW),
    )
    settings = await opened(database, public=False)
    source.icons[GUILD] = ("a" * 32, ICON)
    await icons.run_once()
    assert source.download_count == 0, "nobody sees it"

    store = ShowcaseSettingsStore(database)
    await store.configure(replace(settings, public=True), None)
    source.error = DiscordUnavailable("busy")
    await icons.run_once()
    assert not (await pages.load_server_page(GUILD)).has_icon
    source.error = None
    await icons.run_once()
    await icons.run_once()
    assert source.download_count == 2, "it is fetched again only after a failure"
    page = await pages.load_server_page(GUILD)
    assert page.has_icon
    assert page.icon_accent is not None
    assert await media_store.find(build_icon_key(GUILD)) is not None

    source.icons[GUILD] = ("b" * 32, b"no picture")
    await icons.run_once()
    await icons.run_once()
    page = await pages.load_server_page(GUILD)
    assert (page.icon_hash, page.has_icon, page.icon_accent) == ("b" * 32, False, None)
    assert source.download_count == 3, "what cannot be used is not fetched again"
    assert await media_store.find(build_icon_key(GUILD)) is None

    source.icons[GUILD] = ("c" * 32, ICON)
    await icons.run_once()
    assert (await pages.load_server_page(GUILD)).has_icon
    await store.configure(settings, None)
    await icons.run_once()
    assert (await pages.load_server_page(GUILD)).icon_hash is None
    assert await media_store.find(build_icon_key(GUILD)) is None, "no page shows it any more"
    assert [path.name for path in (tmp_path / "icons").iterdir()] == []


async def test_an_icon_that_is_gone_is_no_error(database: Database, tmp_path: Path) -> None:
    source = IconsInMemory()
    source.icons[GUILD] = ("a" * 32, ICON)
    source.error = ImageRefused("image_gone")
    await opened(database, public=True)
    icons = ServerIcons(
        server_pages=ServerPageStore(database),
        icon_source=source,
        image_decoder=ProcessImageDecoder(),
        media_store=LocalMediaStore(tmp_path),
        clock=VirtualClock(start=NOW),
    )
    await icons.run_once()
    await icons.run_once()
    assert source.download_count == 1


async def test_a_left_servers_page_and_icon_go_with_it(world: SimulatedWorld) -> None:
    world.clock = VirtualClock(start=NOW)
    process = ShowcaseProcess(world)
    pages = build_server_pages(world.database)
    await pages.change_page(GUILD, FORM, actor_id=ADMIN)
    assert GUILD in await ErasureStore(world.database).list_known_guilds()
    await process.privacy.mark_guild_left(GUILD)
    world.clock.jump_ahead(31 * 24 * 3600)
    await process.privacy.run_due()
    assert await pages.store.load_server_page(GUILD) == ServerPage(GUILD)
    assert build_icon_key(GUILD) in process.discord.removed_files


async def test_a_creator_opens_a_page_that_does_not_name_them(database: Database) -> None:
    pages = build_creator_pages(database)
    assert await pages.find_address(MAKER) is None
    await pages.set_open(MAKER, True)
    address = await pages.find_address(MAKER)
    assert address is not None
    assert str(MAKER) not in address.removeprefix("https://clips.example")
    await pages.set_open(MAKER, True)
    assert await pages.find_address(MAKER) == address, "it keeps its address"
    await pages.set_open(MAKER, False)
    assert await pages.find_address(MAKER) is None
    await pages.set_open(MAKER, True)
    assert await pages.find_address(MAKER) != address, "an old address never works again"


async def test_a_page_shows_what_is_public_of_its_creator_alone(database: Database) -> None:
    gallery, pages = GalleryStore(database), CreatorPageStore(database)
    await opened(database, public=True)
    await opened(database, OTHER, public=True)
    await opened(database, 702, public=False)
    for number, guild_id, user_id in (
        (1, GUILD, MAKER),
        (2, OTHER, MAKER),
        (3, 702, MAKER),
        (4, GUILD, 901),
    ):
        clip = await made(database, number, guild_id=guild_id, user_id=user_id)
        await shown(database, clip, guild_id=guild_id, public=True)
    assert await pages.list_public_keys(limit=9) == []
    key = await pages.open_page(MAKER, now=NOW)
    await pages.open_page(902, now=NOW)  # has no clips
    assert await pages.list_public_keys(limit=9) == [key]
    for order in GalleryOrder:
        search = GallerySearch(creator_page=key, order=order)
        page = await gallery.load_page(search, cursor=None, limit=9)
        assert {entry.clip.id for entry in page.entries} == {1, 2}
        first = await gallery.load_page(search, cursor=None, limit=1)
        rest = await gallery.load_page(search, cursor=first.next_cursor, limit=9)
        assert len(rest.entries) == 1
    counts = await gallery.count_clips(GallerySearch(creator_page=key))
    assert sum(each.count for each in counts) == 2
    everything = await gallery.load_page(GallerySearch(), cursor=None, limit=9)
    assert {entry.clip.id: entry.creator_page for entry in everything.entries} == {
        1: key,
        2: key,
        4: None,
    }
    block = record(AuditAction.BLOCK, target_user_id=MAKER)
    await ShowcasePostStore(database).set_blocked(block, blocked=True, owner="w")
    blocked = await gallery.load_page(search, cursor=None, limit=9)
    assert [entry.clip.id for entry in blocked.entries] == [2], "a block counts in its server"
    await pages.close_page(MAKER)
    assert not (await gallery.load_page(search, cursor=None, limit=9)).entries
    assert await pages.list_public_keys(limit=9) == []


async def test_a_page_is_exported_and_erased_with_its_creator(database: Database) -> None:
    pages, erasures = CreatorPageStore(database), ErasureStore(database)
    key = await pages.open_page(MAKER, now=NOW)
    [exported] = (await ExportStore(database).export_member(MAKER))["creator_page"]
    assert exported["page_key"] == key
    await erasures.request_erasure(MAKER, owner="w", now=NOW)
    await erasures.erase_member(MAKER, now=NOW)
    assert await pages.find_key(MAKER) is None
