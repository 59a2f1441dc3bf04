"""Every text of the pages fits on a phone 360 pixels wide, in every language.

Each text is placed with its longest values where the page shows it, even if no example clip would
show it.
"""

import asyncio
import re
import string
from fnmatch import fnmatchcase
from typing import Final

import pytest
from playwright.async_api import Browser, Page

from bot.web.page_texts import LANGUAGES
from tests.web import seed
from tests.web.browser_tab import NEEDS_CHROMIUM, open_tab
from tests.web.conftest import Gallery
from tests.web.test_page_texts import texts

NARROW: Final = (360, 740)
"""The narrowest of today's phones."""
GALLERY, FOUND, NOTHING = "/", "/?q=lanterns", "/?q=nothing-like-this"
ALIKE: Final = "/clips/1"
MISSPELLED: Final = "/?q=lantrens"
SERVER: Final = "/s/harbour-film-club"
INVITING: Final = "/s/atelier-nachtlicht"
CREATOR: Final = f"/m/{seed.CREATOR_PAGE}"
BEST = "/?order=top&period=week"
CLIP, SECRET, FAULT = "/clips/3", "/clips/7", "/clips/999999"
TERMS, PRIVACY, REPORT = "/terms", "/privacy", "/clips/3/report"
SPOILER: Final = f"/clips/{seed.SPOILER}"

