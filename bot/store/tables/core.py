"""The tables. Money is in micro-dollars, times are in UTC, Discord's ids are 64-bit integers.

``guild_id`` is null for direct messages. A ``user_id`` below 0 is the pseudonym of a member who was
erased (`bot.domain.erasure.pseudonym_for`). States and kinds are text; checks allow only those of
the domain's enumerations. A job's number stays in the ledger and in submissions when the job is
deleted, and a clip's in stars and posts, so these have no foreign key.
"""

from enum import StrEnum

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    false,
)

from bot.domain.billing.ledger import EntryKind, LedgerAccount
from bot.domain.billing.limits import LimitSubject
from bot.domain.jobs.job import JobState
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


def _check_choices(column: str, choices: type[StrEnum]) -> CheckConstraint:
    values = ", ".join(f"'{choice}'" for choice in choices)
    return CheckConstraint(f"{column} IN ({values})", name=column)


def _check_not_negative(*columns: str) -> CheckConstraint:
    """Require that each of ``columns`` is null or at least 0."""
    return CheckConstraint(" AND ".join(f"{name} >= 0" for name in columns), name="not_negative")


workers_table = Table(
    "workers",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("host", String(255), nullable=False),
    Column("started_at", UtcTime(), nullable=False),
    Column("lease_until", UtcTime(), nullable=False),
    # whether it takes part when processes share shards; false while it stops
    Column("takes_shards", Boolean, nullable=False, server_default=false()),
)

jobs_table = Table(
    "jobs",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("state", String(16), nullable=False),
    # the worker that shows the job in the queue, runs it and announces its end; then null
    Column("owner", String(40)),
    Column("epoch", Integer, nullable=False),
    # the epoch of the latest claim; an adoption raises only ``epoch``
    Column("claimed_epoch", Integer),
    # only a claim sets it; for other jobs the submit may have been sent
    Column("unsent", Boolean, nullable=False, server_default=false()),
    Column("dedupe_key", String(120), nullable=False, unique=True),
    Column("guild_id", BigInteger),
    Column("channel_id", BigInteger, nullable=False),
    Column("user_id", BigInteger, nullable=False),
    Column("role_ids", Text, nullable=False),
    Column("request_message_id", BigInteger),
    Column("upload_limit", BigInteger),
    Column("locale", String(16), nullable=False),
    Column("guild_locale", String(16)),
    Column("model", String(120), nullable=False),
    Column("plan", Text, nullable=False),
    Column("price_micros", BigInteger, nullable=False),
    Column("operation", Text),
    Column("status_message_id", BigInteger),
    # for user installs: the reply to the interaction, and the encrypted token to edit it
    Column("reply_message_id", BigInteger),
    Column("reply_expires_at", UtcTime()),
    Column("reply_token", Text),
    Column("posted_message_id", BigInteger),
    Column("created_at", UtcTime(), nullable=False),
    Column("submitted_at", UtcTime()),
    Column("finished_at", UtcTime()),
    # when a queued job may be retried, or Google asked about an unknown one again
    Column("retry_at", UtcTime()),
    Column("cancel_requested", Boolean, nullable=False, server_default=false()),
    Column("outcome", String(32)),
    Column("detail", Text),
    Column("attempts", Integer, nullable=False),
    # how many videos Google has made; all must be paid, even if they cannot be downloaded
    Column("videos_made", Integer),
    # Google's bill; null if it reports none
    Column("billed_micros", BigInteger),
    # whether the channel was age-restricted at the time of the request
    Column("age_restricted", Boolean, nullable=False, server_default=false()),
    # what moderators decided, or that they must or may; null if nobody must
    Column("review", String(16)),
    # the drafts of one request (docs/decisions/0053-takes.md): its key, their numbers, and the job
    # that posts for all; 0 if that is done
    Column("takes_key", String(120)),
    Column("take_number", Integer),
    Column("takes_poster", BigId),
    # in the database only of drafts
    Index(None, "takes_key"),
    Index(None, "state", "guild_id", "user_id"),
    Index(None, "owner"),
    Index(None, "user_id", "submitted_at"),
    _check_choices("state", JobState),
    _check_not_negative("price_micros", "epoch", "attempts", "videos_made", "billed_micros"),
    sqlite_autoincrement=True,  # ids are part of nonces, so they must never be reused
)

job_inputs_table = Table(
    "job_inputs",
    metadata,
    Column("job_id", BigInteger, ForeignKey("jobs.id"), primary_key=True, autoincrement=False),
    Column("path", String(255), primary_key=True, index=True),
)
"""The input images of each job, because the JSON of plans cannot be searched for them."""

