"""Inserts that may conflict with a row, for which the two databases have different constructs."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection


async def insert_if_absent(connection: AsyncConnection, table: Table, row: dict[str, Any]) -> bool:
    """Insert ``row`` unless its keys exist, safely under races; return whether it was inserted."""
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


async def add_to_row(
    connection: AsyncConnection, table: Table, keys: dict[str, Any], amounts: dict[str, float]
) -> None:
    """Add ``amounts`` to the columns of the row with ``keys``; a missing row starts with them."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(table).values({**keys, **amounts})
    sums = {name: table.c[name] + amount for name, amount in amounts.items()}
    await connection.execute(statement.on_conflict_do_update(index_elements=list(keys), set_=sums))
