"""Google's webhooks: received events, and our registration with its secret.

Revision 0011, after 0010.
"""

import sqlalchemy as sa
from alembic import op

from bot.store.engine.types import UtcTime

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "webhook_events",
        sa.Column("webhook_id", sa.String(200), primary_key=True),
        sa.Column("interaction_id", sa.Text(), nullable=False),
        sa.Column("received_at", UtcTime(), nullable=False),
        sa.Column("due_at", UtcTime()),
    )
    op.create_index("ix_webhook_events_received_at", "webhook_events", ["received_at"])
    op.create_index("ix_webhook_events_due_at", "webhook_events", ["due_at"])
    op.create_table(
        "webhook_registrations",
        sa.Column("route", sa.String(16), primary_key=True),
        sa.Column("checked_at", UtcTime(), nullable=False),
        sa.Column("webhook_id", sa.Text()),
        sa.Column("url", sa.Text()),
        sa.Column("secret", sa.Text()),
        sa.Column("problem", sa.Text()),
    )


def downgrade() -> None:
    op.drop_table("webhook_registrations")
    op.drop_table("webhook_events")
