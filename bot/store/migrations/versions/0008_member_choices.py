"""Choices about replies and notices, age restriction, reposts, footage and search.

Revision 0008, after 0007. For older jobs and clips it is unknown whether their channel was
age-restricted. They count as not restricted until the bot sees that the channel of a clip is.
Footage is derived from the clips, and from the jobs of deleted clips. The search texts of posts are
rewritten: without accents, and with the creator's name.
"""

import json
import re
import unicodedata
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


FOOTAGE_BATCH = 1000
ORIGINAL_PATH = re.compile(r"clips/\d+/(\d+)-\d+\.mp4")


def _age_restricted() -> sa.Column[bool]:
    return sa.Column("age_restricted", sa.Boolean(), server_default=sa.false(), nullable=False)


def _reply_mode() -> sa.Column[str]:
    return sa.Column("reply_mode", sa.String(16), server_default="extend", nullable=False)


def _clip_age_restricted() -> sa.Column[bool]:
    return sa.Column("age_restricted", sa.Boolean(), nullable=True)


def _reach() -> sa.Column[str]:
    return sa.Column("reach", sa.String(16), server_default="public", nullable=False)


def _channel_age_restricted() -> sa.Column[bool]:
    name = "channel_age_restricted"
    return sa.Column(name, sa.Boolean(), server_default=sa.false(), nullable=False)


def _public_notice_at() -> sa.Column[Any]:
    return sa.Column("public_notice_at", sa.DateTime(timezone=True), nullable=True)


ADDED_COLUMNS = (
    ("jobs", _age_restricted),
    ("clips", _clip_age_restricted),
    ("guilds", _reply_mode),
    ("showcase_posts", _reach),
    ("showcase_posts", _channel_age_restricted),
    ("creator_preferences", _public_notice_at),
)


