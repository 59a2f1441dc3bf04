"""The rows of a busy bot's database: the same traffic, for eighteen days or for five years.

A job arrives every 158 seconds, so 10^6 jobs are five years and 10^4 jobs are the first 18 days.
There is a member for every ten jobs and a server for every hundred. A fifth of the jobs come from
one server and 30 % from twenty others; five regulars make a third of each server's jobs. Each job
has four ledger entries on average, and what is settled and refunded adds up to what was reserved.

The rows are made inside the database, because sending them would take longer. They fit the tables
of revision 0009: later migrations then change them, as they do for a bot that is upgraded.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bot.domain.billing.money import Micros
from bot.domain.jobs.job import JobState, Outcome
from bot.store.tables.row_mapping import plan_to_json
from tests.fakes.world import make_plan

REVISION: Final = "0009"
"""The revision whose tables the rows fit."""
BUSY_SERVER: Final = 1
REGULAR: Final = 8
"""A member who makes a fifteenth of the busy server's jobs."""
SERVERS_WITH_MANY_JOBS: Final = 20
MODELS: Final = ("veo-3.1-fast-generate-preview", "veo-3.1-generate-preview", "gemini-omni-flash")
PRICE: Final = Micros(800_000)
RARE_WORD: Final = "ornithopter"
"""A word of some of the oldest prompts: as many posts have it however many jobs there are."""
_LAST_RARE_JOB: Final = 10_000
_MOST_VOTES: Final = 399
_SECONDS_BETWEEN_JOBS: Final = 158
_BATCH_JOBS: Final = 50_000
_WEEK_S: Final = 7 * 86_400
_SUBJECTS: Final = ("boat", "storm", "tram", "cat", "dancer", "dunes", "lake", "robot", "whale")
_SCENES: Final = ("at dusk", "in the rain", "under stars", "in slow motion", "on film", "in fog")
_MULTIPLIERS: Final = (2654435761, 2246822519, 3266489917, 668265263, 374761393)
"""Odd numbers that scatter the numbers of jobs differently (multiplicative hashing)."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much there is; ``jobs`` is at least 1,000."""

    jobs: int

    @property
    def members(self) -> int:
        """How many members have made a request."""
        return self.jobs // 10

    @property
    def servers(self) -> int:
        """How many servers the bot is in."""
        return self.jobs // 100


@dataclass(frozen=True, slots=True)
class _Batch:
    """The jobs ``first`` to ``last``: one statement for all would need much temporary space."""

    size: Size
    first: int
    last: int

    @property
    def condition(self) -> str:
        """The condition that a row's id is in the batch."""
        return f"id BETWEEN {self.first} AND {self.last}"


class _Dialect:
    """What differs between the databases in the statements that make rows."""

    def __init__(self, name: str) -> None:
        self._is_sqlite = name == "sqlite"

    def numbers(self, last: int, *, first: int = 1) -> str:
        """Return a table ``numbers`` with the column ``n`` from ``first`` to ``last``."""
        if self._is_sqlite:
            return (
                f"(WITH RECURSIVE counted(n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM counted"
                f" WHERE n < {last}) SELECT n FROM counted) AS numbers"
            )
        return f"generate_series({first}::bigint, {last}) AS numbers(n)"

    def read_prompt(self) -> str:
        """Return the prompt in the column ``plan``."""
        return "plan ->> '$.prompt'" if self._is_sqlite else "plan::json ->> 'prompt'"

    def time_ago(self, seconds: str) -> str:
        """Return the time some seconds before now, as the stores write times."""
        if self._is_sqlite:
            return f"strftime('%Y-%m-%d %H:%M:%f000', 'now', '-' || ({seconds}) || ' seconds')"
        return f"now() - make_interval(secs => ({seconds})::double precision)"

    def choose(self, index: str, values: Sequence[str]) -> str:
        """Return one of ``values`` by an index from 0."""
        cases = " ".join(f"WHEN {n} THEN '{value}'" for n, value in enumerate(values))
        return f"(CASE {index} {cases} END)"


