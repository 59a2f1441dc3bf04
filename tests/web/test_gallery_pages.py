"""The pages of servers and creators: heads, accents, icons, feeds, oEmbed, and what they hide."""

import re
from html import unescape
from pathlib import Path
from xml.etree import ElementTree as ET

import aiohttp
import pytest

from bot.domain.showcase.server_page import ServerPage, build_icon_key
from bot.web.accents import build_accent_url
from tests.harness.texts import quote_text
from tests.web import seed
from tests.web.conftest import client
from tests.web.local_site import serve_locally

BASE = "https://clips.example"
SERVER = "/s/kites"
CREATOR = "/m/0123456789abcdef"
ATOM = "{http://www.w3.org/2005/Atom}"
EVIL = '</title><script>alert(1)</script>"><img src=x onerror=alert(1)>'
PAGE = ServerPage(
    1,
    title="Films of the wind",
    description="Kites & storms, <b>every</b> Sunday.",
    accent=0xFFD400,
    invite_code="kites",
    icon_hash="0" * 32,
    has_icon=True,
)


async def read(http: aiohttp.ClientSession, path: str) -> str:
    async with http.get(path) as answer:
        assert answer.status == 200, path
        return await answer.text()


async def find_status(http: aiohttp.ClientSession, path: str) -> int:
    async with http.get(path, allow_redirects=False) as answer:
        return answer.status


async def test_a_server_is_shown_as_it_presents_itself(tmp_path: Path) -> None:
    async with (
        serve_locally(tmp_path, server_page=PAGE, base_url=BASE) as site,
        client(str(site.url)) as http,
    ):
        html = await read(http, SERVER)
        feed = ET.fromstring(await read(http, "/feed.atom?server=1"))
        async with http.get("/oembed", params={"url": f"{BASE}{SERVER}"}) as answer:
            described = await answer.json()
    page = unescape(html)
    assert re.search(r"<h1[^>]*>Films of the wind</h1>", page)
    assert "<title>Films of the wind · " in page
    assert 'og:title" content="Films of the wind · ' in page
    for name in ('name="description"', 'property="og:description"'):
        assert f'<meta {name} content="{PAGE.description}">' in page
    assert "<b>every</b>" not in html
    assert 'class="byline"><bdi>Kites</bdi>' in page, "the server's own name stays in sight"
    assert 'href="https://discord.gg/kites" rel="noopener nofollow"' in page
    assert quote_text("server.invite", domain="web") in page
    assert feed.findtext(f"{ATOM}title", "").startswith("Films of the wind · ")
    assert feed.findtext(f"{ATOM}subtitle") == PAGE.description
    assert feed.findtext(f"{ATOM}icon") == f"{BASE}{SERVER}/icon.webp"
    [alternate] = [each for each in feed.iter(f"{ATOM}link") if each.get("rel") == "alternate"][:1]
    assert alternate.get("href") == f"{BASE}{SERVER}"
    assert (described["type"], described["title"]) == ("link", "Films of the wind")
    assert described["author_name"] == "Kites"
    assert described["thumbnail_url"] == f"{BASE}{SERVER}/icon.webp"


async def test_a_server_that_says_nothing_has_its_name(tmp_path: Path) -> None:
    async with serve_locally(tmp_path) as site, client(str(site.url)) as http:
        page = unescape(await read(http, SERVER))
    assert re.search(r"<h1[^>]*>Kites</h1>", page)
    assert 'class="initial" aria-hidden="true">K<' in page
    assert "discord.gg" not in page
    assert "/static/accent-" not in page


async def test_what_admins_write_stays_in_its_place(tmp_path: Path) -> None:
    """Nothing is markup, nothing is loaded from elsewhere, and no style is in the page."""
    evil = ServerPage(1, title=EVIL, description=f"\u202e{EVIL}", accent=0, invite_code="kites")
    async with (
        serve_locally(tmp_path, server_page=evil) as site,
        client(str(site.url)) as http,
        http.get(SERVER) as answer,
    ):
        page = await answer.text()
        policy = answer.headers["Content-Security-Policy"]
        async with http.get("/feed.atom?server=1") as feed:
            ET.fromstring(await feed.text())
    assert "style-src 'self';" in policy
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    assert "\u202e" not in page
    assert " style=" not in page
    assert "<style" not in page
    loaded = re.findall(r'<(?:img|script|video|source)[^>]* src="([^"]+)"', page)
    loaded += re.findall(r'<link rel="(?:stylesheet|icon)" href="([^"]+)"', page)
    assert len(loaded) > 4
    assert all(address.startswith("/") for address in loaded)


