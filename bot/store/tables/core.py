"""The tables. Money is micro-dollars, times are UTC, Discord's ids are 64-bit integers.

``guild_id`` is 0 where there is no server (direct messages); row 0 of ``guilds`` is the bot as a
whole. States and kinds are text, checked by the domain's enumerations when they are read.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    false,
)

from bot.store.engine.types import BigId, UtcTime

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

workers = Table(
    "workers",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("host", String(255), nullable=False),
    Column("started_at", UtcTime(), nullable=False),
    Column("lease_until", UtcTime(), nullable=False),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("state", String(16), nullable=False),
    # the worker that has something left to do for the job: shows it while it is queued, runs it,
    # announces its end; then nobody
    Column("owner", String(40)),
    Column("epoch", Integer, nullable=False),
    # the epoch of the latest claim: an adoption leaves it behind
    Column("claimed_epoch", Integer),
    # false unless a claim has said so: what nobody vouches for may have been sent
    Column("unsent", Boolean, nullable=False, server_default=false()),
    Column("key", String(120), nullable=False, unique=True),
    Column("guild_id", BigInteger, nullable=False),
    Column("channel_id", BigInteger, nullable=False),
    Column("user_id", BigInteger, nullable=False),
    Column("role_ids", Text, nullable=False),
    Column("request_message_id", BigInteger),
    Column("upload_limit", BigInteger),
    Column("locale", String(16), nullable=False),
    Column("guild_locale", String(16)),
    Column("model", String(120), nullable=False),
    Column("plan", Text, nullable=False),
    Column("price", BigInteger, nullable=False),
    Column("operation", Text),
    Column("status_message_id", BigInteger),
    # where the bot is no member: the answer to an interaction, and its sealed token for a while
    Column("visit_message_id", BigInteger),
    Column("visit_until", UtcTime()),
    Column("visit_token", Text),
    Column("posted_message_id", BigInteger),
    Column("created_at", UtcTime(), nullable=False),
    Column("submitted_at", UtcTime()),
    Column("finished_at", UtcTime()),
    # when a queued job may be tried again, or an unknown one asked about again
    Column("retry_at", UtcTime()),
    Column("cancel_requested", Boolean, nullable=False, server_default=false()),
    Column("outcome", String(32)),
    Column("detail", Text),
    Column("attempts", Integer, nullable=False),
    # how many videos Google has made: what cannot be fetched of them is paid all the same
    Column("made", Integer),
    Index(None, "state", "guild_id", "user_id"),
    Index(None, "owner"),
    Index(None, "user_id", "submitted_at"),
    sqlite_autoincrement=True,  # a number is never used again: the post's nonce is made of it
)

submits = Table(
    "submits",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("job_id", BigId, nullable=False, index=True),
    Column("attempt", Integer, nullable=False),
    Column("model", String(120), nullable=False),
    Column("at", UtcTime(), nullable=False),
    Index(None, "model", "at"),
)
"""Every leave to submit that a worker was given: what the pace is counted from."""

clips = Table(
    "clips",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("job_id", BigId, nullable=False),
    Column("index", Integer, nullable=False),
    Column("guild_id", BigInteger, nullable=False),
    Column("channel_id", BigInteger, nullable=False),
    Column("user_id", BigInteger, nullable=False),
    Column("model", String(120), nullable=False),
    Column("route", String(16), nullable=False),
    Column("mode", String(16), nullable=False),
    Column("prompt", Text, nullable=False),
    Column("aspect_ratio", String(8), nullable=False),
    Column("resolution", String(8)),
    Column("seconds", Integer, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("hop", Integer, nullable=False),
    Column("parent_clip_id", BigId),
    Column("root_clip_id", BigId),
    Column("path", Text, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("created_at", UtcTime(), nullable=False),
    Column("remote_uri", Text),
    Column("remote_expires_at", UtcTime()),
    Column("message_id", BigInteger, index=True),
    Index(None, "job_id", "index", unique=True),
    Index(None, "user_id", "guild_id", "id"),
    Index(None, "root_clip_id"),
    sqlite_autoincrement=True,
)

ledger = Table(
    "ledger",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("at", UtcTime(), nullable=False),
    # what windows count by: for a job's entries the time of its reservation
    Column("counted_at", UtcTime(), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("account", String(16), nullable=False),
    Column("job_id", BigId, index=True),
    Column("guild_id", BigInteger, nullable=False),
    Column("user_id", BigInteger, nullable=False),
    Column("micros", BigInteger, nullable=False),
    Column("clips", Integer, nullable=False),
    Column("seconds", Integer, nullable=False),
    Column("by", BigInteger),
    Column("note", Text),
    Index(None, "user_id", "counted_at"),
    Index(None, "guild_id", "counted_at"),
    Index(None, "counted_at"),
    sqlite_autoincrement=True,
)
"""Only ever added to; refunds are negative. See `bot.domain.billing.ledger`."""

limits = Table(
    "limits",
    metadata,
    Column("guild_id", BigInteger, primary_key=True, autoincrement=False),
    Column("subject", String(16), primary_key=True),
    Column("subject_id", BigInteger, primary_key=True, autoincrement=False),
    Column("clips_per_day", Integer),
    Column("seconds_per_day", Integer),
    Column("usd_per_day", BigInteger),
    Column("usd_per_month", BigInteger),
    Column("jobs_at_once", Integer),
    Column("changed_by", BigInteger),
    Column("changed_at", UtcTime()),
)

guilds = Table(
    "guilds",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("paused", Boolean, nullable=False, server_default=false()),
    Column("pause_reason", Text),
    Column("person_rule", String(16)),
    Column("confirm_above", BigInteger),
    Column("locale", String(16)),
    Column("extend_by", String(16), nullable=False),
    # as JSON: a list that is always chosen and read as a whole
    Column("allowed_channels", Text, nullable=False, server_default="[]"),
    Column("changed_by", BigInteger),
    Column("changed_at", UtcTime()),
)

channels = Table(
    "channels",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("guild_id", BigInteger, nullable=False, index=True),
    Column("person_rule", String(16), nullable=False),
)

greetings = Table(
    "greetings",
    metadata,
    Column("guild_id", BigInteger, primary_key=True, autoincrement=False),
    Column("greeted_at", UtcTime(), nullable=False),
)
"""Servers that the guide was posted in: whoever inserts the row posts it."""

models = Table(
    "models",
    metadata,
    Column("id", String(120), primary_key=True),
    Column("off", Boolean, nullable=False, server_default=false()),
    Column("reason", Text),
    Column("changed_at", UtcTime()),
    Column("held_until", UtcTime()),
)
"""What was learnt about models in use; the catalogue itself is a file."""

durations = Table(
    "durations",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("model", String(120), nullable=False),
    Column("resolution", String(8)),
    Column("mode", String(16), nullable=False),
    Column("took_s", Float, nullable=False),
    Column("at", UtcTime(), nullable=False),
    Index(None, "model", "id"),
)
