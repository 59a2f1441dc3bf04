"""Sums and counts that the database's triggers keep, so that no query adds up everything.

Nothing writes to these tables but the triggers on ``ledger`` and ``jobs`` (revision 0012). The
number 0 stands for no server and no member, because null cannot be part of a key.
"""

from typing import Final

from sqlalchemy import BigInteger, Column, Date, Index, Integer, String, Table

from bot.store.tables.core import metadata

NOBODY: Final = 0
"""The ``guild_id`` or ``user_id`` of sums that belong to no server or member."""

daily_usage_table = Table(
    "daily_usage",
    metadata,
    # a `LimitScope`: the whole bot, one server, or one member in one server
    Column("scope", String(8), primary_key=True),
    Column("guild_id", BigInteger, primary_key=True, autoincrement=False),
    # of ``window_at``, in UTC
    Column("day", Date, primary_key=True),
    Column("user_id", BigInteger, primary_key=True, autoincrement=False),
    *(
        Column(f"{group}_{measure}", BigInteger, nullable=False)
        for group in ("member", "member_granted", "budget", "budget_granted")
        for measure in ("micros", "clips", "seconds")
    ),
    Column("entry_count", Integer, nullable=False),
    Index(None, "user_id", "day"),
)
"""What counts for members' limits and for budgets on each day, and what was granted.

Settled entries are left out, because they count for no limit. A row without entries is deleted.
"""

ledger_totals_table = Table(
    "ledger_totals",
    metadata,
    Column("kind", String(16), primary_key=True),
    Column("account", String(16), primary_key=True),
    Column("micros", BigInteger, nullable=False),
    Column("clips", BigInteger, nullable=False),
    Column("seconds", BigInteger, nullable=False),
    Column("entry_count", BigInteger, nullable=False),
)
"""All that was ever recorded. Deleting entries does not change it, so it shows what is missing."""

ended_job_counts_table = Table(
    "ended_job_counts",
    metadata,
    Column("state", String(16), primary_key=True),
    Column("model", String(120), primary_key=True),
    # empty for jobs without an outcome
    Column("outcome", String(32), primary_key=True),
    Column("job_count", BigInteger, nullable=False),
)
"""How many jobs there are in each state that is an end."""
