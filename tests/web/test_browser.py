"""The gallery in a real Chromium: looked at, clicked, typed, played, without a mouse, on a phone.

Every page is checked with axe in both colour schemes, and every visitor for requests that leave the
host. The pictures in `docs/pictures` are taken here by `make pictures`, and thrown away otherwise.
"""

import asyncio
import os
import re
from collections.abc import AsyncIterator
from importlib import resources
from pathlib import Path
from typing import Any

import av
import pytest
from playwright.async_api import (
    Browser,
    BrowserContext,
    Page,
    Response,
    Route,
    async_playwright,
    expect,
)
from yarl import URL

from bot.store.engine.database import open_database
from bot.store.engine.schema import upgrade_schema
from tests.harness.waiting import eventually
from tests.web import seed
from tests.web.conftest import Gallery, Serving, chromium

CHROMIUM = chromium()
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here (apt install chromium)")

AXE = (resources.files("axe_core_python") / "axe.min.js").read_text("utf-8")
WIDE, PHONE = (1440, 1000), (390, 844)
DOCS = Path(__file__).parents[2] / "docs" / "pictures"
PATIENCE_S = 45.0
"""Pictures are made when they are first asked for, one at a time and behind everything else."""
SERIOUS = ("serious", "critical")
PLAYER = ".screen video"
VIDEO = f"document.querySelector('{PLAYER}')"
LOADED = """[...document.images].every(image => {
    const box = image.getBoundingClientRect();
    const away = box.top > innerHeight || box.bottom < 0
        || box.left > innerWidth || box.right < 0;
    return image.complete && image.naturalWidth > 0 || away || !image.checkVisibility();
})"""
STOP = """what => {
    const at = document.activeElement, style = getComputedStyle(at);
    const outlined = style.outlineStyle !== "none" && style.outlineWidth !== "0px";
    const box = at.getBoundingClientRect();
    const inside = box.bottom > 0 && box.top < innerHeight
        && box.right > 0 && box.left < innerWidth;
    const drawn = inside && (at.matches("video") || outlined);
    return {
        there: at.matches(what),
        where: at.outerHTML.slice(0, 120),
        seen: at === document.body || drawn,
    };
}"""
"""What has the focus, whether it is ``what``, and whether a person sees that it has it; inside of a
player it is the browser that draws this, where no script can look."""
EVERY_PAGE = {
    "the gallery": "/",
    "a search": "/?q=lanterns",
    "nothing found": "/?q=nothing-like-this",
    "a chain": "/clips/3",
    "an upright clip": "/clips/6",
    "a hidden prompt": "/clips/7",
    "the embedded player": "/clips/3/player",
    "a fault": "/clips/999999",
}
ON_A_PHONE = ("the gallery", "nothing found", "a chain", "an upright clip", "a fault")