def _scatter(kind: int, values: int, number: str = "n") -> str:
    """Return a number from 0 to ``values`` - 1 that depends on ``number`` like a random one."""
    return f"(({number} * {_MULTIPLIERS[kind]}) % 4294967296 / 4096 % {values})"


def build_statements(dialect_name: str, size: Size) -> list[str]:
    """Return the statements that make all rows in empty tables of revision `REVISION`.

    ``dialect_name`` is ``sqlite`` or ``postgresql``.
    """
    dialect = _Dialect(dialect_name)
    statements = _build_servers(dialect, size)
    for first in range(1, size.jobs + 1, _BATCH_JOBS):
        batch = _Batch(size, first, min(size.jobs, first + _BATCH_JOBS - 1))
        statements += _build_jobs(dialect, batch)
        statements += _build_ledger(dialect, batch)
        statements += _build_clips(dialect, batch)
        statements += _build_posts(dialect, batch)
    if dialect_name == "postgresql":
        statements += _build_numbering(size)
    return statements


def _build_jobs(dialect: _Dialect, batch: _Batch) -> list[str]:
    size = batch.size
    where = _scatter(0, 100)
    server = (
        f"CASE WHEN {where} < 20 THEN {BUSY_SERVER}"
        f" WHEN {where} < 50 THEN 2 + {_scatter(1, SERVERS_WITH_MANY_JOBS)}"
        f" WHEN {where} < 55 THEN NULL"
        f" ELSE 22 + {_scatter(1, max(1, size.servers - 22))} END"
    )
    member = (
        f"CASE WHEN {_scatter(2, 100)} < 33 THEN 1 + (coalesce(guild_id, 0) * 7"
        f" + {_scatter(3, 5)}) % {size.members} ELSE 1 + {_scatter(3, size.members)} END"
    )
    ended = f"{_scatter(4, 1000)}"
    plan = plan_to_json(make_plan(model="MODEL", prompt="PROMPT", price=PRICE)).replace("'", "''")
    prompt = (
        f"'A ' || {dialect.choose(_scatter(1, len(_SUBJECTS)), _SUBJECTS)} || ' and a '"
        f" || {dialect.choose(_scatter(2, len(_SUBJECTS)), _SUBJECTS)} || ' '"
        f" || {dialect.choose(_scatter(3, len(_SCENES)), _SCENES)} || ', take ' || n"
        f" || CASE WHEN n <= {_LAST_RARE_JOB} AND n % 90 = 0 THEN ', an {RARE_WORD} passes'"
        " ELSE '' END"
    )
    # the last twenty jobs are running
    state = (
        f"CASE WHEN n > {size.jobs - 10} THEN '{JobState.QUEUED}'"
        f" WHEN n > {size.jobs - 20} THEN '{JobState.POLLING}'"
        f" WHEN {ended} < 820 THEN '{JobState.DONE}' WHEN {ended} < 970 THEN '{JobState.FAILED}'"
        f" WHEN {ended} < 999 OR n < {size.jobs} / 2 THEN '{JobState.CANCELLED}'"
        f" ELSE '{JobState.UNKNOWN}' END"
    )
    outcome = (
        f"CASE state WHEN '{JobState.DONE}' THEN '{Outcome.DELIVERED}'"
        f" WHEN '{JobState.FAILED}' THEN '{Outcome.BLOCKED}'"
        f" WHEN '{JobState.CANCELLED}' THEN '{Outcome.CANCELLED}'"
        f" WHEN '{JobState.UNKNOWN}' THEN '{Outcome.SUBMIT_UNKNOWN}' END"
    )
    age = f"({size.jobs} - n) * {_SECONDS_BETWEEN_JOBS}"
    has_started = f"state NOT IN ('{JobState.QUEUED}', '{JobState.CANCELLED}')"
    has_ended = f"state NOT IN ('{JobState.QUEUED}', '{JobState.POLLING}')"
    model = dialect.choose(_scatter(4, len(MODELS)), MODELS)
    return [
        "INSERT INTO jobs (id, state, epoch, unsent, dedupe_key, guild_id, channel_id, user_id,"
        " role_ids, locale, model, plan, price_micros, created_at, submitted_at, finished_at,"
        " cancel_requested, outcome, attempts, age_restricted)"
        " SELECT n, state, 1, false, 'interaction:' || n, guild_id, 1000 + coalesce(guild_id, 0),"
        f" {member}, '[]', 'en-US', model, replace(replace('{plan}', 'PROMPT', prompt), 'MODEL',"
        f" model), {PRICE}, {dialect.time_ago(age)},"
        f" CASE WHEN {has_started} THEN {dialect.time_ago(age)} END,"
        f" CASE WHEN {has_ended} THEN {dialect.time_ago(age)} END, false, {outcome}, 1, false"
        f" FROM (SELECT n, {server} AS guild_id, {model} AS model, {prompt} AS prompt,"
        f" {state} AS state FROM {dialect.numbers(batch.last, first=batch.first)})"
        " AS requests",
        "INSERT INTO submissions (id, job_id, attempt, model, submitted_at)"
        f" SELECT id, id, 1, model, submitted_at FROM jobs WHERE {batch.condition}"
        " AND submitted_at IS NOT NULL",
        "INSERT INTO operation_durations (id, model, resolution, mode, duration_s, measured_at)"
        f" SELECT id, model, '720p', 'text', 30 + id % 90, finished_at FROM jobs"
        f" WHERE {batch.condition} AND state = '{JobState.DONE}'",
        "INSERT INTO job_inputs (job_id, path) SELECT id, 'inputs/' || id || '.png' FROM jobs"
        f" WHERE {batch.condition} AND id % 5 = 0",
    ]


