"""Takes the pictures of the documents with the real bot, its gallery and the sandbox's page.

Needs Chromium and fonts-noto-cjk.
"""

import argparse
import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from playwright.async_api import Browser

from tests.pictures.cards import take_card_pictures
from tests.pictures.gallery import take_gallery_pictures
from tests.pictures.play_page import take_page_pictures
from tests.web.conftest import launch_chromium

SUBJECTS: Final[dict[str, Callable[[Browser, Path], Awaitable[None]]]] = {
    "cards": take_card_pictures,
    "gallery": take_gallery_pictures,
    "page": take_page_pictures,
}


async def _take_pictures(subjects: list[str]) -> None:
    async with launch_chromium() as browser:
        for subject in subjects:
            with tempfile.TemporaryDirectory(prefix="clapper-pictures-") as folder:
                await SUBJECTS[subject](browser, Path(folder))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.pictures", description=__doc__)
    parser.add_argument(
        "subjects", nargs="*", metavar="|".join(SUBJECTS), help="by default all of them"
    )
    subjects = parser.parse_args().subjects or list(SUBJECTS)
    if unknown := set(subjects) - set(SUBJECTS):
        parser.error(f"there are no pictures of {', '.join(sorted(unknown))}")
    asyncio.run(_take_pictures(subjects))


if __name__ == "__main__":
    main()
