"""Connections: one writer for SQLite, a pool for PostgreSQL, the same methods for both.

Each transaction runs in a task of its own, which goes on when its caller is cancelled: it commits
or rolls back whether or not anyone still waits for it.
"""

import asyncio
import fcntl
import os
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, ClassVar, Final, TypeVar

from sqlalchemy import URL, Select, event, make_url, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from bot.domain.errors import ClapperError
from bot.store.engine.errors import translate_errors

T = TypeVar("T")
Work = Callable[[AsyncConnection], Awaitable[T]]

_CONNECT_TIMEOUT_S: Final = 5.0
_STATEMENT_TIMEOUT_S: Final = 15.0


class DatabaseInUse(ClapperError):
    """Another process uses a database that only one process may use, such as an SQLite file."""


class Database(ABC):
    """An open database. Its methods raise `DatabaseUnavailable` when it cannot answer."""

    def __init__(self) -> None:
        self._running_tasks: set[asyncio.Task[Any]] = set()

    @property
    @abstractmethod
    def engine(self) -> AsyncEngine:
        """The engine that writes."""

    @property
    def is_shared(self) -> bool:
        """Whether several processes may use the database at once."""
        return self.engine.dialect.name == "postgresql"

    async def write(self, work: Work[T]) -> T:
        """Run ``work`` in a transaction of its own and commit."""
        return await self._run_detached(self._run_transaction(work))

    async def write_one(self, work: Work[T]) -> T:
        """Run ``work``, which must be a single statement and so needs no transaction."""
        return await self._run_detached(self._run_statement(work))

    async def read(self, work: Work[T]) -> T:
        """Run ``work``, which only reads."""
        return await self._run_detached(self._run_query(work))

    async def read_scalars(self, query: Select[tuple[T]]) -> list[T]:
        """Return the first column of the rows of ``query``."""

        async def fetch_scalars(connection: AsyncConnection) -> list[T]:
            return list(await connection.scalars(query))

        return await self.read(fetch_scalars)

    async def close(self) -> None:
        """Let running transactions end and close all connections."""
        while self._running_tasks:
            await asyncio.wait(self._running_tasks)
        await self._dispose_engines()

    async def _run_detached(self, work: Coroutine[Any, Any, T]) -> T:
        task = asyncio.create_task(work)
        self._running_tasks.add(task)
        task.add_done_callback(self._discard_task)
        return await asyncio.shield(task)

    def _discard_task(self, task: asyncio.Task[Any]) -> None:
        self._running_tasks.discard(task)
        if not task.cancelled():
            task.exception()  # a cancelled caller retrieves no error: no warning at exit

    @abstractmethod
    async def _run_transaction(self, work: Work[T]) -> T: ...

    @abstractmethod
    async def _run_statement(self, work: Work[T]) -> T: ...

    @abstractmethod
    async def _run_query(self, work: Work[T]) -> T: ...

    @abstractmethod
    async def _dispose_engines(self) -> None: ...


class PostgresDatabase(Database):
    """Several processes may share it; its locks and its clock coordinate them."""

    def __init__(self, url: URL, *, pool_size: int = 8, schema: str | None = None) -> None:
        super().__init__()
        server_settings = {
            "application_name": f"clapper {schema}" if schema else "clapper",
            "statement_timeout": str(int(_STATEMENT_TIMEOUT_S * 1000)),
            "lock_timeout": str(int(_STATEMENT_TIMEOUT_S * 1000)),
            "idle_in_transaction_session_timeout": str(int(2 * _STATEMENT_TIMEOUT_S * 1000)),
            "timezone": "UTC",
            # Not left to the server's defaults: a claim that a crash loses would be submitted
            # again, and limits read from a snapshot older than the lock would be exceeded.
            "synchronous_commit": "on",
            "default_transaction_isolation": "read committed",
        }
        if schema is not None:
            server_settings["search_path"] = schema
        self._engine = create_async_engine(
            url,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=_STATEMENT_TIMEOUT_S,
            skip_autocommit_rollback=True,
            connect_args={
                "timeout": _CONNECT_TIMEOUT_S,
                # applies even when the server's host is gone and nothing answers
                "command_timeout": _STATEMENT_TIMEOUT_S + 5,
                "server_settings": server_settings,
            },
        )
        self._autocommit_engine = self._engine.execution_options(isolation_level="AUTOCOMMIT")

    @property
    def engine(self) -> AsyncEngine:
        """The engine that reads and writes."""
        return self._engine

    async def _run_transaction(self, work: Work[T]) -> T:
        async with translate_errors(), self._engine.begin() as connection:
            return await work(connection)

    async def _run_statement(self, work: Work[T]) -> T:
        async with translate_errors(), self._autocommit_engine.connect() as connection:
            return await work(connection)

    async def _run_query(self, work: Work[T]) -> T:
        async with translate_errors(), self._engine.connect() as connection:
            return await work(connection)

    async def _dispose_engines(self) -> None:
        await self._engine.dispose()


