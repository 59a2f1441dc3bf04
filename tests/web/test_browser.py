"""The gallery in a real Chromium: mouse, keyboard, video playback and a phone.

Every page is checked with axe in both color schemes, and every tab for requests to other hosts.
"""

import asyncio
import re
from functools import partial
from pathlib import Path

import av
import pytest
from playwright.async_api import Browser, Page, Response, Route, expect

from bot.store.engine.database import open_database
from bot.store.engine.schema import upgrade_schema
from tests.harness.texts import quote_text
from tests.web import seed
from tests.web.browser_tab import (
    LAYOUT_SHIFT,
    NEEDS_CHROMIUM,
    PHONE,
    PLAYER,
    VIDEO,
    WIDE,
    open_tab,
    until,
)
from tests.web.conftest import Gallery, Serving

pytestmark = [NEEDS_CHROMIUM, pytest.mark.asyncio(loop_scope="module")]

say = partial(quote_text, domain="web")

EVERY_PAGE = {
    "the gallery": "/",
    "a search": "/?q=lanterns",
    "nothing found": "/?q=nothing-like-this",
    "a server": "/s/harbour-film-club",
    "a server with an icon": "/s/atelier-nachtlicht",
    "a creator": f"/m/{seed.CREATOR_PAGE}",
    "a chain": "/clips/3",
    "an upright clip": "/clips/6",
    "a hidden prompt": "/clips/7",
    "the embedded player": "/clips/3/player",
    "a report": "/clips/3/report",
    "a fault": "/clips/999999",
}
ON_A_PHONE = (
    "the gallery",
    "a server",
    "a server with an icon",
    "a creator",
    "nothing found",
    "a chain",
    "an upright clip",
    "a report",
    "a fault",
)


async def titles(page: Page) -> list[str]:
    return [text.strip() for text in await page.locator("#grid .name").all_text_contents()]


async def test_browse_page_and_reach_the_end(
    browser: Browser, gallery: Gallery, tmp_path: Path
) -> None:
    tab = await open_tab(browser, gallery)
    page = await tab.open("/")
    await expect(page.locator("#grid .tile")).to_have_count(24)
    await expect(page.locator(".marquee")).to_contain_text("Morning comes")
    await tab.take_screenshot("dark", tmp_path)
    filters = "document.querySelector('.filters').getBoundingClientRect().top"
    await page.evaluate(f"scrollBy(0, {filters} - 84)")
    await page.mouse.move(0, 0)
    await until(page, "document.querySelectorAll('#grid .still').length >= 24")
    await tab.take_screenshot("grid", tmp_path)
    await page.locator("#more").scroll_into_view_if_needed()
    await expect(page.locator("#grid .tile")).to_have_count(39)  # one entry is not public
    await expect(page.locator(".pager .end")).to_be_visible()
    assert await page.locator("#said").inner_text() == say("pager.more_came").replace("#", "15")
    links = [await link.get_attribute("href") for link in await page.locator("#grid .open").all()]
    assert len(set(links)) == 39
    assert "What nobody outside may see" not in await page.content()
    await tab.check_accessibility()
    tab.check()


async def test_light_scheme(browser: Browser, gallery: Gallery, tmp_path: Path) -> None:
    tab = await open_tab(browser, gallery, color_scheme="light")
    page = await tab.open("/")
    await tab.take_screenshot("light", tmp_path)
    assert await page.evaluate(LAYOUT_SHIFT) == 0
    light = await page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    await page.emulate_media(color_scheme="dark")
    assert light != await page.evaluate(
        "getComputedStyle(document.documentElement).backgroundColor"
    )
    await page.emulate_media(color_scheme="light")
    await tab.open("/clips/6")
    await tab.take_screenshot("portrait-light", tmp_path)
    assert await page.evaluate(LAYOUT_SHIFT) == 0
    await tab.open("/s/atelier-nachtlicht")
    await tab.take_screenshot("server-light", tmp_path)
    assert await page.evaluate(LAYOUT_SHIFT) == 0
    tab.check()


