"""Indexes for what grew with the number of jobs, and an index of the words in the gallery.

Revision 0013, after 0012. The words are those of the search texts that revision 0008 wrote.
"""

import unicodedata
from collections.abc import Iterable, Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

INDEXES = (
    ("submissions", "submitted_at", "model"),
    ("clips", "user_id", "id"),
    ("showcase_posts", "seconds", "id"),
    ("showcase_posts", "aspect_ratio", "id"),
    ("showcase_posts", "showcased_at"),
    ("showcase_posts", "guild_id", "showcased_at"),
    ("showcase_posts", "user_id", "clip_id"),
    ("showcase_posts", "in_sync", "id"),
    ("digests", "in_sync"),
    ("showcase_settings", "public", "last_showcased_at"),
)
"""New indexes: the table and its columns."""
REPLACED = (
    ("submissions", "model", "submitted_at"),
    ("showcase_posts", "user_id"),
    ("showcase_posts", "in_sync"),
)
"""Indexes that the new ones replace."""
PIECE_LENGTH = 16
STEP = 8
BATCH = 500


def upgrade() -> None:
    with op.batch_alter_table("showcase_posts", recreate="never") as batch:
        batch.add_column(
            sa.Column("aspect_ratio", sa.String(8), server_default="16:9", nullable=False)
        )
    op.execute(
        sa.text(
            "UPDATE showcase_posts SET aspect_ratio = clips.aspect_ratio FROM clips"
            " WHERE clips.id = showcase_posts.clip_id"
        )
    )
    with op.batch_alter_table("showcase_settings", recreate="never") as batch:
        batch.add_column(sa.Column("last_showcased_at", sa.DateTime(timezone=True)))
        batch.add_column(sa.Column("search_name", sa.Text(), server_default="", nullable=False))
    for table, *columns in INDEXES:
        op.create_index(_name_index(table, columns), table, columns)
    for table, *columns in REPLACED:
        op.drop_index(_name_index(table, columns), table)
    _create_word_table("search_words", "clip_id", sa.BigInteger())
    _create_word_table("server_words", "guild_id", sa.BigInteger())
    _create_word_table("word_suffixes", "suffix", _build_text_type(STEP))
    op.execute(
        sa.text(
            "UPDATE showcase_settings SET last_showcased_at = (SELECT max(showcased_at)"
            " FROM showcase_posts WHERE showcase_posts.guild_id = showcase_settings.guild_id)"
        )
    )
    _fill_words()


def downgrade() -> None:
    for table in ("search_words", "server_words", "word_suffixes"):
        op.drop_table(table)
    for table, *columns in REPLACED:
        op.create_index(_name_index(table, columns), table, columns)
    for table, *columns in INDEXES:
        op.drop_index(_name_index(table, columns), table)
    with op.batch_alter_table("showcase_settings", recreate="never") as batch:
        batch.drop_column("search_name")
        batch.drop_column("last_showcased_at")
    with op.batch_alter_table("showcase_posts", recreate="never") as batch:
        batch.drop_column("aspect_ratio")


def _name_index(table: str, columns: Iterable[str]) -> str:
    return "_".join(("ix", table, *columns))


def _build_text_type(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def _create_word_table(table: str, other: str, other_type: sa.types.TypeEngine[Any]) -> None:
    word = sa.Column("word", _build_text_type(PIECE_LENGTH), nullable=False)
    column = sa.Column(other, other_type, autoincrement=False, nullable=False)
    # the key begins with what is searched; the other column says what to delete
    is_suffixes = other == "suffix"
    key = (other, "word") if is_suffixes else ("word", other)
    op.create_table(
        table,
        *((column, word) if is_suffixes else (word, column)),
        sa.PrimaryKeyConstraint(*key, name=op.f(f"pk_{table}")),
        sqlite_with_rowid=False,
    )
    op.create_index(_name_index(table, key[1:]), table, [*key[1:]])


def _fill_words() -> None:
    """Index all posts and names; the endings of each word are written once."""
    bind = op.get_bind()
    known: set[str] = set()
    for rows in _load_in_batches("SELECT guild_id AS id, name AS text FROM showcase_settings"):
        names = [{"id": row.id, "text": normalize(row.text)} for row in rows]
        statement = "UPDATE showcase_settings SET search_name = :text WHERE guild_id = :id"
        bind.execute(sa.text(statement), names)
        _write_words("server_words", "guild_id", names, known)
    query = "SELECT clip_id AS id, search_text AS text FROM showcase_posts"
    for rows in _load_in_batches(query):
        texts = [{"id": row.id, "text": row.text} for row in rows]
        _write_words("search_words", "clip_id", texts, known)


def _load_in_batches(query: str) -> Iterator[list[Any]]:
    rows = op.get_bind().execute(sa.text(query)).all()
    for start in range(0, len(rows), BATCH):
        yield list(rows[start : start + BATCH])


def _write_words(table: str, key: str, texts: list[dict[str, Any]], known: set[str]) -> None:
    bind = op.get_bind()
    pairs = sorted(
        (text["id"], piece) for text in texts for piece in _split_into_pieces(text["text"])
    )
    if not pairs:
        return
    words = sa.table(table, sa.column("word"), sa.column(key))
    bind.execute(sa.insert(words), [{key: id_, "word": word} for id_, word in pairs])
    added = {word for _, word in pairs} - known
    known |= added
    suffixes = [
        {"suffix": suffix, "word": word}
        for word in sorted(added)
        for suffix in sorted({word[start : start + STEP] for start in range(len(word))})
    ]
    if suffixes:
        statement = "INSERT INTO word_suffixes (suffix, word) VALUES (:suffix, :word)"
        bind.execute(sa.text(statement), suffixes)


def _split_into_pieces(text: str) -> set[str]:
    """Return the words to index as of this revision; later versions may change it."""
    return {
        word[start : start + PIECE_LENGTH]
        for word in text.split()
        for start in range(0, max(1, len(word) - STEP), STEP)
    }


def normalize(text: str) -> str:
    """Return a name as it is searched as of this revision."""
    decomposed = unicodedata.normalize("NFKD", text.replace("\u0131", "i").casefold())
    bare = "".join(letter for letter in decomposed if not 0x300 <= ord(letter) < 0x370)
    return " ".join(unicodedata.normalize("NFKC", bare).casefold().split())
