"""The table of the operator's alerts; see `bot.store.tables.core`."""

from sqlalchemy import Column, String, Table

from bot.store.engine.types import UtcTime
from bot.store.tables.core import metadata

alerts_table = Table(
    "alerts",
    metadata,
    Column("kind", String(32), primary_key=True),
    Column("subject", String(120), primary_key=True),
    # of the last alert that was told; null until one was
    Column("occurrence", String(120)),
    Column("told_at", UtcTime()),
    # while a process delivers the next one: until when it may, and the message's id
    Column("claimed_until", UtcTime()),
    Column("message_id", String(24)),
)
"""The last alert of each kind about each subject, so that the operator is not told it again."""
