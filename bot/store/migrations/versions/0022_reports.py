"""Reports of clips, and how many of them hide a clip by themselves.

Revision 0022, after 0021.
"""

import sqlalchemy as sa
from alembic import op

from bot.store.engine.types import BigId, UtcTime

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "report_cases",
        sa.Column("clip_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("job_id", sa.BigInteger(), nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("creator_id", sa.BigInteger(), nullable=False),
        sa.Column("first_reported_at", UtcTime(), nullable=False),
        sa.Column("report_count", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("salt", sa.String(32), nullable=False),
        sa.Column("is_hidden", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("hid_post", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("decision", sa.String(16)),
        sa.Column("decided_by", sa.BigInteger()),
        sa.Column("decided_at", UtcTime()),
        sa.Column("creator_blocked_by", sa.BigInteger()),
        sa.Column("pending_effect", sa.String(16)),
        sa.Column("channel_id", sa.BigInteger()),
        sa.Column("message_id", sa.BigInteger()),
        sa.Column("revision", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("in_sync", sa.Boolean(), nullable=False),
        sa.Column("change_count", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("claimed_until", UtcTime()),
        sa.Column("retry_at", UtcTime()),
    )
    for column in ("guild_id", "creator_id", "in_sync"):
        op.create_index(f"ix_report_cases_{column}", "report_cases", [column])
    op.create_table(
        "reports",
        sa.Column("clip_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("reporter", sa.String(24), primary_key=True),
        sa.Column("user_id", sa.BigInteger()),
        sa.Column("reported_at", UtcTime(), nullable=False),
    )
    for column in ("user_id", "reported_at"):
        op.create_index(f"ix_reports_{column}", "reports", [column])
    op.create_table(
        "report_notices",
        sa.Column("id", BigId, primary_key=True),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger()),
        sa.Column("clip_id", sa.BigInteger()),
        sa.Column("locale", sa.String(16)),
        sa.Column("created_at", UtcTime(), nullable=False),
        sa.Column("claimed_until", UtcTime()),
        sqlite_autoincrement=True,
    )
    for column in ("guild_id", "user_id"):
        op.create_index(f"ix_report_notices_{column}", "report_notices", [column])
    op.add_column(
        "guilds",
        sa.Column("reports_to_hide", sa.Integer(), nullable=False, server_default="0"),
    )
    op.add_column("guilds", sa.Column("staff_hint_at", UtcTime()))


def downgrade() -> None:
    with op.batch_alter_table("guilds", recreate="never") as guilds:
        guilds.drop_column("staff_hint_at")
        guilds.drop_column("reports_to_hide")
    op.drop_table("report_notices")
    op.drop_table("reports")
    op.drop_table("report_cases")
