"""Accessibility beyond what axe checks: screen readers, keyboard, contrast and zoom."""

import io
import re
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.async_api import Browser, Page, expect

from tests.harness.page_checks import find_violations
from tests.harness.texts import quote_text
from tests.harness.waiting import eventually
from tests.web.browser_tab import NEEDS_CHROMIUM, PATIENCE_S, PHONE, WIDE, BrowserTab, open_tab
from tests.web.conftest import Gallery, Serving

pytestmark = [NEEDS_CHROMIUM, pytest.mark.asyncio(loop_scope="module")]

ENOUGH_CONTRAST = 4.5
"""Of text to what is behind it (WCAG 2.2, 1.4.3)."""
FOCUSED = """() => {
    const at = document.activeElement, box = at.getBoundingClientRect();
    return {
        inMain: document.getElementById("main").contains(at),
        inFoot: at.closest(".foot") !== null,
        hidden: document.querySelector(".top").getBoundingClientRect().bottom - box.top,
        where: at.outerHTML.slice(0, 100),
    };
}"""
FIRST_LINE = """element => {
    element.scrollIntoView({block: "center", behavior: "instant"});
    const range = document.createRange();
    range.selectNodeContents(element);
    const box = range.getClientRects()[0];
    return {x: box.x, y: box.y, width: box.width, height: box.height};
}"""
"""Where the first line of a text is, once that is in sight."""


async def test_axe_is_of_today_and_sees_what_it_is_for(browser: Browser, gallery: Gallery) -> None:
    """It finds wrong accessible names and low contrast. [web-W11, web-W09]"""
    tab = await open_tab(browser, gallery)
    page = await tab.open("/clips/7")
    assert await find_violations(page) == []
    version = await page.evaluate("axe.version")
    assert tuple(map(int, version.split(".")[:2])) >= (4, 11)
    report = await page.evaluate("axe.run({runOnly: ['color-contrast']})")
    checked = [node for rule in report["passes"] for node in rule["nodes"]]
    assert len(checked) > 10, "contrast is looked at"
    await page.evaluate(
        "document.querySelector('.brand').setAttribute('aria-label', 'Elsewhere');"
        "document.querySelector('.facts dt').style.color = '#333'"
    )
    found = {violation.partition(":")[0] for violation in await find_violations(page)}
    assert found == {"label-content-name-mismatch", "color-contrast"}


@pytest.mark.parametrize("path", ["/terms", "/privacy?lang=de"])
async def test_axe_finds_nothing_on_the_pages_that_platforms_ask_for(
    browser: Browser, gallery: Gallery, path: str
) -> None:
    for size in (WIDE, PHONE):
        tab = await open_tab(browser, gallery, size=size)
        page = await tab.open(path)
        await tab.check_accessibility()
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        tab.check()


@pytest.mark.parametrize("scheme", ["dark", "light"])
async def test_axe_finds_nothing_on_the_question_to_adults(
    browser: Browser, gallery: Gallery, scheme: str
) -> None:
    serving = Serving(gallery.data_dir, log_name=f"adults-{scheme}.log", ADULTS_ONLY="true")
    adults = Gallery(await serving.start(), gallery.data_dir)
    for size in (WIDE, PHONE):
        tab = await open_tab(browser, adults, size=size, color_scheme=scheme)
        page = await tab.open("/clips/3")
        await tab.check_accessibility()
        await page.get_by_role("button", name=quote_text("adults.yes", domain="web")).click()
        await expect(page.locator(".screen video")).to_be_visible()
        tab.check()
    await serving.close()


async def test_links_are_named_as_they_are_written(browser: Browser, gallery: Gallery) -> None:
    """Saying "Clapper" to voice control opens the gallery. [web-W09]"""
    tab = await open_tab(browser, gallery)
    page = await tab.open("/clips/3")
    await page.get_by_role("link", name=re.compile("^Clapper")).click()
    await page.wait_for_url(re.compile("/$"))


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
async def test_the_focus_is_never_under_the_header(
    browser: Browser, gallery: Gallery, size: tuple[int, int]
) -> None:
    """Each focused element is visible when tabbing backward (WCAG 2.4.11). [web-W08]"""
    tab = await open_tab(browser, gallery, size=size, reduced_motion="reduce")
    page = await tab.open("/?server=7001")
    await page.locator(".foot a").first.focus()
    stops = 0
    for _ in range(60):
        await page.keyboard.press("Shift+Tab")
        focus = await page.evaluate(FOCUSED)
        if not focus["inMain"] and not focus["inFoot"]:
            break
        assert focus["hidden"] <= 1, focus["where"]
        stops += 1
    assert stops > 20


