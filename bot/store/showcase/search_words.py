"""The index of the gallery's search, in three tables that are alike in both databases.

``search_words`` says in which posts a word is, ``server_words`` in which servers' names.
``word_suffixes`` has every ending of each of these words, so whatever begins an ending is somewhere
in the word. A search for "boot" finds "segelboot" and "の狐" finds "雪の中の狐" by one range of an
index. Words longer than a piece are cut into pieces that overlap.

Nothing here is normalized: the texts are, by `bot.store.showcase.search_text`. The index may name
posts that no longer match, which the search then checks, but never leaves one out.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from sqlalchemy import CompoundSelect, Select, Table, bindparam, delete, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store.engine.database import take_lock
from bot.store.engine.upserts import insert_all_absent
from bot.store.tables.showcase import (
    search_words_table,
    server_words_table,
    showcase_posts_table,
    word_suffixes_table,
)

SEARCH_LOCK: Final = 0x636C_6170_06
"""Without it, a word could lose its endings while another transaction uses it.

It is taken last in a transaction, so that nothing waits for a row while it holds the lock.
"""
PIECE_LENGTH: Final = 16
STEP: Final = 8
"""From the beginning of one piece to that of the next, and the longest ending that is kept.

So any ``STEP`` characters in a row are within one piece.
"""
_BATCH_SIZE: Final = 100
"""Posts at once, because the number of a statement's parameters is limited."""
_words = search_words_table.c
_server_words = server_words_table.c
_suffixes = word_suffixes_table.c
_posts = showcase_posts_table.c
_LAST_CHARACTER: Final = "\U0010ffff"


async def refresh_post_words(connection: AsyncConnection, clip_ids: Iterable[int]) -> None:
    """Make the index agree with the search texts of these clips' posts; some may be gone."""
    clip_ids = list(clip_ids)
    for start in range(0, len(clip_ids), _BATCH_SIZE):
        some = clip_ids[start : start + _BATCH_SIZE]
        query = select(_posts.clip_id, _posts.search_text).where(_posts.clip_id.in_(some))
        texts: dict[int, str] = dict.fromkeys(some, "")
        texts |= {row.clip_id: row.search_text for row in await connection.execute(query)}
        await _refresh(connection, search_words_table, "clip_id", texts)


async def refresh_server_words(connection: AsyncConnection, guild_id: int, name: str) -> None:
    """Make the index agree with a server's normalized name; it is empty for an erased server."""
    await _refresh(connection, server_words_table, "guild_id", {guild_id: name})


def select_clips_with(word: str) -> CompoundSelect[Any]:
    """Return the query for the clips whose post or server's name may contain a word.

    It returns no clip for each word that it begins with, so a clip can be there several times.
    """
    start = word[:STEP]
    is_found = (_suffixes.suffix >= start) & (_suffixes.suffix < start + _LAST_CHARACTER)
    in_text = (
        select(_words.clip_id)
        .join_from(word_suffixes_table, search_words_table, _words.word == _suffixes.word)
        .where(is_found)
    )
    in_name = (
        select(_posts.clip_id)
        .join_from(word_suffixes_table, server_words_table, _server_words.word == _suffixes.word)
        .join(showcase_posts_table, _posts.guild_id == _server_words.guild_id)
        .where(is_found)
    )
    return union_all(in_text, in_name)


def split_into_pieces(text: str) -> set[str]:
    """Return the words of a normalized text, the long ones in pieces."""
    return {
        word[start : start + PIECE_LENGTH]
        for word in text.split()
        for start in range(0, max(1, len(word) - STEP), STEP)
    }


def list_suffixes(piece: str) -> set[str]:
    """Return the beginning of each ending of a piece."""
    return {piece[start : start + STEP] for start in range(len(piece))}


async def _refresh(
    connection: AsyncConnection, table: Table, key: str, texts: Mapping[int, str]
) -> None:
    await take_lock(connection, SEARCH_LOCK)
    column = table.c[key]
    query = select(column, table.c.word).where(column.in_(list(texts)))
    known = {(row[0], row[1]) for row in await connection.execute(query)}
    wanted = {(id_, piece) for id_, text in texts.items() for piece in split_into_pieces(text)}
    removed = known - wanted
    if removed:
        is_removed = (column == bindparam("is_id")) & (table.c.word == bindparam("is_word"))
        await connection.execute(
            delete(table).where(is_removed),
            [{"is_id": id_, "is_word": word} for id_, word in sorted(removed)],
        )
    await _delete_unused_suffixes(connection, {word for _, word in removed})
    added = wanted - known
    await insert_all_absent(
        connection, table, [{key: id_, "word": word} for id_, word in sorted(added)]
    )
    await insert_all_absent(
        connection,
        word_suffixes_table,
        [
            {"suffix": suffix, "word": word}
            for word in sorted({word for _, word in added})
            for suffix in sorted(list_suffixes(word))
        ],
    )


async def _delete_unused_suffixes(connection: AsyncConnection, words: set[str]) -> None:
    """Delete what is left of words that no post and no name has any more."""
    if not words:
        return
    used: set[str] = set()
    for column in (_words.word, _server_words.word):
        query: Select[tuple[str]] = select(column).where(column.in_(words)).distinct()
        used.update(await connection.scalars(query))
    await connection.execute(
        delete(word_suffixes_table).where(_suffixes.word.in_(sorted(words - used)))
    )
