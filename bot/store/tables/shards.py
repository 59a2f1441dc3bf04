"""The tables of the connections to Discord; see `bot.store.tables.core`."""

from sqlalchemy import BigInteger, Boolean, Column, Integer, String, Table, Text, false

from bot.store.engine.types import UtcTime
from bot.store.tables.core import metadata

shards_table = Table(
    "shards",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    # how many shards there are; a session belongs to a shard of this many
    Column("count", Integer, nullable=False),
    # the worker that has the shard, as long as it is alive; its lease is the shard's lease
    Column("owner", String(40)),
    Column("is_connected", Boolean, nullable=False, server_default=false()),
    # the shard's session, by which the next owner gets the events that nobody has received
    Column("session_id", Text),
    Column("sequence", BigInteger),
    Column("resume_url", Text),
    Column("saved_at", UtcTime()),
)
"""The shards that processes share, or those whose session a process left for its next start."""

identify_slots_table = Table(
    "identify_slots",
    metadata,
    Column("bucket", Integer, primary_key=True, autoincrement=False),
    Column("free_at", UtcTime(), nullable=False),
)
"""When the next shard of each of Discord's buckets may IDENTIFY."""