@pytest.mark.parametrize("scheme", ["dark", "light"])
@pytest.mark.parametrize("frame", ["#ffffff", "#00ff00", "#000000"])
async def test_words_are_readable_over_any_picture(
    browser: Browser, gallery: Gallery, scheme: str, frame: str
) -> None:
    """Over the best clip's frame, and beside its glow. [web-W10]"""
    tab = await open_tab(browser, gallery, color_scheme=scheme)
    page = await tab.open("/")
    await page.evaluate(
        """color => document.querySelectorAll(".marquee img").forEach(image => {
            const canvas = document.createElement("canvas");
            canvas.className = image.className;
            canvas.width = 1280;
            canvas.height = 720;
            const context = canvas.getContext("2d");
            context.fillStyle = color;
            context.fillRect(0, 0, 1280, 720);
            canvas.style.cssText =
                "position: absolute; inset: 0; width: 100%; height: 100%; object-fit: cover";
            image.replaceWith(canvas);
        })""",
        frame,
    )
    for selector in (".kicker", ".marquee .big", ".marquee .small", ".filters label"):
        for number in range(await page.locator(selector).count()):
            contrast = await measure_contrast(page, selector, number)
            assert contrast >= ENOUGH_CONTRAST, f"{selector} {number}"


async def measure_contrast(page: Page, selector: str, number: int) -> float:
    """Return the contrast between a text and the brightest or darkest pixel behind it."""
    element = page.locator(selector).nth(number)
    color = await element.evaluate("element => getComputedStyle(element).color")
    text = tuple(float(part) for part in re.findall(r"[\d.]+", color)[:3])
    await element.evaluate("element => { element.style.color = 'transparent' }")
    line = await element.evaluate(FIRST_LINE)
    shot = await page.screenshot(clip=line, animations="disabled")
    await element.evaluate("element => { element.style.color = '' }")
    behind = read_colors(shot)
    return min(compare_luminance(text, each) for each in behind)


def read_colors(shot: bytes) -> set[tuple[int, ...]]:
    with Image.open(io.BytesIO(shot)) as image:
        parts = image.convert("RGB").tobytes()
    return set(zip(parts[0::3], parts[1::3], parts[2::3], strict=True))


def compare_luminance(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    """Return the contrast ratio of two colors (WCAG 2.2, definitions)."""

    def luminance(color: tuple[float, ...]) -> float:
        parts = [part / 255 for part in color]
        linear = [
            part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
        ]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


async def test_forced_colours_tell_what_is_chosen(browser: Browser, gallery: Gallery) -> None:
    """The current tab differs from the others, and lists keep their arrow. [web-W29]"""
    tab = await open_tab(browser, gallery, forced_colors="active")
    page = await tab.open("/")
    border = "element => getComputedStyle(element).borderBottomColor"
    current = await page.locator(".orders a[aria-current]").evaluate(border)
    other = await page.locator(".orders a:not([aria-current])").evaluate(border)
    assert current != other
    style = "element => [getComputedStyle(element).appearance]"
    assert await page.locator("#server").evaluate(style) == ["auto"]
    await tab.check_accessibility()


async def test_nothing_is_cut_or_squeezed(
    browser: Browser, gallery: Gallery, tmp_path: Path
) -> None:
    """The mark keeps its size, long words break, and the focus has room. [web-W30]"""
    tab = await open_tab(browser, gallery, size=PHONE)
    page = await tab.open("/clips/3")
    box = await page.locator(".brand .mark").bounding_box()
    assert box is not None
    assert box["width"] >= 34
    await tab.open("/")
    await page.locator(".marquee .big").evaluate(
        "element => { element.textContent = 'Donaudampfschifffahrt'.repeat(9) }"
    )
    fits = "element => element.scrollWidth <= element.clientWidth"
    assert await page.locator(".marquee .big").evaluate(fits)
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await page.set_viewport_size({"width": WIDE[0], "height": WIDE[1]})
    await eventually(lambda: focus_reaches_beyond_tile(tab), timeout=PATIENCE_S)


async def focus_reaches_beyond_tile(tab: BrowserTab) -> bool:
    """Return whether the outline of a focused tile is drawn beside its box."""
    page = tab.page
    await page.locator("#grid .open").first.focus()
    await page.keyboard.press("Tab")
    await page.keyboard.press("Tab")
    box = await page.evaluate(
        """() => {
            const at = document.activeElement;
            at.scrollIntoView({block: "center", behavior: "instant"});
            const {x, y} = at.getBoundingClientRect();
            return {x, y};
        }"""
    )
    clip: Any = {"x": box["x"] - 5, "y": box["y"] + 40, "width": 2, "height": 2}
    return read_colors(await page.screenshot(clip=clip)) == {(0xFF, 0xB8, 0x4A)}


async def test_names_in_other_directions_turn_nothing(browser: Browser, gallery: Gallery) -> None:
    """Text typed into the search has its own direction. [web-W07]"""
    tab = await open_tab(browser, gallery)
    page = await tab.open("/?q=%D9%82%D8%B7%D8%A9")
    await expect(page.locator("#q")).to_have_css("direction", "rtl")
