"""The web server over HTTP: headers, conditional requests, ranges, cursors, feeds, errors."""

import os
import re
from datetime import timedelta
from email.utils import format_datetime, parsedate_to_datetime
from html import unescape
from pathlib import Path
from xml.etree import ElementTree as ET

import aiohttp
import pytest
from yarl import URL

from bot.media.local_store import LocalMediaStore
from tests.harness.process import ProgramProcess
from tests.harness.texts import quote_text
from tests.web import seed
from tests.web.conftest import ENTRIES, Gallery, Serving, client

PUBLIC = ENTRIES - 1
PAGES = ("/", "/clips/3", "/clips/3/player", "/?q=zebra", "/clips/999999", "/no/such/page")
DISCORD = "https://discord.com/channels/"
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}


@pytest.mark.parametrize(
    "path", [*PAGES, "/static/gallery.css", "/clips/3/video.mp4", "/api/v1/clips"]
)
async def test_every_answer_is_protected(http: aiohttp.ClientSession, path: str) -> None:
    async with http.get(path) as answer:
        for name, value in HEADERS.items():
            assert answer.headers[name] == value
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        framed = "frame-ancestors *" if path.endswith("/player") else "frame-ancestors 'none'"
        assert framed in policy
        assert "Set-Cookie" not in answer.headers
        assert answer.headers["Server"] == "clapper"


@pytest.mark.parametrize("path", PAGES)
async def test_no_page_has_inline_code(http: aiohttp.ClientSession, path: str) -> None:
    async with http.get(path) as answer:
        body = await answer.text()
    data_block = r'type="application/ld\+json"'  # is never run, so the policy does not apply
    assert not re.search(rf"<script(?![^>]*\ssrc=)(?! {data_block}>)", body)
    assert not re.search(r"\son\w+\s*=", body)
    assert not re.search(r"\sstyle\s*=|<style", body)
    elsewhere = r"(?:https?:)?//(?!127\.0\.0\.1)"
    assert not re.search(rf"src=\"{elsewhere}", body)
    links = re.findall(rf"<(\w+)[^>]*href=\"({elsewhere}[^\"]*)", body)
    assert all(tag == "a" and url.startswith(DISCORD) for tag, url in links), links


@pytest.mark.parametrize(
    "path", ["/", "/clips/3", "/feed.atom", "/api/v1/clips", "/static/gallery.js"]
)
async def test_matching_etag_returns_not_modified(http: aiohttp.ClientSession, path: str) -> None:
    async with http.get(path) as answer:
        tag = answer.headers["ETag"]
    async with http.get(path, headers={"If-None-Match": tag}) as answer:
        assert answer.status == 304
        assert await answer.read() == b""
    async with http.get(path, headers={"If-None-Match": '"something-else"'}) as answer:
        assert answer.status == 200


async def test_a_language_has_its_own_tag(http: aiohttp.ClientSession) -> None:
    async with http.get("/") as answer:
        english = answer.headers["ETag"]
        assert "Accept-Language" in answer.headers["Vary"]
    french = {"Accept-Language": "fr-CA, en;q=0.4", "If-None-Match": english}
    async with http.get("/", headers=french) as answer:
        assert answer.status == 200
        assert answer.headers["Content-Language"] == "fr"


async def test_static_files_stay_for_a_year_when_pinned(http: aiohttp.ClientSession) -> None:
    async with http.get("/") as answer:
        link = re.search(r'href="(/static/gallery\.css\?v=\w+)"', await answer.text())
    assert link
    async with http.get(link[1], headers={"Accept-Encoding": "gzip, br"}) as answer:
        assert "immutable" in answer.headers["Cache-Control"]
        assert answer.headers["Content-Encoding"] == "br"
    async with http.get("/static/gallery.css?v=old") as answer:
        assert "immutable" not in answer.headers["Cache-Control"]


