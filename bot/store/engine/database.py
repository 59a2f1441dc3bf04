"""Connections: one writer for SQLite, a pool for PostgreSQL, the same methods for both.

Each transaction runs in its own task. So it commits or rolls back even if its caller is canceled.
"""

import asyncio
import fcntl
import os
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from enum import Enum, auto
from pathlib import Path
from typing import Any, ClassVar, Final, TypeVar

from sqlalchemy import URL, RowMapping, Select, UpdateBase, event, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from bot.domain.errors import ClapperError, DatabaseMissing
from bot.store.engine.database_url import read_database_url
from bot.store.engine.errors import translate_errors
from bot.store.engine.group_writer import GroupWriter
from bot.store.engine.parameters import drop_unstorable_characters
from bot.store.engine.postgres_servers import WritableServerConnector, has_several_servers
from bot.store.engine.row_changes import RowChange
from bot.store.engine.sqlite_driver import use_single_calls

T = TypeVar("T")
Work = Callable[[AsyncConnection], Awaitable[T]]

_CONNECT_TIMEOUT_S: Final = 5.0
_STATEMENT_TIMEOUT_S: Final = 15.0
_IDLE_IN_TRANSACTION_S: Final = 10.0
"""A stopped process must not lock rows for longer than its lease; then others adopt its jobs."""

_SINGLE_STATEMENT: Final = "clapper_single_statement"
"""An option of connections for one reading statement, which is a transaction by itself."""


class DatabaseInUse(ClapperError):
    """Another process uses the SQLite file, which only one process may use."""


def add_parameter_cleaning(engine: AsyncEngine) -> AsyncEngine:
    event.listen(
        engine.sync_engine, "before_cursor_execute", drop_unstorable_characters, retval=True
    )
    return engine


