"""The sandbox's page with the bot at work: in both schemes, and on a phone."""

from pathlib import Path

from playwright.async_api import Browser, expect

from tests.e2e.play_tab import PHONE, WIDE, PlayTab
from tests.pictures.filming import open_film_set
from tests.pictures.picture_file import save_picture


async def take_page_pictures(browser: Browser, folder: Path) -> None:
    """Take ``play-dark``, ``play-light`` and ``play-phone``."""
    async with open_film_set(folder) as film_set:
        clips = await film_set.make_chain("clips")
        for name, size, scheme in (
            ("play-dark", WIDE, "dark"),
            ("play-light", WIDE, "light"),
            ("play-phone", PHONE, "dark"),
        ):
            tab = await PlayTab.open(
                browser, film_set.stage.control.url, size=size, color_scheme=scheme
            )
            if size is PHONE:
                await tab.page.get_by_role("button", name="Channels", exact=True).click()
            await tab.open_channel("clips")
            await expect(tab.clips()).to_have_count(len(clips))
            if size is WIDE:
                await tab.page.get_by_role("tab", name="Received").click()
            await tab.show_frames()
            await tab.scroll_to_end()
            save_picture(await tab.page.screenshot(), name)
            await tab.page.context.close()
