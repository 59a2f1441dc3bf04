"""Migrations: from empty to head, nothing missing, once over several processes, and back."""

import asyncio
from collections.abc import Callable

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, inspect

from bot.store.engine import schema
from bot.store.engine.database import Database
from bot.store.engine.schema import upgrade_schema
from bot.store.tables.core import metadata


def _run(call: Callable[[Config], None]) -> Callable[[Connection], None]:
    def work(connection: Connection) -> None:
        call(schema.build_alembic_config(connection))

    return work


async def test_head_revision_matches_tables(database: Database) -> None:
    await database.write(lambda connection: connection.run_sync(_run(command.check)))


async def test_upgrading_again_changes_nothing(database: Database) -> None:
    await asyncio.gather(*(upgrade_schema(database) for _ in range(3)))
    names = await database.read(
        lambda connection: connection.run_sync(lambda sync: inspect(sync).get_table_names())
    )
    assert set(names) == set(metadata.tables) | {"alembic_version"}


async def test_downgrade_leaves_nothing(database: Database) -> None:
    def down(config: Config) -> None:
        command.downgrade(config, "base")

    await database.write(lambda connection: connection.run_sync(_run(down)))
    names = await database.read(
        lambda connection: connection.run_sync(lambda sync: inspect(sync).get_table_names())
    )
    assert set(names) == {"alembic_version"}
    await upgrade_schema(database)
