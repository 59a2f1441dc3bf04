"""Inserts that may conflict with a row, for which the two databases have different constructs.

Only the construct of the database in use is imported, which its engine has imported before.
"""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import Table
from sqlalchemy.ext.asyncio import AsyncConnection

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite


async def insert_if_absent(connection: AsyncConnection, table: Table, row: dict[str, Any]) -> bool:
    """Insert ``row`` unless its keys exist, safely under races; return whether it was inserted."""
    statement = _build_insert(connection, table).values(row).on_conflict_do_nothing()
    return (await connection.execute(statement)).rowcount == 1


async def insert_all_absent(
    connection: AsyncConnection, table: Table, rows: Sequence[dict[str, Any]]
) -> None:
    """Insert those of ``rows`` whose keys do not exist."""
    if rows:
        statement = _build_insert(connection, table).on_conflict_do_nothing()
        await connection.execute(statement, rows)


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
    statement = _build_insert(connection, table).values(row)
    await connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=changes))


async def upsert_all(
    connection: AsyncConnection, table: Table, rows: Sequence[dict[str, Any]]
) -> None:
    """Insert ``rows``, and update those whose primary keys exist. The keys are different ones."""
    if not rows:
        return
    keys = [column.name for column in table.primary_key]
    statement = _build_insert(connection, table)
    others = [column.name for column in table.columns if not column.primary_key]
    changes = {name: statement.excluded[name] for name in others}
    await connection.execute(
        statement.on_conflict_do_update(index_elements=keys, set_=changes), rows
    )


async def add_to_row(
    connection: AsyncConnection, table: Table, keys: dict[str, Any], amounts: dict[str, float]
) -> None:
    """Add ``amounts`` to the columns of the row with ``keys``; a missing row starts with them."""
    statement = _build_insert(connection, table).values({**keys, **amounts})
    sums = {name: table.c[name] + amount for name, amount in amounts.items()}
    await connection.execute(statement.on_conflict_do_update(index_elements=list(keys), set_=sums))


def _build_insert(connection: AsyncConnection, table: Table) -> "postgresql.Insert | sqlite.Insert":
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql

        return postgresql.insert(table)
    from sqlalchemy.dialects import sqlite

    return sqlite.insert(table)
