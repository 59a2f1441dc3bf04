"""Channels in which audit logs are posted, and indexes for erasing members.

Revision 0028, after 0026.
"""

import sqlalchemy as sa
from alembic import op

from bot.store.engine.types import UtcTime

revision = "0028"
down_revision = "0026"
branch_labels = None
depends_on = None

_INDEXES = (
    ("audit_log", "actor_id"),
    ("audit_log", "target_user_id"),
    ("audit_log", "recorded_at"),
    ("showcase_posts", "added_by"),
    ("reviews", "decided_by"),
)


def upgrade() -> None:
    op.create_table(
        "log_channels",
        sa.Column("guild_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("stopped_at", UtcTime()),
        sa.Column("batch", sa.BigInteger()),
        sa.Column("batch_channel_id", sa.BigInteger()),
        sa.Column("batch_at", UtcTime()),
        sa.Column("claimed_until", UtcTime()),
        sa.Column("retry_at", UtcTime()),
    )
    op.add_column("audit_log", sa.Column("log_batch", sa.BigInteger()))
    _create_partial_index("audit_log", ["log_batch", "guild_id", "id"])
    _create_partial_index("ledger", ["actor_id"])
    for table, column in _INDEXES:
        op.create_index(f"ix_{table}_{column}", table, [column])


def _create_partial_index(table: str, columns: list[str]) -> None:
    """Index the rows whose first column has a value: few of them."""
    has_value = sa.text(f"{columns[0]} IS NOT NULL")
    op.create_index(
        f"ix_{table}_{'_'.join(columns)}",
        table,
        columns,
        sqlite_where=has_value,
        postgresql_where=has_value,
    )


def downgrade() -> None:
    for table, column in reversed(_INDEXES):
        op.drop_index(f"ix_{table}_{column}", table)
    op.drop_index("ix_ledger_actor_id", "ledger")
    op.drop_index("ix_audit_log_log_batch_guild_id_id", "audit_log")
    with op.batch_alter_table("audit_log", recreate="never") as audit_log:
        audit_log.drop_column("log_batch")
    op.drop_table("log_channels")
