"""How servers present themselves in the web gallery, and the pages that creators have opened.

Revision 0016, after 0015.
"""

import sqlalchemy as sa
from alembic import op

from bot.store.engine.types import UtcTime

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

CREATOR_INDEX = "ix_showcase_posts_user_id_id"


def upgrade() -> None:
    op.create_table(
        "server_pages",
        sa.Column("guild_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("title", sa.String(80)),
        sa.Column("description", sa.String(300)),
        sa.Column("accent", sa.Integer()),
        sa.Column("invite_code", sa.String(32)),
        sa.Column("icon_hash", sa.String(64)),
        sa.Column("has_icon", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("icon_accent", sa.Integer()),
        sa.PrimaryKeyConstraint("guild_id", name=op.f("pk_server_pages")),
    )
    op.create_table(
        "creator_pages",
        sa.Column("user_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("page_key", sa.String(32), nullable=False),
        sa.Column("opened_at", UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_creator_pages")),
        sa.UniqueConstraint("page_key", name=op.f("uq_creator_pages_page_key")),
    )
    op.create_index(op.f(CREATOR_INDEX), "showcase_posts", ["user_id", "id"])


def downgrade() -> None:
    op.drop_index(op.f(CREATOR_INDEX), "showcase_posts")
    op.drop_table("creator_pages")
    op.drop_table("server_pages")
