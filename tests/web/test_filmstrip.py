"""Watching in a real Chromium: the filmstrip, the way from a tile to the player, placeholders."""

import asyncio
import io
import re
from functools import partial
from pathlib import Path

import pytest
from PIL import Image
from playwright.async_api import Browser, Page, Route, expect

from bot.store.engine.database import open_database
from sandbox.google.encoding import RenderedClip
from tests.harness.texts import quote_text
from tests.harness.waiting import eventually
from tests.web import seed
from tests.web.browser_tab import (
    LAYOUT_SHIFT,
    NEEDS_CHROMIUM,
    PATIENCE_S,
    PHONE,
    VIDEO,
    WIDE,
    open_tab,
    until,
)
from tests.web.conftest import ENTRIES, Gallery

pytestmark = [NEEDS_CHROMIUM, pytest.mark.asyncio(loop_scope="module")]

say = partial(quote_text, domain="web")

EXTENDED, EDITED = 2001, 2002
"""Another extension of the second clip than the third, and an edit of that extension."""
SEEK = ".film [data-start]"
REMEMBER_TRANSITION = """addEventListener("pagereveal", async ({viewTransition}) => {
    let moved = [];
    try {
        await viewTransition?.ready;
        if (viewTransition) moved = document.getAnimations().map(each => each.effect.pseudoElement);
    } catch {
        // skipped
    }
    window.moved = moved;
})"""
CAME = "window.moved !== undefined"
GREW = """["old", "new"].every(side => window.moved.includes(`::view-transition-${side}(clip)`))"""
"""Whether the clip on the page before became the clip on this page."""


@pytest.fixture(scope="module")
def branched(gallery: Gallery, rendered: tuple[Path, list[RenderedClip]]) -> Gallery:
    """The gallery, with a chain that has a branch."""
    rows = {row["id"]: row for row in seed.rows(rendered[1], ENTRIES)}
    extension = rows[3] | {"id": EXTENDED, "prompt": "Fog comes instead, and a bell rings"}
    edit = extension | {"id": EDITED, "parent": EXTENDED, "mode": "edit", "prompt": "At night"}

    async def write() -> None:
        database = open_database(seed.data_url(gallery.data_dir))
        try:
            await seed.write_entries(database, [extension, edit])
        finally:
            await database.close()

    asyncio.run(write())
    return gallery


async def list_spans(page: Page) -> list[tuple[float, float]]:
    """Return from when to when each part is that the clip contains."""
    return [
        (float(start), float(end))
        for start, end in await page.locator(SEEK).evaluate_all(
            "links => links.map(link => [link.dataset.start, link.dataset.end])"
        )
    ]


async def test_the_timeline_seeks_by_mouse_and_keyboard(
    browser: Browser, branched: Gallery
) -> None:
    tab = await open_tab(browser, branched)
    page = await tab.open("/clips/3")
    first, second, third = await list_spans(page)
    assert (first[0], first[1], second[1]) == (0, second[0], third[0])
    parts = page.locator(SEEK)
    await parts.nth(1).click()
    await until(page, f"{VIDEO}.currentTime === {second[0]}")
    await expect(parts.nth(1)).to_have_class(re.compile("playing"))
    await expect(page.locator(f"{SEEK}.playing")).to_have_count(1)
    await expect(page.locator("#sought")).to_have_text(
        await parts.nth(1).locator(".when").inner_text()
    )
    await page.evaluate(f"{VIDEO}.currentTime = {third[0]} + 1")
    await expect(parts.nth(2)).to_have_class(re.compile("playing"))
    assert await parts.nth(0).evaluate("link => link.style.getPropertyValue('--played')") == "1.000"
    await tab.tab_to(f'{SEEK}[data-start="0"]')
    await page.keyboard.press("Enter")
    await until(page, f"{VIDEO}.currentTime === 0")
    await expect(page).to_have_url(re.compile("/clips/3$"))
    await tab.tab_to('.film .name[href="/clips/1"]')
    await page.keyboard.press("Enter")
    await page.wait_for_url(re.compile("/clips/1$"))
    await expect(page.locator(SEEK)).to_have_count(1)  # what came later leads to its own clip
    await page.locator('.film .frame[href="/clips/3"]').click()
    await page.wait_for_url(re.compile("/clips/3$"))
    tab.check()


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
async def test_branches_are_beside_each_other(
    browser: Browser, branched: Gallery, size: tuple[int, int]
) -> None:
    tab = await open_tab(browser, branched, size=size)
    page = await tab.open("/clips/3")
    branches = page.locator(".film .fork > ul > li")
    await expect(branches).to_have_count(2)
    before = await page.locator(".film .part").nth(1).bounding_box()
    own, other = [await branches.nth(number).bounding_box() for number in range(2)]
    assert before is not None
    assert own is not None
    assert other is not None
    assert own["x"] == other["x"] > before["x"] + before["width"]
    assert other["y"] >= own["y"] + own["height"]
    await expect(branches.first.locator("[aria-current=page]")).to_have_count(1)
    hrefs = "links => links.map(link => link.getAttribute('href'))"
    assert await branches.last.locator("a").evaluate_all(hrefs) == [
        f"/clips/{EXTENDED}",
        f"/clips/{EDITED}",
    ]
    assert await page.locator("#chain").inner_text() == say("chain.title", count=5)
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert await page.evaluate(LAYOUT_SHIFT) < 0.01
    await tab.check_accessibility()
    # an edit contains nothing of what it was made from
    page = await tab.open(f"/clips/{EDITED}")
    await expect(page.locator(SEEK)).to_have_count(1)
    await expect(page.locator(SEEK)).to_have_attribute("data-start", "0")
    tab.check()