class Visit:
    """One visitor: a page, everything it asked for, and everything it complained about."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.asked: list[str] = []
        self.complaints: list[str] = []
        page.context.on("request", lambda request: self.asked.append(request.url))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self._console)

    def _console(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    async def open(self, path: str) -> Page:
        """Go somewhere and wait until everything is there."""
        await self.page.goto(self.url + path, wait_until="load")
        return self.page

    def check(self) -> None:
        """Nothing left the host, and the browser had nothing to complain about."""
        host = URL(self.url).authority
        foreign = [
            each
            for each in self.asked
            if URL(each).authority != host and not each.startswith(("blob:", "data:"))
        ]
        assert not foreign
        assert not self.complaints

    async def accessible(self) -> None:
        """Axe finds nothing serious."""
        await self.page.evaluate(AXE)
        found = await self.page.evaluate("axe.run()")
        faults = [
            f"{each['id']}: {node['html'][:150]} {node.get('failureSummary', '')[:200]}"
            for each in found["violations"]
            if each["impact"] in SERIOUS
            for node in each["nodes"]
        ]
        assert not faults, "\n".join(faults)

    async def picture(self, name: str, folder: Path) -> None:
        """Keep a picture of what is seen, once all of it is there."""
        await until(self.page, LOADED)
        if await self.page.locator(PLAYER).count():
            await self.play()  # until it has played, the player turns its wheel
            await self.page.evaluate(
                f"{VIDEO}.pause(); {VIDEO}.currentTime = {VIDEO}.duration * 0.8"
            )
            await until(self.page, f"!{VIDEO}.seeking && {VIDEO}.readyState === 4")
        keep = DOCS if os.environ.get("PICTURES") else folder
        kept = keep / f"gallery-{name}.png"
        await self.page.screenshot(path=kept)
        assert kept.stat().st_size > 20_000

    async def play(self) -> None:
        """Play the clip for a moment, without a sound."""
        await self.page.evaluate(f"{VIDEO}.muted = true; {VIDEO}.play()")
        await until(self.page, f"{VIDEO}.currentTime > 0.4")

    async def tab_to(self, what: str, *, back: bool = False) -> None:
        """Go on by keyboard until ``what`` has the focus; every stop on the way is seen to be one.

        ``what`` is a selector.
        """
        for _ in range(80):
            await self.page.keyboard.press("Shift+Tab" if back else "Tab")
            if (await self._stop(what))["there"]:
                return
        raise AssertionError(f"no way by keyboard to {what}")

    async def _stop(self, what: str) -> dict[str, Any]:
        """Return what has the focus, once the page has moved to where a person sees it."""

        async def seen() -> dict[str, Any]:
            stop: dict[str, Any] = await self.page.evaluate(STOP, what)
            assert stop["seen"], f"the focus is not seen at {stop['where']}"
            return stop

        found: dict[str, Any] = await eventually(seen, timeout=PATIENCE_S, interval=0.05)
        return found


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    """A Chromium, closed with everything in it."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-dev-shm-usage"],
        )
        yield browser
        await browser.close()


async def visit(
    browser: Browser, gallery: Gallery, *, size: tuple[int, int] = WIDE, **more: Any
) -> Visit:
    """Open a page of a visitor's own."""
    viewport = {"width": size[0], "height": size[1]}
    context: BrowserContext = await browser.new_context(
        viewport=viewport,  # type: ignore[arg-type]
        **({"locale": "en-US", "color_scheme": "dark"} | more),
    )
    context.set_default_timeout(PATIENCE_S * 1000)
    host = URL(gallery.url).authority
    await context.route(lambda url: URL(url).authority != host, lambda route: route.abort())
    return Visit(await context.new_page(), gallery.url)


async def until(page: Page, script: str) -> None:
    """Wait until ``script`` says something true; Playwright's own wait needs `eval`, which our
    Content-Security-Policy forbids."""

    async def says() -> bool:
        return bool(await page.evaluate(script))

    await eventually(says, timeout=PATIENCE_S, interval=0.05, what=script)


async def titles(page: Page) -> list[str]:
    return [each.strip() for each in await page.locator("#grid .name").all_text_contents()]


async def test_browse_page_and_reach_the_end(
    browser: Browser, gallery: Gallery, tmp_path: Path
) -> None:
    visitor = await visit(browser, gallery)
    page = await visitor.open("/")
    await expect(page.locator("#grid .tile")).to_have_count(24)
    await expect(page.locator(".marquee")).to_contain_text("Morning comes")
    await visitor.picture("dark", tmp_path)
    filters = "document.querySelector('.filters').getBoundingClientRect().top"
    await page.evaluate(f"scrollBy(0, {filters} - 84)")
    await page.mouse.move(0, 0)
    await until(page, "document.querySelectorAll('#grid .still').length >= 24")
    await visitor.picture("grid", tmp_path)
    await page.locator("#more").scroll_into_view_if_needed()
    await expect(page.locator("#grid .tile")).to_have_count(39)  # one entry is not public
    await expect(page.locator(".pager .end")).to_be_visible()
    assert await page.locator("#said").inner_text() == "Clips added: 15"
    links = [await each.get_attribute("href") for each in await page.locator("#grid .open").all()]
    assert len(set(links)) == 39
    assert "What nobody outside may see" not in await page.content()
    await visitor.accessible()
    visitor.check()


