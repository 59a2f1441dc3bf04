"""Pages, API and feed follow web standards and work with other programs."""

import gzip
import io
import json
import re
from collections.abc import Callable
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree as ET

import aiohttp
import brotli
import jsonschema
import pytest
import zstandard
from aiohttp.test_utils import make_mocked_request
from PIL import Image
from yarl import URL

from bot.web.negotiation import choose_encoding, parse_weighted_list
from bot.web.openapi import build_openapi_document
from bot.web.page_texts import LANGUAGES, choose_language
from bot.web.view_models import contain_text
from tests.harness.texts import quote_text
from tests.web import seed
from tests.web.conftest import Gallery
from tests.web.local_site import serve_locally

ATOM = "{http://www.w3.org/2005/Atom}"
DECODERS: dict[str | None, Callable[[bytes], bytes]] = {
    None: bytes,
    "br": brotli.decompress,
    "gzip": gzip.decompress,
    "zstd": zstandard.decompress,
}
RIGHT_TO_LEFT = "\u202e"


async def read_page(http: aiohttp.ClientSession, path: str, **headers: str) -> str:
    async with http.get(path, headers=headers) as answer:
        assert answer.status == 200, await answer.text()
        return await answer.text()


async def test_the_language_switch_keeps_the_search(http: aiohttp.ClientSession) -> None:
    """Characters with a meaning in URLs are preserved. [web-W06]"""
    page = await read_page(http, "/?q=c%2B%2B+a%26b")
    links = re.findall(r'href="(/language\?[^"]+)"', page)
    async with http.get(unescape(links[0]), allow_redirects=False) as answer:
        back = answer.headers["Location"]
    assert back == "/?q=c%2B%2B+a%26b"
    assert 'value="c++ a&amp;b"' in await read_page(http, back)


@pytest.mark.parametrize("sign", "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
def test_no_name_turns_round_what_stands_beside_it(sign: str) -> None:
    """Explicit directions are removed; Arabic, Hebrew and marks stay. [web-W07]"""
    assert contain_text(f"Zoë {sign}evil") == "Zoë evil"
    assert contain_text("مرحبا \u200fשלום\u200e") == "مرحبا \u200fשלום\u200e"


@pytest.mark.parametrize("sign", "\x00\x07\x0b\x1b\x7f\x85\ufdd0\ufffe\uffff\U0001fffe\U0010ffff")
def test_invalid_characters_are_removed_from_texts(sign: str) -> None:
    """Control characters and noncharacters are removed from every text. [web-W25]"""
    assert contain_text(f"a{sign}b") == "a b"


@pytest.mark.parametrize(
    "path", ["/", "/clips/5", "/clips/5/player", "/feed.atom", "/api/v1/clips/5", "/oembed"]
)
async def test_typed_text_has_no_effect_on_pages_feed_or_api(path: str, tmp_path: Path) -> None:
    """Directions and control characters reach no page, feed or API. [web-W07, web-W25]"""
    names: dict[str, Any] = {
        "creator_name": f"Zoë {RIGHT_TO_LEFT}evil",
        "guild_name": f"Club {RIGHT_TO_LEFT}\x07",
        "prompt": f"A bell\x07 rings {RIGHT_TO_LEFT}backwards",
    }
    async with (
        serve_locally(tmp_path, **names) as site,
        aiohttp.ClientSession(site.url) as http,
        http.get(path, params={"url": "http://127.0.0.1:8080/clips/5"}) as answer,
    ):
        text = await answer.text()
    assert answer.status == 200
    assert "evil" in text or path.endswith("player")
    assert RIGHT_TO_LEFT not in text
    assert "\\u0007" not in text
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f]", text)


async def test_names_and_prompts_have_a_direction_of_their_own(tmp_path: Path) -> None:
    """An Arabic prompt begins on the right and affects nothing else. [web-W07]"""
    async with (
        serve_locally(tmp_path, creator_name="ليلى", prompt="قطة على القمر") as site,
        aiohttp.ClientSession(site.url) as http,
    ):
        gallery = await read_page(http, "/")
        clip = await read_page(http, "/clips/5")
    assert '<bdi class="who">ليلى</bdi>' in gallery
    assert re.search(r'class="name" dir="auto">قطة', gallery)
    assert re.search(r'<h1 dir="auto">قطة', clip)
    assert "\u2068ليلى\u2069" in clip
    assert re.search(r'<textarea[^>]* dir="auto"', clip)


