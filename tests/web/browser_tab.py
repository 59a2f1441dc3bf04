"""A tab of a real Chromium, with the checks that every page test makes."""

from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect
from yarl import URL

from tests.harness.page_checks import check_accessibility, find_foreign_urls
from tests.harness.waiting import eventually, stretch_timeout
from tests.web.conftest import Gallery, chromium

CHROMIUM = chromium()
NEEDS_CHROMIUM = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium here (apt install chromium)"
)

WIDE, PHONE = (1440, 1000), (390, 844)
PATIENCE_S = 45.0
"""Pictures are made when they are first asked for, one at a time and behind everything else."""
PLAYER = ".screen video"
NOT_MOVED = "Transition was aborted because of invalid state"
"""Chromium says so of a page that a test reads before its styles are there."""
VIDEO = f"document.querySelector('{PLAYER}')"
LOADED = """[...document.images].every(image => {
    const box = image.getBoundingClientRect();
    const away = box.top > innerHeight || box.bottom < 0
        || box.left > innerWidth || box.right < 0;
    return image.complete && image.naturalWidth > 0 || away || !image.checkVisibility();
})"""
LAYOUT_SHIFT = """() => new Promise(resolve => {
    let shift = 0;
    const observer = new PerformanceObserver(list => {
        for (const entry of list.getEntries()) shift += entry.hadRecentInput ? 0 : entry.value;
    });
    observer.observe({type: "layout-shift", buffered: true});
    // what is buffered comes before the next frame but one
    requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() => resolve(shift))));
})"""
"""How much of the page has moved without anybody doing anything (https://web.dev/cls)."""
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


class BrowserTab:
    """A browser page, with all requests it sent and all errors it reported."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.requested_urls: list[str] = []
        self.errors: list[str] = []
        page.context.on("request", lambda request: self.requested_urls.append(request.url))
        page.on("pageerror", lambda error: self._note(str(error)))
        page.on("console", self._console)

    def _console(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self._note(message.text)

    def _note(self, text: str) -> None:
        if not text.startswith(NOT_MOVED):
            self.errors.append(text)

    async def open(self, path: str) -> Page:
        """Open a URL and wait until everything has loaded."""
        await self.page.goto(self.url + path, wait_until="load")
        return self.page

    def check(self) -> None:
        """Check that no request left the host, and that the browser reported no error."""
        foreign = find_foreign_urls(self.requested_urls, self.url)
        assert not foreign
        assert not self.errors, self.errors

    async def check_accessibility(self) -> None:
        """Check that axe finds nothing serious."""
        await check_accessibility(self.page)

    async def take_screenshot(self, name: str, folder: Path) -> None:
        """Take a screenshot once everything has loaded."""
        await until(self.page, LOADED)
        if await self.page.locator(PLAYER).count():
            await self.play()  # before that, it shows a spinner
            await self.page.evaluate(
                f"{VIDEO}.pause(); {VIDEO}.currentTime = {VIDEO}.duration * 0.8"
            )
            await until(self.page, f"!{VIDEO}.seeking && {VIDEO}.readyState === 4")
        path = folder / f"gallery-{name}.png"
        await self.page.screenshot(path=path)
        assert path.stat().st_size > 20_000

    async def play(self) -> None:
        """Play the clip for a moment, muted."""
        await self.page.evaluate(f"{VIDEO}.muted = true; {VIDEO}.play()")
        await until(self.page, f"{VIDEO}.currentTime > 0.4")

    async def tab_to(self, selector: str, *, back: bool = False) -> None:
        """Press Tab until ``selector`` has the focus, and check that each stop shows its focus."""
        for _ in range(80):
            await self.page.keyboard.press("Shift+Tab" if back else "Tab")
            if (await self._read_focus(selector))["there"]:
                return
        raise AssertionError(f"{selector} cannot be reached by keyboard")

    async def _read_focus(self, selector: str) -> dict[str, Any]:
        """Return what has the focus, once it has scrolled into view."""

        async def read_visible_focus() -> dict[str, Any]:
            focus: dict[str, Any] = await self.page.evaluate(STOP, selector)
            assert focus["seen"], f"the focus is not seen at {focus['where']}"
            return focus

        focus: dict[str, Any] = await eventually(
            read_visible_focus, timeout=PATIENCE_S, interval=0.05
        )
        return focus


async def open_tab(
    browser: Browser, gallery: Gallery, *, size: tuple[int, int] = WIDE, **options: Any
) -> BrowserTab:
    """Open a page in a new browser context."""
    viewport = {"width": size[0], "height": size[1]}
    context: BrowserContext = await browser.new_context(
        viewport=viewport,  # type: ignore[arg-type]
        **({"locale": "en-US", "color_scheme": "dark"} | options),
    )
    context.set_default_timeout(stretch_timeout(PATIENCE_S) * 1000)
    expect.set_options(timeout=stretch_timeout(PATIENCE_S) * 1000)
    host = URL(gallery.url).authority
    await context.route(lambda url: URL(url).authority != host, lambda route: route.abort())
    return BrowserTab(await context.new_page(), gallery.url)


async def until(page: Page, script: str) -> None:
    """Wait until ``script`` is true.

    Playwright's own wait needs `eval`, which our Content-Security-Policy forbids.
    """

    async def evaluate() -> bool:
        return bool(await page.evaluate(script))

    await eventually(evaluate, timeout=PATIENCE_S, interval=0.05, what=script)
