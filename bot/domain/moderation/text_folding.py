"""Reads a text as people see it, so that a word is found however it is written.

Case, accents, width, styles, invisible characters and look-alike letters do not count. What remains
are words with one space between them, and one at both ends. Chinese, Japanese and Thai have no
spaces, so there the places where a word may end are marked.

A text may have up to three readings: as it stands, and with spaced-out letters joined and signs
read as letters ("5h1t"), for which there are two ways.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from enum import Enum, auto
from functools import lru_cache
from itertools import pairwise
from typing import Final

from bot.domain.moderation.look_alikes import LATIN_FORMS, OTHER_SCRIPTS
from bot.domain.typed_text import is_invisible

WORD_EDGE: Final = " "
"""Where a word begins or ends."""
INNER_EDGE: Final = "\x01"
"""Where a word of several characters may begin or end, in a script without spaces."""
ANY_LETTER: Final = "\x02"
"""A letter that the writer of a text has hidden, as in "f*ck"."""
ANY_LETTERS: Final = "\x03"
"""The star of an entry: any letters of a word, or none."""

_MAX_EXPANSION: Final = 4
"""A few Arabic ligatures stand for whole sentences. They are not read, or texts would grow."""
_MAX_REMEMBERED: Final = 20_000
_BLANKS: Final = frozenset("\u2800\u3164\uffa0")
"""Characters that Unicode does not count as spaces, and that are shown as one."""
_LUNATE_SIGMAS: Final = frozenset("ϲϹ")
"""Normalization makes a sigma of them, though they look like c."""
_WIDE_GAP: Final = "   "
_MAX_GAP: Final = len(_WIDE_GAP) - 1
"""Characters between spaced-out letters, which are not across lines or an apostrophe."""
_WIDE_GAPS: Final = frozenset("\n'’")
_MIN_SPACED_LETTERS: Final = 3
_ONE_LETTER_WORDS: Final = frozenset("aeiouyà")
"""Words of one letter in English, French and Spanish."""
_MIN_DISGUISED_LENGTH: Final = 4
_TOKEN: Final = re.compile(r"\S+")
_ACCENT_RUN: Final = re.compile("([\u0300-\u036f])[\u0300-\u036f]+")
_REPEATED: Final = re.compile(r"(.)\1{2,}")
_STARRED: Final = re.compile(r"\w(?:\*+\w){2,}")
"""Single letters with stars between them, as in "f*u*c*k"."""
_HIDDEN: Final = re.compile(r"(?<=\w)\*+(?=\w)")
_EDGE_SIGNS: Final = "!|+*"
"""Signs that are punctuation at the edge of a word."""
_DIGITS: Final = {"0": "o", "3": "e", "4": "a", "5": "s", "7": "t", "8": "b", "9": "g"}
_SIGNS: Final = {"@": "a", "$": "s", "!": "i", "€": "e", "£": "l", "¢": "c", "+": "t"}
_KEPT_SIGNS: Final = frozenset({*_SIGNS, "|", "*"})
_ENCLOSED_LETTERS: Final = (0x1F150, 0x1F170, 0x1F1E6)
"""The first of 26 letters in circles, squares and flags."""

_PARTICLES_BEFORE: Final = frozenset("はがをのもになおご")
"""After these a word may begin in a run of hiragana."""
_PARTICLES_AFTER: Final = frozenset("はがをにのもでとなだよねさかやぞじめっ")
"""Before these a word may end in a run of hiragana."""


class _Script(Enum):
    SPACED = auto()
    HAN = auto()
    HIRAGANA = auto()
    KATAKANA = auto()
    UNSPACED = auto()
    """Thai, Lao, Burmese and Khmer."""


_SCRIPT_RANGES: Final = (
    (0x0E00, 0x0EFF, _Script.UNSPACED),
    (0x1000, 0x109F, _Script.UNSPACED),
    (0x1780, 0x17FF, _Script.UNSPACED),
    (0x3005, 0x3007, _Script.HAN),
    (0x3041, 0x309F, _Script.HIRAGANA),
    (0x30A1, 0x30FB, _Script.KATAKANA),
    (0x30FD, 0x30FF, _Script.KATAKANA),
    (0x31F0, 0x31FF, _Script.KATAKANA),
    (0x3400, 0x9FFF, _Script.HAN),
    (0xF900, 0xFAFF, _Script.HAN),
    (0x20000, 0x3FFFF, _Script.HAN),
)
_SAME_SCRIPT: Final = frozenset({"ー", ANY_LETTERS, ANY_LETTER})
"""What belongs to the script before it: the sign for a long vowel, and any letter."""
_KANA_DISTANCE: Final = ord("ア") - ord("あ")
_TO_KATAKANA: Final = {code: code + _KANA_DISTANCE for code in range(ord("ぁ"), ord("ゖ") + 1)}
_TO_HIRAGANA: Final = {code + _KANA_DISTANCE: code for code in _TO_KATAKANA}


class _Folding(dict[int, str]):
    """A table for `str.translate` that computes and remembers what it is asked for."""

    def __init__(self, fold: Callable[[str], str]) -> None:
        super().__init__()
        self._fold = fold

    def __missing__(self, code: int) -> str:
        if len(self) >= _MAX_REMEMBERED:
            self.clear()
        folded = self[code] = self._fold(chr(code))
        return folded


def fold_text(text: str) -> tuple[str, ...]:
    """Return the readings of ``text``, the first as it stands. There may be no word in them."""
    visible = _make_visible(text)
    with_signs = visible.translate(_WORDS_AND_SIGNS)
    ways = [visible.translate(_WORDS).split()]
    for one, kept, has_article in (("i", 1, False), ("l", 2, True)):
        words = _join_spaced_letters(with_signs, has_article=has_article)
        read_words = [_read_signs(word, one, kept) for word in words]
        if read_words not in ways:
            ways.append(read_words)
    return tuple(dict.fromkeys(map(_join_words, ways)))


def fold_entry(entry: str) -> tuple[str, ...]:
    """Return the ways to write an ``entry`` of a list: as it is, in look-alike letters or kana.

    Each star is `ANY_LETTERS`. An entry without any letter gives "".
    """
    words = _make_visible(entry).translate(_WORDS_AND_STARS).split()
    own = " ".join(word.translate(_LETTERS) for word in words)
    ways = (
        own,
        own.translate(OTHER_SCRIPTS),
        own.translate(_TO_KATAKANA),
        own.translate(_TO_HIRAGANA),
    )
    return tuple(
        dict.fromkeys(WORD_EDGE.join(_mark_edges(word) for word in way.split()) for way in ways)
    )


def _make_visible(text: str) -> str:
    """Return ``text`` as it is seen, in its plain width and style, without accents and invisibles.

    Of several accents on a letter only the first is looked at: Unicode's algorithm, which puts them
    in order, is slow for many.
    """
    composed = unicodedata.normalize("NFC", _ACCENT_RUN.sub(r"\1", text))
    return unicodedata.normalize("NFKC", composed.translate(_VISIBLE))


def is_without_spaces(character: str) -> bool:
    """Return whether words in this character's script are not separated by spaces."""
    script = _find_script(character)
    return script is not _Script.SPACED and script is not _Script.KATAKANA


