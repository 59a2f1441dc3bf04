"""Column types and the clock, which differ between SQLite and PostgreSQL."""

from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import BigInteger, Date, DateTime, Dialect, Float, Integer, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine

BigId = BigInteger().with_variant(Integer(), "sqlite")
"""A 64-bit key; SQLite only generates values for a plain INTEGER."""


class UtcTime(TypeDecorator[datetime]):
    """An aware time in UTC; SQLite has no time zones and stores it without one."""

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Use the type with a time zone if the database has one."""
        return dialect.type_descriptor(DateTime(timezone=dialect.name == "postgresql"))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive times, whose meaning would depend on the machine."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("the time has no time zone")
        value = value.astimezone(UTC)
        return value if dialect.name == "postgresql" else value.replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Add the time zone that SQLite does not store."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class database_time(FunctionElement[datetime]):  # noqa: N801 - named like SQL functions
    """The time ``plus_seconds`` from now by the database's clock, which all processes share."""

    type = UtcTime()
    inherit_cache = True

    def __init__(self, plus_seconds: float = 0.0) -> None:
        super().__init__(literal(plus_seconds, Float()))


class utc_day(FunctionElement[date]):  # noqa: N801 - named like SQL functions
    """The day of a time, in UTC."""

    type = Date()
    inherit_cache = True


DatabaseClock = Callable[[AsyncConnection], Awaitable[datetime]]
"""Returns the time inside a transaction; tests pass one that follows their own clock."""


async def database_now(connection: AsyncConnection) -> datetime:
    """Return the time by the database's clock, which all processes share."""
    return (await connection.execute(_NOW_QUERY)).scalar_one()


_NOW_QUERY = select(database_time())


@compiles(database_time, "postgresql")
def _compile_for_postgresql(element: database_time, compiler: SQLCompiler, **kw: Any) -> str:
    seconds = compiler.process(element.clauses, **kw)
    return f"(clock_timestamp() + make_interval(secs => {seconds}))"


@compiles(database_time, "sqlite")
def _compile_for_sqlite(element: database_time, compiler: SQLCompiler, **kw: Any) -> str:
    seconds = compiler.process(element.clauses, **kw)
    # six decimals, as SQLAlchemy writes times, so that they compare as text
    return f"(strftime('%Y-%m-%d %H:%M:%f', 'now', {seconds} || ' seconds') || '000')"


@compiles(utc_day, "postgresql")
def _compile_day_for_postgresql(element: utc_day, compiler: SQLCompiler, **kw: Any) -> str:
    return f"CAST({compiler.process(element.clauses, **kw)} AT TIME ZONE 'UTC' AS date)"


@compiles(utc_day, "sqlite")
def _compile_day_for_sqlite(element: utc_day, compiler: SQLCompiler, **kw: Any) -> str:
    return f"substr({compiler.process(element.clauses, **kw)}, 1, 10)"
