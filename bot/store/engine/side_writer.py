"""Short writes from a second process: the pause switch, settlements, webhook events, reports.

The lock of the SQLite file keeps out a second bot, because two would adopt each other's jobs. A
short write alongside the bot is harmless, because SQLite makes one writer wait for the other.
"""

from bot.store.engine.database import Access, Database, open_database


def open_side_writer(url: str) -> Database:
    """Open the database of ``url`` for short writes. Raises `ValueError` for other kinds."""
    return open_database(url, access=Access.SIDE_WRITER, pool_size=1)
