"""Migrations create every table once, even with several processes, and can be reversed."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from subprocess import run

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from bot.domain.errors import DatabaseUnavailable, DatabaseUnusable
from bot.store.engine import schema
from bot.store.engine.database import Database
from bot.store.engine.migration_process import MigrationFailed, upgrade_schema_apart
from bot.store.engine.schema import upgrade_schema
from bot.store.tables.core import metadata
from tests.contract.conftest import KINDS, ON_SQLITE, empty_database


@pytest.fixture(params=KINDS)
async def new_database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """Give a database without tables, which no other test uses."""
    async with empty_database(request.param, tmp_path) as opened:
        yield opened


def _run(call: Callable[[Config], None]) -> Callable[[Connection], None]:
    def work(connection: Connection) -> None:
        call(schema.build_alembic_config(connection))

    return work


async def test_head_revision_matches_tables(database: Database) -> None:
    await database.write(lambda connection: connection.run_sync(_run(command.check)))


async def test_tables_are_made_once(new_database: Database) -> None:
    """The first of several processes makes them, and later ones change nothing."""
    database = new_database
    await asyncio.gather(*(upgrade_schema(database) for _ in range(3)))
    await upgrade_schema(database)
    names = await database.read(
        lambda connection: connection.run_sync(lambda sync: inspect(sync).get_table_names())
    )
    assert set(names) == set(metadata.tables) | {"alembic_version"}


@pytest.fixture
def without_alembic(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process be one that has not imported Alembic."""
    monkeypatch.delitem(sys.modules, "alembic")


@pytest.mark.usefixtures("without_alembic")
async def test_another_process_makes_the_tables(new_database: Database) -> None:
    """So Alembic does not stay in the bot's memory."""
    await upgrade_schema_apart(new_database)
    assert "alembic" not in sys.modules
    assert await new_database.read(schema.has_newest_schema)


@pytest.mark.usefixtures("without_alembic")
async def test_errors_of_that_process_are_raised_here(new_database: Database) -> None:
    made_by_newer = "CREATE TABLE alembic_version AS SELECT '9999' AS version_num"
    await new_database.write(lambda connection: connection.execute(text(made_by_newer)))
    with pytest.raises(DatabaseUnusable, match="newer than this program"):
        await upgrade_schema_apart(new_database)


@pytest.mark.usefixtures("without_alembic")
async def test_a_failed_migration_is_no_success(
    new_database: Database, capfd: pytest.CaptureFixture[str]
) -> None:
    """For example a table of that name that is not ours."""
    foreign = text("CREATE TABLE jobs (n integer)")
    await new_database.write(lambda connection: connection.execute(foreign))
    with pytest.raises((MigrationFailed, DatabaseUnavailable)) as raised:
        await upgrade_schema_apart(new_database)
    # SQLite does not tell this from a passing failure
    reason = capfd.readouterr().err if raised.type is MigrationFailed else str(raised.value)
    assert "already exists" in reason
    assert not await new_database.read(schema.has_newest_schema)


@ON_SQLITE
async def test_newest_revision_is_alembics(database: Database) -> None:
    def read_heads(connection: Connection) -> list[str]:
        return ScriptDirectory.from_config(schema.build_alembic_config(connection)).get_heads()

    heads = await database.read(lambda connection: connection.run_sync(read_heads))
    assert heads == [schema.find_newest_revision()]


@ON_SQLITE
def test_later_starts_do_without_alembic(database: Database) -> None:
    """It takes longer to import than a restart has to take."""
    program = """if True:
        import asyncio, sys
        from bot.store.engine.database import open_database
        from bot.store.engine.schema import require_current_schema, upgrade_schema

        async def start(url):
            database = open_database(url)
            await upgrade_schema(database)
            await require_current_schema(database)
            await database.close()

        asyncio.run(start(sys.argv[1]))
        print("alembic" in sys.modules)
    """
    url = database.engine.url.render_as_string().replace("test.db", "copy.db")
    path = Path(database.engine.url.database or "")
    path.with_name("copy.db").write_bytes(path.read_bytes())  # the other is in use
    root = Path(__file__).parents[2]
    done = run([sys.executable, "-c", program, url], cwd=root, capture_output=True, check=True)
    assert done.stdout == b"False\n"


async def test_downgrade_leaves_nothing(new_database: Database) -> None:
    database = new_database
    await upgrade_schema(database)

    def down(config: Config) -> None:
        command.downgrade(config, "base")

    await database.write(lambda connection: connection.run_sync(_run(down)))
    names = await database.read(
        lambda connection: connection.run_sync(lambda sync: inspect(sync).get_table_names())
    )
    assert set(names) == {"alembic_version"}
    await upgrade_schema(database)
