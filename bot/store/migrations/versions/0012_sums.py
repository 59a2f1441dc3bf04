"""Sums and counts kept by triggers, entries that replace older ones, checks and foreign keys.

Revision 0012, after 0011. See docs/decisions/0027-sums-kept-by-the-database.md.
"""

# ruff: noqa: S608 - every statement is built of the constants of this module

from collections.abc import Iterator
from contextlib import AbstractContextManager

import sqlalchemy as sa
from alembic import op
from alembic.operations.base import BatchOperations

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

BATCH = 20_000
"""Rows whose sums one statement adds up; PostgreSQL ends statements of 15 seconds."""
MEASURES = ("micros", "clips", "seconds")
_COUNTED = "kind IN ('reserve', 'refund', 'adjust')"
_FOR_MEMBER, _FOR_BUDGETS = "account IN ('all', 'member')", "account IN ('all', 'house')"
GROUPS = {
    "member": f"{_COUNTED} AND {_FOR_MEMBER}",
    "member_granted": f"kind = 'grant' AND {_FOR_MEMBER}",
    "budget": f"{_COUNTED} AND {_FOR_BUDGETS}",
    "budget_granted": f"kind = 'grant' AND {_FOR_BUDGETS}",
}
USAGE_KEY = ("scope", "guild_id", "day", "user_id")
USAGE_SUMS = (*(f"{group}_{measure}" for group in GROUPS for measure in MEASURES), "entry_count")
TOTALS_KEY = ("kind", "account")
TOTALS_SUMS = (*MEASURES, "entry_count")
ENDED = "('done', 'failed', 'cancelled', 'unknown')"
CHECKS = {
    "jobs": {
        "state": "state IN ('queued', 'submitting', 'polling', 'fetching', 'posting', 'done',"
        " 'failed', 'cancelled', 'unknown')",
        "not_negative": "price_micros >= 0 AND epoch >= 0 AND attempts >= 0 AND videos_made >= 0"
        " AND billed_micros >= 0",
    },
    "ledger": {
        "kind": "kind IN ('reserve', 'settle', 'refund', 'grant', 'adjust')",
        "account": "account IN ('all', 'member', 'house')",
        "charges": "kind NOT IN ('reserve', 'settle') OR (micros >= 0 AND clips >= 0"
        " AND seconds >= 0)",
        "refunds": "kind != 'refund' OR (micros <= 0 AND clips <= 0 AND seconds <= 0)",
    },
    "limits": {
        "subject": "subject IN ('member', 'role', 'default', 'guild')",
        "not_negative": "clips_per_day >= 0 AND seconds_per_day >= 0 AND usd_per_day >= 0"
        " AND usd_per_month >= 0 AND jobs_at_once >= 0",
    },
}
FOREIGN_KEY = "fk_job_inputs_job_id_jobs"
NUMBERED = ("jobs", "ledger")
"""Tables whose numbers are never used again."""
UNCHANGEABLE = ("recorded_at", "window_at", "kind", "account", "job_id", *MEASURES)
ROLLED_UP = "rolled_up_entries IS NULL"


def upgrade() -> None:
    sequences = _read_sequences()
    with op.batch_alter_table("ledger", schema=None, recreate="never") as batch:
        batch.add_column(sa.Column("rolled_up_entries", sa.Integer()))
        batch.add_column(sa.Column("rollup_id", _big_id()))
    # a file of an input whose job is gone is deleted by the retention of files
    op.execute(
        "DELETE FROM job_inputs"
        " WHERE NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.id = job_inputs.job_id)"
    )
    for table, checks in CHECKS.items():
        with _alter(table) as batch:
            for name, condition in checks.items():
                batch.create_check_constraint(op.f(f"ck_{table}_{name}"), condition)
    with _alter("job_inputs") as batch:
        batch.create_foreign_key(FOREIGN_KEY, "jobs", ["job_id"], ["id"])
    _write_sequences(sequences)
    op.drop_index("ix_ledger_window_at", "ledger")
    op.create_index(
        "ix_ledger_window_at",
        "ledger",
        ["window_at"],
        sqlite_where=sa.text(ROLLED_UP),
        postgresql_where=sa.text(ROLLED_UP),
    )
    op.create_index("ix_ledger_recorded_at", "ledger", ["recorded_at"])
    _create_tables()
    for first, last in _list_batches("ledger"):
        rows = f"(SELECT *, 1 AS sign FROM ledger WHERE id BETWEEN {first} AND {last}) AS entries"
        op.execute(build_usage_statement(rows, is_sqlite=_is_sqlite()))
        op.execute(build_totals_statement(rows))
    for first, last in _list_batches("jobs"):
        rows = f"(SELECT *, 1 AS sign FROM jobs WHERE id BETWEEN {first} AND {last}) AS counted"
        op.execute(build_counts_statement(rows))
    for statement in build_sqlite_triggers() if _is_sqlite() else build_postgresql_triggers():
        op.execute(statement)