@pytest.mark.parametrize("path", ["/static/x", "/healthzzz", "/x.jpg", "/clips/99/video.mp4", "/x"])
async def test_what_does_not_exist_is_limited(path: str, tmp_path: Path) -> None:
    """Unknown addresses count toward the rate limit too. [web-W12]"""
    async with (
        serve_locally(tmp_path, requests_per_minute=4) as site,
        aiohttp.ClientSession(site.url) as http,
    ):
        statuses = []
        for _ in range(6):
            async with http.get(path) as answer:
                statuses.append(answer.status)
        async with http.get("/healthz") as answer:
            assert answer.status == 200, "health is always told"
    assert statuses[:2] == [404, 404]
    assert set(statuses[2:]) == {429}


@pytest.mark.parametrize(
    ("header", "encoding"),
    [
        (None, None),
        ("", None),
        ("identity", None),
        ("gzip", "gzip"),
        ("GZIP", "gzip"),
        ("gzip;q=0", None),
        ("gzip; q=0.0, *", "br"),
        ("gzip;q=0.5", "gzip"),
        ("gzip;Q=0.5", "gzip"),
        ("deflate", None),
        ("zstd;q=1, br;q=0.9, gzip;q=0.8", "zstd"),
        ("zstd, gzip", "zstd"),
        ("gzip, deflate, br, zstd", "br"),
        ("br;q=0, *;q=0", None),
        ("*", "br"),
        ("*;q=0", None),
        ("x-gzip", "gzip"),
        ("notgzip", None),
    ],
)
async def test_the_encoding_is_negotiated(
    gallery: Gallery, header: str | None, encoding: str | None
) -> None:
    """For pages and files: the one that is preferred, otherwise plain. [web-W14]"""
    headers = {} if header is None else {"Accept-Encoding": header}
    request = make_mocked_request("GET", "/", headers=headers)
    assert choose_encoding(request) == encoding
    async with aiohttp.ClientSession(
        gallery.url, auto_decompress=False, skip_auto_headers=["Accept-Encoding"]
    ) as http:
        for path in ("/", "/static/gallery.css", "/api/v1/clips"):
            async with http.get(path, headers=headers) as answer:
                assert answer.headers.get("Content-Encoding") == encoding
                assert "Accept-Encoding" in answer.headers["Vary"]
                assert b"width" in DECODERS[encoding](await answer.read())


async def test_the_first_page_is_light(gallery: Gallery) -> None:
    """Without pictures and clips it is below 100 kB, as browsers fetch it."""
    sizes = {}
    async with aiohttp.ClientSession(gallery.url, auto_decompress=False) as http:
        headers = {"Accept-Encoding": "gzip, deflate, br, zstd"}
        async with http.get("/", headers=headers) as answer:
            body = await answer.read()
        sizes["/"] = len(body)
        page = brotli.decompress(body).decode()
        for path in set(re.findall(r'"(/static/[^"]+|/manifest[^"]+)"', page)):
            async with http.get(path, headers=headers) as answer:
                sizes[path] = len(await answer.read())
    assert len(sizes) >= 5
    assert sum(sizes.values()) < 100_000, sizes
    for still in re.findall(r'<img class="still"[^>]*>', page):
        assert re.search(r' srcset="[^"]+ \d+w" sizes="[^"]+".* width="\d+" height="\d+"', still)


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("fr;Q=0.9", "fr"),
        ("FR;q=0.9, en;q=0.8", "fr"),
        ("fr ; q = 0.9", "fr"),
        ("en;q=0.1, de;q=1.000", "de"),
        ("fr;q=0, de", "de"),
        ("fr;q=nonsense, ja;q=0.3", "ja"),
        (";;;,,,;q=1", "en"),
    ],
)
def test_weights_are_read_as_the_standard_writes_them(header: str, language: str) -> None:
    """RFC 9110, 12.4.2: names and q without regard to case, spaces allowed. [web-W15]"""
    assert choose_language(None, header) == language


def test_weighted_lists_are_bounded() -> None:
    assert len(parse_weighted_list("a," * 10_000)) <= 20


@pytest.mark.parametrize(
    ("query", "canonical"),
    [
        ("?utm_source=x&fbclid=1", "/"),
        ("?q=&order=new", "/"),
        ("?order=top&utm_source=x", "/?order=top"),
        ("?server=7001&gclid=2", "/s/harbour-film-club"),
    ],
)
async def test_one_page_has_one_address(
    http: aiohttp.ClientSession, gallery: Gallery, query: str, canonical: str
) -> None:
    """Added parameters and cursors are not part of a page's address. [web-W16]"""
    page = await read_page(http, f"/{query}")
    for pattern in (r'rel="canonical" href="([^"]+)"', r'og:url" content="([^"]+)"'):
        [found] = re.findall(pattern, page)
        assert unescape(found) == gallery.url + canonical
    more = re.search(r'id="more" href="([^"]+)"', page)
    if more:
        second = await read_page(http, unescape(more[1]))
        assert f'rel="canonical" href="{gallery.url}{canonical}"' in unescape(second)


