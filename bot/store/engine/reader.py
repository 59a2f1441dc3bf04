"""Read-only access for the programs that run alongside the bot.

The bot's process owns the lock of the SQLite file. Readers do not need it, because in WAL mode they
and the writer do not block each other.
"""

from bot.store.engine.database import Access, Database, open_database


def open_reader(url: str) -> Database:
    """Open the database of ``url`` for reading. Raises `ValueError` for other kinds of database."""
    return open_database(url, access=Access.READER, pool_size=3)
