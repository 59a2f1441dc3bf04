"""Every page, feed and embed says that a clip was made with AI and by which model."""

import json
import re
from html import unescape
from xml.etree import ElementTree as ET

import aiohttp
import pytest

from bot.web.page_texts import LANGUAGES
from tests.harness.texts import quote_text
from tests.web.conftest import Gallery
from tests.web.test_standards import ATOM, read_page


async def describe_origin(http: aiohttp.ClientSession, language: str = "en") -> str:
    clip = json.loads(await read_page(http, "/api/v1/clips/4"))
    return quote_text("clip.origin", language, domain="web", model=clip["model"]["name"])


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_clips_page_says_it_to_people_and_machines(
    http: aiohttp.ClientSession, gallery: Gallery, language: str
) -> None:
    page = await read_page(http, "/clips/4", **{"Accept-Language": language})
    origin = await describe_origin(http, language)
    assert f'<p class="by made">{origin}</p>' in unescape(page)
    for name in ('name="description"', 'property="og:description"'):
        [content] = re.findall(f'<meta {name} content="([^"]*)"', page)
        assert origin in unescape(content)
    [script] = re.findall(r'<script type="application/ld\+json">(.*?)</script>', page, re.DOTALL)
    video_object = json.loads(script)
    assert video_object["digitalSourceType"].endswith("/TrainedAlgorithmicMediaDigitalSource")
    assert video_object["creditText"] == origin
    assert quote_text("footer.what", language, domain="web") in unescape(page)
    assert re.search(r'download="clip-4-ai-[a-z0-9.-]+\.mp4"', page)


async def test_each_tile_says_it(http: aiohttp.ClientSession, gallery: Gallery) -> None:
    page = unescape(await read_page(http, "/"))
    tiles = re.findall(r'<li class="tile.*?</li>', page, re.DOTALL)
    assert tiles
    for tile in tiles:
        badge = quote_text("clip.ai", domain="web")
        titles = re.findall(f'<abbr class="origin" title="([^"]*)">{badge}</abbr>', tile)
        assert len(titles) == 1, tile
        assert titles[0].startswith(quote_text("clip.origin", domain="web", model="").strip())


async def test_the_best_clip_says_it(http: aiohttp.ClientSession, gallery: Gallery) -> None:
    page = unescape(await read_page(http, "/"))
    [best] = re.findall(r'<section class="marquee".*?</section>', page, re.DOTALL)
    assert quote_text("clip.origin", domain="web", model="Veo 3.1") in best


async def test_the_feed_and_the_api_say_it(http: aiohttp.ClientSession, gallery: Gallery) -> None:
    feed = ET.fromstring(await read_page(http, "/feed.atom"))
    for entry in feed.iter(f"{ATOM}entry"):
        origin = entry.findtext(f"{ATOM}rights") or ""
        assert origin
        assert origin in (entry.findtext(f"{ATOM}summary") or "")
        assert origin in (entry.findtext(f"{ATOM}content") or "")
    clip = json.loads(await read_page(http, "/api/v1/clips/4"))
    assert clip["made_with_ai"] is True


async def test_embeds_and_the_player_say_it(http: aiohttp.ClientSession, gallery: Gallery) -> None:
    origin = await describe_origin(http)
    page = await read_page(http, "/clips/4")
    [address] = re.findall(r'type="application/json\+oembed" href="([^"]+)"', page)
    query = unescape(address).partition("?")[2]
    embed = json.loads(await read_page(http, f"/oembed?{query}"))
    assert embed["title"].endswith(origin)
    assert origin in unescape(embed["html"])
    player = unescape(await read_page(http, "/clips/4/player"))
    assert player.count(origin) == 3, "in the title, the player's name, and over the picture"
