"""Posters and previews of clips, made once and stored beside the original.

They are used by messages that can only contain a link, by status messages, and by the showcase's
web pages. The posters of a clip behind a spoiler are blurred, wherever they are shown.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from bot.domain.clips.clip import Clip
from bot.domain.clips.media_store import MediaFile, MediaStore, derive_key, split_key
from bot.domain.clips.upload_options import build_preview_target
from bot.domain.errors import MediaUnavailable, TranscodeFailed
from bot.domain.ports import MediaProbe, Transcoder
from bot.services.clips.shared_tasks import SharedTasks

POSTER_MAX_SIDE: Final = 1280
"""The longer side of a poster in pixels, unless the clip is smaller."""
WEBP_POSTER_SIDES: Final = (320, 640, 1280)
"""The longer sides of the posters for web pages, in pixels."""
POSTER_SUFFIX: Final = "poster.jpg"
_BLURRED_NAME: Final = "blurred"
PREVIEW_SUFFIX: Final = "preview.mp4"
_EXTENSION_POSTER_OFFSET_S: Final = 2.0
"""Seconds before the end, so that the poster of an extension shows what was added."""

_MAX_MADE_PREVIEWS: Final = 20_000
"""How many previews are remembered as made, so that a page need not look for them."""


class EncoderBusy(Exception):
    """Too many thumbnails are already waiting for the encoder."""


@dataclass(kw_only=True, eq=False)
class Thumbnails:
    """Makes posters and previews, only once even for concurrent requests.

    Rendering stops when nobody waits for it any longer. At most ``max_waiting`` files are being
    rendered or waiting.
    """

    poster_transcoder: Transcoder
    preview_transcoder: Transcoder
    """Separate, because a preview takes ten times as long and posters must not wait for it."""
    media_probe: MediaProbe
    media_store: MediaStore
    max_waiting: int | None = None
    _made_previews: set[str] = field(init=False, default_factory=set)
    _renders: SharedTasks[str, MediaFile] = field(init=False, default_factory=SharedTasks)

    async def get_poster(self, clip: Clip) -> MediaFile:
        """Return a JPEG of at most 1280 pixels; for an extension, of the added part.

        For a clip behind a spoiler, it is blurred so that nothing can be recognized. Raises
        `FileNotFoundError` if the original is gone, `ValueError` if it cannot be read,
        `MediaUnavailable`, and `EncoderBusy`.
        """

        async def render_poster(original: Path, target: Path) -> None:
            near_end_s = clip.seconds - _EXTENSION_POSTER_OFFSET_S if clip.extension_depth else 0.0
            await self.poster_transcoder.extract_thumbnail(
                original, target, at_s=max(1.0, near_end_s)
            )

        key = derive_key(clip.path, POSTER_SUFFIX)
        if not clip.spoiler:
            return await self._make_once(clip.path, key, render_poster)
        blurred_key = derive_key(clip.path, f"{_BLURRED_NAME}.jpg")
        if (file := await self.media_store.find(blurred_key)) is not None:
            return file
        await self._make_once(clip.path, key, render_poster)
        return await self._make_once(key, blurred_key, self.poster_transcoder.blur_picture)

    async def get_webp_poster(self, clip: Clip, side: int) -> MediaFile:
        """Return the poster as a WebP of at most ``side`` pixels. Raises as `get_poster` does."""
        name = _BLURRED_NAME if clip.spoiler else "poster"
        key = derive_key(clip.path, f"{name}-{side}.webp")
        file = await self.media_store.find(key)
        if file is not None:
            return file
        poster = await self.get_poster(clip)
        return await self._shrink_picture(poster.key, key, side)

    async def get_small_picture(self, key: str, side: int) -> MediaFile:
        """Return an input image as a WebP of at most ``side`` pixels. Raises as `get_poster` does.

        It is deleted as soon as no running job can need it (`bot.services.clips.retention`).
        """
        return await self._shrink_picture(key, derive_key(key, f"small-{side}.webp"), side)

    async def measure_colors(self, clip: Clip) -> str:
        """Return the colors of the poster for `Clip.poster_colors`. Raises as `get_poster` does."""
        poster = await self.get_webp_poster(clip, WEBP_POSTER_SIDES[0])
        async with self.media_store.read(poster.key) as picture:
            try:
                return await self.poster_transcoder.measure_colors(picture)
            except TranscodeFailed as error:
                raise ValueError(str(error)) from error

    async def get_preview(self, clip: Clip) -> MediaFile:
        """Return the first four seconds as a small MP4 of at most two megabytes, never blurred.

        Raises `FileNotFoundError` if the original is gone, `ValueError` if it cannot be read,
        `MediaUnavailable`, and `EncoderBusy`.
        """

        async def render_preview(original: Path, target: Path) -> None:
            facts = await self.media_probe.read_facts(original)
            await self.preview_transcoder.reencode_video(
                original, target, build_preview_target(facts)
            )

        key = derive_key(clip.path, PREVIEW_SUFFIX)
        return await self._make_once(clip.path, key, render_preview)

    async def is_preview_made(self, clip: Clip) -> bool:
        """Return whether the preview can be shown at once. False if the store does not answer."""
        key = derive_key(clip.path, PREVIEW_SUFFIX)
        if key in self._made_previews:
            return True
        try:
            file = await self.media_store.find(key)
        except MediaUnavailable:
            return False
        if file is None:
            return False
        if len(self._made_previews) >= _MAX_MADE_PREVIEWS:
            self._made_previews.clear()
        self._made_previews.add(key)
        return True

    async def _shrink_picture(self, source_key: str, key: str, side: int) -> MediaFile:
        async def shrink_picture(original: Path, target: Path) -> None:
            await self.poster_transcoder.shrink_picture(original, target, max_side=side)

        return await self._make_once(source_key, key, shrink_picture)

    async def _make_once(
        self, source_key: str, key: str, render: Callable[[Path, Path], Awaitable[object]]
    ) -> MediaFile:
        file = await self.media_store.find(key)
        if file is not None:
            return file
        is_full = self.max_waiting is not None and len(self._renders) >= self.max_waiting
        if is_full and key not in self._renders:
            raise EncoderBusy(key)

        async def make_file() -> MediaFile:
            file = await self.media_store.find(key)
            if file is None:
                await self._render_file(source_key, key, render)
                file = await self.media_store.find(key)
            if file is None:  # the clip was deleted meanwhile
                raise FileNotFoundError(key)
            return file

        return await self._renders.join(key, make_file)

    async def _render_file(
        self, source_key: str, key: str, render: Callable[[Path, Path], Awaitable[object]]
    ) -> None:
        folder, name = split_key(key)
        async with (
            self.media_store.read(source_key) as original,
            self.media_store.write_in(folder) as local_folder,
        ):
            try:
                await render(original, local_folder / name)
            except TranscodeFailed as error:
                raise ValueError(str(error)) from error
