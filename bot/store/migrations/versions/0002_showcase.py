"""The showcase: entries, stars, digests, the audit log, erasure requests.

Revision 0002, after 0001.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("actor_id", sa.BigInteger(), nullable=False),
        sa.Column("act", sa.String(length=32), nullable=False),
        sa.Column("clip_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("member_id", sa.BigInteger(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    with op.batch_alter_table("audit", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_audit_guild_id_id"), ["guild_id", "id"], unique=False)

    op.create_table(
        "departures",
        sa.Column("guild_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("left_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("guild_id", name=op.f("pk_departures")),
    )
    op.create_table(
        "digests",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("clip_ids", sa.Text(), nullable=False),
        sa.Column("settled", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("owner", sa.String(length=40), nullable=True),
        sa.Column("channel_id", sa.BigInteger(), nullable=True),
        sa.Column("message_id", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_digests")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("digests", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_digests_guild_id_due_at"), ["guild_id", "due_at"], unique=True
        )

    op.create_table(
        "farewells",
        sa.Column("user_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("owner", sa.String(length=40), nullable=True),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_farewells")),
    )
    op.create_table(
        "showcase",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("clip_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("maker_name", sa.String(length=100), nullable=False),
        sa.Column("hide_prompt", sa.Boolean(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("model", sa.String(length=120), nullable=False),
        sa.Column("seconds", sa.Integer(), nullable=False),
        sa.Column("votes", sa.Integer(), nullable=False),
        sa.Column("public", sa.Boolean(), nullable=False),
        sa.Column("hidden", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("locked", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("withdrawn", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("settled", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("owner", sa.String(length=40), nullable=True),
        sa.Column("changes", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("revision_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("shown_by", sa.BigInteger(), nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=True),
        sa.Column("message_id", sa.BigInteger(), nullable=True),
        sa.Column("showcased_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_showcase")),
        sa.UniqueConstraint("clip_id", name=op.f("uq_showcase_clip_id")),
        sqlite_autoincrement=True,
    )
    with op.batch_alter_table("showcase", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_showcase_guild_id_id"), ["guild_id", "id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_showcase_guild_id_votes_id"), ["guild_id", "votes", "id"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_showcase_message_id"), ["message_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_showcase_model_id"), ["model", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_showcase_settled"), ["settled"], unique=False)
        batch_op.create_index(batch_op.f("ix_showcase_user_id"), ["user_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_showcase_votes_id"), ["votes", "id"], unique=False)

    op.create_table(
        "showcase_blocks",
        sa.Column("guild_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("user_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("guild_id", "user_id", name=op.f("pk_showcase_blocks")),
    )
    op.create_table(
        "showcase_makers",
        sa.Column("guild_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("user_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("consent", sa.String(length=16), nullable=False),
        sa.Column("hide_prompt", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("guild_id", "user_id", name=op.f("pk_showcase_makers")),
    )
    with op.batch_alter_table("showcase_makers", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_showcase_makers_user_id"), ["user_id"], unique=False)

    op.create_table(
        "showcase_servers",
        sa.Column("guild_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("locale", sa.String(length=16), nullable=True),
        sa.Column("channel_id", sa.BigInteger(), nullable=True),
        sa.Column("stars", sa.Integer(), nullable=False),
        sa.Column("curation", sa.String(length=16), nullable=False),
        sa.Column("public", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("digest_day", sa.Integer(), nullable=True),
        sa.Column("digest_hour", sa.Integer(), nullable=False),
        sa.Column("digest_zone", sa.String(length=64), nullable=False),
        sa.Column("digest_since", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("guild_id", name=op.f("pk_showcase_servers")),
    )
    op.create_table(
        "stars",
        sa.Column("message_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("user_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("clip_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("message_id", "user_id", name=op.f("pk_stars")),
    )
    with op.batch_alter_table("stars", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_stars_clip_id"), ["clip_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_stars_user_id"), ["user_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("stars", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_stars_user_id"))
        batch_op.drop_index(batch_op.f("ix_stars_clip_id"))

    op.drop_table("stars")
    op.drop_table("showcase_servers")
    with op.batch_alter_table("showcase_makers", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_showcase_makers_user_id"))

    op.drop_table("showcase_makers")
    op.drop_table("showcase_blocks")
    with op.batch_alter_table("showcase", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_showcase_votes_id"))
        batch_op.drop_index(batch_op.f("ix_showcase_user_id"))
        batch_op.drop_index(batch_op.f("ix_showcase_settled"))
        batch_op.drop_index(batch_op.f("ix_showcase_model_id"))
        batch_op.drop_index(batch_op.f("ix_showcase_message_id"))
        batch_op.drop_index(batch_op.f("ix_showcase_guild_id_votes_id"))
        batch_op.drop_index(batch_op.f("ix_showcase_guild_id_id"))

    op.drop_table("showcase")
    op.drop_table("farewells")
    with op.batch_alter_table("digests", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_digests_guild_id_due_at"))

    op.drop_table("digests")
    op.drop_table("departures")
    with op.batch_alter_table("audit", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_audit_guild_id_id"))

    op.drop_table("audit")
