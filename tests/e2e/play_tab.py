"""The page of `make play` in a tab of Chromium, used as a person would."""

import asyncio
from typing import Any, Final, Self

from playwright.async_api import Browser, Locator, Page, expect

from tests.harness.page_checks import check_accessibility, find_foreign_urls
from tests.harness.waiting import stretch_timeout
from tests.web.browser_tab import until

WIDE, PHONE = (1440, 900), (390, 844)
_CONTROLS_FADE_S: Final = 0.6
"""How long Chromium takes to show a player's controls; it says nothing when it is done."""
PATIENCE_S = 60.0
SHOW_FRAMES: Final = """document.querySelectorAll('video').forEach(each => {
    each.muted = true;
    each.play();
})"""


class PlayTab:
    """One person's tab, with all requests that it sent and all errors that it reported."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.requested_urls: list[str] = []
        self.errors: list[str] = []
        page.on("request", lambda request: self.requested_urls.append(request.url))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", self._note_error)
        page.on("dialog", lambda dialog: self.errors.append(f"dialog {dialog.message}"))

    @classmethod
    async def open(
        cls, browser: Browser, control_url: str, *, size: tuple[int, int] = WIDE, **options: Any
    ) -> Self:
        """Open the page of a sandbox and wait until it shows a channel."""
        context = await browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            **({"locale": "en-US", "color_scheme": "dark"} | options),
        )
        context.set_default_timeout(stretch_timeout(PATIENCE_S) * 1000)
        expect.set_options(timeout=stretch_timeout(PATIENCE_S) * 1000)
        tab = cls(await context.new_page(), control_url.removesuffix("control"))
        await tab.page.goto(tab.url)
        await expect(tab.page.locator("#channel-title")).to_contain_text("general")
        await expect(tab.page.locator("#bot-status")).to_contain_text("online")
        return tab

    def _note_error(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self.errors.append(message.text)

    @property
    def entry(self) -> Locator:
        """The field for messages."""
        return self.page.locator("#entry")

    def clips(self) -> Locator:
        """All messages that show a video."""
        return self.page.locator(".message:has(video)")

    async def become(self, name: str) -> None:
        """Use the page as another member."""
        option = self.page.locator("#who option", has_text=name)
        await self.page.locator("#who").select_option(await option.get_attribute("value"))
        await expect(self.page.locator("#who option:checked")).to_contain_text(name)
        await expect(self.entry).to_be_visible()

    async def open_channel(self, name: str) -> None:
        """Go to a channel of the open server."""
        await self.page.locator("#channels").get_by_role("button", name=name).click()
        await expect(self.page.locator("#channel-title")).to_contain_text(name)

    async def type_command(self, name: str) -> Locator:
        """Choose a slash command from the list and return its form."""
        await self.entry.press_sequentially(f"/{name}")
        first = self.page.locator("#entry-list [role=option]").first
        await expect(first).to_contain_text(f"/{name}")
        await self.entry.press("Enter")
        form = self.page.locator("form.command-form")
        await expect(form).to_be_visible()
        return form

    async def reply_to(self, message: Locator, words: str) -> None:
        """Reply to a message, with a ping."""
        await message.hover()
        await message.get_by_role("button", name="Reply", exact=True).click()
        await self.entry.fill(words)
        await self.entry.press("Enter")

    async def tab_to(self, selector: str, *, back: bool = False) -> None:
        """Press Tab until ``selector`` has the focus."""
        for _ in range(60):
            if await self.page.evaluate("what => document.activeElement.matches(what)", selector):
                return
            await self.page.keyboard.press("Shift+Tab" if back else "Tab")
        raise AssertionError(f"{selector} cannot be reached by keyboard")

    async def show_frames(self) -> None:
        """Let every video show a frame, and stop: before that, it shows a spinner."""
        await self.page.evaluate(SHOW_FRAMES)
        await until(
            self.page, "[...document.querySelectorAll('video')].every(each => each.currentTime > 1)"
        )
        await self.page.evaluate("document.querySelectorAll('video').forEach(each => each.pause())")
        await self.page.mouse.move(0, 0)
        await asyncio.sleep(_CONTROLS_FADE_S)

    async def scroll_to_end(self) -> None:
        await self.page.evaluate("scroller.scrollTop = scroller.scrollHeight")

    def check(self) -> None:
        """Check that nothing was loaded from elsewhere, and that the browser reported no error."""
        foreign = find_foreign_urls(self.requested_urls, self.url)
        assert not foreign
        assert not self.errors

    async def check_accessibility(self) -> None:
        """Check that axe finds nothing serious."""
        await check_accessibility(self.page)

    async def check_width(self) -> None:
        """Check that nothing is wider than the window."""
        assert await self.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        wide = await self.page.evaluate(
            "[...document.querySelectorAll('#messages *, #composer *, #top *')]"
            ".filter(each => each.getClientRects().length"
            " && !each.closest('.visually-hidden, .reference, pre')"
            " && each.getBoundingClientRect().right > innerWidth + 1)"
            ".map(each => each.outerHTML.slice(0, 120))"
        )
        assert not wide, wide
