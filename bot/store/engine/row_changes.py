"""Fenced changes of single rows, and many of them with few statements.

A change has a fence: the values that its writer believes the row to have. If the row has others,
nothing is changed.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import Select, Table, Update, bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncConnection


@dataclass(frozen=True, slots=True)
class RowChange:
    """New ``values`` for the row ``row_id``, if it still has the values of ``fence``."""

    table: Table
    row_id: int
    fence: Mapping[str, Any]
    values: Mapping[str, Any]

    def build_update(self) -> Update:
        """Return the statement, which is the same object for all changes of the same columns."""
        return _build_update(self.table, tuple(self.fence), tuple(self.values))

    def build_parameters(self) -> dict[str, Any]:
        """Return the parameters of the statement."""
        fence = {f"is_{name}": value for name, value in self.fence.items()}
        values = {f"to_{name}": value for name, value in self.values.items()}
        return {"row_id": self.row_id, **fence, **values}


async def apply_change(connection: AsyncConnection, change: RowChange) -> bool:
    """Change the row with a single statement; return whether its fence let it."""
    result = await connection.execute(change.build_update(), change.build_parameters())
    return result.rowcount == 1


async def apply_changes(connection: AsyncConnection, changes: Sequence[RowChange]) -> list[bool]:
    """Apply ``changes`` of one table in a transaction; return which of them their fences let.

    The rows are locked and their fences compared first, because a statement for many rows does not
    say which of them it has changed. Then there is one statement for all changes of the same
    columns. It has the fences, too.
    """
    rows = await _lock_rows(connection, changes)
    turns = Counter[int]()
    batches: dict[tuple[int, Update], list[dict[str, Any]]] = {}
    answers: list[bool] = []
    for change in changes:
        row = rows.get(change.row_id, {})
        is_let = bool(row) and all(row[name] == value for name, value in change.fence.items())
        answers.append(is_let)
        if is_let:
            row.update(change.values)  # the fence of the row's next change sees them
            turns[change.row_id] += 1
            batch = turns[change.row_id], change.build_update()
            batches.setdefault(batch, []).append(change.build_parameters())
    for turn, statement in sorted(batches, key=lambda batch: batch[0]):
        await connection.execute(statement, batches[turn, statement])
    return answers


async def _lock_rows(
    connection: AsyncConnection, changes: Sequence[RowChange]
) -> dict[int, dict[str, Any]]:
    """Return the rows of ``changes``, as far as fences ask for them, locked until the end.

    They are locked in one order everywhere, so that two processes do not wait for each other.
    """
    names = sorted({name for change in changes for name in change.fence})
    query = _build_lock_query(changes[0].table, tuple(names))
    ids = {"row_ids": [change.row_id for change in changes]}
    return {row["id"]: dict(row) for row in (await connection.execute(query, ids)).mappings()}


# Built once for each set of columns, because building these costs as much as running them.


@cache
def _build_update(table: Table, fence: tuple[str, ...], names: tuple[str, ...]) -> Update:
    return (
        update(table)
        .where(
            table.c.id == bindparam("row_id"),
            # unlike equality, this is true of two nulls
            *(table.c[name].is_not_distinct_from(bindparam(f"is_{name}")) for name in fence),
        )
        .values({name: bindparam(f"to_{name}") for name in names})
    )


@cache
def _build_lock_query(table: Table, names: tuple[str, ...]) -> Select[Any]:
    return (
        select(table.c.id, *(table.c[name] for name in names))
        .where(table.c.id.in_(bindparam("row_ids", expanding=True)))
        .order_by(table.c.id)
        .with_for_update()  # no effect on SQLite, whose transactions that write are one at a time
    )
