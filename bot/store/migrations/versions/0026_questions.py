"""Requests about which a moderator is asked first.

Revision 0026, after 0024.
"""

import sqlalchemy as sa
from alembic import op

from bot.store.engine.types import BigId, UtcTime

revision = "0026"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "questions",
        sa.Column("id", BigId, primary_key=True, autoincrement=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("dedupe_key", sa.String(120), nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("role_ids", sa.Text(), nullable=False),
        sa.Column("request_message_id", sa.BigInteger()),
        sa.Column("upload_limit", sa.BigInteger()),
        sa.Column("locale", sa.String(16), nullable=False),
        sa.Column("guild_locale", sa.String(16)),
        sa.Column("age_restricted", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("parent_channel_id", sa.BigInteger()),
        sa.Column("shows_age_restricted", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("is_for_adults", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("plan", sa.Text(), nullable=False),
        sa.Column("entry", sa.String(60), nullable=False),
        sa.Column("by_operator", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("asked_at", UtcTime(), nullable=False),
        sa.Column("decided_by", sa.BigInteger()),
        sa.Column("decided_at", UtcTime()),
        sa.Column("job_id", sa.BigInteger()),
        sa.Column("failure", sa.Text()),
        sa.Column("staff_channel_id", sa.BigInteger()),
        sa.Column("staff_message_id", sa.BigInteger()),
        sa.Column("staff_revision", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("waiting_message_id", sa.BigInteger()),
        sa.Column("in_sync", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("change_count", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("claimed_until", UtcTime()),
        sa.Column("retry_at", UtcTime()),
        sa.UniqueConstraint("dedupe_key", name="uq_questions_dedupe_key"),
        sqlite_autoincrement=True,
    )
    for column in ("guild_id", "user_id", "in_sync"):
        op.create_index(f"ix_questions_{column}", "questions", [column])
    op.create_index("ix_questions_state_asked_at", "questions", ["state", "asked_at"])


def downgrade() -> None:
    # an older version does not know this action
    op.execute("UPDATE word_entries SET action = 'refuse' WHERE action = 'ask'")
    op.drop_table("questions")