async def test_an_accent_is_a_stylesheet_of_its_own(tmp_path: Path) -> None:
    async with (
        serve_locally(tmp_path, server_page=PAGE) as site,
        client(str(site.url)) as http,
    ):
        page = unescape(await read(http, SERVER))
        [address] = re.findall(r'<link rel="stylesheet" href="(/static/accent-[^"]+)"', page)
        assert address == build_accent_url(0xFFD400)
        assert page.index("gallery.css") < page.index(address), "it comes after what it changes"
        async with http.get(address) as answer:
            assert answer.content_type == "text/css"
            assert answer.headers["Cache-Control"].endswith("immutable")
            sheet, tag = await answer.text(), answer.headers["ETag"]
        async with http.get(address, headers={"If-None-Match": tag}) as answer:
            assert answer.status == 304
        async with http.get(address.partition("?")[0]) as answer:
            assert "immutable" not in answer.headers["Cache-Control"]
        for path in ("/static/accent-red.css", "/static/accent-FFD400.css"):
            assert await find_status(http, path) == 404
    assert sheet.count("--lamp:") == 2, "one for each scheme"


async def test_an_icon_comes_from_the_gallery_itself(tmp_path: Path) -> None:
    async with (
        serve_locally(tmp_path, server_page=PAGE) as site,
        client(str(site.url)) as http,
    ):
        assert f'class="icon" src="{SERVER}/icon.webp"' in await read(http, SERVER)
        assert await find_status(http, f"{SERVER}/icon.webp") == 404
        seed.draw_icon(tmp_path / build_icon_key(1))
        async with http.get(f"{SERVER}/icon.webp") as answer:
            assert (answer.status, answer.content_type) == (200, "image/webp")
        assert await find_status(http, "/s/nobody/icon.webp") == 404


async def test_a_creators_page_is_there_while_it_is_open(tmp_path: Path) -> None:
    async with (
        serve_locally(tmp_path, base_url=BASE, creator_page=CREATOR.removeprefix("/m/")) as site,
        client(str(site.url)) as http,
    ):
        page = unescape(await read(http, CREATOR))
        wall, clip = unescape(await read(http, "/")), unescape(await read(http, "/clips/5"))
        feed = ET.fromstring(await read(http, f"/feed.atom?maker={CREATOR.removeprefix('/m/')}"))
        async with http.get("/oembed", params={"url": f"{BASE}/clips/5"}) as answer:
            described = await answer.json()
        async with http.get("/api/v1/clips/5") as answer:
            listed = await answer.json()
        for gone in ("/m/fedcba9876543210", "/feed.atom?maker=fedcba9876543210"):
            assert await find_status(http, gone) == 404
        assert await find_status(http, "/?maker=No") == 400
    assert re.search(r"<h1[^>]*>Ada</h1>", page)
    assert f'rel="canonical" href="{BASE}{CREATOR}"' in page
    assert 'og:type" content="profile"' in page
    assert f'href="{CREATOR}"><bdi>Ada</bdi>' in wall
    assert f'href="{CREATOR}" rel="author"' in clip
    assert feed.findtext(f"{ATOM}entry/{ATOM}author/{ATOM}uri") == BASE + CREATOR
    assert described["author_url"] == listed["maker_url"] == BASE + CREATOR


async def test_without_a_page_a_name_is_no_link(tmp_path: Path) -> None:
    async with serve_locally(tmp_path) as site, client(str(site.url)) as http:
        assert "/m/" not in await read(http, "/")
        assert await find_status(http, CREATOR) == 404


async def test_the_pages_of_a_real_gallery(http: aiohttp.ClientSession) -> None:
    """Queries, files and addresses of the whole program."""
    server = unescape(await read(http, "/s/atelier-nachtlicht"))
    assert build_accent_url(seed.ACCENT) in server
    assert "https://discord.gg/nachtlicht" in server
    async with http.get("/s/atelier-nachtlicht/icon.webp") as answer:
        assert answer.content_type == "image/webp"
    page = await read(http, f"/m/{seed.CREATOR_PAGE}")
    names = re.findall(r'class="who"[^>]*>(?:<bdi>)?(\w+)', page)
    assert set(names) == {"Gita"}
    async with http.get("/api/v1/clips", params={"maker": seed.CREATOR_PAGE}) as answer:
        clips = (await answer.json())["clips"]
    assert {clip["maker"] for clip in clips} == {"Gita"}
    narrowed = unescape(await read(http, f"/?maker={seed.CREATOR_PAGE}&q=nothing-like-it"))
    assert re.search(r"<h1[^>]*>Gita</h1>", narrowed)
    assert f'href="/m/{seed.CREATOR_PAGE}"' in narrowed, "the way back"


@pytest.mark.parametrize("path", ["/s/back-room/icon.webp", f"/s/{seed.SECRET}/icon.webp"])
async def test_a_closed_servers_icon_is_not_there(http: aiohttp.ClientSession, path: str) -> None:
    assert await find_status(http, path) == 404
