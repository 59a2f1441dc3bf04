"""What members and servers choose about replies, notices and age restriction.

Revision 0008, after 0007. Clips from before count as not age-restricted: nobody kept where they
were asked for.
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def _age_restricted() -> sa.Column[bool]:
    return sa.Column("age_restricted", sa.Boolean(), server_default=sa.false(), nullable=False)


def _reply_mode() -> sa.Column[str]:
    return sa.Column("reply_mode", sa.String(16), server_default="extend", nullable=False)


ADDED_COLUMNS = (("jobs", _age_restricted), ("clips", _age_restricted), ("guilds", _reply_mode))


def upgrade() -> None:
    """Go forward."""
    op.create_table(
        "member_preferences",
        sa.Column("user_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("notify", sa.String(16), server_default="ping", nullable=False),
        sa.Column("showcase_notice_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_member_preferences")),
    )
    for table, build_column in ADDED_COLUMNS:
        # never copied: a table that SQLite copies would count its numbers anew
        with op.batch_alter_table(table, schema=None, recreate="never") as batch_op:
            batch_op.add_column(build_column())


def downgrade() -> None:
    """Go back."""
    for table, build_column in ADDED_COLUMNS:
        with op.batch_alter_table(table, schema=None, recreate="never") as batch_op:
            batch_op.drop_column(build_column().name)
    op.drop_table("member_preferences")
