"""How servers arranged their showcases, what makers chose, and what moderators did."""

from dataclasses import fields
from typing import Any, Final

from sqlalchemy import Select, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.showcase.post import (
    AuditEntry,
    CreatorPreferences,
    CurationPolicy,
    ShowcaseConsent,
    ShowcaseSettings,
)
from bot.store.engine.database import Database
from bot.store.showcase.audit_log import audit_entry_from_row, upsert, write_audit_entry
from bot.store.tables.row_mapping import Row
from bot.store.tables.showcase import (
    GUILD_LOCALE,
    audit,
    showcase_blocks,
    showcase_makers,
    showcase_servers,
)

_SETTINGS_FIELDS: Final = tuple(field.name for field in fields(ShowcaseSettings))
SETTINGS_QUERY: Final = select(
    *(column for column in showcase_servers.c if column.name != "locale"),
    GUILD_LOCALE.label("locale"),
)
"""Rows for `house_from_row`, in the language that the server has chosen."""


class ShowcaseSettingsStore:
    """`bot.domain.showcase.ports.Houses` over SQLAlchemy."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def load_settings(self, guild_id: int) -> ShowcaseSettings:
        """Return how a server's showcase is arranged; the defaults where it is not."""
        query = SETTINGS_QUERY.where(showcase_servers.c.guild_id == guild_id)
        found = await self._select_settings(query)
        return found[0] if found else ShowcaseSettings(guild_id)

    async def configure(self, showcase_settings: ShowcaseSettings, audit_entry: AuditEntry) -> None:
        """Write it, and who did."""

        async def write_settings(connection: AsyncConnection) -> None:
            row = {name: getattr(showcase_settings, name) for name in _SETTINGS_FIELDS}
            await upsert(connection, showcase_servers, row | {"name": showcase_settings.name[:100]})
            await write_audit_entry(connection, audit_entry)

        await self._db.write(write_settings)

    async def rename(self, guild_id: int, name: str) -> None:
        """Remember what a server with a showcase is called now."""
        statement = (
            update(showcase_servers)
            .where(showcase_servers.c.guild_id == guild_id, showcase_servers.c.name != name[:100])
            .values(name=name[:100])
        )
        await self._db.write_one(lambda connection: connection.execute(statement))

    async def list_with_digest(self) -> list[ShowcaseSettings]:
        """Return the showcases that want a digest."""
        return await self._select_settings(
            SETTINGS_QUERY.where(
                showcase_servers.c.digest_day.is_not(None),
                showcase_servers.c.channel_id.is_not(None),
            )
        )

    async def load_preferences(self, guild_id: int, user_id: int) -> CreatorPreferences:
        """Return what a member has chosen; the defaults where they have not."""
        chosen = select(showcase_makers).where(
            showcase_makers.c.guild_id == guild_id, showcase_makers.c.user_id == user_id
        )
        blocked = select(showcase_blocks.c.user_id).where(
            showcase_blocks.c.guild_id == guild_id, showcase_blocks.c.user_id == user_id
        )

        async def fetch_preferences(connection: AsyncConnection) -> CreatorPreferences:
            row = (await connection.execute(chosen)).mappings().one_or_none()
            return CreatorPreferences(
                guild_id=guild_id,
                user_id=user_id,
                consent=ShowcaseConsent.STARS if row is None else ShowcaseConsent(row["consent"]),
                hide_prompt=False if row is None else row["hide_prompt"],
                blocked=await connection.scalar(blocked) is not None,
            )

        return await self._db.read(fetch_preferences)

    async def save_preferences(self, preferences: CreatorPreferences) -> None:
        """Write what a member has chosen."""
        row = {
            "guild_id": preferences.guild_id,
            "user_id": preferences.user_id,
            "consent": preferences.consent,
            "hide_prompt": preferences.hide_prompt,
        }
        await self._db.write(lambda connection: upsert(connection, showcase_makers, row))

    async def list_audit_entries(self, guild_id: int, *, limit: int) -> list[AuditEntry]:
        """Return what moderators and admins did, the latest first."""
        query = (
            select(audit)
            .where(audit.c.guild_id == guild_id)
            .order_by(audit.c.id.desc())
            .limit(limit)
        )

        async def fetch_entries(connection: AsyncConnection) -> list[AuditEntry]:
            return [
                audit_entry_from_row(row) for row in (await connection.execute(query)).mappings()
            ]

        return await self._db.read(fetch_entries)

    async def add_audit_entry(self, audit_entry: AuditEntry) -> None:
        """Write one act into the log."""
        await self._db.write(lambda connection: write_audit_entry(connection, audit_entry))

    async def _select_settings(self, query: Select[Any]) -> list[ShowcaseSettings]:
        async def fetch_settings(connection: AsyncConnection) -> list[ShowcaseSettings]:
            return [settings_from_row(row) for row in (await connection.execute(query)).mappings()]

        return await self._db.read(fetch_settings)


def settings_from_row(row: Row) -> ShowcaseSettings:
    """Return the showcase of a row of ``showcase_servers``."""
    values = {name: row[name] for name in _SETTINGS_FIELDS}
    return ShowcaseSettings(**values | {"curation": CurationPolicy(row["curation"])})
