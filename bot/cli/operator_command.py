"""What subcommands share: reading the settings, opening the database, reporting failures."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from bot.cli.errors import CommandFailed
from bot.config.renamed_settings import SettingsError
from bot.config.settings import Settings, read_settings
from bot.domain.errors import DatabaseUnavailable
from bot.observability.logging import configure_logging
from bot.store.engine.database import Database


def load_settings(*, with_logging: bool = False) -> Settings:
    """Return the settings, and set up logging by them. Raises `SettingsError`."""
    settings = read_settings()
    if with_logging:
        configure_logging(
            log_format=settings.log_format, level=settings.log_level, secrets=settings.secret_values
        )
    return settings


@asynccontextmanager
async def open_with(
    opener: Callable[[str], Database], settings: Settings
) -> AsyncIterator[Database]:
    """Open the configured database, and close it. Raises `SettingsError` for a malformed URL."""
    try:
        database = opener(settings.resolved_database_url)
    except ValueError as error:
        raise SettingsError(f"DATABASE_URL is malformed: {error}") from error
    except OSError as error:
        raise SettingsError(f"DATABASE_URL cannot be opened ({error.strerror}).") from error
    try:
        yield database
    finally:
        await database.close()


def run_and_print(work: Callable[[Settings], Coroutine[Any, Any, str]]) -> int:
    """Print what ``work`` returns and return 0. Raises `CommandFailed` and `SettingsError`."""
    settings = load_settings()
    try:
        print(asyncio.run(work(settings)))
    except DatabaseUnavailable as error:
        raise CommandFailed(f"the database does not answer ({error})") from error
    return 0
