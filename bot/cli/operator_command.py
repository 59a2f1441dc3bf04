"""What subcommands share: reading the settings, opening the database, reporting failures."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from bot.cli.errors import EXIT_BAD_SETTING, CommandFailed
from bot.config.renamed_settings import SettingsError
from bot.config.settings import Settings, read_settings
from bot.domain.errors import DatabaseUnavailable, DatabaseUnusable
from bot.store.engine.database import Database
from bot.store.engine.schema import require_current_schema


def load_settings(*, with_logging: bool = False) -> Settings:
    """Return the settings, and set up logging by them. Raises `SettingsError`."""
    settings = read_settings()
    if with_logging:
        # imported late: it imports discord and aiohttp, which short commands do not need
        from bot.observability.logging import configure_logging

        configure_logging(
            log_format=settings.log_format, level=settings.log_level, secrets=settings.secret_values
        )
    return settings


@asynccontextmanager
async def open_with(
    opener: Callable[[str], Database], settings: Settings, *, upgrades: bool = False
) -> AsyncIterator[Database]:
    """Open the configured database, and close it. Raises `SettingsError` for a malformed URL.

    Raises `DatabaseUnusable` if the tables are of another version; ``upgrades`` if the caller
    brings them up to date. A database that does not answer is left to the caller.
    """
    try:
        database = opener(settings.resolved_database_url)
    except ValueError as error:
        raise SettingsError(f"DATABASE_URL is malformed: {error}") from error
    except OSError as error:
        raise SettingsError(
            f"DATABASE_URL cannot be opened ({error.strerror}): check the path and its permissions."
        ) from error
    try:
        if not upgrades:
            await _check_schema(database)
        yield database
    finally:
        await database.close()


async def _check_schema(database: Database) -> None:
    try:
        await require_current_schema(database)
    except DatabaseUnusable:
        raise
    except DatabaseUnavailable:
        return  # it may answer later; the caller decides what to do


def run_and_print(work: Callable[[Settings], Coroutine[Any, Any, str]]) -> int:
    """Print what ``work`` returns and return 0. Raises `CommandFailed` and `SettingsError`."""
    settings = load_settings()
    try:
        print(asyncio.run(work(settings)))
    except DatabaseUnusable as error:
        raise CommandFailed(str(error), EXIT_BAD_SETTING) from error
    except DatabaseUnavailable as error:
        raise CommandFailed(f"the database does not answer ({error})") from error
    return 0
