"""The tables of moderation: word lists, members who may make no clips, and checks of contents."""

from sqlalchemy import BigInteger, Column, Index, String, Table, Text

from bot.store.engine.types import UtcTime
from bot.store.tables.core import metadata

word_entries_table = Table(
    "word_entries",
    metadata,
    Column("guild_id", BigInteger, primary_key=True, autoincrement=False),
    # as an admin wrote it, in lower case; * stands for any letters
    Column("entry", String(60), primary_key=True),
    # refuse, log
    Column("action", String(16), nullable=False),
)
"""Servers' word lists. ``guilds.word_list_version`` says which state of a list was read."""

request_blocks_table = Table(
    "request_blocks",
    metadata,
    Column("guild_id", BigInteger, primary_key=True, autoincrement=False),
    Column("user_id", BigInteger, primary_key=True, autoincrement=False),
    Column("blocked_at", UtcTime(), nullable=False),
    Column("blocked_by", BigInteger),
    # null: until an admin ends it
    Column("ends_at", UtcTime()),
    Column("reason", Text),
    Index(None, "ends_at"),
)
"""Members whom a server keeps from making clips. Each of these servers has a row in ``guilds``."""

content_checks_table = Table(
    "content_checks",
    metadata,
    # a digest of what is checked, from which that cannot be read
    Column("content_key", String(64), primary_key=True),
    # a random name of the attempt that was made last
    Column("attempt", String(32), nullable=False),
    Column("asked_at", UtcTime(), nullable=False),
    # null until the model has answered
    Column("verdict", Text),
    Index(None, "asked_at"),
)
"""Checks of the last minutes. Nothing in a row says who asked."""
