"""The audit log: what moderators and admins did in a server."""

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.showcase.post import AuditAction, AuditEntry
from bot.store.tables.row_mapping import Row
from bot.store.tables.showcase import audit_log_table


async def write_audit_entry(connection: AsyncConnection, audit_entry: AuditEntry) -> None:
    """Add an entry to the audit log."""
    values = {
        "recorded_at": audit_entry.recorded_at,
        "guild_id": audit_entry.guild_id,
        "actor_id": audit_entry.actor_id,
        "action": audit_entry.action,
        "clip_id": audit_entry.clip_id,
        "target_user_id": audit_entry.target_user_id,
        "comment": audit_entry.comment,
    }
    await connection.execute(insert(audit_log_table).values(values))


def audit_entry_from_row(row: Row) -> AuditEntry:
    """Return the entry of a row of ``audit_log``."""
    return AuditEntry(
        guild_id=row["guild_id"],
        actor_id=row["actor_id"],
        action=AuditAction(row["action"]),
        recorded_at=row["recorded_at"],
        clip_id=row["clip_id"],
        target_user_id=row["target_user_id"],
        comment=row["comment"],
    )
