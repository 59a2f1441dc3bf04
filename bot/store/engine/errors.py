"""Distinguishes errors of an unavailable database from bugs, which must not be retried."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from sqlalchemy import exc

from bot.domain.errors import DatabaseUnavailable, DatabaseUnusable

_UNAVAILABLE_CLASSES = ("08", "53", "57", "58")  # connection, resources, operator, system
_UNAVAILABLE_STATES = frozenset({"25006", "40001", "40P01", "55P03"})
"""Read-only after a failover, serialization failure, deadlock, lock timeout."""
_UNUSABLE_STATES: Final = {
    "28000": "PostgreSQL refuses the role of DATABASE_URL",
    "28P01": "PostgreSQL refuses the password of DATABASE_URL",
    "3D000": "the database of DATABASE_URL does not exist: create it first (createdb NAME)",
    "3F000": "the role of DATABASE_URL has no schema: create one, or grant it USAGE and CREATE",
    "42501": "the role of DATABASE_URL lacks a permission: make it the database's owner",
}
_UNUSABLE_FILES: Final = {
    "file is not a database": "the file of DATABASE_URL is damaged or not a SQLite database:"
    " restore a backup (docs/operations.md)",
    "malformed": "the file of DATABASE_URL is damaged: restore a backup (docs/operations.md)",
    "unable to open database file": "the file of DATABASE_URL cannot be opened: check its"
    " folder's permissions",
    "readonly database": "the file of DATABASE_URL cannot be written to: check its permissions",
}
"""What SQLite says, and what to do."""


@asynccontextmanager
async def translate_errors() -> AsyncIterator[None]:
    """Raise `DatabaseUnavailable` for errors of the database; others pass unchanged.

    For errors that only the operator can fix, it is `DatabaseUnusable`.
    """
    try:
        yield
    except exc.DBAPIError as error:
        if (advice := _find_advice(error)) is not None:
            raise DatabaseUnusable(f"{advice} ({_format_cause(error)})") from error
        if _is_unavailable(error):
            raise DatabaseUnavailable(f"{type(error.orig).__name__}: {error.orig}") from error
        raise
    except (exc.TimeoutError, OSError, TimeoutError) as error:
        raise DatabaseUnavailable(f"{type(error).__name__}: {error}") from error


def _is_unavailable(error: exc.DBAPIError) -> bool:
    if error.connection_invalidated:
        return True
    state = getattr(error.orig, "sqlstate", None)
    if state is not None:
        return state[:2] in _UNAVAILABLE_CLASSES or state in _UNAVAILABLE_STATES
    # errors of SQLite (locked, disk full, disk I/O) and of asyncpg itself have no state
    return isinstance(error, exc.OperationalError | exc.InterfaceError | exc.InternalError)


def _find_advice(error: exc.DBAPIError) -> str | None:
    state = getattr(error.orig, "sqlstate", None)
    if state is not None:
        return _UNUSABLE_STATES.get(state)
    message = str(error.orig)
    return next((advice for part, advice in _UNUSABLE_FILES.items() if part in message), None)


def _format_cause(error: exc.DBAPIError) -> str:
    """Return the database's own message in one line; it contains no passwords."""
    text = " ".join(str(error.orig).split())
    return text.rpartition(">: ")[2]  # without the driver's class
