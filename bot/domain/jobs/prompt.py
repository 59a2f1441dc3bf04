"""Counts a prompt's tokens before it is sent: Veo reads 1,024 and cuts the rest without a word.

Veo's tokenizer is not public, so this is an estimate from above, made of the splitting rules that
the public SentencePiece vocabularies of Google's models share: a common word is one token, a long
one a few, every digit, sign and CJK character one, anything rare more. How it was chosen, and what
it costs to be wrong either way, stands in docs/decisions/0006-counting-tokens.md.
"""

import re
import unicodedata
from typing import Final

from bot.domain.errors import PromptTooLong

_TOKEN_PIECES: Final = re.compile(r"[A-Za-z]+|\d|\n|[^\S\n]+|[^\W\d_]+|.", re.DOTALL)
_WORD_LETTERS: Final = 8
"""Letters of an English word that are one token in nearly all cases."""
_TAIL_LETTERS: Final = 4
_CASED_TAIL_LETTERS: Final = 3
_WIDE_SCRIPTS: Final = ("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO", "YI ")
_RARE_SIGN_TOKENS: Final = 3


def count_tokens(text: str) -> int:
    """Return how many tokens ``text`` has at most, by estimate."""
    return sum(_count_piece(match.group()) for match in _TOKEN_PIECES.finditer(text))


def _count_piece(piece: str) -> int:
    if piece.isspace():
        # A single space belongs to the word that follows; runs and line ends are tokens.
        return 0 if piece == " " else 1
    if piece.isascii():
        rest = len(piece) - _WORD_LETTERS
        return 1 + max(0, -(-rest // _TAIL_LETTERS))
    return _count_letters(piece) if piece.isalpha() else _count_sign(piece)


def _count_letters(piece: str) -> int:
    wide = sum(1 for letter in piece if unicodedata.name(letter, "").startswith(_WIDE_SCRIPTS))
    other = len(piece) - wide
    return wide + -(-other // _CASED_TAIL_LETTERS)


def _count_sign(sign: str) -> int:
    return 1 if ord(sign) < 0x3100 else _RARE_SIGN_TOKENS


def check_prompt_length(text: str, *, limit: int) -> None:
    """Raise `PromptTooLong`, with the count, when ``text`` has more than ``most`` tokens."""
    count = count_tokens(text)
    if count > limit:
        raise PromptTooLong(tokens=count, limit=limit)
