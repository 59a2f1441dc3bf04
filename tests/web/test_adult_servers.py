"""The gallery asks before clips and pages of servers for adults, and lists none of them."""

import html
from collections.abc import AsyncIterator
from typing import Final

import pytest
import pytest_asyncio

from bot.domain.guild import GuildRules
from bot.store.engine.database import open_database
from bot.store.guilds import GuildStore
from tests.harness.texts import quote_text
from tests.web import seed
from tests.web.conftest import Gallery, Serving, client

pytestmark = pytest.mark.asyncio(loop_scope="module")
SERVER: Final = "/s/atelier-nachtlicht"
QUESTION: Final = quote_text("adults.title", domain="web")
ADULT: Final = {"Cookie": "adult=yes"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def url(gallery: Gallery) -> AsyncIterator[str]:
    """Serve the module's gallery, in which one of two public servers is for adults."""
    database = open_database(seed.data_url(gallery.data_dir))
    rules = GuildRules(seed.ATELIER, age_restricted_only=True)
    await GuildStore(database).save_rules(rules, actor_id=1, now=seed.NOW)
    await database.close()
    serving = Serving(gallery.data_dir, log_name="servers.log")
    yield await serving.start()
    await serving.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def clip(url: str) -> int:
    """A clip of the server for adults."""
    query = f"/api/v1/clips?server={seed.ATELIER}"
    async with client(url) as http, http.get(query, headers=ADULT) as answer:
        clips = (await answer.json())["clips"]
    return int(clips[0]["id"])


async def test_pages_of_the_server_ask(url: str, clip: int) -> None:
    async with client(url) as http:
        for path in (SERVER, f"/?server={seed.ATELIER}", f"/clips/{clip}"):
            async with http.get(path) as answer:
                page = html.unescape(await answer.text())
                assert answer.status == 200, path
                assert QUESTION in page
                assert quote_text("adults.server", domain="web") in page
                assert "og:" not in page
                assert "noindex" in answer.headers["X-Robots-Tag"]
            async with http.get(path, headers=ADULT) as answer:
                assert answer.status == 200, path
                assert QUESTION not in await answer.text()
                assert "noindex" in answer.headers["X-Robots-Tag"]
                assert "private" in answer.headers["Cache-Control"]


async def test_everything_else_of_the_server_is_missing_before(url: str, clip: int) -> None:
    paths = [
        f"{SERVER}/icon.webp",
        f"/feed.atom?server={seed.ATELIER}",
        f"/api/v1/clips?server={seed.ATELIER}",
        f"/api/v1/clips/{clip}",
        f"/api/v1/clips/{clip}/chain",
        f"/oembed?url={url}/clips/{clip}",
        f"/oembed?url={url}{SERVER}",
        *(f"/clips/{clip}/{file}" for file in ("video.mp4", "poster.jpg", "preview.mp4", "player")),
    ]
    async with client(url) as http:
        for path in paths:
            async with http.get(path) as answer:
                assert answer.status == 404, path
            async with http.get(path, headers=ADULT) as answer:
                assert answer.status == 200, path
                assert "noindex" in answer.headers["X-Robots-Tag"], path


async def test_no_list_has_its_clips(url: str, clip: int) -> None:
    """Not even for adults: lists are the same for all visitors, and may be kept by caches."""
    async with client(url) as http:
        for path in ("/", "/?order=top", "/feed.atom", "/sitemap-pages.xml", "/api/v1/servers"):
            async with http.get(path, headers=ADULT) as answer:
                text = await answer.text()
                assert answer.status == 200
                assert "Harbour" in text or "harbour" in text
                for word in ("Atelier", "atelier", f"/clips/{clip}"):
                    assert word not in text, path
        async with http.get("/sitemap-clips-0.xml") as answer:
            assert f"/clips/{clip}<" not in await answer.text()


async def test_other_servers_are_open(url: str) -> None:
    async with client(url) as http:
        for path in ("/", "/clips/3", "/s/harbour-film-club"):
            async with http.get(path) as answer:
                assert QUESTION not in await answer.text()
                assert "X-Robots-Tag" not in answer.headers
        async with http.get("/robots.txt") as answer:
            assert "Sitemap:" in await answer.text()


async def test_the_answer_leads_back(url: str, clip: int) -> None:
    async with client(url) as http:
        back = {"back": f"/clips/{clip}"}
        async with http.post("/adults", params=back, allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"]) == (303, f"/clips/{clip}")
            assert answer.cookies["adult"].value == "yes"