@pytest.mark.parametrize("file", ["video.mp4", "poster.jpg", "poster-320.webp", "preview.mp4"])
async def test_files_in_ranges(http: aiohttp.ClientSession, file: str, gallery: Gallery) -> None:
    """Conditions and ranges as RFC 9110 has them. [web-W13]"""
    path = f"/clips/4/{file}"
    async with http.get(path) as answer:
        whole, tag = await answer.read(), answer.headers["ETag"]
        assert answer.status == 200
        assert answer.headers["Accept-Ranges"] == "bytes"
        assert answer.headers["Cache-Control"] == "private, no-cache"
        assert answer.headers["Content-Type"] in ("video/mp4", "image/jpeg", "image/webp")
    if file == "video.mp4":
        assert whole == (gallery.data_dir / "clips" / "4.mp4").read_bytes()
    for range_, status, part in (
        ("bytes=0-9", 206, whole[:10]),
        ("bytes=100-", 206, whole[100:]),
        ("bytes=-7", 206, whole[-7:]),
        (f"bytes={len(whole)}-", 416, None),
        ("bytes=-0", 416, None),
        # malformed, several, or in another unit: ignored (RFC 9110, 14.2)
        ("bytes=9-3", 200, whole),
        ("bytes=0-1,4-5", 200, whole),
        ("bytes=nine", 200, whole),
        ("items=0-5", 200, whole),
        ("Bytes=0-9", 206, whole[:10]),
    ):
        async with http.get(path, headers={"Range": range_}) as answer:
            assert answer.status == status, range_
            if part is not None:
                assert await answer.read() == part
    current = {"Range": "bytes=0-9", "If-Range": tag}
    async with http.get(path, headers=current) as answer:
        assert answer.status == 206
    async with http.get(path, headers=current | {"If-Range": '"older"'}) as answer:
        assert answer.status == 200
        assert await answer.read() == whole
    async with http.get(path, headers={"If-None-Match": tag}) as answer:
        assert answer.status == 304
        assert answer.headers["Cache-Control"] == "private, no-cache"
    for headers in ({}, {"Range": "bytes=0-9"}):
        async with http.head(path, headers=headers) as answer:
            assert answer.status == 200
            assert int(answer.headers["Content-Length"]) == len(whole)
    async with http.get(path) as answer:
        modified = parsedate_to_datetime(answer.headers["Last-Modified"])
    for date, status in ((modified, 206), (modified + timedelta(days=1), 200)):
        dated = {"Range": "bytes=0-9", "If-Range": format_datetime(date, usegmt=True)}
        async with http.get(path, headers=dated) as answer:
            assert answer.status == status
    async with http.get(path, headers={"If-Match": '"older"'}) as answer:
        assert answer.status == 412


async def test_every_entry_once_over_all_pages(http: aiohttp.ClientSession) -> None:
    for order in ("new", "top"):
        seen: list[int] = []
        query = {"order": order, "limit": "7"}
        while True:
            async with http.get("/api/v1/clips", params=query) as answer:
                page = await answer.json()
            seen += [clip["id"] for clip in page["clips"]]
            if page["next_cursor"] is None:
                break
            query["cursor"] = page["next_cursor"]
        assert len(seen) == len(set(seen)) == PUBLIC


async def test_a_cursor_is_valid_only_for_its_order(http: aiohttp.ClientSession) -> None:
    async with http.get("/api/v1/clips?order=top&limit=3") as answer:
        cursor = (await answer.json())["next_cursor"]
    for path in (f"/api/v1/clips?cursor={cursor}", "/api/v1/clips?cursor=garbage"):
        async with http.get(path) as answer:
            assert answer.status == 400
            assert (await answer.json())["parameter"] == "cursor"
    async with http.get("/?cursor=%F0%9F%92%A9") as answer:
        assert answer.status == 400
        assert answer.content_type == "text/html"


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("server=x", "server"),
        ("server=-1", "server"),
        ("server=99999999999999999999", "server"),
        ("server=%C2%B2", "server"),
        ("length=middling", "length"),
        ("order=random", "order"),
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("q=" + "a" * 201, "q"),
    ],
)
async def test_invalid_queries_are_named(
    http: aiohttp.ClientSession, query: str, parameter: str
) -> None:
    async with http.get(URL(f"/api/v1/clips?{query}", encoded=True)) as answer:
        assert answer.status == 400
        assert answer.content_type == "application/problem+json"
        assert (await answer.json())["parameter"] == parameter


@pytest.mark.parametrize(
    "path",
    [
        "/clips/0",
        "/clips/-1",
        "/clips/1e3",
        "/clips/%D9%A3",
        "/clips/9999999999999999999",
        "/clips/3/../../../etc/passwd",
        "/clips/%2e%2e/clapper.db",
        "/clips/3/video.mp4/../../clapper.db",
        "/clips/3%2fvideo.mp4",
        "/static/../application.py",
        "/static/..%2f__main__.py",
        "/static/%2e%2e%2f%2e%2e%2fapp.py",
        "/static//etc/passwd",
        "/clips/12",  # of the server that is not public
        "/clips/12/video.mp4",
        "/clips/12/poster.jpg",
        "/clips/12/poster-320.webp",
        "/clips/3/poster-321.webp",
    ],
)
async def test_unpublished_clips_are_not_found(http: aiohttp.ClientSession, path: str) -> None:
    async with http.get(URL(path, encoded=True)) as answer:
        assert answer.status == 404
        assert answer.headers["Cache-Control"] == "no-store"
        assert quote_text("failure.404", domain="web") in await answer.text()