@pytest.mark.parametrize("scheme", ["dark", "light"])
async def test_axe_finds_nothing_serious_on_any_page(
    browser: Browser, gallery: Gallery, scheme: str
) -> None:
    tab = await open_tab(browser, gallery, color_scheme=scheme)
    for size, pages in ((WIDE, EVERY_PAGE), (PHONE, ON_A_PHONE)):
        await tab.page.set_viewport_size({"width": size[0], "height": size[1]})
        for what, path in ((page_name, EVERY_PAGE[page_name]) for page_name in pages):
            page = await tab.open(path)
            assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), what
            await tab.check_accessibility()
            if path == EVERY_PAGE["a fault"]:
                tab.errors.clear()  # Chromium notes the 404 itself
    tab.check()


@pytest.mark.parametrize("scheme", ["dark", "light"])
async def test_a_gallery_with_nothing_in_it_says_how_to_begin(
    browser: Browser, tmp_path: Path, scheme: str
) -> None:
    database = open_database(seed.data_url(tmp_path))
    await upgrade_schema(database)
    await database.close()
    serving = Serving(tmp_path)
    tab = await open_tab(browser, Gallery(await serving.start(), tmp_path), color_scheme=scheme)
    page = await tab.open("/")
    await expect(page.get_by_role("heading", name=say("empty.yet"))).to_be_visible()
    await tab.check_accessibility()
    if scheme == "light":
        await tab.take_screenshot("empty-light", tmp_path)
    tab.check()
    await serving.close()


async def test_filter_and_search(browser: Browser, gallery: Gallery, tmp_path: Path) -> None:
    tab = await open_tab(browser, gallery)
    page = await tab.open("/")
    await page.get_by_label(say("filter.server")).select_option(label="Atelier Nachtlicht")
    await page.get_by_role("button", name=say("search.go")).click()
    await page.wait_for_url(re.compile(r"\?server=7002$"))
    assert {
        text.strip() for text in await page.locator("#grid .by a:not(.who)").all_text_contents()
    } == {"Atelier Nachtlicht"}
    await page.locator(".chips").get_by_role("link", name=re.compile(r"^Veo 3\.1 \d+$")).click()
    await page.wait_for_url(re.compile("model="))
    names = await titles(page)
    assert names
    assert all(name.startswith("Dunes at first light") for name in names)
    await page.get_by_role("link", name=say("filter.clear")).click()
    await page.wait_for_url(re.compile("/s/atelier-nachtlicht$"))
    await tab.open("/")
    await page.get_by_label(say("search.label")).fill("PAPER lanterns")
    await page.keyboard.press("Enter")
    await page.wait_for_url(re.compile(r"\?q=PAPER"))
    assert all("lanterns" in name for name in await titles(page))
    await page.get_by_role("link", name=say("filter.clear")).click()
    long = page.locator(".chips").get_by_role("link", name=say("length.long"))
    await expect(long).to_have_text(f"{say('length.long')} 1")
    await long.click()
    await page.wait_for_url(re.compile("length=long$"))
    await expect(page.locator(".count")).to_have_text("1 clip")
    assert await titles(page) == [
        "Morning comes: gulls, a pink sky, and the boat meets a whale that hums"
    ]
    await page.get_by_role("link", name=say("filter.clear")).click()
    await page.locator(".orders").get_by_role("link", name=say("order.top")).click()
    await page.wait_for_url(re.compile(r"\?order=top$"))
    stars = await page.locator("#grid .stars > span[aria-hidden]").all_text_contents()
    assert [int(count) for count in stars] == sorted(map(int, stars), reverse=True)
    assert int(stars[0]) == 97
    await page.locator(".periods").get_by_role("link", name=say("period.week")).click()
    await page.wait_for_url(re.compile("period=week$"))
    await page.locator(".chips").get_by_role("link", name=say("shape.portrait")).click()
    await page.wait_for_url(re.compile(r"\?shape=portrait&order=top&period=week$"))
    assert await page.locator("#grid .tile:not(.tall)").count() == 0
    await page.locator(".chips [aria-current]").click()  # a chosen chip is taken off again
    await page.wait_for_url(re.compile(r"\?order=top&period=week$"))
    await tab.open("/?q=boat")
    await tab.take_screenshot("search", tmp_path)
    await tab.open("/?q=nothing-like-this")
    await expect(page.get_by_role("heading", name=say("empty.found"))).to_be_visible()
    await tab.take_screenshot("nothing", tmp_path)
    tab.check()


