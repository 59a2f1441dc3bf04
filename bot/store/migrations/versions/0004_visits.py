"""Jobs of user installs, in places without the bot.

Revision 0004, after 0003.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("jobs", schema=None) as batch_op:
        batch_op.add_column(sa.Column("visit_message_id", sa.BigInteger(), nullable=True))
        batch_op.add_column(sa.Column("visit_until", sa.DateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column("visit_token", sa.Text(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("jobs", schema=None) as batch_op:
        batch_op.drop_column("visit_token")
        batch_op.drop_column("visit_until")
        batch_op.drop_column("visit_message_id")
