"""Servers' addresses are made from their names and are never those of another server."""

import pytest

from bot.web.servers import ServerAddresses, build_slug
from tests.fakes.clock import VirtualClock
from tests.web import seed
from tests.web.local_site import GalleryInMemory


class NamedServers(GalleryInMemory):
    def __init__(self, **names: int) -> None:
        self.names = names

    async def list_guilds(
        self, *, limit: int = 100, including: int | None = None, with_adults: bool = False
    ) -> list[tuple[int, str]]:
        return [(guild_id, name.replace("_", " ")) for name, guild_id in self.names.items()]


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Harbour Film Club", "harbour-film-club"),
        ("  Café Ünïted!! ", "cafe-united"),
        ("館画映 の夜", "館画映-の夜"),
        ("🎬🎬", ""),
        ("12 34", ""),
        ("a/../b?c#d", "a-b-c-d"),
    ],
)
def test_a_name_becomes_part_of_an_address(name: str, slug: str) -> None:
    assert build_slug(name) == slug


async def test_of_two_servers_with_one_name_the_older_one_keeps_it() -> None:
    clock = VirtualClock(start=seed.NOW)
    addresses = ServerAddresses()
    gallery = NamedServers(Film_Club=8, film_club=7)
    await addresses.refresh(gallery, clock)
    assert addresses.build_path(7) == "/s/film-club"
    assert addresses.build_path(8) == "/s/8"
    assert [addresses.find_guild_id(each) for each in ("Film Club", "8", "7", "x")] == [
        7,
        8,
        7,
        None,
    ]
    gallery.names = {"Renamed": 7, "Film_Club": 8}
    await addresses.refresh(gallery, clock)
    assert addresses.build_path(7) == "/s/film-club", "names are read once a minute"
    clock.jump_ahead(61)
    await addresses.refresh(gallery, clock)
    assert [addresses.build_path(each) for each in (7, 8)] == ["/s/renamed", "/s/film-club"]
