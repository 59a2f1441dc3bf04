"""Word lists of servers, and members who may make no clips.

Revision 0018, after 0017.
"""

import sqlalchemy as sa
from alembic import op

from bot.store.engine.types import UtcTime

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "word_entries",
        sa.Column("guild_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("entry", sa.String(60), primary_key=True),
        sa.Column("action", sa.String(16), nullable=False),
    )
    op.create_table(
        "request_blocks",
        sa.Column("guild_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("user_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("blocked_at", UtcTime(), nullable=False),
        sa.Column("blocked_by", sa.BigInteger()),
        sa.Column("ends_at", UtcTime()),
        sa.Column("reason", sa.Text()),
    )
    op.create_index("ix_request_blocks_ends_at", "request_blocks", ["ends_at"])
    op.add_column(
        "guilds",
        sa.Column("word_list_version", sa.BigInteger(), nullable=False, server_default="0"),
    )


def downgrade() -> None:
    with op.batch_alter_table("guilds") as guilds:
        guilds.drop_column("word_list_version")
    op.drop_table("request_blocks")
    op.drop_table("word_entries")
