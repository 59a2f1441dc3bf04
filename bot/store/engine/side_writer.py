"""Short writes from a second process: the operator's pause switch and settlements.

The lock of the SQLite file keeps out a second bot, because two would adopt each other's jobs. A
small write beside the bot is harmless: SQLite lets one writer wait for the other.
"""

from pathlib import Path

from sqlalchemy import URL, event, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from bot.domain.errors import DatabaseUnavailable
from bot.store.engine.database import (
    Database,
    PostgresDatabase,
    T,
    Work,
    begin_immediate,
    prepare_writer,
)
from bot.store.engine.errors import translate_errors


class SqliteSideWriter(Database):
    """An SQLite file that the bot may be writing to as well."""

    def __init__(self, url: URL) -> None:
        super().__init__()
        if not url.database or url.database == ":memory:":
            raise ValueError("DATABASE_URL must name a file")
        self._path = Path(url.database)
        self._engine = create_async_engine(url, pool_size=1, max_overflow=0, pool_timeout=15)
        event.listen(self._engine.sync_engine, "connect", prepare_writer)
        event.listen(self._engine.sync_engine, "begin", begin_immediate)

    @property
    def engine(self) -> AsyncEngine:
        """The engine."""
        return self._engine

    async def _run_transaction(self, work: Work[T]) -> T:
        if not self._path.is_file():  # SQLite would create an empty one
            raise DatabaseUnavailable("there is no database yet: the bot has not run")
        async with translate_errors(), self._engine.begin() as connection:
            return await work(connection)

    async def _run_statement(self, work: Work[T]) -> T:
        return await self._run_transaction(work)

    async def _run_query(self, work: Work[T]) -> T:
        return await self._run_transaction(work)

    async def _dispose_engines(self) -> None:
        await self._engine.dispose()


def open_side_writer(url: str) -> Database:
    """Open the database of ``url`` for short writes. Raises `ValueError` for other kinds."""
    parsed = make_url(url)
    match parsed.get_backend_name():
        case "sqlite":
            return SqliteSideWriter(parsed.set(drivername="sqlite+aiosqlite"))
        case "postgresql":
            return PostgresDatabase(parsed.set(drivername="postgresql+asyncpg"), pool_size=1)
        case other:
            raise ValueError(f"DATABASE_URL names {other}; only sqlite and postgresql are served")
