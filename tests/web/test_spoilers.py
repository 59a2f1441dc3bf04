"""A clip behind a spoiler shows nothing in the gallery, feeds and embeds before it is played."""

import json
import re
from collections.abc import AsyncIterator
from html import unescape
from pathlib import Path

import aiohttp
import pytest

from bot.media.local_store import LocalMediaStore
from bot.services.clips.thumbnails import Thumbnails
from bot.web.page_texts import PageTexts
from tests.fakes.transcoder import FakeTranscoder
from tests.web.conftest import client
from tests.web.local_site import NOTHING, serve_locally

ENGLISH = PageTexts("en")


@pytest.fixture
async def http(tmp_path: Path) -> AsyncIterator[aiohttp.ClientSession]:
    encoder = FakeTranscoder()
    thumbnails = Thumbnails(
        poster_transcoder=encoder,
        preview_transcoder=encoder,
        media_probe=NOTHING,
        media_store=LocalMediaStore(tmp_path),
    )
    async with (
        serve_locally(tmp_path, thumbnails=thumbnails, spoiler=True) as site,
        client(str(site.url)) as session,
    ):
        (tmp_path / "clips" / "5.preview.mp4").write_bytes(b"made before the decision")
        (tmp_path / "clips" / "5.poster.jpg").write_bytes(b"made before the decision")
        yield session


async def read(http: aiohttp.ClientSession, path: str) -> str:
    async with http.get(path) as answer:
        assert answer.status == 200, path
        return unescape(await answer.text())


@pytest.mark.parametrize(
    ("path", "content"),
    [("poster.jpg", b"blurred"), ("poster-320.webp", b"small"), ("poster-1280.webp", b"small")],
)
async def test_posters_are_blurred(
    http: aiohttp.ClientSession, tmp_path: Path, path: str, content: bytes
) -> None:
    async with http.get(f"/clips/5/{path}") as answer:
        assert await answer.read() == content
    assert (tmp_path / "clips" / "5.blurred.jpg").read_bytes() == b"blurred"


async def test_there_is_no_preview(http: aiohttp.ClientSession) -> None:
    async with http.get("/clips/5/preview.mp4") as answer:
        assert answer.status == 404
    shown = json.loads(await read(http, "/api/v1/clips/5"))
    assert (shown["spoiler"], shown["preview_url"]) == (True, None)
    assert "data-preview" not in await read(http, "/")


async def test_the_page_says_so_and_loads_nothing_before_it_is_played(
    http: aiohttp.ClientSession,
) -> None:
    page = await read(http, "/clips/5?t=3")
    assert ENGLISH("clip.behind_spoiler") in page
    assert re.findall(r'<video[^>]* preload="(\w+)"', page) == ["none"]
    assert "#t=" not in page, "a browser would show the frame there"
    assert re.findall(r'<video[^>]* preload="(\w+)"', await read(http, "/clips/5/player")) == [
        "none"
    ]


async def test_embeds_and_search_engines_get_only_the_poster(http: aiohttp.ClientSession) -> None:
    page = await read(http, "/clips/5")
    assert "og:video" not in page
    assert "twitter:player" not in page
    [block] = re.findall(r'<script type="application/ld\+json">(.*?)</script>', page, re.DOTALL)
    described = json.loads(block)
    assert not {"contentUrl", "embedUrl"} & described.keys()
    assert described["thumbnailUrl"][0].endswith("/clips/5/poster.jpg")


async def test_feeds_and_embeds_play_nothing_by_themselves(http: aiohttp.ClientSession) -> None:
    feed = await read(http, "/feed.atom")
    assert "/clips/5" in feed
    assert ".mp4" not in feed, "readers load what is enclosed"
    assert f'label="{ENGLISH("clip.spoiler")}"' in feed
    query = {"url": "http://127.0.0.1:8080/clips/5"}
    async with http.get("/oembed", params=query) as answer:
        described = await answer.json()
    assert described["thumbnail_url"].endswith("/clips/5/poster.jpg")
    assert ".mp4" not in described["html"]


async def test_tiles_are_marked(http: aiohttp.ClientSession) -> None:
    assert f">{ENGLISH('clip.spoiler')}<" in await read(http, "/")
