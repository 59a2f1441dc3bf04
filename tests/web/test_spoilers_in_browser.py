"""A clip behind a spoiler in a real Chromium: covered until somebody asks for it there."""

import asyncio
import re
from functools import partial

import pytest
from playwright.async_api import Browser, expect

from tests.harness.texts import quote_text
from tests.web import seed
from tests.web.browser_tab import NEEDS_CHROMIUM, PHONE, VIDEO, WIDE, open_tab, until
from tests.web.conftest import Gallery

pytestmark = [NEEDS_CHROMIUM, pytest.mark.asyncio(loop_scope="module")]

say = partial(quote_text, domain="web")
CLIP = f"/clips/{seed.SPOILER}"


@pytest.fixture(scope="module")
def covered(gallery: Gallery) -> Gallery:
    """The gallery, with a clip behind a spoiler."""
    asyncio.run(seed.put_behind_spoiler(gallery.data_dir))
    return gallery


@pytest.mark.parametrize("scheme", ["dark", "light"])
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
async def test_a_button_shows_the_clip(
    browser: Browser, covered: Gallery, size: tuple[int, int], scheme: str
) -> None:
    tab = await open_tab(browser, covered, size=size, color_scheme=scheme)
    page = await tab.open(CLIP)
    reveal = page.get_by_role("button", name=say("clip.reveal"))
    await expect(page.get_by_text(say("clip.behind_spoiler"))).to_be_visible()
    await tab.check_accessibility()
    assert not [url for url in tab.requested_urls if url.endswith(".mp4") and CLIP in url]
    await reveal.click()
    await until(page, f"{VIDEO}.currentTime > 0.1")
    await expect(page.locator("#curtain")).to_be_hidden()
    assert await page.evaluate(f"{VIDEO}.controls && document.activeElement === {VIDEO}")
    await tab.check_accessibility()
    tab.check()


async def test_a_key_shows_the_clip(browser: Browser, covered: Gallery) -> None:
    tab = await open_tab(browser, covered)
    page = await tab.open(CLIP)
    await page.keyboard.press("Space")
    await until(page, f"{VIDEO}.currentTime > 0.1")
    await expect(page.locator("#curtain")).to_be_hidden()
    tab.check()


async def test_opening_its_tile_does_not_play_it(browser: Browser, covered: Gallery) -> None:
    """Other clips play when they are opened by a click, and on the way along the wall."""
    tab = await open_tab(browser, covered)
    page = await tab.open("/?server=7001")
    await page.locator(f'#grid .open[href="{CLIP}"]').click()
    await page.wait_for_url(re.compile(f"{CLIP}$"))
    await until(page, "!document.getElementById('watch').hidden")
    assert await page.evaluate(f"{VIDEO}.paused && {VIDEO}.readyState === 0")
    await expect(page.locator("#curtain")).to_be_visible()
    tab.check()


async def test_without_javascript_the_player_shows_it(browser: Browser, covered: Gallery) -> None:
    tab = await open_tab(browser, covered, java_script_enabled=False)
    page = await tab.open(CLIP)
    await expect(page.locator("video[controls]")).to_be_visible()
    await expect(page.locator("#curtain")).to_be_hidden()
    await expect(page.locator(".veil")).to_have_text(say("clip.behind_spoiler"))
    tab.check()


async def test_the_embedded_player_names_the_model_and_the_spoiler(
    browser: Browser, covered: Gallery
) -> None:
    tab = await open_tab(browser, covered, size=PHONE)
    page = await tab.open(f"{CLIP}/player")
    await expect(page.get_by_text(say("clip.spoiler"), exact=True)).to_be_visible()
    origin = page.get_by_role("link", name=say("clip.origin", model="Veo 3.1 Fast"))
    await expect(origin).to_have_attribute("href", CLIP)
    await tab.check_accessibility()
    tab.check()
