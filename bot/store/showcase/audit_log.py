"""The audit log: what moderators and admins did in a server."""

from dataclasses import fields
from typing import Final

from sqlalchemy import BigInteger, insert, literal_column, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.showcase.post import AuditAction, AuditEntry
from bot.store.tables.moderation import log_channels_table
from bot.store.tables.row_mapping import Row
from bot.store.tables.showcase import audit_log_table

WAITING: Final = 0
"""The value of ``log_batch`` for entries that are to be posted in the server's log channel."""
_FIELDS: Final = tuple(field.name for field in fields(AuditEntry))
_channels = log_channels_table.c


async def write_audit_entry(connection: AsyncConnection, audit_entry: AuditEntry) -> None:
    """Add an entry to the audit log. If the server has a channel for its log, it is posted there.

    Both are one statement, so that an entry is to be posted exactly if it was written after the
    channel was chosen.
    """
    values = {name: getattr(audit_entry, name) for name in _FIELDS}
    waiting = select(literal_column(str(WAITING), BigInteger)).where(
        _channels.guild_id == audit_entry.guild_id, _channels.stopped_at.is_(None)
    )
    await connection.execute(
        insert(audit_log_table).values(values | {"log_batch": waiting.scalar_subquery()})
    )


def audit_entry_from_row(row: Row) -> AuditEntry:
    """Return the entry of a row of ``audit_log``."""
    values = {name: row[name] for name in _FIELDS}
    return AuditEntry(**values | {"action": AuditAction(row["action"])})