async def test_the_timeline_is_a_list_of_links_without_javascript(
    browser: Browser, branched: Gallery
) -> None:
    tab = await open_tab(browser, branched, java_script_enabled=False)
    page = await tab.open("/clips/3")
    second = page.locator(SEEK).nth(1)
    start = await second.get_attribute("data-start")
    await second.click()
    await page.wait_for_url(re.compile(rf"/clips/3\?t={start}$"))
    source = page.locator(".screen source")
    await expect(source).to_have_attribute("src", f"/clips/3/video.mp4#t={start}")
    await page.locator('.film .name[href="/clips/2"]').click()
    await page.wait_for_url(re.compile("/clips/2$"))
    tab.check()


async def test_an_address_names_the_second_to_begin_at(browser: Browser, branched: Gallery) -> None:
    tab = await open_tab(browser, branched)
    page = await tab.open("/clips/3?t=5")
    await until(page, f"{VIDEO}.currentTime === 5")
    canonical = page.locator("link[rel=canonical]")
    await expect(canonical).to_have_attribute("href", f"{branched.url}/clips/3")
    await page.goto(f"{branched.url}/clips/3?t=soon")
    await expect(page.get_by_role("heading", name=say("failure.400"))).to_be_visible()


async def test_a_tile_grows_into_the_player_and_back(browser: Browser, gallery: Gallery) -> None:
    """A busy browser leaves a transition out if the next page takes more than four seconds."""
    tab = await open_tab(browser, gallery)
    page = tab.page
    await page.add_init_script(REMEMBER_TRANSITION)
    seen: set[str] = set()

    async def open_and_return() -> bool:
        await tab.open("/?server=7001")
        await page.locator("#grid .open").first.click()
        await page.wait_for_url(re.compile(r"/clips/\d+$"))
        await until(page, CAME)
        if await page.evaluate(GREW):
            seen.add("grew")
        await page.go_back()
        await until(page, CAME)
        if await page.evaluate(GREW):
            seen.add("shrank")
        return seen == {"grew", "shrank"}

    await eventually(open_and_return, timeout=PATIENCE_S, what="both ways")
    await until(page, "!document.querySelector('[style*=view-transition-name]')")
    await page.locator(".orders a:not([aria-current])").click()
    await page.wait_for_url(re.compile("order=top"))
    await until(page, CAME)
    assert await page.evaluate("window.moved") == [], "only clips move"
    tab.check()


async def test_nothing_grows_with_reduced_motion(browser: Browser, gallery: Gallery) -> None:
    tab = await open_tab(browser, gallery, reduced_motion="reduce")
    await tab.page.add_init_script(REMEMBER_TRANSITION)
    page = await tab.open("/?server=7001")
    await page.locator("#grid .open").first.click()
    await page.wait_for_url(re.compile(r"/clips/\d+$"))
    await until(page, CAME)
    assert await page.evaluate("window.moved") == []
    tab.check()


async def test_colors_are_shown_until_the_poster_has_loaded(
    browser: Browser, gallery: Gallery
) -> None:
    async def refuse(route: Route) -> None:
        await route.abort()

    tab = await open_tab(browser, gallery)
    await tab.page.route(re.compile(r"\.(jpg|webp|mp4)$"), refuse)
    page = await tab.open("/")
    stage = page.locator('#grid .open[href="/clips/4"] .stage')
    above, below = read_pixels(await stage.screenshot(animations="disabled"))
    assert above[2] > above[0], "blue"
    assert below[0] > below[2], "orange"
    plain = page.locator(f'#grid .open[href="/clips/{seed.WITHOUT_PREVIEW}"] .stage')
    await expect(plain.locator(".blur")).to_have_count(0)
    above, below = read_pixels(await plain.screenshot(animations="disabled"))
    assert above == below
    assert await page.evaluate(LAYOUT_SHIFT) < 0.01


def read_pixels(shot: bytes) -> list[bytes]:
    """Return red, green and blue of a pixel in the upper and one in the lower part of a picture."""
    with Image.open(io.BytesIO(shot)) as image:
        picture = image.convert("RGB")
    left = picture.width // 4
    tops = (picture.height * part // 8 for part in (2, 7))
    return [picture.crop((left, top, left + 1, top + 1)).tobytes() for top in tops]