async def test_a_clip_plays_and_its_chain_leads_on(
    browser: Browser, gallery: Gallery, tmp_path: Path
) -> None:
    tab = await open_tab(browser, gallery, size=(1440, 1320))
    page = await tab.open("/clips/3")
    await expect(page.locator("video")).to_be_visible()
    await tab.take_screenshot("clip-dark", tmp_path)
    await page.evaluate(f"{VIDEO}.currentTime = 0")
    await page.keyboard.press("Space")  # plays
    await until(page, f"{VIDEO}.currentTime > 0.4")
    await page.keyboard.press("Space")  # pauses
    assert await page.evaluate(f"{VIDEO}.paused")
    assert await page.evaluate(f"{VIDEO}.videoWidth") == 1280
    parts = page.locator(".film .part")
    await expect(parts).to_have_count(3)
    await expect(parts.nth(2).locator(".frame")).to_have_attribute("aria-current", "page")
    await parts.nth(0).locator(".name").click()
    await page.wait_for_url(re.compile("/clips/1$"))
    tab.check()


SWIPE = """distance => {
    const video = document.querySelector(".screen video");
    const {x, y, width, height} = video.getBoundingClientRect();
    const send = (type, clientX) => {
        const touch = new Touch({identifier: 1, target: video, clientX, clientY: y + height / 3});
        const touches = type === "touchstart" ? [touch] : [];
        video.dispatchEvent(new TouchEvent(type, {touches, changedTouches: [touch]}));
    };
    send("touchstart", x + width / 2);
    send("touchend", x + width / 2 + distance);
}"""


async def test_watching_goes_on_along_the_wall(browser: Browser, gallery: Gallery) -> None:
    """By keys, links and swipes; what was set for one clip holds for the next."""
    tab = await open_tab(browser, gallery, has_touch=True)
    page = await tab.open("/?server=7001")
    links = await page.locator("#grid .open").evaluate_all("all => all.map(one => one.pathname)")
    first, second, third = (re.compile(f"{path}$") for path in links[:3])
    await page.locator("#grid .open").first.click()
    await page.wait_for_url(first)
    await expect(page.locator("#previous")).to_be_hidden()
    await until(page, f"{VIDEO}.currentTime > 0.1")  # opened by a click, it plays
    await page.evaluate(f"{VIDEO}.muted = true")
    await page.get_by_role("button", name=say("watch.loop")).click()
    await page.get_by_label(say("watch.speed")).select_option("1.5")
    await page.locator("#next").click()
    await page.wait_for_url(second)
    await page.keyboard.press("j")
    await page.wait_for_url(third)
    await expect(page.locator("#loop")).to_have_attribute("aria-pressed", "false")
    assert await page.evaluate(f"[{VIDEO}.muted, {VIDEO}.loop, {VIDEO}.playbackRate]") == [
        True,
        False,
        1.5,
    ]
    await page.keyboard.press("k")
    await page.wait_for_url(second)
    await page.evaluate(SWIPE, -200)
    await page.wait_for_url(third)
    await page.evaluate(SWIPE, 200)
    await page.wait_for_url(second)
    await page.evaluate(SWIPE, 20)  # only a tap
    await tab.check_accessibility()
    await expect(page).to_have_url(second)
    tab.check()


