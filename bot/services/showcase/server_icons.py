"""Keeps copies of the icons of servers whose gallery is public.

So a page loads nothing from Discord, which would learn who looks at it.
"""

import asyncio
import secrets
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import structlog

from bot.domain.clips.media_store import MediaStore
from bot.domain.errors import (
    DatabaseUnavailable,
    DiscordUnavailable,
    ImageRefused,
    MediaUnavailable,
)
from bot.domain.ports import Clock, ServerIconSource
from bot.domain.showcase.server_page import ICONS_FOLDER, build_icon_key
from bot.media.images import ProcessImageDecoder
from bot.services.event_waits import wait_for_event
from bot.services.repeated_work import repeat_work
from bot.store.showcase.server_pages import KnownIcon, ServerPageStore

INTERVAL_S: Final = 300.0
"""Seconds until a change is noticed that no event told of."""
MAX_ICON_BYTES: Final = 2 * 2**20

_log: Final = structlog.get_logger(__name__)


@dataclass(kw_only=True, eq=False)
class ServerIcons:
    """Fetches icons when their hash changes, and removes those that no page shows any more.

    Each process looks after the servers that it is connected to.
    """

    server_pages: ServerPageStore
    icon_source: ServerIconSource
    image_decoder: ProcessImageDecoder
    media_store: MediaStore
    clock: Clock
    _refresh_requested: asyncio.Event = field(init=False, default_factory=asyncio.Event)

    def request_refresh(self) -> None:
        """Look at the icons soon, because a server's icon or its gallery has changed."""
        self._refresh_requested.set()

    async def run(self) -> None:
        await repeat_work(
            self.run_once,
            pause=self._pause,
            log_postponed=partial(_log.info, "server_icons.postponed"),
            postponed_by=(DatabaseUnavailable, MediaUnavailable, OSError),
        )

    async def _pause(self, _is_done: bool) -> None:
        await wait_for_event(self._refresh_requested, self.clock, INTERVAL_S)
        self._refresh_requested.clear()

    async def run_once(self) -> None:
        """Bring the copies up to date. Raises `DatabaseUnavailable`, `MediaUnavailable`."""
        for known in await self.server_pages.list_known_icons():
            try:
                await self._update_copy(known)
            except DiscordUnavailable as error:  # the next round tries again
                _log.info("server_icon.postponed", guild=known.guild_id, error=str(error))

    async def _update_copy(self, known: KnownIcon) -> None:
        current = self.icon_source.find_icon_hash(known.guild_id)
        if current is None:
            return
        wanted = current if known.is_public else ""
        if wanted == (known.icon_hash or ""):
            return
        accent, has_icon = None, False
        if wanted:
            try:
                accent = await self._fetch_icon(known.guild_id)
                has_icon = True
            except ImageRefused as error:
                _log.info("server_icon.refused", guild=known.guild_id, reason=error.reason)
        if not has_icon:
            await self.media_store.remove([build_icon_key(known.guild_id)])
        await self.server_pages.record_icon(
            known.guild_id, icon_hash=wanted or None, has_icon=has_icon, accent=accent
        )

    async def _fetch_icon(self, guild_id: int) -> int | None:
        """Download, check, draw and store a server's icon; return the color that stands out."""
        async with self.media_store.write_in(ICONS_FOLDER) as folder:
            raw = folder / f".{secrets.token_hex(8)}.raw"
            name = build_icon_key(guild_id).removeprefix(f"{ICONS_FOLDER}/")
            try:
                await self.icon_source.download_icon(guild_id, raw, max_bytes=MAX_ICON_BYTES)
                return await self.image_decoder.write_icon(raw, folder / name)
            finally:
                await asyncio.shield(asyncio.to_thread(raw.unlink, missing_ok=True))
