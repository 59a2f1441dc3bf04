"""Changes any number of rows in batches, each in a transaction of its own.

One statement for all of them would keep everybody else from writing for as long as it takes, and
PostgreSQL would cancel it after its time limit. After an interruption, the same call continues,
because the rows that are changed no longer meet the condition.
"""

from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Table, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store.engine.database import Database

ROWS_AT_ONCE = 500
"""In one transaction: some milliseconds."""
ROWS_SEARCHED = 10_000
"""Found by one reading query, because a condition without an index reads the whole table."""

BatchChange = Callable[[AsyncConnection, ColumnElement[bool]], Awaitable[bool]]
"""Changes the rows that meet a condition, so that they no longer meet that of the whole work.

It returns false to end the work.
"""


async def change_in_batches(
    database: Database, table: Table, condition: ColumnElement[bool], change: BatchChange
) -> bool:
    """Call ``change`` until no row meets ``condition``; return false if ``change`` ended it."""
    keys: tuple[ColumnElement[Any], ...] = tuple(table.primary_key)
    query = select(*keys).where(condition).limit(ROWS_SEARCHED)
    while True:
        found = [tuple(row.values()) for row in await database.read_rows(query)]
        if not found:
            return True
        for start in range(0, len(found), ROWS_AT_ONCE):
            some = found[start : start + ROWS_AT_ONCE]
            # a row may have been changed since it was found
            is_in_batch = condition & _build_key_condition(keys, some)
            if not await database.write(partial(_run_change, change, is_in_batch)):
                return False


def find_table(column: ColumnElement[Any]) -> Table:
    """Return the table that a column belongs to, so that a list of columns says it all."""
    table = getattr(column, "table", None)
    assert isinstance(table, Table)
    return table


async def _run_change(
    change: BatchChange, is_in_batch: ColumnElement[bool], connection: AsyncConnection
) -> bool:
    return await change(connection, is_in_batch)


def _build_key_condition(
    keys: Sequence[ColumnElement[Any]], values: Sequence[tuple[Any, ...]]
) -> ColumnElement[bool]:
    if len(keys) == 1:
        return keys[0].in_([value for (value,) in values])
    return tuple_(*keys).in_(values)