def _join_words(words: Iterable[str]) -> str:
    lowered = (word.lower() if word.isascii() else word.translate(_LETTERS) for word in words)
    folded = [word for word in lowered if word]  # a lone accent leaves nothing
    if not all(word.isascii() for word in folded):
        is_disguise = _is_disguised_latin(folded)
        folded = [_read_word(word, is_disguise=is_disguise) for word in folded]
    return f"{WORD_EDGE}{WORD_EDGE.join(folded)}{WORD_EDGE}"


def _is_disguised_latin(words: Sequence[str]) -> bool:
    """Return whether every letter of another alphabet looks like a Latin one.

    A real text in such an alphabet has letters that do not.
    """
    return all(
        letter.isascii()
        or not letter.isalpha()
        or ord(letter) in OTHER_SCRIPTS
        or _find_script(letter) is not _Script.SPACED
        for letter in set().union(*words)
    )


def _read_word(word: str, *, is_disguise: bool) -> str:
    """Return a folded word, with look-alike letters read as Latin ones if it mixes both."""
    if word.isascii():
        return word
    has_latin = any(letter.isascii() and letter.isalpha() for letter in word)
    if is_disguise or has_latin:
        word = word.translate(OTHER_SCRIPTS)
    return _mark_edges(word)


def _mark_edges(word: str) -> str:
    """Return ``word`` with the places where words may begin and end, if its script has no spaces.

    Another script begins another word. Between Chinese characters a word may end, unless they are
    the same: "妈的" is not in "妈妈的". In hiragana it may end at a particle: "ばか" is in
    "ばかだ", but not in "ばかり".
    """
    if word.isascii():
        return word
    parts = [word[0]]
    script = _find_script(word.lstrip(ANY_LETTERS)[:1] or word[0])
    for before, letter in pairwise(word):
        following = script if letter in _SAME_SCRIPT else _find_script(letter)
        if following is not script:
            parts.append(WORD_EDGE)
        elif (script in (_Script.HAN, _Script.UNSPACED) and letter != before) or (
            script is _Script.HIRAGANA
            and (before in _PARTICLES_BEFORE or letter in _PARTICLES_AFTER)
        ):
            parts.append(INNER_EDGE)
        parts.append(letter)
        script = following
    return "".join(parts)


