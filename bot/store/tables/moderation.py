"""The tables of moderation: word lists, members who may make no clips, clips under review."""

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

reviews_table = Table(
    "reviews",
    metadata,
    Column("job_id", BigInteger, primary_key=True, autoincrement=False),
    Column("guild_id", BigInteger, nullable=False, index=True),
    Column("requested_at", UtcTime(), nullable=False),
    # the message with the clip for the moderators; null until it is posted
    Column("channel_id", BigInteger),
    Column("message_id", BigInteger),
    Column("decided_by", BigInteger),
    Column("decided_at", UtcTime()),
)
"""Clips that moderators see first; ``jobs.review`` says what they decided. Kept with the job."""
