"""Migrates tables in a process of its own, which ends and takes Alembic with it.

In the bot's process Alembic and the migrations would stay in memory until the next start, 15 MiB.
"""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Final

from bot.domain.errors import DatabaseUnavailable, DatabaseUnusable
from bot.store.engine.database import Access, Database, open_database
from bot.store.engine.schema import has_newest_schema, upgrade_schema

_CODE_DIR: Final = Path(__file__).parents[3].resolve()
_ERRORS: Final = {error.__name__: error for error in (DatabaseUnavailable, DatabaseUnusable)}
"""What the process reports, to be raised again in the bot."""


class MigrationFailed(Exception):
    """The process failed for a reason that it has written to standard error."""


async def upgrade_schema_apart(database: Database) -> None:
    """Run the missing migrations in another process. ``database`` must not be written meanwhile.

    Raises `MigrationFailed` and the errors of `upgrade_schema`.
    """
    if await database.read(has_newest_schema):
        return
    if "alembic" in sys.modules:  # so nothing would be saved
        await upgrade_schema(database)
        return
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", "-m", __name__),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": _build_python_path()},
        start_new_session=True,  # Ctrl-C ends the bot, which then ends this
    )
    try:
        url = database.engine.url.render_as_string(hide_password=False)
        order = json.dumps({"url": url, "schema": database.schema})
        report, _ = await process.communicate(order.encode())
    finally:
        if process.returncode is None:  # the transaction is rolled back
            process.kill()
            await process.wait()
    if report:
        name, message = json.loads(report)
        raise _ERRORS[name](message)
    if process.returncode != 0:
        raise MigrationFailed(
            f"the tables could not be upgraded (exit status {process.returncode})"
        )


def _build_python_path() -> str:
    """Let the process find this package, wherever it was started."""
    paths = [str(_CODE_DIR), os.environ.get("PYTHONPATH", "")]
    return os.pathsep.join(filter(None, paths))


async def _upgrade(order: dict[str, str | None]) -> None:
    database = open_database(
        order["url"] or "", schema=order["schema"], access=Access.SIDE_WRITER, pool_size=1
    )
    try:
        await upgrade_schema(database)
    finally:
        await database.close()


def main() -> None:
    """Migrate the database that standard input names; its URL may contain a password."""
    try:
        asyncio.run(_upgrade(json.load(sys.stdin)))
    except tuple(_ERRORS.values()) as error:
        sys.stdout.write(json.dumps([type(error).__name__, str(error)]))


if __name__ == "__main__":
    main()
