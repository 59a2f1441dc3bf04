"""What the index of words says about posts that are alike, and about words that are spelled alike.

Each statement reads a bounded part of the index. What it names may be hidden or of a server that
is not public, so callers check every post and every word before anybody sees it.
"""

import re
from collections import defaultdict
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any, Final

from sqlalchemy import CompoundSelect, Select, literal_column, select, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store.showcase.search_words import STEP
from bot.store.tables.showcase import search_words_table, word_suffixes_table

MAX_PROBES: Final = 16
_MAX_POSTS: Final = 100
"""A word of so many posts says little about any of them, and is left out."""
_MAX_SPELLINGS: Final = 300
_SHORTEST_WORD: Final = 4
_LONGEST_IDEOGRAPHS: Final = 3
_WORD_PATTERN: Final = re.compile(r"[^\W\d_]+")
_UNSPACED_PATTERN: Final = re.compile("[\u3400-\u9fff]{2,}|[\u30a1-\u30fa\u30fc]{3,8}")
"""Words of Japanese and Chinese, which have no spaces: ideographs, or katakana."""
_HAS_UNSPACED_PATTERN: Final = re.compile("[\u3040-\u30ff\u3400-\u9fff]")
_FUNCTION_WORDS: Final = frozenset(
    _WORD_PATTERN.findall(
        """
        about after along also before beside between from have into like over some than that their
        them then there they this through toward under upon very when where which while with
        aber alle auch dann dass dieser durch eine einem einen einer eines nach oder sein sich sind
        uber unter wird zwischen avec comme dans elle entre leur mais pour sans sont
        como cuando desde donde esta este hacia mientras para pero sobre
        """
    )
)
"""Words that are in many prompts without saying what they show."""
_LAST_CHARACTER: Final = "\U0010ffff"
_words = search_words_table.c
_suffixes = word_suffixes_table.c


def choose_probes(text: str) -> list[str]:
    """Return the words of a normalized text by which clips like it are looked for."""
    probes: dict[str, None] = {}
    for word in _UNSPACED_PATTERN.findall(text):
        is_long = len(word) > _LONGEST_IDEOGRAPHS and word[0] >= "\u3400"
        parts = [word[n : n + 2] for n in range(len(word) - 1)] if is_long else [word]
        probes.update(dict.fromkeys(parts))
    for word in _WORD_PATTERN.findall(text):
        is_short = len(word) < _SHORTEST_WORD or word in _FUNCTION_WORDS
        if not is_short and not _HAS_UNSPACED_PATTERN.search(word):
            probes[word] = None
    return sorted(probes, key=len, reverse=True)[:MAX_PROBES]


async def rank_alike(connection: AsyncConnection, probes: Sequence[str]) -> list[int]:
    """Return the clips whose posts share words with ``probes``, those with rare words first."""
    if not probes:
        return []
    query = union_all(*(_select_posts(n, probe) for n, probe in enumerate(probes)))
    found: defaultdict[int, set[int]] = defaultdict(set)
    for number, clip_id in await connection.execute(query):
        found[number].add(clip_id)
    scores: defaultdict[int, float] = defaultdict(float)
    for clip_ids in found.values():
        if len(clip_ids) < _MAX_POSTS:
            for clip_id in clip_ids:
                scores[clip_id] += len(clip_ids) ** -0.5
    return sorted(scores, key=lambda clip_id: (-scores[clip_id], -clip_id))


def _select_posts(number: int, probe: str) -> Select[Any]:
    """Return the query for posts with a word that begins with ``probe``, or has it without spaces.

    Elsewhere a word within another one means something else: there is no rain in a train.
    """
    start = probe[:STEP]
    if _HAS_UNSPACED_PATTERN.search(probe):
        posts = (
            select(_words.clip_id)
            .join_from(word_suffixes_table, search_words_table, _words.word == _suffixes.word)
            .where(_suffixes.suffix >= start, _suffixes.suffix < start + _LAST_CHARACTER)
        )
    else:
        posts = select(_words.clip_id).where(
            _words.word >= probe[:16], _words.word < probe[:16] + _LAST_CHARACTER
        )
    some = posts.limit(_MAX_POSTS).subquery()
    return select(literal_column(str(number)), some.c.clip_id)


async def find_spellings(connection: AsyncConnection, word: str, *, limit: int) -> list[str]:
    """Return words of the index that are spelled nearly as ``word``, the nearest first."""
    starts = dict.fromkeys(part for part in (word[:3], word[1:4], word[-3:]) if len(part) == 3)
    if not starts:
        return []
    rows = await connection.scalars(_select_words_with(list(starts)))
    known = {each for text in rows for each in _WORD_PATTERN.findall(text)} - {word}
    return get_close_matches(word, sorted(known), n=limit, cutoff=0.7)


def _select_words_with(starts: Sequence[str]) -> CompoundSelect[Any]:
    queries = []
    for start in starts:
        is_found = (_suffixes.suffix >= start) & (_suffixes.suffix < start + _LAST_CHARACTER)
        some = select(_suffixes.word).where(is_found).limit(_MAX_SPELLINGS).subquery()
        queries.append(select(some.c.word))
    return union_all(*queries)
