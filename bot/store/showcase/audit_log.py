"""The audit log, and statements that several stores share: upserts and claims of rows."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, insert, or_, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.showcase.post import AuditAction, AuditEntry
from bot.store.engine.types import database_time
from bot.store.tables.core import workers_table
from bot.store.tables.row_mapping import Row
from bot.store.tables.showcase import audit_log_table


async def insert_if_absent(connection: AsyncConnection, table: Table, row: dict[str, Any]) -> bool:
    """Insert ``row`` unless its keys exist; return whether it was inserted. Safe under races."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(table).values(row).on_conflict_do_nothing()
    return (await connection.execute(statement)).rowcount == 1


async def upsert(
    connection: AsyncConnection,
    table: Table,
    row: dict[str, Any],
    *,
    unchanged_columns: Collection[str] = (),
) -> None:
    """Insert ``row``, or update the row with its primary key except ``unchanged_columns``."""
    keys = [column.name for column in table.primary_key]
    changes = {
        name: value
        for name, value in row.items()
        if name not in keys and name not in unchanged_columns
    }
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(table).values(row)
    await connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=changes))


def claimable_by(column: ColumnElement[Any], owner: str) -> ColumnElement[bool]:
    """Return the condition that the worker ``owner`` may take a row: no other living one has it."""
    living: Select[tuple[str]] = select(workers_table.c.id).where(
        workers_table.c.lease_until > database_time()
    )
    return or_(column.is_(None), column == owner, column.not_in(living))


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
