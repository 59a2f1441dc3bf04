"""The texts by which posts and servers are found in the gallery."""

import unicodedata
from typing import Final

_ACCENTS: Final = frozenset(map(chr, range(0x300, 0x370)))
"""Accents of Latin, Greek and Cyrillic letters; marks of other scripts change the letter."""


def normalize_search_text(text: str) -> str:
    """Return a text as it is searched: without case, accents and other forms of a letter.

    This is not left to the databases, because SQLite only ignores the case of ASCII letters.
    """
    decomposed = unicodedata.normalize("NFKD", text.replace("ı", "i").casefold())
    bare = "".join(letter for letter in decomposed if letter not in _ACCENTS)
    return " ".join(unicodedata.normalize("NFKC", bare).casefold().split())


def build_search_text(prompt: str | None, creator_name: str) -> str:
    """Return the text by which a post is found; ``prompt`` is `None` if it is hidden."""
    return normalize_search_text(f"{prompt or ''} {creator_name}")
