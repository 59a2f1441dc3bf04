"""Servers' word lists."""

import secrets
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Select, Update, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.errors import WordEntryRefused
from bot.domain.moderation.word_list import MAX_ENTRIES, WordAction, WordEntry, WordListChange
from bot.domain.showcase.post import AuditEntry
from bot.store.engine.database import Store
from bot.store.engine.upserts import upsert_all
from bot.store.guilds import ensure_guild
from bot.store.showcase.audit_log import write_audit_entry
from bot.store.tables.core import guilds_table
from bot.store.tables.moderation import word_entries_table

_entries = word_entries_table.c


class WordListStore(Store):
    """Servers' word lists. Each change gives ``guilds.word_list_version`` another number."""

    async def list_entries(self, guild_id: int) -> list[WordEntry]:
        """Return a server's list, in the order of the alphabet."""
        query = (
            select(_entries.entry, _entries.action)
            .where(_entries.guild_id == guild_id)
            .order_by(_entries.entry)
        )
        rows = await self._db.read_rows(query)
        return [WordEntry(row["entry"], WordAction(row["action"])) for row in rows]

    async def count_entries(self, guild_id: int) -> int:
        return await self._db.read_scalar(_build_count(guild_id)) or 0

    async def add_entries(
        self, guild_id: int, entries: Sequence[WordEntry], audit_entry: AuditEntry
    ) -> WordListChange:
        """Add ``entries``, or change the action of those that the list has.

        Raises `WordEntryRefused` if the list would have more than `MAX_ENTRIES`.
        """
        rows = [
            {"guild_id": guild_id, "entry": entry.text, "action": entry.action} for entry in entries
        ]

        async def write_entries(connection: AsyncConnection) -> WordListChange:
            before = await _begin_change(connection, guild_id)
            await upsert_all(connection, word_entries_table, rows)
            total = await connection.scalar(_build_count(guild_id)) or 0
            if total > MAX_ENTRIES:
                raise WordEntryRefused("too_many", entry="", most=MAX_ENTRIES)
            await write_audit_entry(connection, audit_entry)
            return WordListChange(total - before, total)

        return await self._db.write(write_entries)

    async def remove_entries(
        self, guild_id: int, texts: Collection[str], audit_entry: AuditEntry
    ) -> WordListChange:
        """Remove the entries with these ``texts``. Nothing is recorded if there is none.

        ``audit_entry`` gets their number as its comment, because the list may not have all.
        """
        removal = delete(word_entries_table).where(
            _entries.guild_id == guild_id, _entries.entry.in_(texts)
        )

        async def delete_entries(connection: AsyncConnection) -> WordListChange:
            before = await _begin_change(connection, guild_id)
            removed = (await connection.execute(removal)).rowcount
            if removed:
                counted = replace(audit_entry, comment=f"-{removed}")
                await write_audit_entry(connection, counted)
            if removed == before:
                await connection.execute(_build_version_update(guild_id, 0))
            return WordListChange(removed, before - removed)

        return await self._db.write(delete_entries)


async def _begin_change(connection: AsyncConnection, guild_id: int) -> int:
    """Give the list another version, which makes other changes wait; return its length so far.

    Versions are random, because a server whose data was erased may come back.
    """
    await ensure_guild(connection, guild_id)
    await connection.execute(_build_version_update(guild_id, secrets.randbits(62) + 1))
    return await connection.scalar(_build_count(guild_id)) or 0


def _build_version_update(guild_id: int, version: int) -> Update:
    return (
        update(guilds_table).where(guilds_table.c.id == guild_id).values(word_list_version=version)
    )


def _build_count(guild_id: int) -> Select[Any]:
    return select(func.count()).where(_entries.guild_id == guild_id)
