"""Settings of servers' showcases, preferences of creators, and the audit log."""

from dataclasses import fields
from typing import Any, Final

from sqlalchemy import Select, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.showcase.post import (
    AuditEntry,
    CreatorPreferences,
    CurationPolicy,
    ShowcaseConsent,
    ShowcaseSettings,
)
from bot.store.engine.database import Store
from bot.store.engine.upserts import upsert
from bot.store.showcase.audit_log import audit_entry_from_row, write_audit_entry
from bot.store.showcase.footage import refresh_reach_of_member, take_reach_lock
from bot.store.showcase.search_text import normalize_search_text
from bot.store.showcase.search_words import refresh_server_words
from bot.store.tables.row_mapping import Row
from bot.store.tables.showcase import (
    GUILD_LOCALE,
    audit_log_table,
    creator_preferences_table,
    showcase_blocks_table,
    showcase_posts_table,
    showcase_settings_table,
)

_settings = showcase_settings_table.c
_SETTINGS_FIELDS: Final = tuple(field.name for field in fields(ShowcaseSettings))
SETTINGS_QUERY: Final = select(
    *(_settings[name] for name in _SETTINGS_FIELDS if name != "locale"),
    GUILD_LOCALE.label("locale"),
)
"""The query for `settings_from_row`, with the language that the server has chosen."""


class ShowcaseSettingsStore(Store):
    """Showcase settings of servers, preferences of members, and the audit log."""

    async def load_settings(self, guild_id: int) -> ShowcaseSettings:
        """Return a server's settings, or the defaults."""
        query = SETTINGS_QUERY.where(_settings.guild_id == guild_id)
        settings = await self._select_settings(query)
        return settings[0] if settings else ShowcaseSettings(guild_id)

    async def configure(
        self, showcase_settings: ShowcaseSettings, audit_entry: AuditEntry | None
    ) -> None:
        """Write the settings and the audit entry, if there is one."""

        async def write_settings(connection: AsyncConnection) -> None:
            row = {name: getattr(showcase_settings, name) for name in _SETTINGS_FIELDS}
            name = showcase_settings.name[:100]
            names = {"name": name, "search_name": normalize_search_text(name)}
            await upsert(connection, showcase_settings_table, row | names)
            await record_last_showcased(connection, showcase_settings.guild_id)
            if audit_entry is not None:
                await write_audit_entry(connection, audit_entry)
            await refresh_server_words(connection, showcase_settings.guild_id, names["search_name"])

        await self._db.write(write_settings)

    async def rename(self, guild_id: int, name: str) -> None:
        """Record the current name of a server that has settings."""
        is_outdated = (_settings.guild_id == guild_id) & (_settings.name != name[:100])
        search_name = normalize_search_text(name[:100])
        statement = (
            update(showcase_settings_table)
            .where(is_outdated)
            .values(name=name[:100], search_name=search_name)
        )

        async def write_name(connection: AsyncConnection) -> None:
            if (await connection.execute(statement)).rowcount:
                await refresh_server_words(connection, guild_id, search_name)

        # read first, because names seldom change and a write would block other writers
        if await self._db.read_scalar(select(_settings.guild_id).where(is_outdated)) is not None:
            await self._db.write(write_name)

    async def list_with_digest(self) -> list[ShowcaseSettings]:
        """Return the settings of servers with a weekly digest."""
        return await self._select_settings(
            SETTINGS_QUERY.where(
                _settings.digest_day.is_not(None), _settings.channel_id.is_not(None)
            )
        )

    async def load_preferences(self, guild_id: int, user_id: int) -> CreatorPreferences:
        """Return a member's preferences, or the defaults."""
        query = select(creator_preferences_table).where(
            creator_preferences_table.c.guild_id == guild_id,
            creator_preferences_table.c.user_id == user_id,
        )
        blocked = select(showcase_blocks_table.c.user_id).where(
            showcase_blocks_table.c.guild_id == guild_id, showcase_blocks_table.c.user_id == user_id
        )

        async def fetch_preferences(connection: AsyncConnection) -> CreatorPreferences:
            row = (await connection.execute(query)).mappings().one_or_none()
            return CreatorPreferences(
                guild_id=guild_id,
                user_id=user_id,
                consent=ShowcaseConsent.STARS if row is None else ShowcaseConsent(row["consent"]),
                hide_prompt=False if row is None else row["hide_prompt"],
                blocked=await connection.scalar(blocked) is not None,
                public_notice_at=None if row is None else row["public_notice_at"],
            )

        return await self._db.read(fetch_preferences)

    async def save_preferences(self, preferences: CreatorPreferences) -> None:
        """Write a member's preferences, and update posts with their footage."""
        row = {
            "guild_id": preferences.guild_id,
            "user_id": preferences.user_id,
            "consent": preferences.consent,
            "hide_prompt": preferences.hide_prompt,
            "public_notice_at": preferences.public_notice_at,
        }

        async def write_preferences(connection: AsyncConnection) -> None:
            await take_reach_lock(connection)
            await upsert(connection, creator_preferences_table, row)
            await refresh_reach_of_member(connection, preferences.guild_id, preferences.user_id)

        await self._db.write(write_preferences)

    async def list_audit_entries(self, guild_id: int, *, limit: int) -> list[AuditEntry]:
        """Return the latest audit entries of a server, newest first."""
        query = (
            select(audit_log_table)
            .where(audit_log_table.c.guild_id == guild_id)
            .order_by(audit_log_table.c.id.desc())
            .limit(limit)
        )
        return [audit_entry_from_row(row) for row in await self._db.read_rows(query)]

    async def add_audit_entry(self, audit_entry: AuditEntry) -> None:
        """Add an entry to the audit log."""
        await self._db.write(lambda connection: write_audit_entry(connection, audit_entry))

    async def _select_settings(self, query: Select[Any]) -> list[ShowcaseSettings]:
        return [settings_from_row(row) for row in await self._db.read_rows(query)]


async def record_last_showcased(connection: AsyncConnection, guild_id: int) -> None:
    """Record when a server's newest post was added, if the server has settings."""
    posts = showcase_posts_table.c
    newest = select(func.max(posts.showcased_at)).where(posts.guild_id == guild_id)
    await connection.execute(
        update(showcase_settings_table)
        .where(_settings.guild_id == guild_id)
        .values(last_showcased_at=newest.scalar_subquery())
    )


def settings_from_row(row: Row) -> ShowcaseSettings:
    """Return the settings of a row of `SETTINGS_QUERY`."""
    values = {name: row[name] for name in _SETTINGS_FIELDS}
    return ShowcaseSettings(**values | {"curation": CurationPolicy(row["curation"])})
