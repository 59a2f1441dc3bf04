"""Alembic's entry point; it uses the program's connection, or ``DATABASE_URL`` on its own.

It uses batch mode, because SQLite can change most of a table only by copying it.
"""

import asyncio
import os
from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import Connection

from bot.store.engine.database import open_database
from bot.store.engine.types import UtcTime
from bot.store.tables import alerts, core, moderation, shards, showcase, sums, webhooks

_ALL_TABLES = (alerts, core, moderation, shards, showcase, sums, webhooks)
"""Modules that add tables to the metadata when they are imported."""


def _render_type(kind: str, value: Any, _context: AutogenContext) -> str | Literal[False]:
    """Render our own column types in new migrations as their database types."""
    if kind == "type" and isinstance(value, UtcTime):
        return "sa.DateTime(timezone=True)"
    return False


def run(connection: Connection) -> None:
    """Run the migrations to the requested revision."""
    context.configure(
        connection=connection,
        target_metadata=core.metadata,
        render_as_batch=True,
        compare_type=True,
        render_item=_render_type,
        transaction_per_migration=False,
    )
    with context.begin_transaction():
        context.run_migrations()


async def _run_from_command_line() -> None:
    data_dir = os.environ.get("DATA_DIR", "var")
    url = os.environ.get("DATABASE_URL", f"sqlite+aiosqlite:///{data_dir}/clapper.db")
    database = open_database(url)
    try:
        async with database.engine.begin() as connection:
            await connection.run_sync(run)
    finally:
        await database.close()


if context.is_offline_mode():
    raise SystemExit("migrations need a database: set DATABASE_URL")
program_connection = context.config.attributes.get("connection")
if program_connection is None:
    asyncio.run(_run_from_command_line())
else:
    run(program_connection)