@pytest.mark.parametrize(
    ("path", "address", "is_findable"),
    [
        ("/?utm_source=x", "/", True),
        ("/?server=7001", "/s/harbour-film-club", True),
        ("/s/harbour-film-club?q=boat", "/s/harbour-film-club?q=boat", False),
        (f"/m/{seed.CREATOR_PAGE}?utm_source=x", f"/m/{seed.CREATOR_PAGE}", True),
        (f"/?maker={seed.CREATOR_PAGE}&order=top", f"/m/{seed.CREATOR_PAGE}?order=top", False),
        ("/?q=boat", "/?q=boat", False),
        ("/clips/3?utm_source=x", "/clips/3", True),
    ],
)
async def test_each_language_of_a_page_has_an_address(
    http: aiohttp.ClientSession, gallery: Gallery, path: str, address: str, is_findable: bool
) -> None:
    joint = "&" if "?" in address else "?"
    versions = {
        language: f"{gallery.url}{address}{joint}lang={language}" for language in LANGUAGES
    } | {"x-default": gallery.url + address}
    for asked, canonical in ((path, "x-default"), (f"{address}{joint}lang=ja", "ja")):
        page = unescape(await read_page(http, asked))
        alternates = re.findall(r'rel="alternate" hreflang="([^"]+)" href="([^"]+)"', page)
        assert dict(alternates) == versions
        assert f'rel="canonical" href="{versions[canonical]}"' in page
        assert ('name="robots" content="noindex' not in page) is is_findable
    assert '<html lang="ja">' in page
    back = quote(address, safe="").replace("%20", "+")
    assert f"back={back}" in page, "another language can be chosen"


async def test_search_engines_find_what_is_public_and_nothing_else(
    http: aiohttp.ClientSession, gallery: Gallery
) -> None:
    robots = await read_page(http, "/robots.txt")
    assert f"Sitemap: {gallery.url}/sitemap.xml" in robots
    found: list[str] = []
    for sitemap in await read_places(http, "/sitemap.xml"):
        found += await read_places(http, URL(sitemap).path)
    shown: set[str] = set()
    cursor: str | None = ""
    while cursor is not None:
        async with http.get("/api/v1/clips", params={"cursor": cursor}) as answer:
            page = await answer.json()
        shown |= {clip["url"] for clip in page["clips"]}
        cursor = page["next_cursor"]
    servers = {f"{gallery.url}/s/{name}" for name in ("harbour-film-club", "atelier-nachtlicht")}
    pages = {f"{gallery.url}{path}" for path in ("/", "/terms", "/privacy")}
    creator = f"{gallery.url}/m/{seed.CREATOR_PAGE}"
    assert set(found) == shown | servers | pages | {creator}
    async with http.get("/sitemap-clips-999999999.xml") as answer:
        assert answer.status == 404


async def read_places(http: aiohttp.ClientSession, path: str) -> list[str]:
    namespace = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
    sitemap = ET.fromstring(await read_page(http, path))
    return [place.text or "" for place in sitemap.iter(f"{namespace}loc")]


async def test_a_clip_is_described_for_search_engines(
    http: aiohttp.ClientSession, gallery: Gallery
) -> None:
    for number in (3, 7):
        page = await read_page(http, f"/clips/{number}")
        [block] = re.findall(r'<script type="application/ld\+json">(.*?)</script>', page)
        described = json.loads(block)
        assert described["@type"] == "VideoObject"
        assert described["contentUrl"] == f"{gallery.url}/clips/{number}/video.mp4"
        assert re.fullmatch(r"PT\d+S", described["duration"])
        assert "Secret of the house" not in block


async def test_the_gallery_can_be_put_on_a_home_screen(http: aiohttp.ClientSession) -> None:
    async with http.get("/manifest.webmanifest") as answer:
        assert answer.content_type == "application/manifest+json"
        manifest = await answer.json(content_type=None)
    for icon in manifest["icons"]:
        async with http.get(icon["src"]) as answer:
            assert answer.content_type == icon["type"]
            if icon["sizes"] != "any":
                size = Image.open(io.BytesIO(await answer.read())).size
                assert icon["sizes"] == f"{size[0]}x{size[1]}"