class Database(ABC):
    """An open database. Its methods raise `DatabaseUnavailable` if it cannot answer."""

    schema: str | None = None
    """PostgreSQL's search path, if it is not the server's."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine: Final = add_parameter_cleaning(engine)
        """The engine that writes."""
        self._running_tasks: set[asyncio.Task[Any]] = set()
        self._group_writer = GroupWriter(
            write_group=self._run_transaction, write_alone=self._run_statement
        )

    @property
    def is_shared(self) -> bool:
        """Whether several processes may use the database at once."""
        return self.engine.dialect.name == "postgresql"

    async def write(self, work: Work[T]) -> T:
        """Run ``work`` in a new transaction and commit it."""
        return await self._run_detached(self._run_transaction(work))

    async def write_one(self, work: Work[T]) -> T:
        """Run ``work``, which must be a single statement, without a transaction."""
        return await self._run_detached(self._run_statement(work))

    async def write_together(self, change: RowChange) -> bool:
        """Apply ``change`` as `GroupWriter` describes; return whether its fence let it."""
        future = self._group_writer.add_change(change)
        if self._group_writer.must_run():
            task = asyncio.create_task(self._group_writer.run())
            self._running_tasks.add(task)
            task.add_done_callback(self._discard_task)
        return await future

    async def read(self, work: Work[T]) -> T:
        """Run ``work``, which only reads, on one state of the database."""
        return await self._run_detached(self._run_query(work))

    async def read_one(self, work: Work[T]) -> T:
        """Run ``work``, which must be a single statement that only reads."""
        return await self._run_detached(self._run_single_query(work))

    async def execute(self, statement: UpdateBase) -> int:
        """Run a statement that changes rows, without a transaction; return how many it changed."""

        async def run_statement(connection: AsyncConnection) -> int:
            return (await connection.execute(statement)).rowcount

        return await self.write_one(run_statement)

    async def read_rows(self, query: Select[Any]) -> Sequence[RowMapping]:
        """Return the rows of ``query`` as mappings by column name."""

        async def fetch_rows(connection: AsyncConnection) -> Sequence[RowMapping]:
            rows: Sequence[RowMapping] = (await connection.execute(query)).mappings().all()
            return rows

        return await self.read_one(fetch_rows)

    async def read_scalar(self, query: Select[tuple[T]]) -> T | None:
        """Return the first column of the first row of ``query``."""
        return await self.read_one(lambda connection: connection.scalar(query))

    async def read_scalars(self, query: Select[tuple[T]]) -> list[T]:
        """Return the first column of each row of ``query``."""

        async def fetch_scalars(connection: AsyncConnection) -> list[T]:
            return list(await connection.scalars(query))

        return await self.read_one(fetch_scalars)

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
            task.exception()  # prevents a warning if the caller was canceled

    @abstractmethod
    async def _run_transaction(self, work: Work[T]) -> T: ...

    async def _run_statement(self, work: Work[T]) -> T:
        return await self._run_transaction(work)

    @abstractmethod
    async def _run_query(self, work: Work[T]) -> T: ...

    async def _run_single_query(self, work: Work[T]) -> T:
        return await self._run_query(work)

    async def _dispose_engines(self) -> None:
        await self.engine.dispose()


class PostgresDatabase(Database):
    """PostgreSQL, which several processes may share; its locks and its clock coordinate them."""

    def __init__(self, url: URL, *, pool_size: int = 8, schema: str | None = None) -> None:
        server_settings = {
            "application_name": f"clapper {schema}" if schema else "clapper",
            "statement_timeout": str(int(_STATEMENT_TIMEOUT_S * 1000)),
            "lock_timeout": str(int(_STATEMENT_TIMEOUT_S * 1000)),
            "idle_in_transaction_session_timeout": str(int(_IDLE_IN_TRANSACTION_S * 1000)),
            "timezone": "UTC",
            # The server's defaults may be unsafe: a claim lost in a crash would be submitted
            # again, and limits read from a snapshot older than the lock could be exceeded.
            "synchronous_commit": "on",
            "default_transaction_isolation": "read committed",
        }
        if schema is not None:
            server_settings["search_path"] = schema
        connect_args: dict[str, Any] = {
            "timeout": _CONNECT_TIMEOUT_S,
            # also applies if the server's host is gone and nothing answers
            "command_timeout": _STATEMENT_TIMEOUT_S + 5,
            "server_settings": server_settings,
        }
        if has_several_servers(url):
            connect_args["async_creator_fn"] = WritableServerConnector().connect
        engine = create_async_engine(
            url,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=_STATEMENT_TIMEOUT_S,
            skip_autocommit_rollback=True,
            connect_args=connect_args,
        )
        super().__init__(engine)
        self.schema = schema
        self._autocommit_engine = engine.execution_options(isolation_level="AUTOCOMMIT")

    async def _run_transaction(self, work: Work[T]) -> T:
        async with translate_errors(), self.engine.begin() as connection:
            return await work(connection)

    async def _run_statement(self, work: Work[T]) -> T:
        async with translate_errors(), self._autocommit_engine.connect() as connection:
            return await work(connection)

    async def _run_query(self, work: Work[T]) -> T:
        async with translate_errors(), self.engine.connect() as connection:
            return await work(connection)

    async def _run_single_query(self, work: Work[T]) -> T:
        return await self._run_statement(work)


class Access(Enum):
    """How a process uses an SQLite file: as its owner, or alongside the owner."""

    OWNER = auto()
    SIDE_WRITER = auto()
    READER = auto()


class SqliteDatabase(Database):
    """An SQLite file with one writing connection, because a second writer would fail as busy.

    With WAL, readers need not wait for the writer. With ``synchronous=FULL`` a commit survives a
    power cut. The owner locks the file against a second owner. Other processes do not create it.
    """

    def __init__(self, url: URL, access: Access) -> None:
        assert url.database is not None  # `read_database_url` sees to it
        self._path = Path(url.database)
        self._access = access
        self._file_lock = None
        if access is Access.OWNER:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file_lock = _FileLock(self._path.with_name(self._path.name + ".lock"))
        self._write_lock = asyncio.Lock()
        writer = create_async_engine(url, pool_size=1, max_overflow=0, pool_timeout=60)
        reader = create_async_engine(url, pool_size=3, max_overflow=0, pool_timeout=15)
        super().__init__(use_single_calls(writer))
        self._reader_engine = add_parameter_cleaning(use_single_calls(reader))
        event.listen(self.engine.sync_engine, "connect", _prepare_writer)
        event.listen(self.engine.sync_engine, "begin", _begin_immediate)
        event.listen(self._reader_engine.sync_engine, "connect", _prepare_reader)
        event.listen(self._reader_engine.sync_engine, "begin", _begin_deferred)
        self._single_reader_engine = self._reader_engine.execution_options(
            **{_SINGLE_STATEMENT: True}
        )

    async def _run_transaction(self, work: Work[T]) -> T:
        if self._access is Access.READER:
            raise PermissionError("this program may only read the database")
        self._require_file()
        async with self._write_lock, translate_errors(), self.engine.begin() as connection:
            return await work(connection)

    async def _run_query(self, work: Work[T]) -> T:
        self._require_file()
        async with translate_errors(), self._reader_engine.connect() as connection:
            return await work(connection)

    async def _run_single_query(self, work: Work[T]) -> T:
        self._require_file()
        async with translate_errors(), self._single_reader_engine.connect() as connection:
            return await work(connection)

    def _require_file(self) -> None:
        """Raise `DatabaseMissing` for others than the owner. SQLite says what else is wrong."""
        if self._access is Access.OWNER:
            return
        try:
            self._path.stat()
        except (FileNotFoundError, NotADirectoryError) as error:
            raise DatabaseMissing("there is no database yet: the bot has not run") from error
        except OSError:
            pass

    async def _dispose_engines(self) -> None:
        await self._reader_engine.dispose()
        await super()._dispose_engines()
        if self._file_lock is not None:
            self._file_lock.release()


class _FileLock:
    """A lock that the kernel releases when the process ends, even in a crash.

    It is a record lock, which forked children do not inherit. So a child that outlives this process
    does not lock out the next one.
    """

    # record locks do not conflict within one process
    _locked_paths: ClassVar[set[Path]] = set()

    def __init__(self, path: Path) -> None:
        self._path = path.resolve()
        if self._path in self._locked_paths:
            raise DatabaseInUse(f"{path.with_suffix('')} is already open in this process")
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.lockf(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._descriptor)
            raise DatabaseInUse(
                f"{path.with_suffix('')} is in use by another process of the bot"
            ) from error
        self._locked_paths.add(self._path)

    def release(self) -> None:
        """Release the lock."""
        if self._path in self._locked_paths:
            self._locked_paths.discard(self._path)
            os.close(self._descriptor)


def open_database(
    url: str,
    *,
    schema: str | None = None,
    access: Access = Access.OWNER,
    pool_size: int = 8,
) -> Database:
    """Open the database at ``url`` (``sqlite+aiosqlite:///…`` or ``postgresql+asyncpg://…``).

    PostgreSQL may have several servers in it, of which the one that accepts writes is used.
    ``schema`` is PostgreSQL's search path, and ``pool_size`` the number of its connections, which
    are opened when first needed. Raises `DatabaseInUse` if another process owns the SQLite file,
    and `ValueError` with one line for a malformed URL or any other kind of database.
    """
    parsed = read_database_url(url)
    if parsed.get_backend_name() == "sqlite":
        return SqliteDatabase(parsed, access)
    return PostgresDatabase(parsed, pool_size=pool_size, schema=schema)


_LOCK_QUERY: Final = text("SELECT pg_advisory_xact_lock(:name)")


async def take_lock(connection: AsyncConnection, lock_id: int) -> None:
    """Take a lock until the transaction ends; SQLite's single writer needs none."""
    if connection.dialect.name == "postgresql":
        await connection.execute(_LOCK_QUERY, {"name": lock_id})


def _prepare_writer(connection: Any, _record: Any) -> None:
    _configure(connection, "journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON")
    _configure(connection, "busy_timeout=15000", "cache_size=-16384")


def _prepare_reader(connection: Any, _record: Any) -> None:
    _configure(connection, "query_only=ON", "busy_timeout=15000")


def _configure(connection: Any, *pragmas: str) -> None:
    connection.isolation_level = None  # the listeners of the event "begin" start transactions
    cursor = connection.cursor()
    for pragma in pragmas:
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_immediate(connection: Any) -> None:
    """Begin as a writer, because a reading transaction that writes later may fail as busy."""
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _begin_deferred(connection: Any) -> None:
    if not connection.get_execution_options().get(_SINGLE_STATEMENT):
        connection.exec_driver_sql("BEGIN")


class Store:
    """The base of stores, which read and change the rows of one subject."""

    def __init__(self, database: Database) -> None:
        self._db = database
