"""The different values of an indexed column, without reading all rows."""

from typing import Any

from sqlalchemy import CTE, Column, func, select


def build_distinct_values(column: Column[Any]) -> CTE:
    """Return the values of ``column`` except null, as the column ``value``.

    DISTINCT would read every row or every entry of the index. This asks the index, which must begin
    with ``column``, for each value after the last one. The last row of the result is null.
    """
    name = f"values_of_{column.table.name}_{column.name}"
    known = select(func.min(column).label("value")).cte(name, recursive=True)
    following = select(func.min(column)).where(column > known.c.value)
    return known.union_all(
        select(following.correlate(known).scalar_subquery()).where(known.c.value.is_not(None))
    )