@pytest.mark.parametrize("instead", ["nothing", "a folder"])
async def test_a_file_that_is_gone_is_not_there(
    http: aiohttp.ClientSession, gallery: Gallery, instead: str
) -> None:
    file = gallery.data_dir / "clips" / "11.mp4"
    kept = file.rename(file.with_name("kept.mp4"))
    try:
        if instead == "a folder":
            file.mkdir()
        for headers in ({}, {"Range": "bytes=0-9", "If-Range": '"x"'}):
            async with http.get("/clips/11/video.mp4", headers=headers) as answer:
                assert answer.status == 404
                assert answer.headers["Cache-Control"] == "no-store"
                assert quote_text("failure.404", domain="web") in await answer.text()
    finally:
        if instead == "a folder":
            file.rmdir()
        kept.rename(file)
    async with http.head("/clips/11/video.mp4") as answer:
        assert answer.status == 200


async def test_a_file_that_may_not_be_read_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "1.mp4"
    file.write_bytes(b"film")
    media_store = LocalMediaStore(tmp_path)
    assert await media_store.find(file.name) is not None
    # patched, since a test that runs as root may read any file
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    assert await media_store.find(file.name) is None


HIDDEN = 7
"""The clip whose maker hides its prompt."""


@pytest.mark.parametrize(
    ("path", "shows"),
    [
        (f"/?server={seed.ATELIER}", f"/clips/{HIDDEN}"),
        (f"/api/v1/clips?server={seed.ATELIER}", f"/clips/{HIDDEN}"),
        (f"/api/v1/clips/{HIDDEN}", "Fynn"),
        (f"/api/v1/clips/{HIDDEN}/chain", "Fynn"),
        (f"/feed.atom?server={seed.ATELIER}", f"/clips/{HIDDEN}"),
        (f"/oembed?url={{base}}/clips/{HIDDEN}", "Fynn"),
        (f"/clips/{HIDDEN}/player", f"/clips/{HIDDEN}/video.mp4"),
        (f"/clips/{HIDDEN}", "og:video"),
    ],
)
async def test_a_hidden_prompt_stands_nowhere(
    http: aiohttp.ClientSession, gallery: Gallery, path: str, shows: str
) -> None:
    async with http.get(path.format(base=gallery.url)) as answer:
        assert answer.status == 200
        body = unescape(await answer.text())
    assert shows in body
    assert "secret of the house" not in body.casefold()


@pytest.mark.parametrize("path", ["/", "/api/v1/clips", "/feed.atom"])
async def test_a_hidden_prompt_is_not_found(http: aiohttp.ClientSession, path: str) -> None:
    async with http.get(path, params={"q": "secret"}) as answer:
        assert answer.status == 200
        body = unescape(await answer.text())
    assert "Fynn" not in body
    assert "secret of the house" not in body.casefold()


async def test_only_get_and_head_are_allowed(http: aiohttp.ClientSession) -> None:
    for path in ("/", "/clips/3", "/api/v1/clips"):
        async with http.post(path, data={"a": "b"}) as answer:
            assert answer.status == 405
            assert answer.headers["Allow"] == "GET,HEAD"


async def test_user_text_is_escaped(http: aiohttp.ClientSession) -> None:
    evil = '"><script>alert(1)</script>{{7*7}}'
    async with http.get("/", params={"q": evil}) as answer:
        body = await answer.text()
    assert "<script>alert" not in body
    assert "49" not in body.partition("<main")[2].partition("</form>")[0]
    assert unescape(body).count(evil) >= 1


