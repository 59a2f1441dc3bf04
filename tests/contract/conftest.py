"""Databases for each test: a SQLite file in a temporary folder, and a schema on PostgreSQL.

Running the migrations takes longer than most tests, so each of pytest's processes runs them once
for SQLite, whose file is copied, and once for PostgreSQL, whose schema is emptied before each test.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from sqlalchemy import Connection, Engine, delete, event, text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store.engine.database import Database, open_database
from bot.store.engine.schema import upgrade_schema
from bot.store.tables.core import metadata
from tests.fakes.world import SimulatedWorld
from tests.harness.migrated_file import MIGRATED_FILE

POSTGRES_URL = os.environ.get(
    "TEST_POSTGRES_URL", "postgresql+asyncpg://postgres@127.0.0.1:5432/test"
)


async def new_schema() -> str:
    """Create a schema on the test server. Skips the test where there is no server."""
    name = f"clapper_{uuid4().hex[:12]}"
    try:
        connection = await asyncpg.connect(POSTGRES_URL.replace("+asyncpg", ""), timeout=60)
    except (OSError, asyncpg.PostgresError) as error:
        pytest.skip(f"no PostgreSQL for the tests at TEST_POSTGRES_URL: {error}")
    await connection.execute(f'CREATE SCHEMA "{name}"')
    await connection.close()
    return name


async def drop_schema(name: str) -> None:
    """Remove the schema with everything in it."""
    connection = await asyncpg.connect(POSTGRES_URL.replace("+asyncpg", ""), timeout=60)
    await connection.execute(f'DROP SCHEMA "{name}" CASCADE')
    await connection.close()


@pytest.fixture
async def postgres_schema() -> AsyncIterator[str]:
    """Give a separate schema."""
    name = await new_schema()
    yield name
    await drop_schema(name)


KINDS = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]
ON_SQLITE = pytest.mark.parametrize("database", ["sqlite"], indirect=True)
ON_POSTGRESQL = pytest.mark.parametrize(
    "database", [pytest.param("postgresql", marks=pytest.mark.postgresql)], indirect=True
)


async def cut_connections(schema: str) -> int:
    """End every connection of the databases opened on ``schema``, as a restart would."""
    connection = await asyncpg.connect(POSTGRES_URL.replace("+asyncpg", ""), timeout=60)
    ended = await connection.fetch(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1",
        f"clapper {schema}",
    )
    await connection.close()
    return len(ended)


@asynccontextmanager
async def empty_database(kind: str, directory: Path) -> AsyncIterator[Database]:
    """Open a database of a kind that has no tables yet."""
    if kind == "sqlite":
        opened = open_database(f"sqlite+aiosqlite:///{directory}/test.db")
        yield opened
        await opened.close()
        return
    schema = await new_schema()
    opened = open_database(POSTGRES_URL, schema=schema)
    yield opened
    await opened.close()
    await drop_schema(schema)


_EMPTY_SCHEMA = """
DO $$ DECLARE name text; BEGIN
    ALTER TABLE {0}.ledger DISABLE TRIGGER USER;
    ALTER TABLE {0}.jobs DISABLE TRIGGER USER;
    FOR name IN SELECT tablename FROM pg_tables
        WHERE schemaname = '{0}' AND tablename != 'alembic_version' ORDER BY tablename = 'jobs' LOOP
        EXECUTE format('DELETE FROM {0}.%I', name);
    END LOOP;
    ALTER TABLE {0}.ledger ENABLE TRIGGER USER;
    ALTER TABLE {0}.jobs ENABLE TRIGGER USER;
    PERFORM setval(format('{0}.%I', sequencename)::regclass, start_value, false)
        FROM pg_sequences WHERE schemaname = '{0}';
END $$
"""
"""Deletes the rows: truncating makes new files for each table and index, which takes far longer.

Triggers would keep the ledger's entries, and jobs come last because others refer to them.
"""


async def delete_all_rows(connection: AsyncConnection) -> None:
    """Empty all tables, although triggers keep the ledger's entries."""
    if connection.dialect.name == "postgresql":
        schema = await connection.scalar(text("SELECT current_schema()"))
        await connection.exec_driver_sql(_EMPTY_SCHEMA.format(schema))
        return
    query = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
    triggers = (await connection.exec_driver_sql(query)).all()
    for trigger in triggers:
        await connection.exec_driver_sql(f"DROP TRIGGER {trigger.name}")
    for table in reversed(metadata.sorted_tables):
        await connection.execute(delete(table))
    for trigger in triggers:
        await connection.exec_driver_sql(trigger.sql)


class _CompiledStatements(dict[Any, Any]):
    """What SQLAlchemy has compiled, by the kind of database instead of by the engine.

    Each test opens engines of its own and would compile every statement anew.
    """

    def get(self, key: Any, default: Any = None) -> Any:
        dialect, *rest = key
        return super().get((dialect.name, *rest), default)

    def __setitem__(self, key: Any, compiled: Any) -> None:
        dialect, *rest = key
        super().__setitem__((dialect.name, *rest), compiled)


@pytest.fixture(scope="session", autouse=True)
def share_compiled_statements() -> Iterator[None]:
    """Compile each statement once in this process, and not once in each test."""
    statements = _CompiledStatements()

    def share(connection: Connection) -> None:
        connection.execution_options(compiled_cache=statements)

    event.listen(Engine, "engine_connect", share)
    yield
    event.remove(Engine, "engine_connect", share)


class MigratedDatabases:
    """Databases with all tables and no rows, for one test at a time."""

    def __init__(self) -> None:
        self._schema: str | None = None

    async def open(self, kind: str, directory: Path) -> Database:
        """Open one of a kind; the files of SQLite are in ``directory``."""
        if kind == "sqlite":
            return open_database(
                f"sqlite+aiosqlite:///{await MIGRATED_FILE.copy(directory / 'test.db')}"
            )
        return open_database(POSTGRES_URL, schema=await self._empty_schema())

    async def _empty_schema(self) -> str:
        if self._schema is None:
            self._schema = await new_schema()
            migrated = open_database(POSTGRES_URL, schema=self._schema)
            await upgrade_schema(migrated)
            await migrated.close()
            return self._schema
        connection = await asyncpg.connect(POSTGRES_URL.replace("+asyncpg", ""), timeout=60)
        await connection.execute(_EMPTY_SCHEMA.format(self._schema))
        await connection.close()
        return self._schema

    async def close(self) -> None:
        if self._schema is not None:
            await drop_schema(self._schema)


@pytest.fixture(scope="session")
def migrated_databases() -> Iterator[MigratedDatabases]:
    """Give the databases that the tests of this process share, one after the other."""
    databases = MigratedDatabases()
    yield databases
    asyncio.run(databases.close())


@pytest.fixture(params=KINDS)
async def database(
    request: pytest.FixtureRequest, tmp_path: Path, migrated_databases: MigratedDatabases
) -> AsyncIterator[Database]:
    """Give an empty database with all tables, once of each kind."""
    opened = await migrated_databases.open(request.param, tmp_path)
    yield opened
    await opened.close()


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> AsyncIterator[SimulatedWorld]:
    """Give a world over the database, and end its processes."""
    simulated = SimulatedWorld(database, tmp_path / "data")
    yield simulated
    for process in simulated.processes:
        await process.worker.stop(200.0)
