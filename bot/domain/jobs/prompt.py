"""Counts a prompt's tokens before it is sent, because Veo silently ignores all after 1,024.

Veo's tokenizer is not public. This estimate is rather too high than too low. It uses the splitting
rules that the public SentencePiece vocabularies of Google's models share
(docs/decisions/0006-counting-tokens.md).
"""

import re
import unicodedata
from functools import lru_cache
from typing import Final

_TOKEN_PIECES: Final = re.compile(r"[A-Za-z]+|\d|\n|[^\S\n]+|[^\W\d_]+|.", re.DOTALL)
_WORD_LETTERS: Final = 8
"""English words up to this length are nearly always one token."""
_TAIL_LETTERS: Final = 4
_CASED_TAIL_LETTERS: Final = 3
_WIDE_SCRIPTS: Final = ("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO", "YI ")
_RARE_SIGN_TOKENS: Final = 3
_REMEMBERED_TEXTS: Final = 16
"""A prompt is counted for each of the models that may be used."""


@lru_cache(maxsize=_REMEMBERED_TEXTS)
def count_tokens(text: str) -> int:
    return sum(_count_piece(match.group()) for match in _TOKEN_PIECES.finditer(text))


def measure_fitting_length(text: str, max_tokens: int) -> int:
    """Return how many characters from the start of ``text`` fit into ``max_tokens``."""
    fitting, too_long = 0, len(text) + 1
    while too_long - fitting > 1:
        middle = (fitting + too_long) // 2
        if count_tokens(text[:middle]) <= max_tokens:
            fitting = middle
        else:
            too_long = middle
    return fitting


def _count_piece(piece: str) -> int:
    if piece.isspace():
        # a single space is part of the next word's token; longer runs and line ends are tokens
        return 0 if piece == " " else 1
    if piece.isascii():
        tail = len(piece) - _WORD_LETTERS
        return 1 + max(0, -(-tail // _TAIL_LETTERS))
    return _count_letters(piece) if piece.isalpha() else _count_sign(piece)


def _count_letters(piece: str) -> int:
    wide = sum(1 for letter in piece if unicodedata.name(letter, "").startswith(_WIDE_SCRIPTS))
    other = len(piece) - wide
    return wide + -(-other // _CASED_TAIL_LETTERS)


def _count_sign(sign: str) -> int:
    return 1 if ord(sign) < 0x3100 else _RARE_SIGN_TOKENS
