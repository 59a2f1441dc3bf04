"""The tables of Google's webhooks; see `bot.store.tables.core`."""

from sqlalchemy import Column, String, Table, Text

from bot.store.engine.types import UtcTime
from bot.store.tables.core import metadata

webhook_events_table = Table(
    "webhook_events",
    metadata,
    Column("webhook_id", String(200), primary_key=True),
    Column("interaction_id", Text, nullable=False),
    Column("received_at", UtcTime(), nullable=False, index=True),
    # when to find out whose event it is, if no process has taken it by then; null once handled
    Column("due_at", UtcTime(), index=True),
)
"""Events of the last hour, and older ones that nobody has dealt with; the key drops repetitions."""

webhook_registrations_table = Table(
    "webhook_registrations",
    metadata,
    Column("route", String(16), primary_key=True),
    Column("checked_at", UtcTime(), nullable=False),
    Column("webhook_id", Text),
    Column("url", Text),
    Column("secret", Text),
    Column("problem", Text),
)
"""Our webhook at Google, with the secret that Google shows only once."""
