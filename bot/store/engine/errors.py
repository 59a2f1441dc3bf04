"""Tells errors of an unavailable database from our own mistakes, which must not be retried."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import exc

from bot.domain.errors import DatabaseUnavailable

_UNAVAILABLE_CLASSES = ("08", "53", "57", "58")  # connection, resources, operator, system
_UNAVAILABLE_STATES = frozenset({"25006", "40001", "40P01", "55P03"})
"""Read-only after a failover, serialization failure, deadlock, lock timeout."""


@asynccontextmanager
async def translate_errors() -> AsyncIterator[None]:
    """Raise `DatabaseUnavailable` for faults of the database; other errors pass unchanged."""
    try:
        yield
    except exc.DBAPIError as error:
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
    # SQLite's (locked, disk full, disk I/O) and asyncpg's own, which carry no state
    return isinstance(error, exc.OperationalError | exc.InterfaceError | exc.InternalError)