PLACES: Final = (
    (GALLERY, ".field.wide label", ("search.label",)),
    (GALLERY, "#q", ("search.placeholder",)),
    (GALLERY, ".field:not(.wide) label", ("filter.server",)),
    (GALLERY, "#server option", ("filter.any_server",)),
    (GALLERY, ".chips a", ("shape.*", "length.*")),
    (BEST, ".periods a", ("period.week", "period.month", "period.all")),
    (FOUND, ".count", ("gallery.count*",)),
    (FOUND, ".orders a", ("order.new", "order.top")),
    (GALLERY, ".kicker", ("gallery.best_of_*",)),
    (SERVER, ".place .description", ("server.description",)),
    (INVITING, ".actions .button:not(.quiet)", ("server.invite",)),
    (CREATOR, ".place .description", ("creator.description",)),
    (GALLERY, "#motion", ("gallery.motion",)),
    (GALLERY, "#grid .origin", ("clip.ai",)),
    (GALLERY, "#more", ("pager.more", "pager.first")),
    (GALLERY, ".foot p", ("footer.what",)),
    (GALLERY, ".ways a", ("footer.feed", "footer.api", "footer.terms", "footer.privacy")),
    (FOUND, ".clear", ("filter.clear",)),
    (FOUND, ".pager .end", ("pager.end",)),
    (NOTHING, ".nothing h2", ("empty.found", "empty.yet")),
    (NOTHING, ".nothing p", ("empty.*_hint",)),
    (MISSPELLED, ".tries h3", ("empty.try",)),
    (CLIP, ".find button", ("search.go",)),
    (CLIP, "#next", ("watch.previous", "watch.next")),
    (CLIP, "#loop", ("watch.loop",)),
    (CLIP, ".watch label", ("watch.speed",)),
    (CLIP, "#chain", ("chain.title",)),
    (CLIP, ".step", ("chain.first", "chain.step", "chain.edit", "chain.shot")),
    (CLIP, ".words .by", ("clip.by",)),
    (CLIP, ".words .made", ("clip.origin",)),
    (CLIP, ".aside a", ("report.title",)),
    (SPOILER, ".curtain .pill", ("clip.spoiler",)),
    (SPOILER, ".curtain p", ("clip.behind_spoiler",)),
    (SPOILER, "#reveal.button", ("clip.reveal",)),
    (REPORT, ".nothing h1", ("report.sent", "report.again", "report.limited")),
    (REPORT, ".nothing p", ("report.text", "report.*_text")),
    (REPORT, ".nothing button", ("report.send",)),
    (REPORT, ".aside a", ("report.back", "report.retry")),
    (CLIP, ".words .stars", ("clip.votes",)),
    (CLIP, "#like", ("same_command.title", "clip.prompt")),
    (CLIP, ".recipe p", ("same_command.how",)),
    (CLIP, ".recipe .button", ("same_command.copy", "same_command.copied")),
    (CLIP, ".share > .button", ("share.discord",)),
    (CLIP, ".share summary", ("share.title",)),
    (CLIP, ".ways-out label", ("share.link", "share.embed")),
    (CLIP, ".ways-out .button", ("share.copy_link", "share.copy_embed")),
    (CLIP, "#send", ("share.send",)),
    (CLIP, "#settings", ("facts.title",)),
    (CLIP, ".facts dt", ("facts.*",)),
    (CLIP, ".facts dd", ("mode.*", "facts.seconds")),
    (CLIP, ".facts .button", ("clip.download",)),
    (ALIKE, "#similar", ("clip.similar",)),
    (CLIP, "#others", ("clip.others",)),
    (SECRET, ".about h1", ("clip.untitled",)),
    (SECRET, ".veil", ("clip.hidden_prompt",)),
    (TERMS, ".legal h1", ("legal.terms", "legal.privacy")),
    (TERMS, ".legal p", ("terms.*", "legal.*")),
    (PRIVACY, ".legal p", ("privacy.*",)),
    (FAULT, ".nothing h1", ("failure.*", "adults.title")),
    (FAULT, ".nothing p", ("failure.*.hint", "adults.text", "adults.server")),
    (FAULT, ".nothing .button", ("home", "adults.yes")),
)
"""Page, selector, and the keys of the texts that stand there."""
HIDDEN: Final = (
    "chain.play_from",
    "clip.edited",
    "clip.extended",
    "clip.length",
    "clip.player",
    "footer.languages",
    "filter.label",
    "filter.length",
    "filter.model",
    "filter.shape",
    "order.label",
    "pager.label",
    "pager.more_came",
    "period.label",
    "skip",
)
"""Read by screen readers, or shown in front of everything else."""
PREVIEWS: Final = {"site.title": 60, "site.description": 160, "clip.description": 160}
"""Shown by search engines and in previews of links, which cut what is longer."""
ONE_LINE: Final = ("button", ".button", "label", "option", ".orders", "#more", "dt", "#q")
"""Parts of a page that a second line would disfigure."""
PICTURES: Final = re.compile(r"\.(jpg|mp4|webp)$")
"""Not needed to measure texts, and slow to make."""
VALUES: Final = {
    "address": "https://gallery.harbour-film-club.example.org/clips",
    "contact": "clapper-operators@harbour-film-club.example.org",
    "days": "1,095 days",
    "adult_days": "1,095 days",
    "file_days": "1,095 days",
    "gigabytes": "1,000,000",
    "host": "storage.eu-central-1.harbour-film-club.example.org",
    "name": "Donaudampfschifffahrtsgesellschaft",
    "service": "Gemini API, Vertex AI",
    "clip": "9999999",
    "minutes": "1,440",
    "model": "Veo 3.1 Fast (Vertex AI)",
    "count": "1,000,000",
    "creator": "Wilhelmine Freifrau von Sternberg",
    "server": "Donaudampfschifffahrtsgesellschaft " * 2,
    "time": "12:34",
    "title": "A lantern in the storm",
}
WITHIN_PAGE: Final = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
OPEN: Final = "document.querySelectorAll('details').forEach(each => each.open = true)"
MEASURE: Final = """texts => texts.map(([selector, text]) => {
    const element = document.querySelector(selector);
    const page = document.documentElement.clientWidth;  // innerWidth grows with what is too wide
    if (element.matches("option, input")) {
        const box = element.closest("select, input");
        const style = getComputedStyle(box);
        const pen = document.createElement("canvas").getContext("2d");
        pen.font = style.font;
        const padding = parseFloat(style.paddingLeft) + parseFloat(style.paddingRight);
        const needed = pen.measureText(text).width;
        return needed > box.clientWidth - padding ? ["is cut"] : [];
    }
    const problems = [];
    const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
    while (walker.nextNode() && !walker.currentNode.nodeValue.trim());
    const node = walker.currentNode;
    const before = node.nodeValue;
    node.nodeValue = text;
    const range = document.createRange();
    range.selectNodeContents(node);
    const boxes = [...range.getClientRects()];
    const frame = element.closest(".film li");
    const sides = frame ? frame.getBoundingClientRect() : {left: 0, right: page};
    if (boxes.some(box => box.left < sides.left - 1 || box.right > sides.right + 1))
        problems.push("leaves its frame");
    const isBox = getComputedStyle(element).display !== "inline";
    if (isBox && element.scrollWidth > element.clientWidth + 1) problems.push("overflows");
    if (document.documentElement.scrollWidth > page) problems.push("widens the page");
    if (new Set(boxes.map(box => Math.round(box.top))).size > 1) problems.push("lines");
    node.nodeValue = before;
    return problems;
})"""
"""What is wrong with each text in its element; ``lines`` if it takes more than one."""