async def test_light_scheme(browser: Browser, gallery: Gallery, tmp_path: Path) -> None:
    visitor = await visit(browser, gallery, color_scheme="light")
    page = await visitor.open("/")
    await visitor.picture("light", tmp_path)
    light = await page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    await page.emulate_media(color_scheme="dark")
    assert light != await page.evaluate(
        "getComputedStyle(document.documentElement).backgroundColor"
    )
    await page.emulate_media(color_scheme="light")
    await visitor.open("/clips/6")
    await visitor.picture("portrait-light", tmp_path)
    visitor.check()


@pytest.mark.parametrize("scheme", ["dark", "light"])
async def test_axe_finds_nothing_serious_on_any_page(
    browser: Browser, gallery: Gallery, scheme: str
) -> None:
    visitor = await visit(browser, gallery, color_scheme=scheme)
    for size, pages in ((WIDE, EVERY_PAGE), (PHONE, ON_A_PHONE)):
        await visitor.page.set_viewport_size({"width": size[0], "height": size[1]})
        for what, path in ((each, EVERY_PAGE[each]) for each in pages):
            page = await visitor.open(path)
            assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), what
            await visitor.accessible()
            if path == EVERY_PAGE["a fault"]:
                visitor.complaints.clear()  # Chromium notes the 404 itself
    visitor.check()


@pytest.mark.parametrize("scheme", ["dark", "light"])
async def test_a_gallery_with_nothing_in_it_says_how_to_begin(
    browser: Browser, tmp_path: Path, scheme: str
) -> None:
    database = open_database(seed.data_url(tmp_path))
    await upgrade_schema(database)
    await database.close()
    serving = Serving(tmp_path)
    visitor = await visit(browser, Gallery(await serving.start(), tmp_path), color_scheme=scheme)
    page = await visitor.open("/")
    await expect(page.get_by_role("heading", name="The screen is still dark")).to_be_visible()
    await visitor.accessible()
    if scheme == "light":
        await visitor.picture("empty-light", tmp_path)
    visitor.check()
    await serving.close()


async def test_filter_and_search(browser: Browser, gallery: Gallery, tmp_path: Path) -> None:
    visitor = await visit(browser, gallery)
    page = await visitor.open("/")
    await page.get_by_label("Server").select_option(label="Atelier Nachtlicht")
    await page.get_by_role("button", name="Search").click()
    await page.wait_for_url(re.compile(r"\?server=7002$"))
    assert {each.strip() for each in await page.locator("#grid .by a").all_text_contents()} == {
        "Atelier Nachtlicht"
    }
    await page.get_by_label("Model").select_option(label="Veo 3.1")
    await page.get_by_role("button", name="Search").click()
    await page.wait_for_url(re.compile("model="))
    names = await titles(page)
    assert names
    assert all(name.startswith("Dunes at first light") for name in names)
    await page.get_by_role("link", name="Clear all filters").click()
    await page.get_by_label("Search prompts").fill("PAPER lanterns")
    await page.keyboard.press("Enter")
    await page.wait_for_url(re.compile(r"\?q=PAPER"))
    assert all("lanterns" in name for name in await titles(page))
    await page.get_by_label("Length").select_option(label="Chains (longer than 8 s)")
    await page.get_by_label("Search prompts").fill("")
    await page.get_by_role("button", name="Search").click()
    await page.wait_for_url(re.compile("length=long$"))
    assert await titles(page) == [
        "Morning comes: gulls, a pink sky, and the boat meets a whale that hums"
    ]
    await page.get_by_role("link", name="Clear all filters").click()
    await page.get_by_role("link", name="Most loved").click()
    await page.wait_for_url(re.compile(r"\?order=top$"))
    stars = await page.locator("#grid .stars > span[aria-hidden]").all_text_contents()
    assert [int(each) for each in stars] == sorted(map(int, stars), reverse=True)
    assert int(stars[0]) == 97
    await visitor.open("/?q=boat")
    await visitor.picture("search", tmp_path)
    await visitor.open("/?q=nothing-like-this")
    await expect(page.get_by_role("heading", name="No clip like that")).to_be_visible()
    await visitor.picture("nothing", tmp_path)
    visitor.check()


