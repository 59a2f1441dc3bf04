"""The audit log: what moderators and admins did in a server."""

from dataclasses import fields
from typing import Final

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.showcase.post import AuditAction, AuditEntry
from bot.store.tables.row_mapping import Row
from bot.store.tables.showcase import audit_log_table

_FIELDS: Final = tuple(field.name for field in fields(AuditEntry))


async def write_audit_entry(connection: AsyncConnection, audit_entry: AuditEntry) -> None:
    """Add an entry to the audit log."""
    values = {name: getattr(audit_entry, name) for name in _FIELDS}
    await connection.execute(insert(audit_log_table).values(values))


def audit_entry_from_row(row: Row) -> AuditEntry:
    """Return the entry of a row of ``audit_log``."""
    values = {name: row[name] for name in _FIELDS}
    return AuditEntry(**values | {"action": AuditAction(row["action"])})
