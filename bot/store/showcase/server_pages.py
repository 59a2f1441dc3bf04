"""How servers present themselves in the web gallery."""

from dataclasses import dataclass, fields
from typing import Final

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.showcase.post import AuditEntry
from bot.domain.showcase.server_page import ServerPage
from bot.store.engine.database import Store
from bot.store.engine.upserts import upsert
from bot.store.showcase.audit_log import write_audit_entry
from bot.store.tables.showcase import server_pages_table, showcase_settings_table

_pages = server_pages_table.c
_settings = showcase_settings_table.c
_FIELDS: Final = tuple(field.name for field in fields(ServerPage))
_ICON_FIELDS: Final = frozenset({"icon_hash", "has_icon", "icon_accent"})


@dataclass(frozen=True, slots=True)
class KnownIcon:
    """What is known of a server's icon: Discord's hash of the one that was looked at last.

    ``is_public`` says whether the server's gallery is public, so that the icon is shown.
    """

    guild_id: int
    is_public: bool
    icon_hash: str | None


class ServerPageStore(Store):
    """The pages of servers."""

    async def load_server_page(self, guild_id: int) -> ServerPage:
        """Return a server's page, empty if nothing was set."""
        query = select(server_pages_table).where(_pages.guild_id == guild_id)
        rows = await self._db.read_rows(query)
        if not rows:
            return ServerPage(guild_id)
        return ServerPage(**{name: rows[0][name] for name in _FIELDS})

    async def save_words(self, page: ServerPage, audit_entry: AuditEntry) -> None:
        """Write what an admin sets, but not the icon, and the audit entry."""
        row = {name: getattr(page, name) for name in _FIELDS if name not in _ICON_FIELDS}

        async def write_page(connection: AsyncConnection) -> None:
            await upsert(connection, server_pages_table, row)
            await write_audit_entry(connection, audit_entry)

        await self._db.write(write_page)

    async def record_icon(
        self, guild_id: int, *, icon_hash: str | None, has_icon: bool, accent: int | None
    ) -> None:
        """Record which icon was looked at, and whether a copy is kept now."""
        row = {
            "guild_id": guild_id,
            "icon_hash": icon_hash,
            "has_icon": has_icon,
            "icon_accent": accent,
        }
        await self._db.write(lambda connection: upsert(connection, server_pages_table, row))

    async def list_known_icons(self) -> list[KnownIcon]:
        """Return the icons of servers whose gallery is public, and those that were looked at."""
        query = (
            select(_settings.guild_id, _settings.public, _pages.icon_hash)
            .outerjoin_from(
                showcase_settings_table,
                server_pages_table,
                _pages.guild_id == _settings.guild_id,
            )
            .where(or_(_settings.public, _pages.icon_hash.is_not(None)))
            .order_by(_settings.guild_id)
        )
        rows = await self._db.read_rows(query)
        return [KnownIcon(row["guild_id"], row["public"], row["icon_hash"]) for row in rows]