async def test_seeking_fetches_what_is_sought_and_plays_on(
    browser: Browser, gallery: Gallery
) -> None:
    long = gallery.data_dir / "clips" / "1.mp4"
    seconds = await asyncio.to_thread(repeat, long, 30)
    size = long.stat().st_size
    tab = await open_tab(browser, gallery)
    fetched: list[tuple[int, int]] = []

    def record_range(response: Response) -> None:
        match = re.match(r"bytes (\d+)-\d+/(\d+)$", response.headers.get("content-range", ""))
        if match and response.status == 206:
            fetched.append((int(match[1]), int(match[2])))

    tab.page.on("response", record_range)
    page = await tab.open("/clips/1")
    await tab.play()
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
    tab.check()


def repeat(path: Path, times: int) -> float:
    """Repeat a clip without re-encoding it; return the new length in seconds."""
    repeated = path.with_suffix(".long.mp4")
    with (
        av.open(str(path)) as source,
        av.open(str(repeated), "w", options={"movflags": "+faststart"}) as output,
    ):
        streams = {
            stream.index: output.add_stream_from_template(stream) for stream in source.streams
        }
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
    repeated.replace(path)
    return float(length * times)


async def test_hidden_prompts_stay_hidden(browser: Browser, gallery: Gallery) -> None:
    tab = await open_tab(browser, gallery)
    page = await tab.open("/clips/7")
    assert "Secret of the house" not in await page.content()
    await expect(page.get_by_text(say("clip.hidden_prompt"))).to_be_visible()
    assert await page.locator("#recipe").count() == 0
    await tab.check_accessibility()
    tab.check()


async def test_keyboard_navigation_works(browser: Browser, gallery: Gallery) -> None:
    tab = await open_tab(browser, gallery)
    page = await tab.open("/")
    press = page.keyboard.press
    # past the head of the page
    await tab.tab_to(".skip")
    await press("Enter")
    assert await page.evaluate("document.activeElement.id || location.hash") in ("main", "#main")
    await tab.tab_to(".marquee .open")
    # filter
    await tab.tab_to("select[name=server]")
    await press("ArrowDown")
    await tab.tab_to(".filters button")
    await press("Enter")
    await page.wait_for_url(re.compile(r"\?server=7002$"))
    # order
    await tab.tab_to(".orders a:not([aria-current])")
    await press("Enter")
    await page.wait_for_url(re.compile("order=top"))
    assert (await titles(page))[0].startswith("Dunes at first light")
    # search
    await tab.tab_to(".brand")
    await press("Enter")
    await page.wait_for_url(re.compile(r"/$"))
    await tab.tab_to("#q")
    await page.keyboard.type("lighthouse")
    await press("Enter")
    await page.wait_for_url(re.compile("q=lighthouse"))
    # open
    await tab.tab_to("#grid .open")
    await press("Enter")
    await page.wait_for_url(re.compile(r"/clips/\d+$"))
    # play, pause
    await page.evaluate(f"{VIDEO}.muted = true")
    await tab.tab_to(PLAYER)
    await press("Space")
    await until(page, f"{VIDEO}.currentTime > 0.1")
    await press("Space")
    await until(page, f"{VIDEO}.paused")
    # copy the recipe, follow a tile, and go back
    await tab.tab_to("[data-copy]")
    await tab.tab_to(".others .open")
    await press("Enter")
    opened = page.url
    await page.wait_for_url(lambda url: url != opened and "/clips/" in url)
    for place in (re.compile(f"{opened}$"), re.compile("q=lighthouse")):
        await page.go_back()  # the browser's own key, which it does not have without a window
        await page.wait_for_url(place)
    await expect(page.locator("#q")).to_have_value("lighthouse")
    # there is more than one page, and the footer can be reached
    await tab.tab_to(".clear")
    await press("Enter")
    await page.wait_for_url(re.compile(r"/$"))
    await tab.tab_to(".foot a[hreflang=de]", back=True)
    await press("Enter")
    await expect(page.locator("html")).to_have_attribute("lang", "de")
    tab.check()


