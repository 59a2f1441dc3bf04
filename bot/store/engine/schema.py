"""Brings the tables up to date at start, when several processes may start at once."""

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store.engine.database import Database, take_lock

MIGRATION_LOCK: Final = 0x636C_6170_03


async def upgrade_schema(database: Database) -> None:
    """Run the missing migrations, under a lock. Raises `DatabaseUnavailable`."""

    async def run_migrations(connection: AsyncConnection) -> None:
        await take_lock(connection, MIGRATION_LOCK)
        await connection.run_sync(lambda sync: command.upgrade(build_alembic_config(sync), "head"))

    await database.write(run_migrations)


def build_alembic_config(connection: Connection) -> Config:
    """Return Alembic's configuration for our migrations on ``connection``."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parents[1] / "migrations"))
    config.attributes["connection"] = connection
    return config
