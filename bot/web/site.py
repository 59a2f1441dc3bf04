"""What every handler needs, gathered once and found under one typed key."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from aiohttp import web
from yarl import URL

from bot.domain.clips.clip import Clip
from bot.domain.ports import Clock
from bot.domain.showcase.gallery import GalleryEntry
from bot.store.showcase.gallery import GalleryStore
from bot.web.assets import StaticAssets
from bot.web.page_texts import PageTexts
from bot.web.rendering import PageTemplates


class ThumbnailSource(Protocol):
    """Small pictures of clips, made once and kept beside the original."""

    async def get_poster(self, clip: Clip) -> Path:
        """Return a JPEG of the clip. Raises `FileNotFoundError` where its file is gone."""
        ...

    async def get_preview(self, clip: Clip) -> Path:
        """Return a few silent seconds as MP4. Raises `FileNotFoundError`."""
        ...


@dataclass(slots=True)
class GallerySite:
    """The parts of the site.

    ``base`` is how visitors reach it from outside (never taken from a request: its ``Host`` is the
    visitor's to choose). ``model_names`` are the names of models by their ids.
    """

    base_url: URL
    gallery: GalleryStore
    thumbnails: ThumbnailSource
    data_dir: Path
    clock: Clock
    model_names: Mapping[str, str] = field(default_factory=dict)
    assets: StaticAssets = field(default_factory=StaticAssets)
    templates: PageTemplates = field(default_factory=PageTemplates)

    def build_absolute_url(self, path: str) -> str:
        """Return the address of ``path`` for somebody elsewhere."""
        return str(self.base_url).rstrip("/") + path

    def get_model_name(self, model: str) -> str:
        """Return the name of a model, or its id where it has none."""
        return self.model_names.get(model, model)


SITE: Final = web.AppKey("site", GallerySite)
PAGE_TEXTS: Final = web.RequestKey("words", PageTexts)


async def get_public_entry(request: web.Request) -> GalleryEntry:
    """Return the entry that the path's number names. Raises `web.HTTPNotFound`."""
    entry = await request.app[SITE].gallery.find_entry(int(request.match_info["clip"]))
    if entry is None:
        raise web.HTTPNotFound
    return entry
