"""The colors that the gallery shows until a poster has loaded.

Revision 0017, after 0016.
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("clips", sa.Column("poster_colors", sa.String(27)))


def downgrade() -> None:
    with op.batch_alter_table("clips", recreate="never") as clips:
        clips.drop_column("poster_colors")
