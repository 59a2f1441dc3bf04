"""Checks of contents by a text model, so that the same one is not paid twice.

Revision 0023, after 0022.
"""

import sqlalchemy as sa
from alembic import op

from bot.store.engine.types import UtcTime

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "content_checks",
        sa.Column("content_key", sa.String(64), primary_key=True),
        sa.Column("attempt", sa.String(32), nullable=False),
        sa.Column("asked_at", UtcTime(), nullable=False),
        sa.Column("verdict", sa.Text()),
    )
    op.create_index("ix_content_checks_asked_at", "content_checks", ["asked_at"])


def downgrade() -> None:
    op.drop_table("content_checks")
