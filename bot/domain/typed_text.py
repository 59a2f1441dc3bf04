"""Cleans what people type of characters that no database, model or reader can use."""

import unicodedata
from typing import Final

_KEPT_CONTROLS: Final = frozenset("\n\t")
_INVISIBLE_LETTERS: Final = frozenset("\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\U0001d159")
"""Fillers and blanks that Unicode counts as letters, marks or symbols."""
_INVISIBLE_CATEGORIES: Final = frozenset({"Cc", "Cf", "Cs", "Cn", "Co", "Zs", "Zl", "Zp"})


def clean_typed_text(text: str) -> str:
    """Return ``text`` without control characters, lone surrogates and noncharacters.

    Line ends become ``\\n``. Joiners and direction marks stay: emoji and scripts are made of them.
    """
    if text.isascii() and text.isprintable():
        return text
    lines = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(character for character in lines if _is_text(character))


def has_visible_text(text: str) -> bool:
    """Return whether a reader can see anything of ``text``."""
    return any(_is_visible(character) for character in text)


def is_zero_width(character: str) -> bool:
    """Return whether ``character`` has no width of its own: joiners, marks, fillers."""
    return is_invisible(character) or unicodedata.category(character) in {"Mn", "Me"}


def is_invisible(character: str) -> bool:
    """Return whether nothing of ``character`` can be seen: joiners, fillers, variation selectors.

    Marks can be seen on the letter before them.
    """
    if character in _INVISIBLE_LETTERS or _is_variation_selector(character):
        return True
    return unicodedata.category(character) == "Cf"


def _is_text(character: str) -> bool:
    if character in _KEPT_CONTROLS:
        return True
    if 0xFDD0 <= ord(character) <= 0xFDEF or ord(character) & 0xFFFE == 0xFFFE:
        return False
    return unicodedata.category(character) not in {"Cc", "Cs"}


def _is_visible(character: str) -> bool:
    if character in _INVISIBLE_LETTERS or _is_variation_selector(character):
        return False
    return unicodedata.category(character) not in _INVISIBLE_CATEGORIES


def _is_variation_selector(character: str) -> bool:
    code = ord(character)
    return 0xFE00 <= code <= 0xFE0F or 0xE0100 <= code <= 0xE01EF or code in {0x034F, 0x180B}
