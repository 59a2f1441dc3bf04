"""The services that handlers need, stored in the application under typed keys."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web
from yarl import URL

from bot.domain.clips.media_store import MediaStore
from bot.domain.ports import Clock
from bot.domain.showcase.gallery import GalleryEntry, GalleryPage, GallerySearch
from bot.observability.web_metrics import WebInstruments
from bot.services.clips.thumbnails import Thumbnails
from bot.store.showcase.creator_pages import CreatorPageStore
from bot.store.showcase.gallery import GalleryStore
from bot.store.showcase.server_pages import ServerPageStore
from bot.web.assets import StaticAssets
from bot.web.clip_counts import ClipCounts
from bot.web.common_words import CommonWords
from bot.web.legal_facts import LegalFacts
from bot.web.open_limits import WebCapacity
from bot.web.page_texts import PageTexts
from bot.web.rendering import PageTemplates
from bot.web.servers import ServerAddresses


@dataclass(slots=True)
class GallerySite:
    """The parts of the site.

    ``base_url`` is the public URL. It is never taken from a request, because anyone can choose the
    ``Host`` header. ``model_names`` maps ids of models to their names. ``legal_facts`` are what the
    pages with the terms and on privacy say. With ``adults_only``, all visitors are asked whether
    they are adults, and search engines are kept away.
    """

    base_url: URL
    gallery: GalleryStore
    server_pages: ServerPageStore
    creator_pages: CreatorPageStore
    thumbnails: Thumbnails
    media_store: MediaStore
    clock: Clock
    legal_facts: LegalFacts
    adults_only: bool = False
    model_names: Mapping[str, str] = field(default_factory=dict)
    assets: StaticAssets = field(default_factory=StaticAssets)
    clip_counts: ClipCounts = field(default_factory=ClipCounts)
    common_words: CommonWords = field(default_factory=CommonWords)
    servers: ServerAddresses = field(default_factory=ServerAddresses)
    templates: PageTemplates = field(default_factory=PageTemplates)

    async def load_page(
        self, search: GallerySearch, *, cursor: str | None, limit: int
    ) -> GalleryPage:
        """Return a page of a search, whose period ends now. Raises `CursorInvalid`."""
        now = self.clock.now()
        return await self.gallery.load_page(search, cursor=cursor, limit=limit, now=now)

    def build_absolute_url(self, path: str) -> str:
        """Return the public URL of ``path``."""
        return str(self.base_url).rstrip("/") + path

    def get_model_name(self, model: str) -> str:
        """Return the name of a model, or its id if the model is unknown."""
        return self.model_names.get(model, model)


WEB_CAPACITY: Final = web.AppKey("web capacity", WebCapacity)
WEB_INSTRUMENTS: Final = web.AppKey("web instruments", WebInstruments)
SITE: Final = web.AppKey("site", GallerySite)
PAGE_TEXTS: Final = web.RequestKey("page texts", PageTexts)
IS_FOR_ADULTS: Final = web.RequestKey("is for adults", bool)
"""Set if the answer tells of a server for adults, so that search engines do not keep it."""
ADULT_COOKIE: Final = "adult"
ADULT_ANSWER: Final = "yes"


class AdultAnswerMissing(web.HTTPNotFound):
    """The visitor has not said that they are an adult; for them, this does not exist yet."""


def is_adult(request: web.Request) -> bool:
    """Return whether the visitor has said that they are an adult."""
    return request.cookies.get(ADULT_COOKIE) == ADULT_ANSWER


def require_adult(request: web.Request, *, is_for_adults: bool) -> None:
    """Raise `AdultAnswerMissing` if this is for adults and the visitor has not said to be one."""
    if is_for_adults:
        request[IS_FOR_ADULTS] = True
        if not is_adult(request):
            raise AdultAnswerMissing


async def require_adult_for_server(request: web.Request, guild_id: int | None) -> None:
    """Do that for a server, if there is one. Raises `AdultAnswerMissing`."""
    if guild_id is not None:
        gallery = request.app[SITE].gallery
        require_adult(request, is_for_adults=await gallery.is_server_for_adults(guild_id))


async def get_public_entry(request: web.Request) -> GalleryEntry:
    """Return the public entry with the number in the path, for those who may see it.

    Raises `web.HTTPNotFound`.
    """
    entry = await request.app[SITE].gallery.find_entry(int(request.match_info["clip"]))
    if entry is None:
        raise web.HTTPNotFound
    require_adult(request, is_for_adults=entry.is_for_adults)
    return entry


async def find_public_server(request: web.Request) -> int:
    """Return the id of the public server in the path, for those who may see it.

    Raises `web.HTTPNotFound`.
    """
    site = request.app[SITE]
    await site.servers.refresh(site.gallery, site.clock)
    guild_id = site.servers.find_guild_id(request.match_info["server"])
    guilds = dict(await site.gallery.list_guilds(limit=0, including=guild_id))
    if guild_id is None or guild_id not in guilds:
        raise web.HTTPNotFound
    await require_adult_for_server(request, guild_id)
    return guild_id
