"""The poster and the preview of a clip: made once, kept beside the original.

For a message that can only hold a link, and for the pages of the showcase.
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final
from weakref import WeakValueDictionary

from bot.domain.clips.clip import Clip
from bot.domain.clips.upload_options import build_preview_target
from bot.domain.errors import TranscodeFailed
from bot.domain.ports import Transcoder, MediaProbe
from bot.services.clips.originals import Originals

POSTER_SUFFIX: Final = "poster.jpg"
PREVIEW_SUFFIX: Final = "preview.mp4"
_EXTENSION_POSTER_OFFSET_S: Final = 2.0
"""Within what an extension added, however much: the clips of a chain must not all look the same."""


class Thumbnails:
    """Makes posters and previews, each once however many ask at the same time."""

    def __init__(
        self, *, transcoder: Transcoder, media_probe: MediaProbe, originals: Originals
    ) -> None:
        self._transcoder = transcoder
        self._media_probe = media_probe
        self._originals = originals
        self._locks: WeakValueDictionary[Path, asyncio.Lock] = WeakValueDictionary()

    def poster_path(self, clip: Clip) -> str:
        """Return where the poster is kept, below the data directory."""
        return self._originals.derived_path(clip, POSTER_SUFFIX)

    def preview_path(self, clip: Clip) -> str:
        """Return where the preview is kept, below the data directory."""
        return self._originals.derived_path(clip, PREVIEW_SUFFIX)

    async def get_poster(self, clip: Clip) -> Path:
        """Return a JPEG of the clip, up to 1280 pixels wide; of an extension, of what it added.

        Raises `FileNotFoundError` where the original is gone, `ValueError` where it cannot be read.
        """

        async def render_poster(target: Path) -> None:
            at_s = (
                max(1.0, clip.seconds - _EXTENSION_POSTER_OFFSET_S) if clip.extension_depth else 1.0
            )
            await self._transcoder.extract_thumbnail(
                self._originals.original_path(clip), target, at_s=at_s
            )

        return await self._make_once(clip, POSTER_SUFFIX, render_poster)

    async def get_preview(self, clip: Clip) -> Path:
        """Return the first four seconds as a small MP4 of at most two megabytes.

        Raises `FileNotFoundError` where the original is gone, `ValueError` where it cannot be read.
        """

        async def render_preview(target: Path) -> None:
            facts = await self._media_probe.read_facts(self._originals.original_path(clip))
            await self._transcoder.reencode_video(
                self._originals.original_path(clip), target, build_preview_target(facts)
            )

        return await self._make_once(clip, PREVIEW_SUFFIX, render_preview)

    async def _make_once(
        self, clip: Clip, suffix: str, render: Callable[[Path], Awaitable[None]]
    ) -> Path:
        original = self._originals.original_path(clip)
        made = original.with_name(f"{original.stem}.{suffix}")
        lock = self._locks.setdefault(made, asyncio.Lock())
        async with lock:
            if await asyncio.to_thread(made.is_file):
                return made
            if not await asyncio.to_thread(original.is_file):
                raise FileNotFoundError(clip.path)
            try:
                await render(made)
            except TranscodeFailed as error:
                raise ValueError(str(error)) from error
        return made
