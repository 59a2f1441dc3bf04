"""The tables of moderation: word lists, blocked members, requests that wait for a moderator, clips
under review, reports, channels for audit logs, and checks of contents.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    String,
    Table,
    Text,
    false,
)

from bot.store.engine.types import BigId, UtcTime
from bot.store.tables.core import metadata

word_entries_table = Table(
    "word_entries",
    metadata,
    Column("guild_id", BigInteger, primary_key=True, autoincrement=False),
    # as an admin wrote it, in lower case; * stands for any letters
    Column("entry", String(60), primary_key=True),
    # refuse, ask, log
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

questions_table = Table(
    "questions",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    # waiting, allowed, started, failed, refused, withdrawn, expired, unasked
    Column("state", String(16), nullable=False),
    # that of the job that comes of it; neither is accepted twice
    Column("dedupe_key", String(120), nullable=False, unique=True),
    Column("guild_id", BigInteger, nullable=False, index=True),
    Column("channel_id", BigInteger, nullable=False),
    Column("user_id", BigInteger, nullable=False, index=True),
    Column("role_ids", Text, nullable=False),
    Column("request_message_id", BigInteger),
    Column("upload_limit", BigInteger),
    Column("locale", String(16), nullable=False),
    Column("guild_locale", String(16)),
    Column("age_restricted", Boolean, nullable=False, server_default=false()),
    # the channel at the time of the request; parent_channel_id is null for anything but a thread
    Column("parent_channel_id", BigInteger),
    Column("shows_age_restricted", Boolean, nullable=False, server_default=false()),
    Column("is_for_adults", Boolean, nullable=False, server_default=false()),
    Column("plan", Text, nullable=False),
    Column("entry", String(60), nullable=False),
    # whether the operator's list has the entry, and not the server's
    Column("by_operator", Boolean, nullable=False, server_default=false()),
    Column("asked_at", UtcTime(), nullable=False),
    Column("decided_by", BigInteger),
    # when it ended or was allowed
    Column("decided_at", UtcTime()),
    Column("job_id", BigInteger),
    # why an allowed request was not accepted
    Column("failure", Text),
    Column("staff_channel_id", BigInteger),
    Column("staff_message_id", BigInteger),
    # grows with each of the staff's messages
    Column("staff_revision", Integer, nullable=False, server_default="0"),
    # in the channel of the request
    Column("waiting_message_id", BigInteger),
    # whether the messages show what this row says
    Column("in_sync", Boolean, nullable=False, server_default=false()),
    Column("change_count", Integer, nullable=False, server_default="0"),
    Column("claimed_until", UtcTime()),
    Column("retry_at", UtcTime()),
    Index(None, "in_sync"),
    Index(None, "state", "asked_at"),
    sqlite_autoincrement=True,  # ids are part of nonces and buttons, so they are never reused
)
"""Requests about which a moderator is asked first. Nothing is reserved for them. Deleted some days
after they ended.
"""

reviews_table = Table(
    "reviews",
    metadata,
    Column("job_id", BigInteger, primary_key=True, autoincrement=False),
    Column("guild_id", BigInteger, nullable=False, index=True),
    Column("requested_at", UtcTime(), nullable=False),
    # the message with the clip for the moderators; null until it is posted
    Column("channel_id", BigInteger),
    Column("message_id", BigInteger),
    Column("decided_by", BigInteger, index=True),
    Column("decided_at", UtcTime()),
)
"""Clips that moderators see first; ``jobs.review`` says what they decided. Kept with the job."""

report_cases_table = Table(
    "report_cases",
    metadata,
    Column("clip_id", BigInteger, primary_key=True, autoincrement=False),
    Column("job_id", BigInteger, nullable=False),
    Column("guild_id", BigInteger, nullable=False, index=True),
    # who made the clip, which may be deleted
    Column("creator_id", BigInteger, nullable=False, index=True),
    Column("first_reported_at", UtcTime(), nullable=False),
    Column("report_count", Integer, nullable=False, server_default="0"),
    # random; with it a visitor's address becomes a number that many addresses share
    Column("salt", String(32), nullable=False),
    # kept out of the showcase and the gallery
    Column("is_hidden", Boolean, nullable=False, server_default=false()),
    # whether the reports hid the post, and not a moderator before them
    Column("hid_post", Boolean, nullable=False, server_default=false()),
    # hide, delete, dismiss
    Column("decision", String(16)),
    Column("decided_by", BigInteger),
    Column("decided_at", UtcTime()),
    Column("creator_blocked_by", BigInteger),
    # hide, show, delete: what is still to be done
    Column("pending_effect", String(16)),
    Column("channel_id", BigInteger),
    Column("message_id", BigInteger),
    Column("revision", Integer, nullable=False, server_default="0"),
    # whether the message shows what this row says
    Column("in_sync", Boolean, nullable=False),
    Column("change_count", Integer, nullable=False, server_default="0"),
    Column("claimed_until", UtcTime()),
    Column("retry_at", UtcTime()),
    Index(None, "in_sync"),
)
"""Reported clips, with the staff's message about them and their decision."""

reports_table = Table(
    "reports",
    metadata,
    Column("clip_id", BigInteger, primary_key=True, autoincrement=False),
    # a member's id, or v and a number that many visitors' addresses share
    Column("reporter", String(24), primary_key=True),
    # null for visitors
    Column("user_id", BigInteger, index=True),
    Column("reported_at", UtcTime(), nullable=False),
    Index(None, "reported_at"),
)
"""Who reported a clip, so that everybody counts once; deleted when the staff has decided."""

report_notices_table = Table(
    "report_notices",
    metadata,
    Column("id", BigId, primary_key=True),
    # hidden, deleted, staff_channel, staff_closed, log_stopped
    Column("kind", String(16), nullable=False),
    Column("guild_id", BigInteger, nullable=False, index=True),
    # null: the server's owner
    Column("user_id", BigInteger, index=True),
    Column("clip_id", BigInteger),
    Column("locale", String(16)),
    Column("created_at", UtcTime(), nullable=False),
    Column("claimed_until", UtcTime()),
    sqlite_autoincrement=True,  # a nonce is made from the number, so none is used twice
)
"""Direct messages that are still to be sent."""

log_channels_table = Table(
    "log_channels",
    metadata,
    Column("guild_id", BigInteger, primary_key=True, autoincrement=False),
    Column("channel_id", BigInteger, nullable=False),
    # set once the channel is gone or closed to the bot; nothing is posted any more
    Column("stopped_at", UtcTime()),
    # the entries that are being posted, by ``audit_log.log_batch``, since when and where
    Column("batch", BigInteger),
    Column("batch_channel_id", BigInteger),
    Column("batch_at", UtcTime()),
    Column("claimed_until", UtcTime()),
    Column("retry_at", UtcTime()),
)
"""Channels in which servers' audit logs are posted."""

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