def _build_ledger(dialect: _Dialect, batch: _Batch) -> list[str]:
    """Return the statements: every reservation is settled, refunded, or open.

    A delivered job costs seven eighths of its reservation and a surcharge that the budgets bear.
    For a failed job, an admin grants two clips more: so there are four entries for each job.
    """
    columns = "recorded_at, window_at, kind, account, job_id, guild_id, user_id"

    def add_entries(kind: str, account: str, amounts: str, state: str) -> str:
        return (
            f"INSERT INTO ledger ({columns}, micros, clips, seconds) SELECT"
            f" coalesce(finished_at, created_at), created_at, '{kind}', '{account}', id, guild_id,"
            f" user_id, {amounts} FROM jobs WHERE {batch.condition} AND {state}"
        )

    done, any_state = f"state = '{JobState.DONE}'", "1 = 1"
    nothing_made = f"state IN ('{JobState.FAILED}', '{JobState.CANCELLED}')"
    unknown = f"state = '{JobState.UNKNOWN}'"
    settled = PRICE * 7 // 8
    return [
        add_entries("reserve", "all", f"{PRICE}, 1, 8", any_state),
        add_entries("settle", "all", f"{settled}, 1, 8", done),
        add_entries("refund", "all", f"{settled - PRICE}, 0, 0", done),
        add_entries("adjust", "house", "2000, 0, 0", done),
        add_entries("refund", "all", f"{-PRICE}, -1, -8", nothing_made),
        add_entries("settle", "all", f"{PRICE}, 1, 8", unknown),
        add_entries("adjust", "member", f"{-PRICE}, -1, -8", unknown),
        f"INSERT INTO ledger ({columns}, micros, clips, seconds, actor_id)"
        " SELECT finished_at, finished_at, 'grant', 'all', NULL, guild_id, user_id, 0, 1, 8, 1"
        f" FROM jobs, {dialect.numbers(2)} WHERE {batch.condition} AND {nothing_made}",
    ]