submissions_table = Table(
    "submissions",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("job_id", BigId, nullable=False, index=True),
    Column("attempt", Integer, nullable=False),
    Column("model", String(120), nullable=False),
    Column("submitted_at", UtcTime(), nullable=False),
    Index(None, "submitted_at", "model"),
)
"""Every claim of a job; the requests per minute and day are counted from these."""

clips_table = Table(
    "clips",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("job_id", BigId, nullable=False),
    Column("index", Integer, nullable=False),
    Column("guild_id", BigInteger),
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
    Column("extension_depth", Integer, nullable=False),
    Column("parent_clip_id", BigId),
    Column("root_clip_id", BigId),
    Column("path", Text, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("created_at", UtcTime(), nullable=False),
    Column("remote_uri", Text),
    Column("remote_expires_at", UtcTime()),
    Column("message_id", BigInteger, index=True),
    # the Omni interaction that made the clip and by which it can be continued
    Column("interaction_id", Text),
    Column("interaction_expires_at", UtcTime()),
    # null for clips from before revision 0008 whose channel has not been checked since
    Column("age_restricted", Boolean),
    # nine colors of the poster, shown until that has loaded; null until they are measured
    Column("poster_colors", String(27)),
    # until moderators have let it pass, nobody else may see it
    Column("withheld", Boolean, nullable=False, server_default=false()),
    # moderators have let it pass behind a spoiler, or it contains such a clip
    Column("spoiler", Boolean, nullable=False, server_default=false()),
    # a draft that is deleted then; null for all others
    Column("draft_until", UtcTime()),
    # in the database only of drafts
    Index(None, "draft_until"),
    Index(None, "job_id", "index", unique=True),
    Index(None, "user_id", "guild_id", "id"),
    Index(None, "user_id", "id"),
    Index(None, "root_clip_id"),
    Index(None, "interaction_id"),
    Index(None, "sha256"),
    sqlite_autoincrement=True,
)

reposts_table = Table(
    "reposts",
    metadata,
    Column("message_id", BigInteger, primary_key=True, autoincrement=False),
    Column("job_id", BigInteger, nullable=False, index=True),
    Column("channel_id", BigInteger, nullable=False),
)
"""Other messages with a job's clips (`/video get`), which are deleted with the clips."""

ledger_table = Table(
    "ledger",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("recorded_at", UtcTime(), nullable=False),
    # the time that windows use; for all entries of a job, that of its reservation
    Column("window_at", UtcTime(), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("account", String(16), nullable=False),
    Column("job_id", BigId, index=True),
    # null for direct messages, and for servers that were erased
    Column("guild_id", BigInteger),
    # null for grants to a server's budget, and for erased members whose windows have ended
    Column("user_id", BigInteger),
    Column("micros", BigInteger, nullable=False),
    Column("clips", Integer, nullable=False),
    Column("seconds", Integer, nullable=False),
    Column("actor_id", BigInteger),
    Column("comment", Text),
    # how many older entries this one replaces; null for all others
    Column("rolled_up_entries", Integer),
    # the entry that replaces this one, which is about to be deleted
    Column("rollup_id", BigId),
    Index(None, "user_id", "window_at"),
    Index(None, "guild_id", "window_at"),
    # in the database only of entries that replace no others, so that the next to roll up are found
    # at once; to say so here would load the dialects of both databases
    Index(None, "window_at"),
    Index(None, "recorded_at"),
    # in the database only of entries that somebody made
    Index(None, "actor_id"),
    _check_choices("kind", EntryKind),
    _check_choices("account", LedgerAccount),
    CheckConstraint(
        "kind NOT IN ('reserve', 'settle') OR (micros >= 0 AND clips >= 0 AND seconds >= 0)",
        name="charges",
    ),
    CheckConstraint(
        "kind != 'refund' OR (micros <= 0 AND clips <= 0 AND seconds <= 0)", name="refunds"
    ),
    sqlite_autoincrement=True,
)
"""Append-only; refunds are negative. See `bot.domain.billing.ledger`.

Triggers refuse to change an amount, and to delete an entry that no other replaces.
"""

limits_table = Table(
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
    _check_choices("subject", LimitSubject),
    _check_not_negative(
        "clips_per_day", "seconds_per_day", "usd_per_day", "usd_per_month", "jobs_at_once"
    ),
)

guilds_table = Table(
    "guilds",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("paused", Boolean, nullable=False, server_default=false()),
    Column("pause_reason", Text),
    Column("person_rule", String(16)),
    Column("confirm_above", BigInteger),
    Column("locale", String(16)),
    Column("extend_by", String(16), nullable=False),
    # JSON, because the list is always read and written as a whole
    Column("allowed_channels", Text, nullable=False, server_default="[]"),
    # what a reply to a clip does: extend, ask, off
    Column("reply_mode", String(16), nullable=False, server_default="extend"),
    Column("shows_prices", Boolean, nullable=False, server_default=false()),
    # whether clips are made in age-restricted channels only
    Column("age_restricted_only", Boolean, nullable=False, server_default=false()),
    # where clips to review and reports are posted
    Column("staff_channel", BigInteger),
    # whose clips are reviewed: off, untrusted, everyone, channel
    Column("review_scope", String(16), nullable=False, server_default="off"),
    Column("trusted_role", BigInteger),
    Column("review_channel", BigInteger),
    # another number after each change of the server's word list; 0 if it is empty
    Column("word_list_version", BigInteger, nullable=False, server_default="0"),
    # how many reports hide a clip by themselves; 0: none
    Column("reports_to_hide", Integer, nullable=False, server_default="0"),
    # when the owner was told how to set a staff channel
    Column("staff_hint_at", UtcTime()),
    Column("changed_by", BigInteger),
    Column("changed_at", UtcTime()),
)

channel_rules_table = Table(
    "channel_rules",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("guild_id", BigInteger, nullable=False, index=True),
    Column("person_rule", String(16), nullable=False),
)

member_preferences_table = Table(
    "member_preferences",
    metadata,
    Column("user_id", BigInteger, primary_key=True, autoincrement=False),
    # how the member is notified of a finished clip: ping, quiet, direct, direct_refused
    Column("notify", String(16), nullable=False, server_default="ping"),
)
"""What members chose for all servers; without a row the defaults apply."""

welcomed_guilds_table = Table(
    "welcomed_guilds",
    metadata,
    Column("guild_id", BigInteger, primary_key=True, autoincrement=False),
    Column("welcomed_at", UtcTime(), nullable=False),
)
"""Servers that got the welcome message; the process that inserts the row posts it."""

model_states_table = Table(
    "model_states",
    metadata,
    Column("id", String(120), primary_key=True),
    Column("disabled", Boolean, nullable=False, server_default=false()),
    Column("disabled_reason", Text),
    Column("changed_at", UtcTime()),
    Column("rate_limited_until", UtcTime()),
)
"""What was learned about models at run time; the catalog itself is a file."""

account_refusals_table = Table(
    "account_refusals",
    metadata,
    Column("route", String(16), primary_key=True),
    Column("reason", String(80)),
    Column("message", Text, nullable=False),
    Column("refused_at", UtcTime(), nullable=False),
)
"""Google's last refusal of the operator's account on each route, for `clapper doctor`."""

interaction_lifetimes_table = Table(
    "interaction_lifetimes",
    metadata,
    Column("route", String(16), primary_key=True),
    Column("kept_s", BigInteger, nullable=False),
    Column("learnt_at", UtcTime(), nullable=False),
)
"""The learned lifetimes of interactions, where Google keeps them for less than promised."""

remote_deletions_table = Table(
    "remote_deletions",
    metadata,
    Column("route", String(16), primary_key=True),
    Column("operation", Text, primary_key=True),
    Column("requested_at", UtcTime(), nullable=False),
    Column("retry_at", UtcTime()),
    Column("attempts", Integer, nullable=False, server_default="0"),
)
"""Operations that must still be deleted at Google, because their clips were deleted."""

operation_durations_table = Table(
    "operation_durations",
    metadata,
    Column("id", BigId, primary_key=True, autoincrement=True),
    Column("model", String(120), nullable=False),
    Column("resolution", String(8)),
    Column("mode", String(16), nullable=False),
    Column("duration_s", Float, nullable=False),
    Column("measured_at", UtcTime(), nullable=False),
    Column("clip_seconds", Integer),
    Column("last_pending_s", Float),
    Index(None, "model", "id"),
    Index(None, "model", "mode", "resolution", "clip_seconds", "id"),
)
"""The latest operations whose end was seen ``duration_s`` after their start.

Google was still at work at ``last_pending_s``, so the end was between the two.
"""

duration_counts_table = Table(
    "duration_counts",
    metadata,
    Column("model", String(120), primary_key=True),
    Column("at_most_s", Float, primary_key=True),
    Column("count", BigInteger, nullable=False),
    Column("total_s", Float, nullable=False),
)
"""All operations ever measured, by the smallest bucket of ``/metrics`` that holds them."""
