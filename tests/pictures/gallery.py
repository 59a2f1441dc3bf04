"""The gallery, and pages of a clip, a server and a creator, at the widths of four devices."""

import asyncio
import os
from pathlib import Path
from typing import Final

from playwright.async_api import Browser

from tests.pictures.picture_file import save_picture
from tests.web import seed
from tests.web.browser_tab import open_tab
from tests.web.conftest import ENTRIES, Gallery, Serving

SIZES: Final = ((390, 844), (1024, 768), (1440, 1000), (2560, 1440))
SCHEMES: Final = ("dark", "light")
PAGES: Final = {
    "gallery": "/",
    "clip": "/clips/3",
    "server": "/s/atelier-nachtlicht",
    "creator": f"/m/{seed.CREATOR_PAGE}",
}


async def take_gallery_pictures(browser: Browser, folder: Path) -> None:
    """Take ``gallery-WIDTH-SCHEME`` and those of `PAGES`; temporary files go to ``folder``."""
    os.environ["PICTURES"] = "1"  # the clips show scenes, also in the processes that render them
    data_dir = folder / "data"
    rendered = await asyncio.to_thread(seed.render_scenes, data_dir)
    seed.write_previews(data_dir)
    await seed.fill(data_dir, rendered, entries=ENTRIES)
    serving = Serving(data_dir)
    try:
        gallery = Gallery(await serving.start(), data_dir)
        for scheme in SCHEMES:
            for size in SIZES:
                await _take_pages(browser, gallery, size, scheme, folder)
    finally:
        await serving.close()


async def _take_pages(
    browser: Browser, gallery: Gallery, size: tuple[int, int], scheme: str, folder: Path
) -> None:
    tab = await open_tab(
        browser, gallery, size=size, color_scheme=scheme, has_touch=size[0] == SIZES[0][0]
    )
    for name, path in PAGES.items():
        await tab.open(path)
        await tab.take_screenshot(name, folder)
        screenshot = (folder / f"gallery-{name}.png").read_bytes()
        save_picture(screenshot, f"{name}-{size[0]}-{scheme}")
    await tab.page.context.close()