@pytest.fixture(scope="module", autouse=True)
def spoiler(gallery: Gallery) -> None:
    asyncio.run(seed.put_behind_spoiler(gallery.data_dir))


def find_places(key: str) -> list[tuple[str, str]]:
    """Return page and selector of a key: those with the most exact pattern for it."""
    found = [
        (len(pattern.replace("*", "")), page, selector)
        for page, selector, patterns in PLACES
        for pattern in patterns
        if fnmatchcase(key, pattern)
    ]
    most = max((exactness for exactness, *_ in found), default=0)
    return [(page, selector) for exactness, page, selector in found if exactness == most]


def fill_text(template: str) -> str:
    names = {name for _, name, _, _ in string.Formatter().parse(template) if name}
    return template.format(**{name: VALUES[name] for name in names})


def test_every_text_has_one_place() -> None:
    """A new key needs a line in `PLACES`, unless nobody sees it."""
    places = {
        key: find_places(key) for key in texts("en") if key not in HIDDEN and key not in PREVIEWS
    }
    assert {key: found for key, found in places.items() if len(found) != 1} == {}
    assert {found[0] for found in places.values()} == {place[:2] for place in PLACES}
    assert {*HIDDEN, *PREVIEWS} <= texts("en").keys()


@pytest.mark.parametrize("language", LANGUAGES)
def test_previews_are_not_cut(language: str) -> None:
    for key, limit in PREVIEWS.items():
        assert max(len(fill_text(form)) for form in texts(language)[key]) <= limit, key


@NEEDS_CHROMIUM
@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("language", LANGUAGES)
async def test_every_text_fits_on_a_phone(
    browser: Browser, gallery: Gallery, language: str
) -> None:
    tab = await open_tab(browser, gallery, size=NARROW, locale=language, is_mobile=True)
    await tab.page.route(PICTURES, lambda route: route.abort())
    too_long: list[str] = []
    for path in dict.fromkeys(page for page, *_ in PLACES):
        page = await tab.open(path)
        assert await page.locator("html").get_attribute("lang") == language
        await page.evaluate(OPEN)
        assert await page.evaluate(WITHIN_PAGE), path
        shown = [
            (key, selector, fill_text(form))
            for key, forms in texts(language).items()
            if key not in HIDDEN and key not in PREVIEWS
            for where, selector in find_places(key)
            if where == path
            for form in forms
        ]
        problems = await measure(page, [(selector, text) for _, selector, text in shown])
        too_long += [
            f"{key} in {selector}: {text!r} {problem}"
            for (key, selector, text), found in zip(shown, problems, strict=True)
            for problem in found
        ]
    assert not too_long, "\n".join(too_long)


async def measure(page: Page, shown: list[tuple[str, str]]) -> list[list[str]]:
    """Return what is wrong with each text in the element that its selector finds."""
    found: list[list[str]] = await page.evaluate(MEASURE, [list(each) for each in shown])
    return [
        [each for each in problems if each != "lines" or any(part in selector for part in ONE_LINE)]
        for (selector, _), problems in zip(shown, found, strict=True)
    ]


@NEEDS_CHROMIUM
@pytest.mark.asyncio(loop_scope="module")
async def test_a_text_without_room_is_seen(browser: Browser, gallery: Gallery) -> None:
    tab = await open_tab(browser, gallery, size=NARROW, is_mobile=True)
    page = await tab.open(GALLERY)
    long = "Donaudampfschifffahrtsgesellschaft"
    cut, wide, fine = await measure(
        page, [("#server option", long), (".orders a", f"{long} {long}"), (".foot p", long)]
    )
    assert cut == ["is cut"]
    assert wide != []
    assert fine == []
