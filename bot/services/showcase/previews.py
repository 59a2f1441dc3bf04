"""Makes the pictures of clips in the public gallery before anybody asks for them."""

from dataclasses import dataclass, field
from functools import partial
from typing import Final

import structlog

from bot.domain.clips.clip import Clip
from bot.domain.errors import DatabaseUnavailable, MediaUnavailable
from bot.domain.ports import Clock
from bot.domain.showcase.gallery import GallerySearch
from bot.services.clips.thumbnails import WEBP_POSTER_SIDES, EncoderBusy, Thumbnails
from bot.services.repeated_work import repeat_work
from bot.store.jobs.clips import ClipStore
from bot.store.showcase.gallery import GalleryStore

INTERVAL_S: Final = 10.0
"""Seconds until a newly showcased clip is seen."""
_BACKLOG_INTERVAL_S: Final = 1.0
_PAGE_SIZE: Final = 24
_MAX_COMPLETE: Final = 20_000

_log: Final = structlog.get_logger(__name__)


@dataclass(kw_only=True, eq=False)
class GalleryPreviews:
    """Makes posters and previews of public clips, new ones first, one at a time.

    It also measures the colors that pages show until a poster has loaded.

    After a start it looks through the whole gallery once, because clips may have been showcased
    while no process ran. Several processes do the same work twice at worst; a file that exists is
    not made again.
    """

    gallery: GalleryStore
    clips: ClipStore
    thumbnails: Thumbnails
    clock: Clock
    _unreadable: set[int] = field(init=False, default_factory=set)
    """Ids of clips whose original is gone or cannot be read."""
    _complete: set[int] = field(init=False, default_factory=set)
    """Ids of clips that lack nothing, so that they are not looked for again."""
    _backlog_cursor: str | None = field(init=False, default=None)
    _has_backlog: bool = field(init=False, default=True)

    async def run(self) -> None:
        await repeat_work(
            self.run_once,
            pause=self._pause,
            log_postponed=partial(_log.info, "previews.postponed"),
            postponed_by=(DatabaseUnavailable, MediaUnavailable, EncoderBusy),
        )

    async def _pause(self, is_done: bool) -> None:
        is_hurried = is_done and self._has_backlog
        await self.clock.sleep(_BACKLOG_INTERVAL_S if is_hurried else INTERVAL_S)

    async def run_once(self) -> None:
        """Make what the newest clips lack, then what a page of older ones lacks.

        Raises `DatabaseUnavailable`, `MediaUnavailable` and `EncoderBusy`.
        """
        made_count, next_cursor = await self._make_page(None)
        if made_count == _PAGE_SIZE and not self._has_backlog:  # more may have come
            self._has_backlog, self._backlog_cursor = True, next_cursor
        if self._has_backlog:
            _, self._backlog_cursor = await self._make_page(self._backlog_cursor)
            self._has_backlog = self._backlog_cursor is not None

    async def _make_page(self, cursor: str | None) -> tuple[int, str | None]:
        """Return how many previews were made, and the cursor of the next page."""
        page = await self.gallery.load_page(GallerySearch(), cursor=cursor, limit=_PAGE_SIZE)
        made = [await self._make_files(entry.clip) for entry in page.entries]
        return sum(made), page.next_cursor

    async def _make_files(self, clip: Clip) -> bool:
        """Make what a clip lacks, also if an earlier version of the bot made its preview.

        A clip behind a spoiler does not move in lists. Return true if the preview was made, false
        if it existed or cannot be made.
        """
        if clip.id in self._unreadable or clip.id in self._complete:
            return False
        is_preview_made = await self.thumbnails.is_preview_made(clip)
        try:
            if not is_preview_made:
                await self.thumbnails.get_poster(clip)
            for side in WEBP_POSTER_SIDES:
                await self.thumbnails.get_webp_poster(clip, side)
            if clip.poster_colors is None:
                colors = await self.thumbnails.measure_colors(clip)
                await self.clips.save_poster_colors(clip.id, colors)
            if not is_preview_made and not clip.spoiler:
                await self.thumbnails.get_preview(clip)
        except (FileNotFoundError, ValueError) as error:
            self._unreadable.add(clip.id)
            _log.warning("preview.failed", clip=clip.id, error=type(error).__name__)
            return False
        if len(self._complete) >= _MAX_COMPLETE:
            self._complete.clear()
        self._complete.add(clip.id)
        return not is_preview_made and not clip.spoiler
