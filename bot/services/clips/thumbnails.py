"""The poster and the preview of a clip: made once, kept beside the original.

For a message that can only hold a link, and for the pages of the showcase.
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final
from weakref import WeakValueDictionary

from bot.domain.clips.clip import Clip
from bot.domain.clips.upload_options import preview
from bot.domain.errors import FittingFailed
from bot.domain.ports import Fitting, Media
from bot.services.clips.originals import Originals

POSTER: Final = "poster.jpg"
PREVIEW: Final = "preview.mp4"
_BEFORE_END_S: Final = 2.0
"""Within what an extension added, however much: the clips of a chain must not all look the same."""


class Stills:
    """Makes posters and previews, each once however many ask at the same time."""

    def __init__(self, *, fitting: Fitting, media: Media, originals: Originals) -> None:
        self._fitting = fitting
        self._media = media
        self._originals = originals
        self._locks: WeakValueDictionary[Path, asyncio.Lock] = WeakValueDictionary()

    def poster_path(self, clip: Clip) -> str:
        """Return where the poster is kept, below the data directory."""
        return self._originals.beside(clip, POSTER)

    def preview_path(self, clip: Clip) -> str:
        """Return where the preview is kept, below the data directory."""
        return self._originals.beside(clip, PREVIEW)

    async def poster(self, clip: Clip) -> Path:
        """Return a JPEG of the clip, up to 1280 pixels wide; of an extension, of what it added.

        Raises `FileNotFoundError` where the original is gone, `ValueError` where it cannot be read.
        """

        async def make(made: Path) -> None:
            at_s = max(1.0, clip.seconds - _BEFORE_END_S) if clip.hop else 1.0
            await self._fitting.poster(self._originals.path(clip), made, at_s=at_s)

        return await self._once(clip, POSTER, make)

    async def preview(self, clip: Clip) -> Path:
        """Return the first four seconds as a small MP4 of at most two megabytes.

        Raises `FileNotFoundError` where the original is gone, `ValueError` where it cannot be read.
        """

        async def make(made: Path) -> None:
            facts = await self._media.facts(self._originals.path(clip))
            await self._fitting.encode(self._originals.path(clip), made, preview(facts))

        return await self._once(clip, PREVIEW, make)

    async def _once(self, clip: Clip, ending: str, make: Callable[[Path], Awaitable[None]]) -> Path:
        original = self._originals.path(clip)
        made = original.with_name(f"{original.stem}.{ending}")
        lock = self._locks.setdefault(made, asyncio.Lock())
        async with lock:
            if await asyncio.to_thread(made.is_file):
                return made
            if not await asyncio.to_thread(original.is_file):
                raise FileNotFoundError(clip.path)
            try:
                await make(made)
            except FittingFailed as error:
                raise ValueError(str(error)) from error
        return made