def downgrade() -> None:
    _drop_triggers()
    sequences = _read_sequences()
    for table in ("ended_job_counts", "ledger_totals", "daily_usage"):
        op.drop_table(table)
    op.drop_index("ix_ledger_recorded_at", "ledger")
    op.drop_index("ix_ledger_window_at", "ledger")
    with _alter("job_inputs") as batch:
        batch.drop_constraint(FOREIGN_KEY, type_="foreignkey")
    for table, checks in CHECKS.items():
        with _alter(table) as batch:
            for name in checks:
                batch.drop_constraint(op.f(f"ck_{table}_{name}"), type_="check")
    with op.batch_alter_table("ledger", schema=None, recreate="never") as batch:
        batch.drop_column("rollup_id")
        batch.drop_column("rolled_up_entries")
    op.create_index("ix_ledger_window_at", "ledger", ["window_at"])
    _write_sequences(sequences)


def _is_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def _big_id() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _alter(table: str) -> AbstractContextManager[BatchOperations]:
    """Change a table, which SQLite copies."""
    kwargs = {"sqlite_autoincrement": True} if table in NUMBERED else {}
    return op.batch_alter_table(table, table_kwargs=kwargs)


def _create_tables() -> None:
    op.create_table(
        "daily_usage",
        sa.Column("scope", sa.String(8), nullable=False),
        sa.Column("guild_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), autoincrement=False, nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in USAGE_SUMS[:-1]),
        sa.Column("entry_count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint(*USAGE_KEY, name=op.f("pk_daily_usage")),
    )
    op.create_index("ix_daily_usage_user_id_day", "daily_usage", ["user_id", "day"])
    op.create_table(
        "ledger_totals",
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("account", sa.String(16), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in TOTALS_SUMS),
        sa.PrimaryKeyConstraint(*TOTALS_KEY, name=op.f("pk_ledger_totals")),
    )
    op.create_table(
        "ended_job_counts",
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("model", sa.String(120), nullable=False),
        sa.Column("outcome", sa.String(32), nullable=False),
        sa.Column("job_count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("state", "model", "outcome", name=op.f("pk_ended_job_counts")),
    )


# -- statements that add to sums; `sign` is 1 for rows that are added and -1 for those removed


def build_usage_statement(entries: str, *, is_sqlite: bool) -> str:
    """Return the statement that adds ``entries``, a table of entries with their ``sign``."""
    day = "substr(window_at, 1, 10)" if is_sqlite else "(window_at AT TIME ZONE 'UTC')::date"
    guild_id, user_id = "coalesce(guild_id, 0)", "coalesce(user_id, 0)"
    amounts = [
        f"CASE WHEN {condition} THEN sign * {measure} ELSE 0 END AS {group}_{measure}"
        for group, condition in GROUPS.items()
        for measure in MEASURES
    ]
    scopes = (
        ("bot", "0", "0", ""),
        ("guild", guild_id, "0", " AND guild_id IS NOT NULL"),
        ("member", guild_id, user_id, ""),
    )
    rows = " UNION ALL ".join(
        f"SELECT '{scope}' AS scope, {guild} AS guild_id, {day} AS day, {user} AS user_id,"
        f" {', '.join(amounts)}, sign AS entry_count FROM {entries} WHERE kind != 'settle'{further}"
        for scope, guild, user, further in scopes
    )
    return _build_upsert("daily_usage", USAGE_KEY, USAGE_SUMS, rows)


def build_totals_statement(entries: str) -> str:
    """Return the statement that adds ``entries`` that are new, and not what replaces others."""
    rows = (
        f"SELECT kind, account, {', '.join(MEASURES)}, 1 AS entry_count FROM {entries}"
        f" WHERE {ROLLED_UP}"
    )
    return _build_upsert("ledger_totals", TOTALS_KEY, TOTALS_SUMS, rows)


def build_counts_statement(jobs: str) -> str:
    """Return the statement that counts ``jobs``, a table of jobs with their ``sign``."""
    rows = (
        "SELECT state, model, coalesce(outcome, '') AS outcome, sign AS job_count"
        f" FROM {jobs} WHERE state IN {ENDED}"
    )
    return _build_upsert("ended_job_counts", ("state", "model", "outcome"), ("job_count",), rows)


def _build_upsert(table: str, key: tuple[str, ...], sums: tuple[str, ...], rows: str) -> str:
    """Return the statement that adds ``rows``, always in the same order, against deadlocks."""
    keys = ", ".join(key)
    totals = ", ".join(f"sum({name})" for name in sums)
    changes = ", ".join(f"{name} = {table}.{name} + excluded.{name}" for name in sums)
    has_change = " OR ".join(f"sum({name}) != 0" for name in sums)
    return (
        f"INSERT INTO {table} ({keys}, {', '.join(sums)}) SELECT {keys}, {totals} FROM ({rows})"
        f" AS amounts WHERE true GROUP BY {keys} HAVING {has_change} ORDER BY {keys}"
        f" ON CONFLICT ({keys}) DO UPDATE SET {changes}"
    )


# -- triggers


def build_sqlite_triggers() -> Iterator[str]:
    """Yield the statements that create the triggers of SQLite, which work row by row."""
    old, new = _select_entry("OLD", -1), _select_entry("NEW", 1)
    add = build_usage_statement(f"({new})", is_sqlite=True)
    remove = build_usage_statement(f"({old})", is_sqlite=True)
    move = build_usage_statement(f"({old} UNION ALL {new})", is_sqlite=True)
    drop_empty = (
        "DELETE FROM daily_usage WHERE day = substr(OLD.window_at, 1, 10) AND entry_count = 0"
        " AND ((scope = 'bot' AND guild_id = 0 AND user_id = 0) OR (scope = 'guild'"
        " AND guild_id = coalesce(OLD.guild_id, 0) AND user_id = 0) OR (scope = 'member'"
        " AND guild_id = coalesce(OLD.guild_id, 0) AND user_id = coalesce(OLD.user_id, 0)))"
    )
    yield (
        "CREATE TRIGGER ledger_added AFTER INSERT ON ledger BEGIN"
        f" {add}; {build_totals_statement(f'({new})')}; END"
    )
    yield (
        "CREATE TRIGGER ledger_moved AFTER UPDATE OF guild_id, user_id ON ledger"
        " WHEN OLD.guild_id IS NOT NEW.guild_id OR OLD.user_id IS NOT NEW.user_id"
        f" BEGIN {move}; {drop_empty}; END"
    )
    yield f"CREATE TRIGGER ledger_removed AFTER DELETE ON ledger BEGIN {remove}; {drop_empty}; END"
    changed = " OR ".join(f"OLD.{name} IS NOT NEW.{name}" for name in UNCHANGEABLE)
    yield (
        f"CREATE TRIGGER ledger_unchangeable BEFORE UPDATE OF {', '.join(UNCHANGEABLE)} ON ledger"
        f" WHEN {changed} BEGIN"
        " SELECT RAISE(ABORT, 'entries of the ledger are never changed'); END"
    )
    yield (
        "CREATE TRIGGER ledger_kept BEFORE DELETE ON ledger"
        f" WHEN NOT EXISTS ({_select_replacement()}) BEGIN"
        " SELECT RAISE(ABORT, 'an entry of the ledger is deleted only when it is rolled up'); END"
    )
    job_columns = "{0}.state AS state, {0}.model AS model, {0}.outcome AS outcome"
    was = f"SELECT {job_columns.format('OLD')}, -1 AS sign"
    now = f"SELECT {job_columns.format('NEW')}, 1 AS sign"
    drop_uncounted = (
        "DELETE FROM ended_job_counts WHERE state = OLD.state AND model = OLD.model"
        " AND outcome = coalesce(OLD.outcome, '') AND job_count = 0"
    )
    yield (
        f"CREATE TRIGGER jobs_added AFTER INSERT ON jobs WHEN NEW.state IN {ENDED}"
        f" BEGIN {build_counts_statement(f'({now})')}; END"
    )
    yield (
        "CREATE TRIGGER jobs_changed AFTER UPDATE OF state, model, outcome ON jobs"
        f" WHEN OLD.state IN {ENDED} OR NEW.state IN {ENDED}"
        f" BEGIN {build_counts_statement(f'({was} UNION ALL {now})')}; {drop_uncounted}; END"
    )
    yield (
        f"CREATE TRIGGER jobs_removed AFTER DELETE ON jobs WHEN OLD.state IN {ENDED}"
        f" BEGIN {build_counts_statement(f'({was})')}; {drop_uncounted}; END"
    )


def build_postgresql_triggers() -> Iterator[str]:
    """Yield the statements that create the functions and triggers of PostgreSQL.

    They run once a statement, so that they lock the rows of sums in the same order.
    """
    added = "(SELECT *, 1 AS sign FROM added) AS entries"
    removed = "(SELECT *, -1 AS sign FROM removed) AS entries"
    both = "(SELECT *, -1 AS sign FROM removed UNION ALL SELECT *, 1 FROM added) AS entries"
    day = "(window_at AT TIME ZONE 'UTC')::date"
    drop_empty = (
        "DELETE FROM daily_usage AS sums USING (SELECT DISTINCT coalesce(guild_id, 0) AS guild_id,"
        f" {day} AS day, coalesce(user_id, 0) AS user_id FROM removed) AS gone"
        " WHERE sums.day = gone.day AND sums.entry_count = 0"
        " AND ((sums.scope = 'bot' AND sums.guild_id = 0 AND sums.user_id = 0)"
        " OR (sums.scope = 'guild' AND sums.guild_id = gone.guild_id AND sums.user_id = 0)"
        " OR (sums.scope = 'member' AND sums.guild_id = gone.guild_id"
        " AND sums.user_id = gone.user_id))"
    )
    usage = {
        "insert": ("NEW TABLE AS added", added),
        "update": ("OLD TABLE AS removed NEW TABLE AS added", both),
        "delete": ("OLD TABLE AS removed", removed),
    }
    for event, (tables, entries) in usage.items():
        body = f"{build_usage_statement(entries, is_sqlite=False)}; "
        if event == "insert":
            body += f"{build_totals_statement(entries)}; "
        else:
            body += f"IF FOUND THEN {drop_empty}; END IF; "
        yield _build_function(f"clapper_ledger_{event}", f"{body}RETURN NULL;")
        yield (
            f"CREATE TRIGGER ledger_sums_{event} AFTER {event.upper()} ON ledger"
            f" REFERENCING {tables} FOR EACH STATEMENT EXECUTE FUNCTION clapper_ledger_{event}()"
        )
    yield from _build_postgresql_job_triggers()
    yield _build_function(
        "clapper_ledger_unchangeable",
        "RAISE EXCEPTION 'entries of the ledger are never changed'"
        " USING ERRCODE = 'integrity_constraint_violation';",
    )
    old, new = (", ".join(f"{row}.{name}" for name in UNCHANGEABLE) for row in ("OLD", "NEW"))
    yield (
        "CREATE TRIGGER ledger_unchangeable BEFORE UPDATE ON ledger FOR EACH ROW"
        f" WHEN (({old}) IS DISTINCT FROM ({new}))"
        " EXECUTE FUNCTION clapper_ledger_unchangeable()"
    )
    yield _build_function(
        "clapper_ledger_kept",
        f"IF NOT EXISTS ({_select_replacement()}) THEN"
        " RAISE EXCEPTION 'an entry of the ledger is deleted only when it is rolled up'"
        " USING ERRCODE = 'integrity_constraint_violation'; END IF; RETURN OLD;",
    )
    yield (
        "CREATE TRIGGER ledger_kept BEFORE DELETE ON ledger FOR EACH ROW"
        " EXECUTE FUNCTION clapper_ledger_kept()"
    )


def _build_postgresql_job_triggers() -> Iterator[str]:
    """Yield the statements for jobs.

    Several jobs are deleted at once, but only one ends at once, and most changes end none.
    """
    was = "(SELECT OLD.state, OLD.model, OLD.outcome, -1 AS sign) AS old_job"
    now = "(SELECT NEW.state, NEW.model, NEW.outcome, 1 AS sign) AS new_job"
    both = f"(SELECT * FROM {was} UNION ALL SELECT * FROM {now}) AS changed"
    removed = "(SELECT state, model, outcome, -1 AS sign FROM removed) AS old_jobs"
    drop_uncounted = "DELETE FROM ended_job_counts WHERE job_count = 0"
    events = {
        "insert": ("INSERT", f"FOR EACH ROW WHEN (NEW.state IN {ENDED})", now),
        "update": (
            "UPDATE OF state, model, outcome",
            f"FOR EACH ROW WHEN (OLD.state IN {ENDED} OR NEW.state IN {ENDED})",
            both,
        ),
        "delete": ("DELETE", "REFERENCING OLD TABLE AS removed FOR EACH STATEMENT", removed),
    }
    for event, (when, condition, jobs) in events.items():
        further = "" if event == "insert" else f"IF FOUND THEN {drop_uncounted}; END IF; "
        body = f"{build_counts_statement(jobs)}; {further}RETURN NULL;"
        yield _build_function(f"clapper_jobs_{event}", body)
        yield (
            f"CREATE TRIGGER jobs_counts_{event} AFTER {when} ON jobs {condition}"
            f" EXECUTE FUNCTION clapper_jobs_{event}()"
        )


def _build_function(name: str, body: str) -> str:
    return f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$"


def _select_entry(row: str, sign: int) -> str:
    """Return a query for the row of a trigger."""
    names = ("window_at", "kind", "account", "guild_id", "user_id", "rolled_up_entries", *MEASURES)
    return f"SELECT {', '.join(f'{row}.{name} AS {name}' for name in names)}, {sign} AS sign"


def _select_replacement() -> str:
    """Return a query for the entry that replaces the one that is being deleted."""
    return (
        "SELECT 1 FROM ledger AS replacing WHERE replacing.id = OLD.rollup_id"
        " AND replacing.rolled_up_entries IS NOT NULL AND replacing.kind = OLD.kind"
        " AND replacing.account = OLD.account"
    )


def _drop_triggers() -> None:
    if _is_sqlite():
        for name in (
            *(f"ledger_{event}" for event in ("added", "moved", "removed", "unchangeable", "kept")),
            *(f"jobs_{event}" for event in ("added", "changed", "removed")),
        ):
            op.execute(f"DROP TRIGGER {name}")
        return
    for table, sums in (("ledger", "sums"), ("jobs", "counts")):
        for event in ("insert", "update", "delete"):
            op.execute(f"DROP TRIGGER {table}_{sums}_{event} ON {table}")
            op.execute(f"DROP FUNCTION clapper_{table}_{event}()")
    for name in ("unchangeable", "kept"):
        op.execute(f"DROP TRIGGER ledger_{name} ON ledger")
        op.execute(f"DROP FUNCTION clapper_ledger_{name}()")


def _list_batches(table: str) -> Iterator[tuple[int, int]]:
    """Yield the first and last number of each batch of rows."""
    row = op.get_bind().execute(sa.text(f"SELECT min(id), max(id) FROM {table}")).one()
    first, last = row
    while first is not None and first <= last:
        yield first, first + BATCH - 1
        first = op.get_bind().scalar(
            sa.text(f"SELECT min(id) FROM {table} WHERE id >= :next"), {"next": first + BATCH}
        )


def _read_sequences() -> dict[str, int]:
    """Return SQLite's counters, because a copied table would restart at its highest id."""
    if not _is_sqlite():
        return {}
    rows = op.get_bind().execute(sa.text("SELECT name, seq FROM sqlite_sequence"))
    return {row.name: row.seq for row in rows}


def _write_sequences(sequences: dict[str, int]) -> None:
    for table, last in sequences.items():
        values = {"table": table, "last": last}
        bind = op.get_bind()
        bind.execute(sa.text("DELETE FROM sqlite_sequence WHERE name = :table"), values)
        bind.execute(
            sa.text("INSERT INTO sqlite_sequence (name, seq) VALUES (:table, :last)"), values
        )