def upgrade() -> None:
    op.create_table(
        "member_preferences",
        sa.Column("user_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("notify", sa.String(16), server_default="ping", nullable=False),
        sa.PrimaryKeyConstraint("user_id", name=op.f("pk_member_preferences")),
    )
    op.create_table(
        "reposts",
        sa.Column("message_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("job_id", sa.BigInteger(), nullable=False),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_reposts")),
    )
    op.create_index(op.f("ix_reposts_job_id"), "reposts", ["job_id"])
    op.create_table(
        "account_refusals",
        sa.Column("route", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(80), nullable=True),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("refused_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("route", name=op.f("pk_account_refusals")),
    )
    for table, build_column in ADDED_COLUMNS:
        # if SQLite copied the table, it would reuse deleted numbers
        with op.batch_alter_table(table, schema=None, recreate="never") as batch_op:
            batch_op.add_column(build_column())
    _change_stars_key(("message_id", "user_id", "is_super"), added=True)
    op.create_table(
        "footage",
        sa.Column("clip_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("source_clip_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("guild_id", sa.BigInteger(), nullable=True),
        sa.Column("user_id", sa.BigInteger(), nullable=True),
        sa.Column("is_deleted", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.PrimaryKeyConstraint("clip_id", "source_clip_id", name=op.f("pk_footage")),
    )
    for column in ("source_clip_id", "user_id", "guild_id"):
        op.create_index(op.f(f"ix_footage_{column}"), "footage", [column])
    _fill_footage()
    rewrite_search_texts(op.get_bind(), build_search_text)


def rewrite_search_texts(
    connection: sa.Connection, build: Callable[[str | None, str], str]
) -> None:
    """Rewrite the search texts of all showcase posts."""
    rows = connection.execute(
        sa.text(
            "SELECT posts.id, posts.hide_prompt, posts.creator_name, clips.prompt"
            " FROM showcase_posts AS posts JOIN clips ON clips.id = posts.clip_id"
            " WHERE posts.creator_name != ''"
        )
    ).all()
    changes = [
        {
            "post_id": row.id,
            "words": build(None if row.hide_prompt else row.prompt, row.creator_name),
        }
        for row in rows
    ]
    if changes:
        connection.execute(
            sa.text("UPDATE showcase_posts SET search_text = :words WHERE id = :post_id"), changes
        )


def build_search_text(prompt: str | None, creator_name: str) -> str:
    """Return the search text of a post as of this revision; later versions may change it."""
    text = f"{prompt or ''} {creator_name}".replace("\u0131", "i")
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    bare = "".join(letter for letter in decomposed if not 0x300 <= ord(letter) < 0x370)
    return " ".join(unicodedata.normalize("NFKC", bare).casefold().split())


def build_older_search_text(prompt: str | None, _creator_name: str) -> str:
    """Return the search text of a post as of revision 0007."""
    return " ".join((prompt or "").casefold().split())


def downgrade() -> None:
    op.drop_table("footage")
    op.execute(sa.text("DELETE FROM stars WHERE is_super"))
    _change_stars_key(("message_id", "user_id"), added=False)
    rewrite_search_texts(op.get_bind(), build_older_search_text)
    for table, build_column in ADDED_COLUMNS:
        with op.batch_alter_table(table, schema=None, recreate="never") as batch_op:
            batch_op.drop_column(build_column().name)
    op.drop_index(op.f("ix_reposts_job_id"), table_name="reposts")
    op.drop_table("reposts")
    op.drop_table("account_refusals")
    op.drop_table("member_preferences")


def _change_stars_key(columns: tuple[str, ...], *, added: bool) -> None:
    is_super: sa.Column[bool] = sa.Column(
        "is_super", sa.Boolean(), server_default=sa.false(), nullable=False
    )
    # separate batches, because SQLite copies the table for each
    if added:
        with op.batch_alter_table("stars") as batch:
            batch.add_column(is_super)
    with op.batch_alter_table("stars") as batch:
        batch.drop_constraint("pk_stars", type_="primary")
        batch.create_primary_key("pk_stars", list(columns))
    if not added:
        with op.batch_alter_table("stars") as batch:
            batch.drop_column("is_super")


def _fill_footage() -> None:
    """Record the footage in each clip: its own, and that of its ancestors."""
    bind = op.get_bind()
    query = "SELECT id, job_id, guild_id, user_id, parent_clip_id FROM clips ORDER BY id"
    clips = {row.id: row for row in bind.execute(sa.text(query))}
    statement = sa.text(
        "INSERT INTO footage (clip_id, source_clip_id, guild_id, user_id, is_deleted)"
        " VALUES (:clip_id, :source_clip_id, :guild_id, :user_id, :is_deleted)"
    )
    rows: list[dict[str, Any]] = []
    for clip in clips.values():
        common = {"clip_id": clip.id, "guild_id": clip.guild_id}
        seen: set[int] = set()
        source_id, job_id = clip.id, clip.job_id
        while source_id is not None and source_id not in seen:
            seen.add(source_id)
            source = clips.get(source_id)
            if source is not None:
                user_id, job_id, parent_id = source.user_id, source.job_id, source.parent_clip_id
            else:
                user_id, job_id, parent_id = _find_deleted_source(job_id)
            rows.append(
                common
                | {"source_clip_id": source_id, "user_id": user_id, "is_deleted": source is None}
            )
            source_id = parent_id
        if len(rows) >= FOOTAGE_BATCH:
            bind.execute(statement, rows)
            rows = []
    if rows:
        bind.execute(statement, rows)
    # the bot decides about these after its start
    bind.execute(
        sa.text(
            "UPDATE showcase_posts SET reach = 'server' WHERE EXISTS (SELECT 1 FROM footage"
            " WHERE footage.clip_id = showcase_posts.clip_id"
            " AND (footage.user_id IS NULL OR footage.user_id != showcase_posts.user_id))"
        )
    )


def _find_deleted_source(job_id: int | None) -> tuple[int | None, int | None, int | None]:
    """Return the creator, job and parent of the deleted clip that a job continued, if known.

    A job's plan has the path of its source's file, whose name contains the number of its job.
    """
    plan = _load_plan(job_id)
    match = ORIGINAL_PATH.fullmatch(str((plan.get("source") or {}).get("path")))
    if match is None:
        return None, None, None
    source_job_id = int(match[1])
    query = sa.text("SELECT user_id FROM jobs WHERE id = :id")
    user_id = op.get_bind().scalar(query, {"id": source_job_id})
    parent = (_load_plan(source_job_id).get("source") or {}).get("clip_id")
    is_member = user_id is not None and user_id > 0
    return (user_id if is_member else None), source_job_id, parent


def _load_plan(job_id: int | None) -> dict[str, Any]:
    query = sa.text("SELECT plan FROM jobs WHERE id = :id")
    text = None if job_id is None else op.get_bind().scalar(query, {"id": job_id})
    return {} if text is None else json.loads(text)
