"""Brings the tables up to date at start, when several processes may start at once."""

from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.errors import DatabaseUnusable
from bot.store.engine.database import Database, take_lock

MIGRATION_LOCK: Final = 0x636C_6170_03


async def upgrade_schema(database: Database) -> None:
    """Run the missing migrations, under a lock.

    Raises `DatabaseUnavailable`, or `DatabaseUnusable` if a newer program made the tables.
    """

    async def run_migrations(connection: AsyncConnection) -> None:
        await take_lock(connection, MIGRATION_LOCK)
        await connection.run_sync(_require_no_newer_schema)
        await connection.run_sync(lambda sync: command.upgrade(build_alembic_config(sync), "head"))

    await database.write(run_migrations)


async def require_current_schema(database: Database) -> None:
    """Raise `DatabaseUnusable` unless the tables are of this program's version.

    For programs beside the bot, which change no tables. Raises `DatabaseUnavailable`.
    """

    async def check_schema(connection: AsyncConnection) -> None:
        await connection.run_sync(_require_no_newer_schema)
        if await connection.run_sync(_is_behind):
            raise DatabaseUnusable(
                "the database is older than this program: start the bot, which brings it up to date"
            )

    await database.read(check_schema)


def build_alembic_config(connection: Connection) -> Config:
    """Return Alembic's configuration for our migrations on ``connection``."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parents[1] / "migrations"))
    config.attributes["connection"] = connection
    return config


def _require_no_newer_schema(connection: Connection) -> None:
    scripts = ScriptDirectory.from_config(build_alembic_config(connection))
    known = {script.revision for script in scripts.walk_revisions()}
    for revision in _read_revisions(connection):
        if revision not in known:
            raise DatabaseUnusable(
                f"the database is newer than this program (revision {revision}): install the"
                " version that made it, or restore the backup from before the upgrade"
            )


def _is_behind(connection: Connection) -> bool:
    scripts = ScriptDirectory.from_config(build_alembic_config(connection))
    return set(_read_revisions(connection)) != set(scripts.get_heads())


def _read_revisions(connection: Connection) -> tuple[str, ...]:
    return MigrationContext.configure(connection).get_current_heads()
