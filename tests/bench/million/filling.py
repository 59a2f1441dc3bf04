"""Databases that are filled for the bench and removed after it.

Filling uses its own connection, which gives up safety for speed: nobody needs a half filled file.
Indexes and foreign keys are made after the rows, because keeping them row by row takes far longer.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final
from uuid import uuid4

from alembic import command
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from bot.store.engine.database import Database, open_database
from bot.store.engine.schema import build_alembic_config
from tests.bench.million.moderation_rows import build_moderation_statements
from tests.bench.million.rows import REVISION, Size, build_statements
from tests.contract.conftest import POSTGRES_URL

_MIGRATION_LOCK: Final = asyncio.Lock()
"""Alembic keeps the connection of its one running migration in a global variable."""
_FAST_SQLITE: Final = (
    "PRAGMA journal_mode=OFF",
    "PRAGMA synchronous=OFF",
    "PRAGMA locking_mode=EXCLUSIVE",
    "PRAGMA temp_store=MEMORY",
    "PRAGMA cache_size=-262144",
)
_FAST_POSTGRESQL: Final = (
    "SET synchronous_commit = off",
    "SET maintenance_work_mem = '256MB'",
    "SET work_mem = '64MB'",
)
_SQLITE_INDEXES: Final = """
SELECT 'DROP INDEX "' || name || '"' AS dropping, sql AS making FROM sqlite_master
WHERE type = 'index' AND sql IS NOT NULL ORDER BY name
"""
_POSTGRESQL_INDEXES_AND_KEYS: Final = """
SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname) AS dropping,
    format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname,
        pg_get_constraintdef(oid)) AS making
FROM pg_constraint WHERE contype = 'f' AND connamespace = current_schema()::regnamespace
UNION ALL
SELECT format('DROP INDEX %I', indexname), indexdef FROM pg_indexes
WHERE schemaname = current_schema() AND NOT EXISTS
    (SELECT 1 FROM pg_constraint WHERE conindid = format('%I.%I', schemaname, indexname)::regclass)
"""
"""The foreign keys, and the indexes that belong to no constraint: how to drop and make each."""


@asynccontextmanager
async def open_filled_database(kind: str, folder: Path, size: Size) -> AsyncIterator[Database]:
    """Fill a new database of a kind, and open it as the bot does.

    ``kind`` is ``sqlite``, whose file goes to ``folder``, or ``postgresql``, where a schema is made
    and dropped at the end. Raises `OSError` or the driver's error if there is no server.
    """
    if kind == "sqlite":
        url, schema = f"sqlite+aiosqlite:///{folder}/{size.jobs}.db", None
    else:
        url, schema = POSTGRES_URL, f"million_{uuid4().hex[:12]}"
        await _execute(url, f"CREATE SCHEMA {schema}")
    try:
        await _fill(url, schema, size)
        database = open_database(url, schema=schema)
        try:
            yield database
        finally:
            await database.close()
    finally:
        if schema is not None:
            await _execute(url, f"DROP SCHEMA {schema} CASCADE")


async def _fill(url: str, schema: str | None, size: Size) -> None:
    async with _connect(url, schema) as connection:
        dialect_name = connection.dialect.name
        is_sqlite = dialect_name == "sqlite"
        for statement in _FAST_SQLITE if is_sqlite else _FAST_POSTGRESQL:
            await connection.exec_driver_sql(statement)
        await _migrate(connection, REVISION)
        made = await connection.exec_driver_sql(
            _SQLITE_INDEXES if is_sqlite else _POSTGRESQL_INDEXES_AND_KEYS
        )
        pairs = [(str(row["dropping"]), str(row["making"])) for row in made.mappings()]
        for drop, _ in pairs:
            await connection.exec_driver_sql(drop)
        for statement in build_statements(dialect_name, size):
            await connection.exec_driver_sql(statement)
        # in reverse: a foreign key may need an index
        for _, make in reversed(pairs):
            await connection.exec_driver_sql(make)
        await _migrate(connection, "head")
        for statement in build_moderation_statements():
            await connection.exec_driver_sql(statement)
        # PostgreSQL does this by itself in time; the bot never does it on SQLite
        if not is_sqlite:
            await connection.exec_driver_sql("VACUUM ANALYZE")


async def _migrate(connection: AsyncConnection, revision: str) -> None:
    def upgrade(connection: Connection) -> None:
        command.upgrade(build_alembic_config(connection), revision)

    async with _MIGRATION_LOCK:
        await connection.run_sync(upgrade)


@asynccontextmanager
async def _connect(url: str, schema: str | None = None) -> AsyncIterator[AsyncConnection]:
    """Connect without the bot's time limits, and without transactions."""
    settings = {"server_settings": {"search_path": schema}} if schema else {}
    engine = create_async_engine(url, isolation_level="AUTOCOMMIT", connect_args=settings)
    try:
        async with engine.connect() as connection:
            yield connection
    finally:
        await engine.dispose()


async def _execute(url: str, statement: str) -> None:
    async with _connect(url) as connection:
        await connection.exec_driver_sql(statement)