def _join_spaced_letters(text: str, *, has_article: bool) -> list[str]:
    """Return the words of ``text`` with runs of single letters ("f u c k") as one word each.

    Chinese characters are joined from two on, other letters from three on. With ``has_article`` the
    first letter of a run may be a word of its own ("a f u c k").
    """
    words: list[str] = []
    run: list[str] = []
    end = -1
    for token in _TOKEN.finditer(text):
        word = token.group().strip(_EDGE_SIGNS)
        is_next = token.start() - end <= _MAX_GAP
        if run and not (is_next and len(word) == 1):
            words += _close_run(run, has_article=has_article)
            run = []
        if len(word) == 1:
            run.append(word)
        elif word:
            words.append(word)
        end = token.end()
    return words + _close_run(run, has_article=has_article)


def _close_run(run: Sequence[str], *, has_article: bool) -> list[str]:
    if has_article and len(run) > _MIN_SPACED_LETTERS and run[0].lower() in _ONE_LETTER_WORDS:
        return [run[0], "".join(run[1:])]
    is_han = all(_find_script(letter) is _Script.HAN for letter in run)
    return ["".join(run)] if len(run) >= (2 if is_han else _MIN_SPACED_LETTERS) else [*run]


def _read_signs(word: str, one: str, kept: int) -> str:
    """Return ``word`` with its signs and digits as letters, if that is how it may be meant.

    ``one`` is the letter for "1" and "|". Of a letter that is repeated three times or more,
    ``kept`` remain. Numbers and names such as "4K", "MP3", "A55" or "1080p" are not changed.
    """
    if not word.isalpha() and any(character.isalpha() for character in word):
        if _STARRED.fullmatch(word):
            word = word.replace("*", "")
        word = _HIDDEN.sub(lambda hidden: ANY_LETTER * len(hidden.group()), word)
        word = "".join(_SIGNS.get(c, one if c == "|" else c) for c in word if c != "*")
        if _has_disguised_digits(word):
            word = "".join(_DIGITS.get(c, one if c == "1" else c) for c in word)
    return _REPEATED.sub(lambda run: run.group(1) * kept, word)


def _has_disguised_digits(word: str) -> bool:
    digits = sum(character.isdigit() for character in word)
    is_inside = len(word) == 3 and word[1].isdigit()
    is_long = len(word) >= _MIN_DISGUISED_LENGTH and 2 * digits <= len(word)
    return digits > 0 and (is_long or (is_inside and digits == 1))


@lru_cache(maxsize=_MAX_REMEMBERED)
def _find_script(character: str) -> _Script:
    code = ord(character)
    if code < _SCRIPT_RANGES[0][0]:
        return _Script.SPACED
    return next(
        (script for first, last, script in _SCRIPT_RANGES if first <= code <= last),
        _Script.SPACED,
    )


def _is_accent(character: str) -> bool:
    """Return whether a mark only adorns a letter. In other scripts marks are vowels or letters."""
    code = ord(character)
    return (
        0x0300 <= code <= 0x036F
        or 0x0483 <= code <= 0x0489
        or 0x0591 <= code <= 0x05C7
        or 0x064B <= code <= 0x0670
        or 0x1AB0 <= code <= 0x1AFF
        or 0x1DC0 <= code <= 0x1DFF
        or 0x20D0 <= code <= 0x20FF
        or 0xFE20 <= code <= 0xFE2F
    ) and unicodedata.category(character) in {"Mn", "Me"}


def _show(character: str) -> str:
    """Return nothing for what cannot be seen or only adorns, and the letter of an enclosed one."""
    code = ord(character)
    if character.isascii():
        return character
    for first in _ENCLOSED_LETTERS:
        if first <= code < first + 26:
            return chr(ord("a") + code - first)
    if character in _LUNATE_SIGMAS:
        return "c"
    if character in _BLANKS:
        return " "
    if _is_accent(character) or is_invisible(character):
        return ""
    return " " if len(unicodedata.normalize("NFKC", character)) > _MAX_EXPANSION else character


def _keep_word_character(character: str) -> str:
    if character in _WIDE_GAPS:
        return _WIDE_GAP
    return character if unicodedata.category(character)[0] in "LNM" else " "


def _keep_word_or_sign(character: str) -> str:
    return character if character in _KEPT_SIGNS else _keep_word_character(character)


def _keep_word_or_star(character: str) -> str:
    return ANY_LETTERS if character == "*" else _keep_word_character(character)


def _fold_letter(character: str) -> str:
    """Return a letter in lower case, without accents and in its plain form.

    The Spanish ñ is a letter of its own: "año" and "ano" are different words.
    """
    if character in "ñÑ":
        return "ñ"
    parts = unicodedata.normalize("NFKD", character).casefold()
    plain = "".join(LATIN_FORMS.get(part, part) for part in parts if not _is_accent(part))
    return unicodedata.normalize("NFC", plain)


_VISIBLE: Final = _Folding(_show)
_WORDS: Final = _Folding(_keep_word_character)
_WORDS_AND_SIGNS: Final = _Folding(_keep_word_or_sign)
_WORDS_AND_STARS: Final = _Folding(_keep_word_or_star)
_LETTERS: Final = _Folding(_fold_letter)