class SqliteDatabase(Database):
    """A file with one writing connection: SQLite has one writer anyway, but fails when it is busy.

    WAL lets readers go on meanwhile; with ``synchronous=FULL`` a commit survives a power cut.
    """

    def __init__(self, url: URL) -> None:
        super().__init__()
        if not url.database or url.database == ":memory:":
            raise ValueError("DATABASE_URL must name a file")
        path = Path(url.database)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file_lock = _FileLock(path.with_name(path.name + ".lock"))
        self._write_lock = asyncio.Lock()
        self._writer_engine = create_async_engine(url, pool_size=1, max_overflow=0, pool_timeout=60)
        self._reader_engine = create_async_engine(url, pool_size=3, max_overflow=0, pool_timeout=15)
        event.listen(self._writer_engine.sync_engine, "connect", prepare_writer)
        event.listen(self._writer_engine.sync_engine, "begin", begin_immediate)
        event.listen(self._reader_engine.sync_engine, "connect", _prepare_reader)
        event.listen(self._reader_engine.sync_engine, "begin", _begin_deferred)

    @property
    def engine(self) -> AsyncEngine:
        """The engine of the one writer."""
        return self._writer_engine

    async def _run_transaction(self, work: Work[T]) -> T:
        async with self._write_lock, translate_errors(), self._writer_engine.begin() as connection:
            return await work(connection)

    async def _run_statement(self, work: Work[T]) -> T:
        return await self._run_transaction(work)

    async def _run_query(self, work: Work[T]) -> T:
        async with translate_errors(), self._reader_engine.connect() as connection:
            return await work(connection)

    async def _dispose_engines(self) -> None:
        await self._reader_engine.dispose()
        await self._writer_engine.dispose()
        self._file_lock.release()


class _FileLock:
    """A lock that the kernel releases when the process ends, however it ends.

    A record lock, which forked children do not inherit: a child that outlives this process must not
    lock out the next one.
    """

    # record locks do not conflict within one process
    _locked_paths: ClassVar[set[Path]] = set()

    def __init__(self, path: Path) -> None:
        self._path = path.resolve()
        if self._path in self._locked_paths:
            raise DatabaseInUse(f"{path.with_suffix('')} is open already in this process")
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.lockf(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._descriptor)
            raise DatabaseInUse(
                f"{path.with_suffix('')} is in use by another process; "
                "use PostgreSQL to run several"
            ) from error
        self._locked_paths.add(self._path)

    def release(self) -> None:
        """Release the lock."""
        if self._path in self._locked_paths:
            self._locked_paths.discard(self._path)
            os.close(self._descriptor)


def open_database(url: str, *, schema: str | None = None) -> Database:
    """Open the database that ``url`` names (``sqlite+aiosqlite:///…``, ``postgresql+asyncpg://…``).

    Raises `DatabaseInUse` when another process has the SQLite file, and `ValueError` for any
    other kind of database. Connects only when first used; ``schema`` is PostgreSQL's search path.
    """
    parsed = make_url(url)
    match parsed.get_backend_name():
        case "sqlite":
            return SqliteDatabase(parsed.set(drivername="sqlite+aiosqlite"))
        case "postgresql":
            parsed = parsed.set(drivername="postgresql+asyncpg")
            return PostgresDatabase(parsed, schema=schema)
        case other:
            raise ValueError(f"DATABASE_URL names {other}; only sqlite and postgresql are served")


async def take_lock(connection: AsyncConnection, lock_id: int) -> None:
    """Hold a lock until the transaction ends; on SQLite the single writer needs none."""
    if connection.dialect.name == "postgresql":
        await connection.execute(text("SELECT pg_advisory_xact_lock(:name)"), {"name": lock_id})


def prepare_writer(connection: Any, _record: Any) -> None:
    """Configure an SQLite connection for writing, with commits that survive a power cut."""
    connection.isolation_level = None  # `begin_immediate` begins transactions
    cursor = connection.cursor()
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "busy_timeout=15000",
        "cache_size=-16384",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _prepare_reader(connection: Any, _record: Any) -> None:
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA query_only=ON")
    cursor.execute("PRAGMA busy_timeout=15000")
    cursor.close()


def begin_immediate(connection: Any) -> None:
    """Begin as the writer: a transaction that becomes one later may fail because there is one."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _begin_deferred(connection: Any) -> None:
    connection.exec_driver_sql("BEGIN")
