"""The bot makes previews of public clips before anybody asks for them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from bot.domain.clips.clip import Clip
from bot.domain.clips.media_store import MediaFile
from bot.domain.errors import MediaUnavailable
from bot.media.local_store import LocalMediaStore
from bot.media.probe import PyAvMediaProbe
from bot.media.transcode import ProcessTranscoder
from bot.services.clips.thumbnails import Thumbnails
from bot.services.showcase.previews import GalleryPreviews
from bot.store.engine.database import Database, open_database
from bot.store.engine.schema import upgrade_schema
from bot.store.jobs.clips import ClipStore
from bot.store.showcase.gallery import GalleryStore
from sandbox.google.encoding import RenderedClip
from tests.fakes.clock import VirtualClock
from tests.harness.waiting import eventually
from tests.web import seed

ENTRIES = 60
COLORS = "a1b" * 9
RENDERED = RenderedClip(Path("unused"), 1, "0" * 64, 2.0)


class RecordedThumbnails(Thumbnails):
    """Remembers which files were made, in order."""

    def __init__(self, folder: Path) -> None:
        unused = ProcessTranscoder(max_processes=1)
        super().__init__(
            poster_transcoder=unused,
            preview_transcoder=unused,
            media_probe=PyAvMediaProbe(),
            media_store=LocalMediaStore(folder),
        )
        self.made: list[str] = []
        self.measured: list[int] = []
        self.unreadable: set[int] = set()
        self.is_store_away = False
        self.refused_count = 0

    async def is_preview_made(self, clip: Clip) -> bool:
        return f"preview {clip.id}" in self.made

    async def get_poster(self, clip: Clip) -> MediaFile:
        if self.is_store_away:
            self.refused_count += 1
            raise MediaUnavailable("away")
        if clip.id in self.unreadable:
            raise ValueError("not a video")
        return self._make(f"poster {clip.id}")

    async def get_webp_poster(self, clip: Clip, side: int) -> MediaFile:
        return MediaFile(key=f"{side}", size_bytes=1, modified_at=seed.NOW, version="1")

    async def measure_colors(self, clip: Clip) -> str:
        self.measured.append(clip.id)
        return COLORS

    async def get_preview(self, clip: Clip) -> MediaFile:
        return self._make(f"preview {clip.id}")

    def _make(self, name: str) -> MediaFile:
        self.made.append(name)
        return MediaFile(key=name, size_bytes=1, modified_at=seed.NOW, version="1")


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = open_database(seed.data_url(tmp_path))
    await upgrade_schema(database)
    yield database
    await database.close()


def build_previews(database: Database, thumbnails: Thumbnails) -> GalleryPreviews:
    return GalleryPreviews(
        gallery=GalleryStore(database),
        clips=ClipStore(database),
        thumbnails=thumbnails,
        clock=VirtualClock(start=seed.NOW),
    )


async def test_all_public_clips_get_previews_and_new_ones_come_first(
    database: Database, tmp_path: Path
) -> None:
    rows = seed.rows([RENDERED] * len(seed.SCENES), ENTRIES)
    public = [row["id"] for row in reversed(rows) if row["guild_id"] != seed.SECRET]
    newest, *older = public
    await seed.write(database, [row for row in rows if row["id"] != newest])
    thumbnails = RecordedThumbnails(tmp_path)
    thumbnails.unreadable.add(older[3])
    previews = build_previews(database, thumbnails)
    await previews.run_once()
    first_count = len(thumbnails.made)
    await seed.write_entries(database, [row for row in rows if row["id"] == newest])
    await previews.run_once()
    assert thumbnails.made[first_count] == f"poster {newest}", "before the rest of the old ones"
    for _ in range(3):
        await previews.run_once()
    readable = [clip for clip in public if clip != older[3]]
    assert sorted(thumbnails.made) == sorted(
        f"{kind} {clip}" for kind in ("poster", "preview") for clip in readable
    )
    assert thumbnails.made.index(f"preview {older[0]}") < thumbnails.made.index(
        f"poster {older[1]}"
    ), "one at a time, the newest first"


async def test_colors_are_measured_once_also_for_clips_with_previews(
    database: Database, tmp_path: Path
) -> None:
    seeded = seed.rows([RENDERED] * len(seed.SCENES), len(seed.SCENES))
    rows = [row | {"poster_colors": None} for row in seeded]
    await seed.write(database, rows)
    old = rows[0]["id"]
    thumbnails = RecordedThumbnails(tmp_path)
    thumbnails.made.append(f"preview {old}")  # by an earlier version of the bot
    await build_previews(database, thumbnails).run_once()
    entry = await GalleryStore(database).find_entry(old)
    assert entry is not None
    assert entry.clip.poster_colors == COLORS
    assert sorted(thumbnails.measured) == sorted(
        row["id"] for row in rows if row["guild_id"] != seed.SECRET
    )
    await build_previews(database, thumbnails).run_once()  # after a restart
    assert len(thumbnails.measured) == len(set(thumbnails.measured))


async def test_it_goes_on_when_the_store_is_back(database: Database, tmp_path: Path) -> None:
    await seed.write(database, seed.rows([RENDERED] * len(seed.SCENES), len(seed.SCENES)))
    thumbnails = RecordedThumbnails(tmp_path)
    thumbnails.is_store_away = True
    running = asyncio.create_task(build_previews(database, thumbnails).run())
    await eventually(lambda: thumbnails.refused_count > 1, what="a second attempt")
    assert not thumbnails.made
    thumbnails.is_store_away = False
    await eventually(lambda: len(thumbnails.made) == 22, what="all files")
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