def test_a_servers_number_of_today_is_described() -> None:
    """Discord's ids have had 19 digits since 2022. [web-W17]"""
    document = build_openapi_document("https://clips.example")
    parameters = document["paths"]["/api/v1/clips"]["get"]["parameters"]
    [schema] = [each["schema"] for each in parameters if each["name"] == "server"]
    jsonschema.validate("1576582373460410368", schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate("15765823734604103680", schema)


@pytest.mark.parametrize(
    ("clip", "query", "player", "thumbnail"),
    [
        (3, {}, (960, 540), (1280, 720)),
        (3, {"maxwidth": "100"}, (100, 56), None),
        (3, {"maxheight": "90"}, (160, 90), None),
        (3, {"maxwidth": "2000", "maxheight": "2000"}, (960, 540), (1280, 720)),
        (3, {"maxwidth": "0"}, (960, 540), (1280, 720)),
        (3, {"maxwidth": "-5"}, (960, 540), (1280, 720)),
        (6, {}, (360, 640), (360, 640)),
        (6, {"maxheight": "320"}, (180, 320), None),
        (6, {"maxwidth": "1"}, (1, 1), None),
    ],
)
async def test_an_embedded_player_keeps_to_the_limits(
    http: aiohttp.ClientSession,
    gallery: Gallery,
    clip: int,
    query: dict[str, str],
    player: tuple[int, int],
    thumbnail: tuple[int, int] | None,
) -> None:
    """No side exceeds the requested size, and the thumbnail's size is correct. [web-W20]"""
    address = {"url": f"{gallery.url}/clips/{clip}"}
    async with http.get("/oembed", params=address | query) as answer:
        card = await answer.json()
    assert (card["width"], card["height"]) == player
    assert f'width="{player[0]}" height="{player[1]}"' in card["html"]
    if thumbnail is None:
        assert not any(key.startswith("thumbnail") for key in card)
    else:
        assert (card["thumbnail_width"], card["thumbnail_height"]) == thumbnail


async def test_the_icon_is_where_browsers_look(http: aiohttp.ClientSession) -> None:
    """Even for a page that names no icon. [web-W30]"""
    async with http.get("/favicon.ico") as answer:
        assert answer.status == 200
        assert answer.content_type == "image/svg+xml"
    assert 'rel="icon"' in await read_page(http, "/clips/3/player")


@pytest.mark.parametrize(
    ("query", "view"),
    [
        ("", ""),
        ("?server=7001", "Harbour Film Club · "),
        ("?server=7003", ""),
        ("?q=boat", "“boat” · "),
    ],
)
async def test_a_view_has_a_title_of_its_own(
    http: aiohttp.ClientSession, query: str, view: str
) -> None:
    """In the tab, where it is shared, and in the feed; never a closed server's name. [web-W30]"""
    title = view + quote_text("site.title", domain="web")
    page = await read_page(http, f"/{query}")
    assert f"<title>{title}</title>" in page
    assert f'og:title" content="{title}"' in page
    feed = ET.fromstring(await read_page(http, f"/feed.atom{query}"))
    assert feed.findtext(f"{ATOM}title") == title


@pytest.mark.parametrize("path", ["/api/v1/clips", "/api/v1/clips/3", "/oembed"])
async def test_scripts_elsewhere_may_ask(http: aiohttp.ClientSession, path: str) -> None:
    """A browser's preflight is answered, and what scripts need can be read. [web-W31]"""
    preflight = {
        "Origin": "https://elsewhere.example",
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "if-none-match, x-anything",
    }
    async with http.options(path, headers=preflight) as answer:
        assert answer.status == 204
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        assert answer.headers["Access-Control-Allow-Headers"] == "*"
        assert "GET" in answer.headers["Access-Control-Allow-Methods"]
    query = {"url": "x"} if path == "/oembed" else {}
    async with http.get(path, params=query) as answer:
        exposed = answer.headers["Access-Control-Expose-Headers"]
        assert {"ETag", "Retry-After"} <= {name.strip() for name in exposed.split(",")}
    async with http.options(path) as answer:
        assert answer.status == 405, "without the question of a browser it is no preflight"
    async with http.options("/clips/3", headers=preflight) as answer:
        assert answer.status == 405


async def test_a_feed_reader_shows_what_the_page_shows(
    http: aiohttp.ClientSession, gallery: Gallery
) -> None:
    """Prompt and creator, a described thumbnail, and the video's size. [web-W32]"""
    feed = ET.fromstring(await read_page(http, "/feed.atom?server=7001"))
    entry = next(
        each
        for each in feed.iter(f"{ATOM}entry")
        if (each.findtext(f"{ATOM}id") or "").endswith("/clips/4")
    )
    content = entry.findtext(f"{ATOM}content") or ""
    html = ET.fromstring(f"<div>{content}</div>".replace('"></a>', '"/></a>'))
    text = "".join(html.itertext())
    assert "Storm over the lighthouse" in text
    assert "Cem" in text
    assert "Harbour Film Club" in text
    [picture] = html.iter("img")
    assert picture.get("alt", "").startswith("Storm over the lighthouse")
    [video] = [link for link in entry.iter(f"{ATOM}link") if link.get("rel") == "enclosure"]
    assert int(video.get("length", "0")) == (gallery.data_dir / "clips" / "4.mp4").stat().st_size
