"""Which alerts the operator was told.

Revision 0020, after 0019.
"""

import sqlalchemy as sa
from alembic import op

from bot.store.engine.types import UtcTime

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "alerts",
        sa.Column("kind", sa.String(32), primary_key=True),
        sa.Column("subject", sa.String(120), primary_key=True),
        sa.Column("occurrence", sa.String(120)),
        sa.Column("told_at", UtcTime()),
        sa.Column("claimed_until", UtcTime()),
        sa.Column("message_id", sa.String(24)),
    )


def downgrade() -> None:
    op.drop_table("alerts")