async def test_a_clip_plays_and_its_chain_leads_on(
    browser: Browser, gallery: Gallery, tmp_path: Path
) -> None:
    visitor = await visit(browser, gallery, size=(1440, 1320))
    page = await visitor.open("/clips/3")
    await expect(page.locator("video")).to_be_visible()
    await visitor.picture("clip-dark", tmp_path)
    await page.evaluate(f"{VIDEO}.currentTime = 0")
    await page.keyboard.press("k")  # plays
    await until(page, f"{VIDEO}.currentTime > 0.4")
    await page.keyboard.press("k")  # pauses
    assert await page.evaluate(f"{VIDEO}.paused")
    assert await page.evaluate(f"{VIDEO}.videoWidth") == 1280
    frames = page.locator(".film li")
    await expect(frames).to_have_count(3)
    await expect(frames.nth(2).locator("a")).to_have_attribute("aria-current", "page")
    await frames.nth(0).locator("a").click()
    await page.wait_for_url(re.compile("/clips/1$"))
    visitor.check()


async def test_seeking_fetches_what_is_sought_and_plays_on(
    browser: Browser, gallery: Gallery
) -> None:
    long = gallery.data_dir / "clips" / "1.mp4"
    seconds = await asyncio.to_thread(repeat, long, 30)
    size = long.stat().st_size
    visitor = await visit(browser, gallery)
    fetched: list[tuple[int, int]] = []

    def note(response: Response) -> None:
        found = re.match(r"bytes (\d+)-\d+/(\d+)$", response.headers.get("content-range", ""))
        if found and response.status == 206:
            fetched.append((int(found[1]), int(found[2])))

    visitor.page.on("response", note)
    page = await visitor.open("/clips/1")
    await visitor.play()
    assert await page.evaluate(f"{VIDEO}.duration") == pytest.approx(seconds, abs=1)
    assert fetched
    far = seconds * 0.8
    before = len(fetched)
    await page.evaluate(f"{VIDEO}.currentTime = {far}")
    await until(page, f"!{VIDEO}.seeking && {VIDEO}.currentTime > {far} + 0.3")
    assert await page.evaluate(f"{VIDEO}.currentTime < {far} + 15"), "it plays on from there"
    [(began, whole), *_] = fetched[before:]
    assert whole == size
    assert began > size / 2, "only what was sought is fetched"
    visitor.check()


def repeat(path: Path, times: int) -> float:
    """Make a film that shows itself over and over, without encoding anew; return its seconds."""
    made = path.with_suffix(".long.mp4")
    with (
        av.open(str(path)) as source,
        av.open(str(made), "w", options={"movflags": "+faststart"}) as output,
    ):
        streams = {each.index: output.add_stream_from_template(each) for each in source.streams}
        packets = [packet for packet in source.demux() if packet.dts is not None]
        length = (source.duration or 0) / av.time_base + 0.1  # sound begins before its time
        for number in range(times):
            for packet in packets:
                moved = av.Packet(bytes(packet))
                shift = round(number * length / packet.time_base)
                moved.pts, moved.dts = (packet.pts or 0) + shift, (packet.dts or 0) + shift
                moved.duration, moved.time_base = packet.duration, packet.time_base
                moved.is_keyframe = packet.is_keyframe
                moved.stream = streams[packet.stream.index]
                output.mux(moved)
    made.replace(path)
    return float(length * times)


