"""Better names of tables and columns, and null instead of 0 where there is no server or member.

Revision 0007, after 0006. The upgrade loses nothing. The downgrade turns null into 0 again.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TABLES = {
    "audit": "audit_log",
    "channels": "channel_rules",
    "departures": "guild_removals",
    "durations": "operation_durations",
    "farewells": "erasure_requests",
    "greetings": "welcomed_guilds",
    "models": "model_states",
    "showcase": "showcase_posts",
    "showcase_makers": "creator_preferences",
    "showcase_servers": "showcase_settings",
    "submits": "submissions",
}
"""New names of tables, by the old ones."""

COLUMNS = {
    "audit_log": {
        "act": "action",
        "at": "recorded_at",
        "member_id": "target_user_id",
        "note": "comment",
    },
    "clips": {"hop": "extension_depth", "size": "size_bytes"},
    "digests": {"settled": "in_sync", "since": "period_start"},
    "erasure_requests": {"asked_at": "requested_at"},
    "jobs": {
        "key": "dedupe_key",
        "made": "videos_made",
        "price": "price_micros",
        "visit_message_id": "reply_message_id",
        "visit_token": "reply_token",
        "visit_until": "reply_expires_at",
    },
    "ledger": {
        "at": "recorded_at",
        "by": "actor_id",
        "counted_at": "window_at",
        "note": "comment",
    },
    "model_states": {
        "held_until": "rate_limited_until",
        "off": "disabled",
        "reason": "disabled_reason",
    },
    "operation_durations": {"at": "measured_at", "took_s": "duration_s"},
    "showcase_blocks": {"at": "blocked_at"},
    "showcase_posts": {
        "changes": "change_count",
        "maker_name": "creator_name",
        "settled": "in_sync",
        "shown_by": "added_by",
        "words": "search_text",
    },
    "submissions": {"at": "submitted_at"},
    "welcomed_guilds": {"greeted_at": "welcomed_at"},
}
"""New names of columns by the old ones, for each table by its new name."""

NULLABLE = {
    "audit_log": ("actor_id",),
    "clips": ("guild_id",),
    "jobs": ("guild_id",),
    "ledger": ("guild_id", "user_id"),
    "showcase_posts": ("added_by",),
}
"""Columns in which 0 meant "none"."""

UNIQUE = {"jobs": "key", "showcase": "clip_id"}
INDEXES = (
    ("audit", "guild_id", "id"),
    ("channels", "guild_id"),
    ("durations", "model", "id"),
    ("ledger", "counted_at"),
    ("ledger", "guild_id", "counted_at"),
    ("ledger", "user_id", "counted_at"),
    ("showcase", "guild_id", "id"),
    ("showcase", "guild_id", "votes", "id"),
    ("showcase", "message_id"),
    ("showcase", "model", "id"),
    ("showcase", "settled"),
    ("showcase", "user_id"),
    ("showcase", "votes", "id"),
    ("showcase_makers", "user_id"),
    ("submits", "job_id"),
    ("submits", "model", "at"),
)
"""Indexes to rename because of a new table or column name: the old table and its columns."""

PLAN_BATCH = 500


def upgrade() -> None:
    sequences = _read_sequences()
    for table, *columns in INDEXES:
        op.drop_index(_index_name(table, columns), table)
    for old, new in TABLES.items():
        op.rename_table(old, new)
    for table, renamed in COLUMNS.items():
        _alter(table, renamed, nullable=True, unique=_find_unique(table))
    for table, *columns in INDEXES:
        _create_index(TABLES.get(table, table), _rename(table, columns))
    for table, emptied in {**NULLABLE, "audit_log": ("actor_id", "target_user_id")}.items():
        _replace(table, emptied, 0, None)
    _write_sequences({TABLES.get(table, table): last for table, last in sequences.items()})
    op.create_table(
        "job_inputs",
        sa.Column("job_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("path", sa.String(length=255), nullable=False),
        sa.PrimaryKeyConstraint("job_id", "path", name=op.f("pk_job_inputs")),
    )
    op.create_index(op.f("ix_job_inputs_path"), "job_inputs", ["path"])
    _rewrite_plans(_upgrade_plan)
    _fill_job_inputs()


def downgrade() -> None:
    op.drop_table("job_inputs")
    _rewrite_plans(_downgrade_plan)
    sequences = _read_sequences()
    for table, *columns in INDEXES:
        new = TABLES.get(table, table)
        op.drop_index(_index_name(new, _rename(table, columns)), new)
    for table, emptied in NULLABLE.items():
        _replace(table, emptied, None, 0)
    for table, renamed in COLUMNS.items():
        back = {new: old for old, new in renamed.items()}
        _alter(table, back, nullable=False, unique=_find_unique(table)[::-1])
    for old, new in TABLES.items():
        op.rename_table(new, old)
    for table, *columns in INDEXES:
        _create_index(table, columns)
    old_names = {new: old for old, new in TABLES.items()}
    _write_sequences({old_names.get(table, table): last for table, last in sequences.items()})


def _replace(table: str, columns: Iterable[str], value: int | None, new: int | None) -> None:
    for name in columns:
        column = sa.column(name, sa.BigInteger())
        clause = sa.table(table, column)
        op.execute(sa.update(clause).where(column == value).values({name: new}))


def _alter(
    table: str,
    renamed: dict[str, str],
    *,
    nullable: bool,
    unique: tuple[tuple[str, str], ...],
) -> None:
    with op.batch_alter_table(table, recreate="never") as batch:
        for old, new in renamed.items():
            batch.alter_column(old, new_column_name=new)
    if table not in NULLABLE:
        return
    autoincrement = table in ("clips", "jobs", "ledger", "showcase_posts")
    # SQLite copies a table to change more than a name
    with op.batch_alter_table(table, table_kwargs={"sqlite_autoincrement": autoincrement}) as batch:
        for column in NULLABLE[table]:
            old_name = renamed.get(column, column)
            batch.alter_column(old_name, existing_type=sa.BigInteger(), nullable=nullable)
        if unique:
            (old_name, _), (new_name, column) = unique
            batch.drop_constraint(old_name, type_="unique")
            batch.create_unique_constraint(new_name, [column])


def _find_unique(table: str) -> tuple[tuple[str, str], ...]:
    """Return the old name and column of a table's unique constraint, and the new ones."""
    for old_table, column in UNIQUE.items():
        if TABLES.get(old_table, old_table) == table:
            [renamed] = _rename(old_table, [column])
            return (f"uq_{old_table}_{column}", column), (f"uq_{table}_{renamed}", renamed)
    return ()


