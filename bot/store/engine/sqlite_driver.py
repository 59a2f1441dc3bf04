"""A connection to SQLite that needs one call to its thread for each statement.

aiosqlite runs every call in the connection's thread, and SQLAlchemy makes four for a statement:
open a cursor, execute, fetch, close. Each costs two switches between threads. On a busy event loop
they take longer than the statement itself (docs/decisions/0026-acknowledged-first.md).
"""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Self

import aiosqlite
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

_FETCH_SIZE = 64
"""Required by aiosqlite for iterating over a cursor, which nothing here does."""

Run = Callable[[sqlite3.Cursor], object]


class SingleCallCursor:
    """The part of aiosqlite's cursor that SQLAlchemy uses. All rows are fetched at once."""

    arraysize = 1

    def __init__(self, connection: "SingleCallConnection") -> None:
        self._connection = connection
        self._rows: list[Any] = []
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None

    async def __aenter__(self) -> Self:
        return self

    async def execute(self, sql: str, parameters: Sequence[Any] = ()) -> Self:
        await self._connection.run(lambda cursor: cursor.execute(sql, parameters), self)
        return self

    async def executemany(self, sql: str, parameters: Iterable[Sequence[Any]]) -> Self:
        await self._connection.run(lambda cursor: cursor.executemany(sql, parameters), self)
        return self

    async def fetchall(self) -> list[Any]:
        rows, self._rows = self._rows, []
        return rows

    async def close(self) -> None:
        """Do nothing: the real cursor was closed with its statement."""

    def keep_result(self, cursor: sqlite3.Cursor) -> None:
        """Take over the rows and facts of a real cursor; runs in the connection's thread."""
        self._rows = cursor.fetchall() if cursor.description else []
        self.description, self.rowcount = cursor.description, cursor.rowcount
        self.lastrowid = cursor.lastrowid


class SingleCallConnection(aiosqlite.Connection):
    """aiosqlite's connection with a cursor that makes one call for each statement."""

    _is_running = False

    def cursor(self) -> SingleCallCursor:  # type: ignore[override]
        return SingleCallCursor(self)

    async def run(self, statement: Run, result: SingleCallCursor) -> None:
        """Run ``statement`` with a new cursor, and keep what it returns in ``result``."""
        connection = self._conn

        def run_and_fetch() -> None:
            try:
                cursor = connection.cursor()
                try:
                    statement(cursor)
                    result.keep_result(cursor)
                finally:
                    cursor.close()
            finally:
                self._is_running = False

        self._is_running = True
        await self._execute(run_and_fetch)  # type: ignore[no-untyped-call]

    async def rollback(self) -> None:
        """Roll back, unless it is certain that no transaction is open.

        SQLAlchemy rolls back after every read. A statement whose caller was canceled still runs,
        and may be opening one.
        """
        if self._is_running or self.in_transaction:
            await super().rollback()


def use_single_calls(engine: AsyncEngine) -> AsyncEngine:
    """Let ``engine`` open its connections as `SingleCallConnection`."""
    event.listen(engine.sync_engine, "do_connect", _set_creator)
    return engine


def _set_creator(_dialect: Any, _record: Any, _arguments: Any, parameters: dict[str, Any]) -> None:
    parameters["async_creator_fn"] = _open_connection


def _open_connection(*arguments: Any, **options: Any) -> SingleCallConnection:
    connection = SingleCallConnection(
        lambda: sqlite3.connect(*arguments, **options), iter_chunk_size=_FETCH_SIZE
    )
    connection._thread.daemon = True  # a connection that was not closed must not keep the process
    return connection