async def test_a_pasted_link_plays_in_discord(
    http: aiohttp.ClientSession, gallery: Gallery
) -> None:
    async with http.get("/clips/3") as answer:
        body = await answer.text()
    tags = dict(re.findall(r'<meta property="(og:[\w:]+)" content="([^"]*)">', body))
    assert tags["og:video"] == f"{gallery.url}/clips/3/video.mp4"
    assert tags["og:video:type"] == "video/mp4"
    assert (tags["og:video:width"], tags["og:video:height"]) == ("1280", "720")
    assert tags["og:image"] == f"{gallery.url}/clips/3/poster.jpg"
    assert (tags["og:image:width"], tags["og:image:height"]) == ("1280", "720")
    assert tags["og:image:alt"].startswith("Morning comes")
    async with http.get(tags["og:video"]) as answer:
        assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    link = re.search(r'type="application/json\+oembed" href="([^"]+)"', body)
    assert link
    async with http.get(URL(unescape(link[1]), encoded=True)) as answer:
        embed = await answer.json()
    assert embed["type"] == "video"
    assert f'src="{gallery.url}/clips/3/player"' in embed["html"]
    assert embed["title"].startswith("Morning comes")
    shared = re.search(r'<textarea id="embed"[^>]*>(.*?)</textarea>', body)
    assert shared
    assert unescape(shared[1]) == embed["html"]
    assert f'value="{gallery.url}/clips/3"' in body
    assert f'href="{DISCORD}{seed.HARBOUR}/2/60003"' in body
    small = {"url": f"{gallery.url}/clips/3", "maxwidth": "320"}
    async with http.get("/oembed", params=small) as answer:
        assert (await answer.json())["width"] == 320


@pytest.mark.parametrize(
    ("url", "status"),
    [
        ("https://elsewhere.example/clips/3", 404),
        ("not a url at all", 404),
        ("http://[", 404),
        ("", 404),
        ("{base}/clips/12", 404),
        ("{base}/clips/3", 200),
    ],
)
async def test_only_our_own_clips_are_embedded(
    http: aiohttp.ClientSession, gallery: Gallery, url: str, status: int
) -> None:
    params = {"url": url.format(base=gallery.url)}
    async with http.get("/oembed", params=params) as answer:
        assert answer.status == status
    async with http.get("/oembed", params=params | {"format": "xml"}) as answer:
        assert answer.status == 501


async def test_the_feed_is_atom(http: aiohttp.ClientSession) -> None:
    async with http.get("/feed.atom", params={"server": str(seed.ATELIER)}) as answer:
        assert answer.content_type == "application/atom+xml"
        feed = ET.fromstring(await answer.text())
    atom = "{http://www.w3.org/2005/Atom}"
    entries = feed.findall(f"{atom}entry")
    assert entries
    assert feed.findtext(f"{atom}updated") == entries[0].findtext(f"{atom}updated")
    ids = [entry.findtext(f"{atom}id") for entry in entries]
    assert len(set(ids)) == len(ids)
    assert all(entry.findtext(f"{atom}author/{atom}name") for entry in entries)


async def test_language_switch_redirects_only_locally(http: aiohttp.ClientSession) -> None:
    for back in (
        "https://elsewhere.example/",
        "//elsewhere.example",
        "/\\elsewhere.example",
        "/?q=a",
    ):
        query = {"to": "fr", "back": back}
        async with http.get("/language", params=query, allow_redirects=False) as answer:
            assert answer.status == 303
            where = answer.headers["Location"]
            assert where.startswith("/")
            assert not where.startswith(("//", "/\\"))
            cookie = answer.headers["Set-Cookie"]
            assert "HttpOnly" in cookie
            assert "SameSite=Lax" in cookie
    async with http.get("/language?to=xx", allow_redirects=False) as answer:
        assert answer.status == 400


async def test_liveness_and_readiness(http: aiohttp.ClientSession) -> None:
    async with http.get("/healthz") as answer:
        assert (answer.status, await answer.text()) == (200, "ok\n")
    async with http.get("/readyz") as answer:
        assert await answer.json() == {"ready": True, "checks": {"database": True}}
    async with http.get("/metrics") as answer:
        figures = await answer.text()
    assert "clapper_store_up 1.0" in figures
    assert 'clapper_jobs{state="queued"} 0.0' in figures


async def test_metrics_are_refused_through_proxy(http: aiohttp.ClientSession) -> None:
    """The proxy's own address is allowed, but not what it forwards."""
    for path in ("/metrics", "/readyz"):
        for forwarded in ("203.0.113.9", "127.0.0.1"):
            async with http.get(path, headers={"X-Forwarded-For": forwarded}) as answer:
                assert answer.status == 404


