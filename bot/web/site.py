"""What every handler needs, gathered once and found under one typed key."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from aiohttp import web
from yarl import URL

from bot.domain.clips.clip import Clip
from bot.domain.ports import Clock
from bot.domain.showcase.gallery import Entry
from bot.store.showcase.gallery import GalleryStore
from bot.web.assets import Assets
from bot.web.i18n import Words
from bot.web.rendering import Templates


class Stills(Protocol):
    """Small pictures of clips, made once and kept beside the original."""

    async def poster(self, clip: Clip) -> Path:
        """Return a JPEG of the clip. Raises `FileNotFoundError` where its file is gone."""
        ...

    async def preview(self, clip: Clip) -> Path:
        """Return a few silent seconds as MP4. Raises `FileNotFoundError`."""
        ...


@dataclass(slots=True)
class Site:
    """The parts of the site.

    ``base`` is how visitors reach it from outside (never taken from a request: its ``Host`` is the
    visitor's to choose). ``model_names`` are the names of models by their ids.
    """

    base: URL
    gallery: GalleryStore
    stills: Stills
    data_dir: Path
    clock: Clock
    model_names: Mapping[str, str] = field(default_factory=dict)
    assets: Assets = field(default_factory=Assets)
    templates: Templates = field(default_factory=Templates)

    def absolute(self, path: str) -> str:
        """Return the address of ``path`` for somebody elsewhere."""
        return str(self.base).rstrip("/") + path

    def model_name(self, model: str) -> str:
        """Return the name of a model, or its id where it has none."""
        return self.model_names.get(model, model)


SITE: Final = web.AppKey("site", Site)
WORDS: Final = web.RequestKey("words", Words)


async def public_entry(request: web.Request) -> Entry:
    """Return the entry that the path's number names. Raises `web.HTTPNotFound`."""
    entry = await request.app[SITE].gallery.entry(int(request.match_info["clip"]))
    if entry is None:
        raise web.HTTPNotFound
    return entry