def _build_clips(dialect: _Dialect, batch: _Batch) -> list[str]:
    return [
        'INSERT INTO clips (id, job_id, "index", guild_id, channel_id, user_id, model, route, mode,'
        " prompt, aspect_ratio, resolution, seconds, width, height, extension_depth, path, sha256,"
        " size_bytes, created_at, message_id, age_restricted) SELECT id, id, 0, guild_id,"
        f" channel_id, user_id, model, 'gemini', 'text', {dialect.read_prompt()},"
        f" '16:9', '720p', 8, 1280, 720, 0, 'clips/' || id || '-0.mp4', '{'0' * 64}', 4000000,"
        " finished_at, 9000000 + id, false FROM jobs"
        f" WHERE {batch.condition} AND state = '{JobState.DONE}'",
        "INSERT INTO footage (clip_id, source_clip_id, guild_id, user_id, is_deleted)"
        f" SELECT id, id, guild_id, user_id, false FROM clips WHERE {batch.condition}",
    ]


def _build_servers(dialect: _Dialect, size: Size) -> list[str]:
    """Return the statements: half of the servers have a public showcase, twenty a digest.

    Each has a rule for one of its channels.
    """
    weeks = max(1, size.jobs * _SECONDS_BETWEEN_JOBS // _WEEK_S)
    week = f"n * {_WEEK_S}"
    return [
        "INSERT INTO guilds (id, extend_by)"
        f" SELECT n, 'everyone' FROM {dialect.numbers(size.servers)}",
        "INSERT INTO channel_rules (id, guild_id, person_rule)"
        f" SELECT 1000 + n, n, 'adults' FROM {dialect.numbers(size.servers)}",
        "INSERT INTO showcase_settings (guild_id, name, stars, curation, public, channel_id,"
        " digest_day, digest_hour, digest_zone)"
        " SELECT n, 'Server ' || n, 3, 'consent', n % 2 = 1, 1000 + n, 0, 18, 'UTC'"
        f" FROM {dialect.numbers(size.servers)}",
        "INSERT INTO digests (guild_id, due_at, period_start, clip_ids, in_sync)"
        f" SELECT id, {dialect.time_ago(week)}, {dialect.time_ago(week)}, '[]', true"
        f" FROM guilds, {dialect.numbers(weeks)} WHERE id <= {SERVERS_WITH_MANY_JOBS}",
        "INSERT INTO limits (guild_id, subject, subject_id, clips_per_day, usd_per_month)"
        f" SELECT n, 'guild', 0, 100000, 1000000000000 FROM {dialect.numbers(size.servers)}",
    ]


def _build_posts(dialect: _Dialect, batch: _Batch) -> list[str]:
    """Return the statements: every tenth clip is shown; few posts have many votes."""
    votes = (
        f"(CASE WHEN id % 97 = 0 THEN id % {_MOST_VOTES + 1} WHEN id % 7 = 0 THEN id % 30"
        " ELSE id % 4 END)"
    )
    voters = max(batch.size.members, _MOST_VOTES)
    return [
        "INSERT INTO showcase_posts (id, clip_id, guild_id, user_id, creator_name, hide_prompt,"
        " search_text, model, seconds, votes, public, in_sync, change_count, revision, revision_at,"
        " channel_id, message_id, showcased_at)"
        " SELECT id, id, guild_id, user_id, 'Member ' || user_id, false,"
        f" lower(prompt) || ' member ' || user_id, model, seconds, {votes}, guild_id % 2 = 1, true,"
        " 1, 1, created_at, 1000 + guild_id, 5000000 + id, created_at FROM clips"
        f" WHERE {batch.condition} AND id % 10 = 0 AND guild_id IS NOT NULL",
        "INSERT INTO stars (message_id, user_id, is_super, clip_id)"
        f" SELECT message_id, 1 + (user_id + n) % {voters}, false, clip_id"
        f" FROM showcase_posts, {dialect.numbers(_MOST_VOTES)} WHERE {batch.condition}"
        " AND n <= votes",
    ]


def _build_numbering(size: Size) -> list[str]:
    """Return the statements by which PostgreSQL gives the next rows the next numbers."""
    tables = ("jobs", "submissions", "operation_durations", "clips", "showcase_posts")
    return [
        f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), {size.jobs})" for name in tables
    ]