async def test_footer_focus_survives_loading_more(browser: Browser, gallery: Gallery) -> None:
    tab = await open_tab(browser, gallery)
    page = tab.page
    release = asyncio.Event()

    async def delay(route: Route) -> None:
        await release.wait()
        await route.continue_()

    await page.route(re.compile(r"[?&]cursor="), delay)
    await tab.open("/")
    tiles = page.locator("#grid > .tile")
    before = await tiles.count()
    language = page.locator(".foot a[hreflang=de]")
    await language.focus()
    box_before = await language.bounding_box()
    release.set()
    await expect(page.locator(".pager .end")).to_be_attached()
    assert await tiles.count() > before
    box_after = await language.bounding_box()
    assert box_before is not None
    assert box_after is not None
    assert box_after["y"] == pytest.approx(box_before["y"], abs=2)
    await page.unroute_all(behavior="wait")
    tab.check()


async def test_clips_in_view_move_until_motion_is_switched_off(
    browser: Browser, gallery: Gallery
) -> None:
    tab = await open_tab(browser, gallery)
    page = await tab.open("/")
    moving = page.locator("video.moving")
    await expect(page.locator("#grid video.moving.on").first).to_be_attached()
    await expect(page.locator(".marquee video.moving.on")).to_be_attached()
    assert await page.evaluate("[...document.querySelectorAll('video')].every(v => v.muted)")
    motion = page.get_by_role("button", name=say("gallery.motion"))
    await expect(motion).to_have_attribute("aria-pressed", "true")
    await motion.click()
    await expect(motion).to_have_attribute("aria-pressed", "false")
    await expect(moving).to_have_count(0)
    await tab.open("/")  # the choice is remembered, but the clip that is pointed at moves
    await expect(motion).to_have_attribute("aria-pressed", "false")
    tile = page.locator("#grid .open").first
    await tile.hover()
    await expect(tile.locator("video.moving.on")).to_be_attached()
    await expect(moving).to_have_count(1)
    tab.check()


async def test_a_page_asks_for_no_preview_that_is_not_made(
    browser: Browser, gallery: Gallery
) -> None:
    tab = await open_tab(browser, gallery)
    preview = gallery.data_dir / "clips" / f"{seed.WITHOUT_PREVIEW}.preview.mp4"
    assert not preview.exists()
    page = await tab.open("/")
    tile = page.locator(f'#grid .open[href="/clips/{seed.WITHOUT_PREVIEW}"]')
    await tile.hover()
    await expect(page.locator("#grid video.moving.on").first).to_be_attached()
    assert not [url for url in tab.requested_urls if f"/{seed.WITHOUT_PREVIEW}/preview" in url]
    assert not preview.exists()
    tab.check()


async def test_reduced_motion_is_respected(browser: Browser, gallery: Gallery) -> None:
    tab = await open_tab(browser, gallery, reduced_motion="reduce")
    page = await tab.open("/")
    await page.locator("#grid .open").first.hover()
    await page.wait_for_timeout(400)
    assert await page.locator("video").count() == 0
    await expect(page.locator("#motion")).to_be_hidden()
    moves = "getComputedStyle(document.querySelector('.tile .still')).transitionDuration"
    assert await page.evaluate(moves) == "0s"
    tab.check()


SHAPES = """() => [...document.querySelectorAll("#grid .still")].map(image => {
    const box = image.getBoundingClientRect();
    return [box.width / box.height, image.getAttribute("width") / image.getAttribute("height")];
})"""


@pytest.mark.parametrize(("width", "columns"), [(390, 2), (1024, 4), (1440, 5), (2560, 7)])
async def test_the_wall_shows_clips_in_their_shapes(
    browser: Browser, gallery: Gallery, width: int, columns: int
) -> None:
    """Upright clips too, in the order of the document, and nothing shifts while it loads."""
    tab = await open_tab(browser, gallery, size=(width, 1000))
    page = await tab.open("/")
    for drawn, real in await page.evaluate(SHAPES):
        assert drawn == pytest.approx(real, rel=0.02)
    tops = await page.locator("#grid .tile").evaluate_all(
        "tiles => tiles.map(tile => Math.round(tile.getBoundingClientRect().top))"
    )
    assert tops.count(tops[0]) == columns
    assert tops == sorted(tops)
    assert await page.evaluate(LAYOUT_SHIFT) < 0.01
    tab.check()


