"""Shards that processes share, and the times at which they may identify.

Revision 0014, after 0013.
"""

import sqlalchemy as sa
from alembic import op

from bot.store.engine.types import UtcTime

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "shards",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.Column("owner", sa.String(40)),
        sa.Column("is_connected", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("session_id", sa.Text()),
        sa.Column("sequence", sa.BigInteger()),
        sa.Column("resume_url", sa.Text()),
        sa.Column("saved_at", UtcTime()),
    )
    op.create_table(
        "identify_slots",
        sa.Column("bucket", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("free_at", UtcTime(), nullable=False),
    )
    op.add_column(
        "workers",
        sa.Column("takes_shards", sa.Boolean(), nullable=False, server_default=sa.false()),
    )


def downgrade() -> None:
    with op.batch_alter_table("workers") as workers:
        workers.drop_column("takes_shards")
    op.drop_table("identify_slots")
    op.drop_table("shards")
