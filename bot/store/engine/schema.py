"""Brings the tables up to date at the start, also if several processes start at once.

Alembic is slow to import. So it is imported in a thread, and only if the tables are of another
version, which can be checked without it.
"""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, Select, column, inspect, select, table
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.domain.errors import DatabaseOutdated, DatabaseUnusable
from bot.store.engine.database import Database, take_lock

if TYPE_CHECKING:
    from alembic.config import Config

MIGRATION_LOCK: Final = 0x636C_6170_03
_MIGRATIONS: Final = Path(__file__).parents[1] / "migrations"
_RECORDED_REVISIONS: Final[Select[Any]] = select(column("version_num")).select_from(
    table("alembic_version")
)


async def upgrade_schema(database: Database) -> None:
    """Run the missing migrations, under a lock.

    Raises `DatabaseUnavailable`, or `DatabaseUnusable` if a newer program made the tables.
    """

    async def run_migrations(connection: AsyncConnection) -> None:
        await take_lock(connection, MIGRATION_LOCK)
        await connection.run_sync(_upgrade_to_head)

    if await database.read(has_newest_schema):
        return
    await asyncio.to_thread(_import_alembic)
    await database.write(run_migrations)


async def require_current_schema(database: Database) -> None:
    """Raise `DatabaseUnusable` unless the tables are of this program's version.

    For programs that run alongside the bot and do not migrate tables. For earlier versions it is
    `DatabaseOutdated`. Raises `DatabaseUnavailable`.
    """

    async def check_schema(connection: AsyncConnection) -> None:
        await connection.run_sync(_require_no_newer_schema)
        raise DatabaseOutdated(
            "the database is older than this program: start the bot, which upgrades it"
        )

    if await database.read(has_newest_schema):
        return
    await asyncio.to_thread(_import_alembic)
    await database.read(check_schema)


async def has_tables(database: Database) -> bool:
    """Whether the bot has ever run on this database. Raises `DatabaseUnavailable`."""
    return bool(await database.read(lambda connection: connection.run_sync(_read_revisions)))


def find_newest_revision() -> str:
    """Return the newest migration's revision, with which the name of its file begins."""
    newest = max(path.name for path in (_MIGRATIONS / "versions").glob("[0-9]*.py"))
    return newest.partition("_")[0]


async def list_newer_revisions(database: Database) -> list[str]:
    """Return the database's revisions that this program does not know.

    Another process of a newer version has upgraded it then. Raises `DatabaseUnavailable`.
    """
    known = {path.name.partition("_")[0] for path in (_MIGRATIONS / "versions").glob("[0-9]*.py")}
    recorded = await database.read(lambda connection: connection.run_sync(_read_revisions))
    return [revision for revision in recorded if revision not in known]


async def has_newest_schema(connection: AsyncConnection) -> bool:
    """Whether no migration is missing."""
    return await connection.run_sync(_read_revisions) == [find_newest_revision()]


def _read_revisions(connection: Connection) -> list[str]:
    if not inspect(connection).has_table("alembic_version"):
        return []
    return list(connection.scalars(_RECORDED_REVISIONS))


def _import_alembic() -> None:
    import alembic.command
    import alembic.script  # noqa: F401


def build_alembic_config(connection: Connection) -> "Config":
    """Return Alembic's configuration for our migrations on ``connection``."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    return config


def _upgrade_to_head(connection: Connection) -> None:
    from alembic import command

    _require_no_newer_schema(connection)
    command.upgrade(build_alembic_config(connection), "head")


def _require_no_newer_schema(connection: Connection) -> None:
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory.from_config(build_alembic_config(connection))
    known = {script.revision for script in scripts.walk_revisions()}
    for revision in _read_revisions(connection):
        if revision not in known:
            raise DatabaseUnusable(
                f"the database is newer than this program (revision {revision}): install the"
                " version that created it, or restore the backup from before the upgrade"
            )
