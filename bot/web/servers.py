"""The addresses of servers' pages, made from their names."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from bot.domain.ports import Clock
from bot.domain.showcase.page_paths import build_server_path
from bot.store.showcase.gallery import GalleryStore
from bot.store.showcase.search_text import normalize_search_text

_MAX_AGE_S: Final = 60.0
_MAX_SERVERS: Final = 1000
"""Servers with an address made from their name: those with the newest clips."""
_MAX_SLUG_LENGTH: Final = 60
_SEPARATORS: Final = re.compile(r"[\W_]+")


@dataclass(slots=True)
class ServerAddresses:
    """Knows which server has which address.

    An address contains the server's name, or its id if another server has the same name.
    """

    _slugs: dict[int, str] = field(init=False, default_factory=dict)
    _guild_ids: dict[str, int] = field(init=False, default_factory=dict)
    _refreshed_at: float | None = field(init=False, default=None)

    async def refresh(self, gallery: GalleryStore, clock: Clock) -> None:
        """Read the names of servers again, if the last time is more than a minute ago."""
        if self._refreshed_at is None or clock.monotonic() - self._refreshed_at >= _MAX_AGE_S:
            self._assign(await gallery.list_guilds(limit=_MAX_SERVERS, with_adults=True))
            self._refreshed_at = clock.monotonic()

    def _assign(self, guilds: Sequence[tuple[int, str]]) -> None:
        self._guild_ids = {}
        for guild_id, name in sorted(guilds):  # the oldest server keeps the name
            self._guild_ids.setdefault(build_slug(name) or str(guild_id), guild_id)
        self._slugs = {guild_id: slug for slug, guild_id in self._guild_ids.items()}

    def build_path(self, guild_id: int) -> str:
        """Return the path of a server's page, which is not percent-encoded."""
        return build_server_path(self._slugs.get(guild_id, guild_id))

    def find_guild_id(self, segment: str) -> int | None:
        """Return the id of the server with this last segment of a path: a name or an id."""
        named = self._guild_ids.get(build_slug(segment))
        if named is None and segment.isascii() and segment.isdigit() and len(segment) <= 19:
            return int(segment)
        return named


def build_slug(name: str) -> str:
    """Return a name as part of an address, empty if only signs or digits would remain."""
    slug = _SEPARATORS.sub("-", normalize_search_text(name)).strip("-")[:_MAX_SLUG_LENGTH]
    return "" if slug.replace("-", "").isdigit() else slug.rstrip("-")
