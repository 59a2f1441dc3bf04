"""Gemini Omni: interactions of clips, Google's bills, and deletions that are due at Google.

Revision 0009, after 0008.
"""

import sqlalchemy as sa
from alembic import op

from bot.store.engine.types import UtcTime

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # if SQLite copied the table, it would reuse deleted numbers
    with op.batch_alter_table("clips", schema=None, recreate="never") as batch_op:
        batch_op.add_column(sa.Column("interaction_id", sa.Text()))
        batch_op.add_column(sa.Column("interaction_expires_at", UtcTime()))
    op.create_index("ix_clips_interaction_id", "clips", ["interaction_id"])
    with op.batch_alter_table("jobs", schema=None, recreate="never") as batch_op:
        batch_op.add_column(sa.Column("billed_micros", sa.BigInteger()))
    op.create_table(
        "interaction_lifetimes",
        sa.Column("route", sa.String(16), primary_key=True),
        sa.Column("kept_s", sa.BigInteger(), nullable=False),
        sa.Column("learnt_at", UtcTime(), nullable=False),
    )
    op.create_table(
        "remote_deletions",
        sa.Column("route", sa.String(16), primary_key=True),
        sa.Column("operation", sa.Text(), primary_key=True),
        sa.Column("requested_at", UtcTime(), nullable=False),
        sa.Column("retry_at", UtcTime()),
        sa.Column("attempts", sa.Integer(), nullable=False, server_default="0"),
    )


def downgrade() -> None:
    op.drop_table("remote_deletions")
    op.drop_table("interaction_lifetimes")
    with op.batch_alter_table("jobs", schema=None, recreate="never") as batch_op:
        batch_op.drop_column("billed_micros")
    with op.batch_alter_table("clips", schema=None, recreate="never") as batch_op:
        batch_op.drop_index("ix_clips_interaction_id")
        batch_op.drop_column("interaction_expires_at")
        batch_op.drop_column("interaction_id")
