"""A gallery with example clips for all of `tests/web`, served by `clapper web`."""

import asyncio
import fcntl
import os
import re
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from sandbox.google.encoding import RenderedClip, measure_clip
from tests.harness.process import ProgramProcess
from tests.harness.waiting import eventually, stretch_timeout
from tests.web import seed

ENTRIES = 40


@dataclass(frozen=True, slots=True)
class Gallery:
    """A running gallery: its address and its data."""

    url: str
    data_dir: Path


@pytest.fixture(scope="session")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[RenderedClip]]:
    """The scenes, rendered once over all of pytest's processes."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    folder = shared / "gallery"
    with (shared / "gallery.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "done").exists():
            clips = seed.render_scenes(folder)
            (folder / "done").touch()
            return folder, clips
    return folder, [
        measure_clip(folder / "clips" / f"{n + 1}.mp4") for n in range(len(seed.SCENES))
    ]


@pytest.fixture(scope="module")
def gallery(
    rendered: tuple[Path, list[RenderedClip]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gallery]:
    """The gallery of this module, in its own process."""
    folder, clips = rendered
    data_dir = tmp_path_factory.mktemp("data")
    shutil.copytree(folder / "clips", data_dir / "clips")
    seed.write_previews(data_dir)
    process = Serving(data_dir)
    with asyncio.Runner() as runner:
        runner.run(seed.fill(data_dir, clips, entries=ENTRIES))
        url = runner.run(process.start())
        yield Gallery(url, data_dir)
        runner.run(process.close())


class Serving(ProgramProcess):
    """``clapper web`` over a data directory."""

    def __init__(self, data_dir: Path, *, log_name: str = "web.log", **settings: str) -> None:
        defaults = {
            "DISCORD_TOKEN": "unused",
            "GEMINI_API_KEY": "unused",
            "DATA_DIR": str(data_dir),
            "WEB_PORT": "0",
            "WEB_REQUESTS_PER_MINUTE": "100000",
            "LOG_FORMAT": "json",
        }
        super().__init__("bot", "web", log=data_dir / log_name, environment=defaults | settings)

    async def start(self) -> str:
        """Start it and return its address as soon as it answers."""
        await self.launch()

        async def find_url() -> str | None:
            self.check_running()
            url = re.search(r"^http://\S+$", self.read_log(), re.MULTILINE)
            return url and url[0]

        url = await eventually(find_url, interval=0.05, what="the web server's address")
        assert url is not None
        return url


@pytest.fixture
async def http(gallery: Gallery) -> AsyncIterator[aiohttp.ClientSession]:
    """A client whose addresses begin at the gallery, in English."""
    async with client(gallery.url) as session:
        yield session


@asynccontextmanager
async def client(url: str) -> AsyncIterator[aiohttp.ClientSession]:
    """A client of the site at ``url``."""
    connector = aiohttp.TCPConnector(resolver=aiohttp.ThreadedResolver())
    headers = {"Accept-Language": "en"}
    async with aiohttp.ClientSession(url, connector=connector, headers=headers) as session:
        yield session


def chromium() -> str | None:
    """Return the path of Chromium, or `None`.

    Without the browser's own window it needs a third less of a processor.
    """
    names = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


@asynccontextmanager
async def launch_chromium() -> AsyncIterator[Browser]:
    """Run a Chromium until the block ends."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium(),
            args=["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"],
            timeout=stretch_timeout(60) * 1000,
        )
        yield browser
        await browser.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running_chromium() -> AsyncIterator[Browser]:
    """A Chromium for all tests of the module: starting one takes longer than most of them."""
    async with launch_chromium() as browser:
        yield browser


@pytest_asyncio.fixture(loop_scope="module")
async def browser(running_chromium: Browser) -> AsyncIterator[Browser]:
    """A Chromium whose contexts, which share nothing, are closed after the test."""
    yield running_chromium
    for context in running_chromium.contexts:
        await context.close()
