"""Read-only access for the programs that run beside the bot.

The bot's process holds the lock of the SQLite file. Readers need none: in WAL mode they and the
writer do not block each other.
"""

from pathlib import Path

from sqlalchemy import URL, event, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from bot.domain.errors import DatabaseUnavailable
from bot.store.engine.database import Database, PostgresDatabase, T, Work
from bot.store.engine.errors import translate_errors


class SqliteReader(Database):
    """An SQLite file that another process may be writing to."""

    def __init__(self, url: URL) -> None:
        super().__init__()
        if not url.database or url.database == ":memory:":
            raise ValueError("DATABASE_URL must name a file")
        self._path = Path(url.database)
        self._reader_engine = create_async_engine(url, pool_size=3, max_overflow=0, pool_timeout=15)
        event.listen(self._reader_engine.sync_engine, "connect", _make_read_only)

    @property
    def engine(self) -> AsyncEngine:
        """The engine, which only reads."""
        return self._reader_engine

    async def _run_transaction(self, work: Work[T]) -> T:
        raise PermissionError("this program only reads")

    async def _run_statement(self, work: Work[T]) -> T:
        return await self._run_transaction(work)

    async def _run_query(self, work: Work[T]) -> T:
        if not self._path.is_file():  # SQLite would create an empty one
            raise DatabaseUnavailable("there is no database yet: the bot has not run")
        async with translate_errors(), self._reader_engine.connect() as connection:
            return await work(connection)

    async def _dispose_engines(self) -> None:
        await self._reader_engine.dispose()


def open_reader(url: str) -> Database:
    """Open the database of ``url`` for reading. Raises `ValueError` for other kinds of database."""
    parsed = make_url(url)
    match parsed.get_backend_name():
        case "sqlite":
            return SqliteReader(parsed.set(drivername="sqlite+aiosqlite"))
        case "postgresql":
            return PostgresDatabase(parsed.set(drivername="postgresql+asyncpg"), pool_size=3)
        case other:
            raise ValueError(f"DATABASE_URL names {other}; only sqlite and postgresql are served")


def _make_read_only(connection: object, _record: object) -> None:
    cursor = connection.cursor()  # type: ignore[attr-defined]
    cursor.execute("PRAGMA query_only=ON")
    cursor.execute("PRAGMA busy_timeout=5000")
    cursor.close()
