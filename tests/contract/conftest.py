"""Both databases: SQLite in a temporary folder, PostgreSQL in a schema of its own."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from bot.store.engine.database import Database, open_database
from bot.store.engine.schema import upgrade_schema
from tests.fakes.world import SimulatedWorld

POSTGRES_URL = os.environ.get(
    "TEST_POSTGRES_URL", "postgresql+asyncpg://postgres@127.0.0.1:5432/test"
)


async def new_schema() -> str:
    """Create a schema on the test server. Skips the test where there is no server."""
    name = f"clapper_{uuid4().hex[:12]}"
    try:
        connection = await asyncpg.connect(POSTGRES_URL.replace("+asyncpg", ""), timeout=5)
    except (OSError, asyncpg.PostgresError) as error:
        pytest.skip(f"no PostgreSQL for the tests at TEST_POSTGRES_URL: {error}")
    await connection.execute(f'CREATE SCHEMA "{name}"')
    await connection.close()
    return name


async def drop_schema(name: str) -> None:
    """Remove the schema with everything in it."""
    connection = await asyncpg.connect(POSTGRES_URL.replace("+asyncpg", ""), timeout=5)
    await connection.execute(f'DROP SCHEMA "{name}" CASCADE')
    await connection.close()


@pytest.fixture
async def postgres_schema() -> AsyncIterator[str]:
    """Give a schema of its own."""
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
    connection = await asyncpg.connect(POSTGRES_URL.replace("+asyncpg", ""), timeout=5)
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


@pytest.fixture(params=KINDS)
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """Give an empty database with all tables, once of each kind."""
    async with empty_database(request.param, tmp_path) as opened:
        await upgrade_schema(opened)
        yield opened


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> AsyncIterator[SimulatedWorld]:
    """Give a world over the database, and end its processes."""
    simulated = SimulatedWorld(database, tmp_path / "data")
    yield simulated
    for process in simulated.processes:
        await process.worker.stop(200.0)
