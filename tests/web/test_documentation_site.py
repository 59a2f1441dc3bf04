"""The documentation site: its search finds the right pages and uses no other host."""

import os
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, Page, expect
from yarl import URL

from tests.harness.process import ROOT
from tests.harness.waiting import stretch_timeout
from tests.web.browser_tab import NEEDS_CHROMIUM

pytestmark = [NEEDS_CHROMIUM, pytest.mark.asyncio(loop_scope="module")]

FIRST_PAGES = 3
QUERIES = {
    "refund": "errors/#refunds",
    "upload limit": "errors/#upload-limit",
    "backup": "operations/#backup-and-restore",
    "after-restore": "command-line/#clapper-after-restore",
    "metrics": "operations/",
    "AutoMod blocks": "errors/",
    "BOT_USD_PER_DAY": "settings/",
}
"""What people type, and the section that has to be among those of the first pages found."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site as `make check-docs` builds it."""
    target = tmp_path_factory.mktemp("site")
    subprocess.run(
        [ROOT / ".venv" / "bin" / "mkdocs", "build", "--quiet", "--strict", "--site-dir", target],
        cwd=ROOT,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        check=True,
    )
    return target


@pytest_asyncio.fixture(loop_scope="module")
async def site_url(site: Path) -> AsyncIterator[str]:
    """The address of a server of the site."""
    application = web.Application()
    application.router.add_static("/", site)
    async with TestServer(application) as server:
        yield str(server.make_url("/"))


async def search(page: Page, query: str) -> list[str]:
    """Type ``query`` into the search box; return the sections that are found, best pages first."""
    await page.reload()  # results of an earlier query stay until new ones arrive
    box = page.locator("[data-md-component=search-query]")
    await box.click()
    await box.fill(query)
    await box.press("End")
    results = page.locator("[data-md-component=search-result]")
    await expect(results.locator("a.md-search-result__link").first).to_be_attached()
    links = await results.locator("a.md-search-result__link").all()
    return [str(URL(await link.get_attribute("href") or "").with_query(None)) for link in links]


async def test_search_finds_what_people_look_for(browser: Browser, site_url: str) -> None:
    context = await browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(stretch_timeout(60) * 1000)
    expect.set_options(timeout=stretch_timeout(60) * 1000)
    page = await context.new_page()
    requested: list[str] = []
    context.on("request", lambda request: requested.append(request.url))
    await page.goto(f"{site_url}index.html")
    for query, wanted in QUERIES.items():
        sections = [link.removeprefix(site_url) for link in await search(page, query)]
        pages = [*dict.fromkeys(section.partition("#")[0] for section in sections)][:FIRST_PAGES]
        first = [section for section in sections if section.partition("#")[0] in pages]
        assert wanted in first, f"{query}: {sections}"
    assert not [url for url in requested if not url.startswith((site_url, "data:", "blob:"))]
