"""With `ADULTS_ONLY`, the gallery asks first. No search engine or preview sees a clip."""

from collections.abc import AsyncIterator

import aiohttp
import pytest
import pytest_asyncio

from bot.web.adults import ADULT_COOKIE_LIFETIME
from tests.harness.texts import quote_text
from tests.web import seed
from tests.web.conftest import Gallery, Serving, client

pytestmark = pytest.mark.asyncio(loop_scope="module")
PAGES = ("/", "/?q=fox&order=top", "/clips/3", f"/m/{seed.CREATOR_PAGE}", "/s/harbour-film-club")
NO_PAGES = (
    "/clips/3/video.mp4",
    "/clips/3/poster.jpg",
    "/clips/3/preview.mp4",
    "/clips/3/player",
    "/feed.atom",
    "/oembed?url=/clips/3",
    "/api/v1/clips",
)
OPEN = ("/terms", "/privacy", "/robots.txt", "/healthz", "/manifest.webmanifest", "/favicon.ico")
QUESTION = quote_text("adults.title", domain="web")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def adults_url(gallery: Gallery) -> AsyncIterator[str]:
    """Serve the module's gallery for adults only."""
    serving = Serving(gallery.data_dir, log_name="adults.log", ADULTS_ONLY="true")
    yield await serving.start()
    await serving.close()


async def confirm(http: aiohttp.ClientSession, back: str) -> aiohttp.ClientResponse:
    return await http.post("/adults", params={"back": back}, allow_redirects=False)


async def test_nothing_tells_of_a_clip_before_the_answer(adults_url: str) -> None:
    """Not even a preview of a link, which is made from the page."""
    async with client(adults_url) as http:
        for path in PAGES:
            async with http.get(path) as answer:
                page = await answer.text()
                assert answer.status == 200
                assert "Cookie" in answer.headers["Vary"]
                assert "private" in answer.headers["Cache-Control"]
            assert QUESTION in page
            assert "og:" not in page
            assert "/clips/3/" not in page
            assert 'method="post"' in page
        for path in NO_PAGES:
            async with http.get(path) as answer:
                assert answer.status == 404, path
        for path in OPEN:
            async with http.get(path) as answer:
                assert answer.status == 200, path
                assert QUESTION not in await answer.text()


async def test_the_answer_is_remembered_and_leads_back(adults_url: str) -> None:
    async with client(adults_url) as http:
        answer = await confirm(http, "/?q=fox&order=top")
        assert (answer.status, answer.headers["Location"]) == (303, "/?q=fox&order=top")
        cookie = answer.cookies["adult"]
        assert int(cookie["max-age"]) == ADULT_COOKIE_LIFETIME.total_seconds()
        assert cookie["httponly"]
        assert cookie["samesite"] == "Lax"
        remembered = {"Cookie": f"adult={cookie.value}"}  # no jar keeps cookies of an IP address
        for path in PAGES:
            async with http.get(path, headers=remembered) as page:
                assert page.status == 200, path
                assert QUESTION not in await page.text()
        for path in ("/clips/3/video.mp4", "/feed.atom", "/api/v1/clips"):
            async with http.get(path, headers=remembered) as file:
                assert file.status == 200, path
        async with http.get("/", headers={"Cookie": "adult=no"}) as page:
            assert QUESTION in await page.text()


@pytest.mark.parametrize("back", ["https://evil.example/x", "//evil.example", "/\\evil.example"])
async def test_the_answer_never_leads_to_another_site(adults_url: str, back: str) -> None:
    async with client(adults_url) as http:
        location = (await confirm(http, back)).headers["Location"]
    assert location.startswith("/")
    assert not location.startswith(("//", "/\\"))


async def test_search_engines_are_kept_away(adults_url: str, gallery: Gallery) -> None:
    async with client(adults_url) as http:
        remembered = {"Cookie": "adult=yes"}
        for path in ("/", "/clips/3", "/clips/3/video.mp4", "/feed.atom", "/terms", "/nothing"):
            async with http.get(path, headers=remembered) as answer:
                assert "noindex" in answer.headers["X-Robots-Tag"], path
        async with http.get("/robots.txt") as answer:
            rules = (await answer.text()).splitlines()
            assert "Disallow: /" in rules
            assert not any(line.startswith("Sitemap") for line in rules)
        for path in ("/sitemap.xml", "/sitemap-pages.xml", "/sitemap-clips-0.xml"):
            async with http.get(path, headers=remembered) as answer:
                assert answer.status == 404
    async with client(gallery.url) as http, http.get("/") as answer:
        assert "X-Robots-Tag" not in answer.headers
        assert QUESTION not in await answer.text()
