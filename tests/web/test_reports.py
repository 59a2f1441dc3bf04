"""*Report this clip* in the gallery: no account, no JavaScript, no other site, no address kept."""

import re
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing

import aiohttp
import pytest
import pytest_asyncio

from bot.web.reports import REPORT_BURST, REPORT_COOKIE_LIFETIME_S
from tests.harness.texts import quote_text
from tests.web.conftest import Gallery, Serving, client

pytestmark = pytest.mark.asyncio(loop_scope="module")
CLIP = 3
PATH = f"/clips/{CLIP}/report"
TOKEN = "0123456789abcdef" * 2


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def proxied_url(gallery: Gallery) -> AsyncIterator[str]:
    """Serve the module's gallery behind a proxy, which names the visitors' addresses."""
    serving = Serving(gallery.data_dir, log_name="proxied.log", TRUSTED_PROXIES="127.0.0.0/8")
    yield await serving.start()
    await serving.close()


async def report(
    http: aiohttp.ClientSession,
    address: str,
    *,
    cookie: str | None = TOKEN,
    token: str | None = TOKEN,
    path: str = PATH,
    **headers: str,
) -> tuple[int, str]:
    sent = {"X-Forwarded-For": address, **{k.replace("_", "-"): v for k, v in headers.items()}}
    if cookie is not None:
        sent["Cookie"] = f"report={cookie}"
    async with http.post(path, data={} if token is None else {"token": token}, headers=sent) as got:
        return got.status, await got.text()


def count_reports(gallery: Gallery) -> int:
    with closing(sqlite3.connect(gallery.data_dir / "clapper.db", timeout=60)) as database:
        return int(database.execute("SELECT count(*) FROM reports").fetchone()[0])


async def test_the_clips_page_leads_to_a_form_without_a_script(proxied_url: str) -> None:
    async with client(proxied_url) as http:
        async with http.get(f"/clips/{CLIP}") as page:
            assert f'href="{PATH}"' in await page.text()
        async with http.get(PATH) as answer:
            form = await answer.text()
            cookie = answer.cookies["report"]
            assert answer.headers["Cache-Control"] == "no-store"
        assert "noindex" in form
        assert f'src="/clips/{CLIP}/poster.jpg"' in form
        found = re.search(r'name="token" value="([0-9a-f]{32})"', form)
        assert found is not None
        assert found[1] == cookie.value
        assert cookie["samesite"] == "Strict"
        assert cookie["httponly"]
        assert cookie["path"] == PATH
        assert int(cookie["max-age"]) == REPORT_COOKIE_LIFETIME_S
        async with http.get(PATH, headers={"Cookie": 'report="><script>'}) as answer:
            assert "<script>" not in (await answer.text()).split("<main")[1]
        async with http.get("/clips/999999/report") as answer:
            assert answer.status == 404


async def test_each_visitor_counts_once_and_no_address_is_kept(
    proxied_url: str, gallery: Gallery
) -> None:
    before = count_reports(gallery)
    async with client(proxied_url) as http:
        status, page = await report(http, "198.51.100.7")
        assert (status, quote_text("report.sent", domain="web") in page) == (200, True)
        status, page = await report(http, "198.51.100.7")
        assert (status, quote_text("report.again", domain="web") in page) == (200, True)
        await report(http, "2001:db8:1:2:3::1")
        await report(http, "2001:db8:1:2:4::9")
        assert (await report(http, "198.51.100.7", path="/clips/999999/report"))[0] == 404
    assert count_reports(gallery) == before + 2
    written = b"".join(file.read_bytes() for file in gallery.data_dir.glob("clapper.db*"))
    assert b"198.51.100" not in written
    assert b"2001:db8" not in written


@pytest.mark.parametrize(
    "forged",
    [
        {"cookie": None},
        {"token": None},
        {"cookie": "f" * 32},
        {"cookie": "", "token": ""},
        {"cookie": "x", "token": "x"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Content_Type": "text/plain"},
    ],
    ids=str,
)
async def test_other_sites_cannot_report(
    proxied_url: str, gallery: Gallery, forged: dict[str, str | None]
) -> None:
    before = count_reports(gallery)
    async with client(proxied_url) as http:
        status, _ = await report(http, "198.51.100.8", **forged)  # type: ignore[arg-type]
    assert status == 400
    assert count_reports(gallery) == before


async def test_reports_of_an_address_are_limited(proxied_url: str) -> None:
    async with client(proxied_url) as http:
        answers = [
            await report(http, "198.51.100.9", path=f"/clips/{number}/report")
            for number in range(1, int(REPORT_BURST) + 3)
        ]
        status, page = answers[-1]
        assert status == 429
        assert quote_text("report.limited", domain="web") in page
        assert f'href="/clips/{int(REPORT_BURST) + 2}/report"' in page
        assert (await report(http, "198.51.100.10"))[0] == 200
