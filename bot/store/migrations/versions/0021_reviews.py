"""A staff channel, and clips that moderators see before anybody else.

Revision 0021, after 0020.
"""

import sqlalchemy as sa
from alembic import op

from bot.store.engine.types import UtcTime

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("guilds", sa.Column("staff_channel", sa.BigInteger()))
    op.add_column(
        "guilds",
        sa.Column("review_scope", sa.String(16), nullable=False, server_default="off"),
    )
    op.add_column("guilds", sa.Column("trusted_role", sa.BigInteger()))
    op.add_column("guilds", sa.Column("review_channel", sa.BigInteger()))
    op.add_column("jobs", sa.Column("review", sa.String(16)))
    for name in ("withheld", "spoiler"):
        op.add_column(
            "clips", sa.Column(name, sa.Boolean(), nullable=False, server_default=sa.false())
        )
    op.create_table(
        "reviews",
        sa.Column("job_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("requested_at", UtcTime(), nullable=False),
        sa.Column("channel_id", sa.BigInteger()),
        sa.Column("message_id", sa.BigInteger()),
        sa.Column("decided_by", sa.BigInteger()),
        sa.Column("decided_at", UtcTime()),
    )
    op.create_index("ix_reviews_guild_id", "reviews", ["guild_id"])


def downgrade() -> None:
    op.drop_table("reviews")
    with op.batch_alter_table("clips", recreate="never") as clips:
        clips.drop_column("spoiler")
        clips.drop_column("withheld")
    with op.batch_alter_table("jobs", recreate="never") as jobs:
        jobs.drop_column("review")
    with op.batch_alter_table("guilds", recreate="never") as guilds:
        for column in ("review_channel", "trusted_role", "review_scope", "staff_channel"):
            guilds.drop_column(column)
