"""The database for programs beside the bot, which look and never write.

SQLite's file belongs to the bot's process, which holds its lock; whoever only reads needs none,
because readers and the one writer do not disturb each other (WAL).
"""

from pathlib import Path

from sqlalchemy import URL, event, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from bot.domain.errors import StoreAway
from bot.store.engine.database import Database, PostgresDatabase, T, Work
from bot.store.engine.errors import translated


class SqliteReading(Database):
    """A SQLite file that another process may be writing to."""

    def __init__(self, url: URL) -> None:
        super().__init__()
        if not url.database or url.database == ":memory:":
            raise ValueError("DATABASE_URL must name a file")
        self._path = Path(url.database)
        self._readers = create_async_engine(url, pool_size=3, max_overflow=0, pool_timeout=15)
        event.listen(self._readers.sync_engine, "connect", _only_read)

    @property
    def engine(self) -> AsyncEngine:
        """The engine, which only reads."""
        return self._readers

    async def _write(self, work: Work[T]) -> T:
        raise PermissionError("this program only reads")

    async def _write_one(self, work: Work[T]) -> T:
        return await self._write(work)

    async def _read(self, work: Work[T]) -> T:
        if not self._path.is_file():  # SQLite would make an empty one
            raise StoreAway("there is no database yet: the bot has not run")
        async with translated(), self._readers.connect() as connection:
            return await work(connection)

    async def _dispose(self) -> None:
        await self._readers.dispose()


def open_for_reading(url: str) -> Database:
    """Open the database that ``url`` names beside the bot. Raises `ValueError` for other kinds."""
    parsed = make_url(url)
    match parsed.get_backend_name():
        case "sqlite":
            return SqliteReading(parsed.set(drivername="sqlite+aiosqlite"))
        case "postgresql":
            return PostgresDatabase(parsed.set(drivername="postgresql+asyncpg"), pool_size=3)
        case other:
            raise ValueError(f"DATABASE_URL names {other}; only sqlite and postgresql are served")


def _only_read(connection: object, _record: object) -> None:
    cursor = connection.cursor()  # type: ignore[attr-defined]
    cursor.execute("PRAGMA query_only=ON")
    cursor.execute("PRAGMA busy_timeout=5000")
    cursor.close()