def _rename(old_table: str, columns: Iterable[str]) -> list[str]:
    renamed = COLUMNS.get(TABLES.get(old_table, old_table), {})
    return [renamed.get(column, column) for column in columns]


def _index_name(table: str, columns: Iterable[str]) -> str:
    return "_".join(("ix", table, *columns))


def _create_index(table: str, columns: list[str]) -> None:
    op.create_index(_index_name(table, columns), table, columns)


def _read_sequences() -> dict[str, int]:
    """Return SQLite's counters, because a copied table would restart at its highest id."""
    if op.get_bind().dialect.name != "sqlite":
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


def _load_plans() -> Iterator[list[tuple[int, dict[str, Any]]]]:
    last = 0
    query = sa.text("SELECT id, plan FROM jobs WHERE id > :last ORDER BY id LIMIT :batch")
    while True:
        rows = op.get_bind().execute(query, {"last": last, "batch": PLAN_BATCH}).all()
        if not rows:
            return
        yield [(row.id, json.loads(row.plan)) for row in rows]
        last = rows[-1].id


def _rewrite_plans(change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    statement = sa.text("UPDATE jobs SET plan = :plan WHERE id = :id")
    for plans in _load_plans():
        rows = [
            {
                "id": job_id,
                "plan": json.dumps(change(plan), ensure_ascii=False, separators=(",", ":")),
            }
            for job_id, plan in plans
        ]
        op.get_bind().execute(statement, rows)


def _upgrade_plan(plan: dict[str, Any]) -> dict[str, Any]:
    if "source" in plan:
        plan["source"]["extension_depth"] = plan["source"].pop("hop")
    return {"v": 1, **plan}


def _downgrade_plan(plan: dict[str, Any]) -> dict[str, Any]:
    if "source" in plan:
        plan["source"]["hop"] = plan["source"].pop("extension_depth")
    plan.pop("v", None)
    return plan


def _fill_job_inputs() -> None:
    statement = sa.text("INSERT INTO job_inputs (job_id, path) VALUES (:job_id, :path)")
    for plans in _load_plans():
        rows = [
            {"job_id": job_id, "path": path}
            for job_id, plan in plans
            for path in sorted(
                {
                    image["path"]
                    for image in (
                        plan.get("image"),
                        plan.get("last_frame"),
                        *plan.get("references", ()),
                    )
                    if image is not None
                }
            )
        ]
        if rows:
            op.get_bind().execute(statement, rows)