async def test_rate_limit_and_unavailable_database(tmp_path: Path) -> None:
    """Without a database every page says so; only the client over its limit has to wait."""
    # one at once, and the next half a minute later
    serving = Serving(tmp_path, WEB_REQUESTS_PER_MINUTE="2", TRUSTED_PROXIES="127.0.0.1")
    url = await serving.start()
    try:
        async with client(url) as http:
            one, other = ({"X-Forwarded-For": f"203.0.113.{n}"} for n in (1, 2))
            for expected in (503, 429):
                async with http.get("/", headers=one) as answer:
                    assert answer.status == expected
                    assert int(answer.headers["Retry-After"]) > 0
                    assert answer.headers["Cache-Control"] == "no-store"
                    body = await answer.text()
            assert quote_text("failure.429", domain="web") in body
            async with http.get("/api/v1/clips", headers=one) as answer:
                assert answer.status == 429
                assert answer.content_type == "application/problem+json"
            async with http.get("/", headers=other) as answer:
                assert answer.status == 503
                assert quote_text("failure.503", domain="web") in await answer.text()
            async with http.get("/static/gallery.css", headers=one) as answer:
                assert answer.status == 200
            async with http.get("/readyz") as answer:
                assert answer.status == 503
                assert (await answer.json())["checks"] == {"database": False}
    finally:
        assert await serving.terminate() == 0
    assert not list(tmp_path.glob("*.db"))  # reading creates no database


async def test_the_operators_page_reads_the_same_database(gallery: Gallery, tmp_path: Path) -> None:
    environment = {"DISCORD_TOKEN": "unused", "GEMINI_API_KEY": "unused"}
    for data_dir, status, words in (
        (gallery.data_dir, 0, "the bot is not running"),
        (tmp_path, 1, "there is no database yet"),
    ):
        log = tmp_path / f"status-{status}.log"
        settings = environment | {"DATA_DIR": str(data_dir)}
        process = ProgramProcess("bot.status", "--once", log=log, environment=settings)
        await process.launch()
        assert await process.wait_ended() == status
        assert words in " ".join(re.sub("[│─╭╮╰╯]", " ", process.read_log()).split())


async def test_a_server_has_its_own_page(http: aiohttp.ClientSession) -> None:
    async with http.get("/s/atelier-nachtlicht") as answer:
        page = await answer.text()
    assert answer.status == 200
    assert "<title>Atelier Nachtlicht · " in page
    assert set(re.findall(r'href="(/s/[^"?]+)"', page)) == {"/s/atelier-nachtlicht"}
    assert '<link rel="canonical" href="' in page
    assert f"/feed.atom?server={seed.ATELIER}" in page
    for other in (f"/s/{seed.ATELIER}?q=dunes", "/s/Atelier%20Nachtlicht?q=dunes"):
        async with http.get(other, allow_redirects=False) as answer:
            assert answer.status == 302
            assert answer.headers["Location"] == "/s/atelier-nachtlicht?q=dunes"


@pytest.mark.parametrize(
    ("query", "suggested"),
    [
        ("lantrens", ["lanterns"]),
        ("boat zebra", ["boat"]),
        ("outsid", []),  # only a server that is not public has the word
        ("zebra", []),
    ],
)
async def test_what_finds_nothing_offers_what_does(
    http: aiohttp.ClientSession, query: str, suggested: list[str]
) -> None:
    async with http.get("/", params={"q": query}) as answer:
        body = await answer.text()
    offered = re.findall(r'<li><a href="/\?q=(\w+)" dir="auto">', body)
    assert set(suggested) <= set(offered)
    assert bool(suggested) == bool(offered)
    for word in offered:
        async with http.get("/", params={"q": word}) as answer:
            assert 'id="grid"' in await answer.text()


async def test_a_clips_page_shows_clips_like_it(http: aiohttp.ClientSession) -> None:
    async with http.get("/clips/4") as answer:
        _, _, similar = (await answer.text()).partition('id="similar"')
    similar = similar.partition("</section>")[0]
    assert "Dunes at first light" not in similar
    async with http.get("/clips/1") as answer:
        _, _, similar = (await answer.text()).partition('id="similar"')
    assert "Dunes at first light" in similar.partition("</section>")[0], "paper and lanterns"


@pytest.mark.parametrize("server", [seed.SECRET, 0, "back-room", "nobody", "9" * 30, "%00"])
async def test_no_page_tells_of_servers_that_are_not_public(
    http: aiohttp.ClientSession, server: str | int
) -> None:
    async with http.get(f"/s/{server}") as answer:
        assert answer.status == 404
        assert "Back Room" not in await answer.text()
