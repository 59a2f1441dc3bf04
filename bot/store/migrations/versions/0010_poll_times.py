"""Measured durations say how long the clip is and when Google was last seen at work.

Revision 0010, after 0009. `duration_counts` keeps the totals that ``/metrics`` shows, because old
durations are deleted from now on.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

BUCKETS_S = (5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 240, 360)
BEYOND_S = 1_000_000_000


def upgrade() -> None:
    op.add_column("operation_durations", sa.Column("clip_seconds", sa.Integer()))
    op.add_column("operation_durations", sa.Column("last_pending_s", sa.Float()))
    op.create_index(
        "ix_operation_durations_model_mode_resolution_clip_seconds_id",
        "operation_durations",
        ["model", "mode", "resolution", "clip_seconds", "id"],
    )
    counts = op.create_table(
        "duration_counts",
        sa.Column("model", sa.String(120), primary_key=True),
        sa.Column("at_most_s", sa.Float(), primary_key=True),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("total_s", sa.Float(), nullable=False),
    )
    durations = sa.table("operation_durations", sa.column("model"), sa.column("duration_s"))
    at_most_s = sa.case(
        *((durations.c.duration_s <= bucket_s, float(bucket_s)) for bucket_s in BUCKETS_S),
        else_=float(BEYOND_S),
    )
    cells = sa.select(durations.c.model, at_most_s.label("at_most_s"), durations.c.duration_s)
    cell = cells.subquery()
    totals = sa.select(
        cell.c.model, cell.c.at_most_s, sa.func.count(), sa.func.sum(cell.c.duration_s)
    ).group_by(cell.c.model, cell.c.at_most_s)
    op.execute(sa.insert(counts).from_select(["model", "at_most_s", "count", "total_s"], totals))


def downgrade() -> None:
    op.drop_table("duration_counts")
    op.drop_index("ix_operation_durations_model_mode_resolution_clip_seconds_id")
    with op.batch_alter_table("operation_durations", schema=None, recreate="never") as batch_op:
        batch_op.drop_column("last_pending_s")
        batch_op.drop_column("clip_seconds")
