"""Clips are found by the hash of their file.

Revision 0024, after 0023.
"""

from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_clips_sha256", "clips", ["sha256"])


def downgrade() -> None:
    op.drop_index("ix_clips_sha256", "clips")