async def test_hidden_prompts_stay_hidden(browser: Browser, gallery: Gallery) -> None:
    visitor = await visit(browser, gallery)
    page = await visitor.open("/clips/7")
    assert "Secret of the house" not in await page.content()
    await expect(page.get_by_text("The maker keeps the prompt secret.")).to_be_visible()
    assert await page.locator("#recipe").count() == 0
    await visitor.accessible()
    visitor.check()


async def test_keyboard_navigation_works(browser: Browser, gallery: Gallery) -> None:
    visitor = await visit(browser, gallery)
    page = await visitor.open("/")
    press = page.keyboard.press
    # past the head of the page
    await visitor.tab_to(".skip")
    await press("Enter")
    assert await page.evaluate("document.activeElement.id || location.hash") in ("main", "#main")
    await visitor.tab_to(".marquee .open")
    # filter
    await visitor.tab_to("select[name=server]")
    await press("ArrowDown")
    await visitor.tab_to(".filters button")
    await press("Enter")
    await page.wait_for_url(re.compile(r"\?server=7002$"))
    # order
    await visitor.tab_to(".orders a:not([aria-current])")
    await press("Enter")
    await page.wait_for_url(re.compile("order=top"))
    assert (await titles(page))[0].startswith("Dunes at first light")
    # search
    await visitor.tab_to(".clear")
    await press("Enter")
    await page.wait_for_url(re.compile(r"/$"))
    await visitor.tab_to("#q")
    await page.keyboard.type("lighthouse")
    await press("Enter")
    await page.wait_for_url(re.compile("q=lighthouse"))
    # open
    await visitor.tab_to("#grid .open")
    await press("Enter")
    await page.wait_for_url(re.compile(r"/clips/\d+$"))
    # play, pause
    await page.evaluate(f"{VIDEO}.muted = true")
    await visitor.tab_to(PLAYER)
    await press("Space")
    await until(page, f"{VIDEO}.currentTime > 0.1")
    await press("Space")
    await until(page, f"{VIDEO}.paused")
    # copy the recipe, follow a tile, and back the way that we came
    await visitor.tab_to("[data-copy]")
    await visitor.tab_to(".others .open")
    await press("Enter")
    opened = page.url
    await page.wait_for_url(lambda url: url != opened and "/clips/" in url)
    for place in (re.compile(f"{opened}$"), re.compile("q=lighthouse")):
        await page.go_back()  # the browser's own key, which it does not have without a window
        await page.wait_for_url(place)
    await expect(page.locator("#q")).to_have_value("lighthouse")
    # more pages than one, and the foot is reached in the end
    await visitor.tab_to(".clear")
    await press("Enter")
    await page.wait_for_url(re.compile(r"/$"))
    await visitor.tab_to(".foot a[hreflang=de]", back=True)
    await press("Enter")
    await expect(page.locator("html")).to_have_attribute("lang", "de")
    visitor.check()


async def test_footer_focus_survives_loading_more(browser: Browser, gallery: Gallery) -> None:
    visitor = await visit(browser, gallery)
    page = visitor.page
    let = asyncio.Event()

    async def late(route: Route) -> None:
        await let.wait()
        await route.continue_()

    await page.route(re.compile(r"[?&]cursor="), late)
    await visitor.open("/")
    tiles = page.locator("#grid > .tile")
    before = await tiles.count()
    language = page.locator(".foot a[hreflang=de]")
    await language.focus()
    stood = await language.bounding_box()
    let.set()
    await expect(page.locator(".pager .end")).to_be_attached(timeout=PATIENCE_S * 1000)
    assert await tiles.count() > before
    stands = await language.bounding_box()
    assert stood is not None
    assert stands is not None
    assert stands["y"] == pytest.approx(stood["y"], abs=2)
    await page.unroute_all(behavior="wait")
    visitor.check()