async def test_gallery_works_on_phone(browser: Browser, gallery: Gallery, tmp_path: Path) -> None:
    tab = await open_tab(browser, gallery, size=PHONE, is_mobile=True, has_touch=True)
    for path, name in (("/", "phone"), ("/clips/3", "phone-clip")):
        page = await tab.open(path)
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        await tab.take_screenshot(name, tmp_path)
    tab.check()


async def test_without_javascript(browser: Browser, gallery: Gallery) -> None:
    tab = await open_tab(browser, gallery, java_script_enabled=False)
    page = await tab.open("/")
    await expect(page.locator("#grid .tile")).to_have_count(24)
    await page.locator("#more").click()
    await page.wait_for_url(re.compile("cursor="))
    await expect(page.locator("#grid .tile")).to_have_count(15)
    await page.get_by_role("link", name=say("pager.first")).click()
    await page.get_by_label(say("filter.server")).select_option("7002")
    await page.get_by_role("button", name=say("search.go")).click()
    await page.wait_for_url(re.compile("server=7002"))
    await page.locator("#grid .open").first.click()
    await page.wait_for_url(re.compile(r"/clips/\d+$"))
    assert await page.locator("video[controls]").count() == 1
    tab.check()


async def test_the_language_switch_stays(
    browser: Browser, gallery: Gallery, tmp_path: Path
) -> None:
    tab = await open_tab(browser, gallery, locale="de-DE")
    page = await tab.open("/?order=top")
    await expect(
        page.locator(".orders").get_by_role("link", name=say("order.top", "de"))
    ).to_be_visible()
    await page.get_by_role("link", name="日本語").click()
    await page.wait_for_url(re.compile(r"/\?order=top$"))
    await expect(
        page.locator(".orders").get_by_role("link", name=say("order.top", "ja"))
    ).to_be_visible()
    await tab.open("/")
    assert await page.locator("html").get_attribute("lang") == "ja"
    await tab.take_screenshot("japanese", tmp_path)
    await tab.check_accessibility()
    tab.check()


HOLD_TIMERS = """(() => {
    const begin = window.setTimeout;
    window.held = [];
    window.setTimeout = (work, delay, ...more) =>
        delay > 1000 ? window.held.push(work) : begin(work, delay, ...more);
})()"""
"""Long timers end when the test says so, because a busy machine may look after their end only."""
END_TIMERS = "window.held.splice(0).forEach(work => work())"


async def test_copying_the_recipe(browser: Browser, gallery: Gallery) -> None:
    tab = await open_tab(browser, gallery, permissions=["clipboard-read", "clipboard-write"])
    await tab.page.add_init_script(HOLD_TIMERS)
    page = await tab.open("/clips/4")
    await page.get_by_role("button", name=say("same_command.copy")).click()
    await expect(page.get_by_role("button", name=say("same_command.copied"))).to_be_visible()
    await page.evaluate(END_TIMERS)
    await expect(page.get_by_role("button", name=say("same_command.copy"))).to_be_visible()
    copied = await page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("/video generate prompt:Storm over the lighthouse")
    assert "duration:2" in copied
    await page.locator(".share summary").click()
    await tab.check_accessibility()
    await page.get_by_role("button", name=say("share.copy_link")).click()
    await expect(page.get_by_role("button", name=say("same_command.copied"))).to_have_count(1)
    assert await page.evaluate("navigator.clipboard.readText()") == f"{gallery.url}/clips/4"
    tab.check()


async def test_errors_have_a_page(browser: Browser, gallery: Gallery, tmp_path: Path) -> None:
    tab = await open_tab(browser, gallery)
    page = await tab.open("/clips/999999")
    await expect(page.get_by_role("heading", name=say("failure.404"))).to_be_visible()
    await tab.check_accessibility()
    await tab.take_screenshot("gone", tmp_path)
    tab.errors.clear()  # Chromium notes the 404 itself
    tab.check()
