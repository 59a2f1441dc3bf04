"""Drafts of one request, of which one is made in full.

Revision 0029, after 0028.
"""

import sqlalchemy as sa
from alembic import op

from bot.store.engine.types import BigId, UtcTime

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("jobs", sa.Column("takes_key", sa.String(120)))
    op.add_column("jobs", sa.Column("take_number", sa.Integer()))
    op.add_column("jobs", sa.Column("takes_poster", BigId))
    op.add_column("clips", sa.Column("draft_until", UtcTime()))
    _create_partial_index("jobs", "takes_key")
    _create_partial_index("clips", "draft_until")


def _create_partial_index(table: str, column: str) -> None:
    """Index the rows that are drafts: few of them."""
    has_value = sa.text(f"{column} IS NOT NULL")
    op.create_index(
        f"ix_{table}_{column}",
        table,
        [column],
        sqlite_where=has_value,
        postgresql_where=has_value,
    )


def downgrade() -> None:
    op.drop_index("ix_clips_draft_until", "clips")
    op.drop_index("ix_jobs_takes_key", "jobs")
    with op.batch_alter_table("clips", recreate="never") as clips:
        clips.drop_column("draft_until")
    with op.batch_alter_table("jobs", recreate="never") as jobs:
        jobs.drop_column("takes_poster")
        jobs.drop_column("take_number")
        jobs.drop_column("takes_key")