async def test_previews_move_while_pointed_at(browser: Browser, gallery: Gallery) -> None:
    visitor = await visit(browser, gallery)
    page = await visitor.open("/")
    tile = page.locator("#grid .open").first
    await tile.hover()
    await expect(tile.locator("video.moving.on")).to_be_attached(timeout=PATIENCE_S * 1000)
    await page.mouse.move(2, 2)
    await expect(page.locator("video.moving")).to_have_count(0)
    visitor.check()


async def test_reduced_motion_is_respected(browser: Browser, gallery: Gallery) -> None:
    visitor = await visit(browser, gallery, reduced_motion="reduce")
    page = await visitor.open("/")
    await page.locator("#grid .open").first.hover()
    await page.wait_for_timeout(400)
    assert await page.locator("video").count() == 0
    moves = "getComputedStyle(document.querySelector('.tile .stage')).transitionDuration"
    assert await page.evaluate(moves) == "0s"
    visitor.check()


async def test_gallery_works_on_phone(browser: Browser, gallery: Gallery, tmp_path: Path) -> None:
    visitor = await visit(browser, gallery, size=PHONE, is_mobile=True, has_touch=True)
    for path, name in (("/", "phone"), ("/clips/3", "phone-clip")):
        page = await visitor.open(path)
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        await visitor.picture(name, tmp_path)
    visitor.check()


async def test_without_javascript(browser: Browser, gallery: Gallery) -> None:
    visitor = await visit(browser, gallery, java_script_enabled=False)
    page = await visitor.open("/")
    await expect(page.locator("#grid .tile")).to_have_count(24)
    await page.locator("#more").click()
    await page.wait_for_url(re.compile("cursor="))
    await expect(page.locator("#grid .tile")).to_have_count(15)
    await page.get_by_role("link", name="Back to the first page").click()
    await page.get_by_label("Server").select_option("7002")
    await page.get_by_role("button", name="Search").click()
    await page.wait_for_url(re.compile("server=7002"))
    await page.locator("#grid .open").first.click()
    await page.wait_for_url(re.compile(r"/clips/\d+$"))
    assert await page.locator("video[controls]").count() == 1
    visitor.check()


async def test_the_language_switch_stays(
    browser: Browser, gallery: Gallery, tmp_path: Path
) -> None:
    visitor = await visit(browser, gallery, locale="de-DE")
    page = await visitor.open("/?order=top")
    await expect(page.get_by_role("link", name="Beliebteste")).to_be_visible()
    await page.get_by_role("link", name="日本語").click()
    await page.wait_for_url(re.compile(r"/\?order=top$"))
    await expect(page.get_by_role("link", name="人気")).to_be_visible()
    await visitor.open("/")
    assert await page.locator("html").get_attribute("lang") == "ja"
    await visitor.picture("japanese", tmp_path)
    await visitor.accessible()
    visitor.check()


async def test_copying_the_recipe(browser: Browser, gallery: Gallery) -> None:
    visitor = await visit(browser, gallery, permissions=["clipboard-read", "clipboard-write"])
    page = await visitor.open("/clips/4")
    await page.get_by_role("button", name="Copy").click()
    await expect(page.get_by_role("button", name="Copied")).to_be_visible()
    copied = await page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("/video generate prompt:Storm over the lighthouse")
    assert "duration:2" in copied
    visitor.check()


async def test_errors_have_a_page(browser: Browser, gallery: Gallery, tmp_path: Path) -> None:
    visitor = await visit(browser, gallery)
    page = await visitor.open("/clips/999999")
    await expect(page.get_by_role("heading", name="Nothing is showing here")).to_be_visible()
    await visitor.accessible()
    await visitor.picture("gone", tmp_path)
    visitor.complaints.clear()  # Chromium notes the 404 itself
    visitor.check()
