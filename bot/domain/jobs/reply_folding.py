"""Normalizes replies, so that case, width, emoji, punctuation and accents make no difference."""

import re
import unicodedata
from typing import Final

DISCORD_TOKENS: Final = re.compile(
    r"<a?:\w+:\d+>|<[@#][!&]?\d+>|<@&\d+>|<t:-?\d+(?::\w)?>|</[^<>:]+:\d+>|<id:\w+>"
)
LINKS: Final = re.compile(r"<?\b(?:https?|ftp)://\S+|\bwww\.\S+|\bdiscord\.gg/\S+", re.IGNORECASE)
_EMOTICONS: Final = re.compile(
    r":\w{2,32}:|<3+|(?<!\w)(?:[:;=8]['^o-]?[)(\]\[dpo/\\|*3}{><]+"
    r"|\^[_.]*\^|[-t>o][_.]+[-t<o])(?!\w)"
)
_SIGN: Final = "\x01"
"""Stands for everything that is not text. Callers choose whether it separates words."""
_FILLERS: Final = frozenset("\u3164\u115f\u1160\uffa0")
"""Letters that are invisible."""


def drop_signs(text: str) -> str:
    """Return folded text without emoji, mentions, links and invisible characters."""
    visible = "".join(
        _SIGN if unicodedata.category(sign) in ("So", "Sk", "Co", "Cn", "Cs") else sign
        for sign in text
        if unicodedata.category(sign) not in ("Cf", "Me") and not is_invisible(sign)
    )
    folded = _fold_letters(visible)
    folded = LINKS.sub(_SIGN, DISCORD_TOKENS.sub(_SIGN, folded))
    return _EMOTICONS.sub(_SIGN, folded)


def is_invisible(sign: str) -> bool:
    return sign in _FILLERS or "\ufe00" <= sign <= "\ufe0f"


def _fold_letters(text: str) -> str:
    """Return ``text`` in one width, in lower case and without the accents of Latin letters."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    decomposed = unicodedata.normalize("NFD", folded)
    plain = "".join(sign for sign in decomposed if not "\u0300" <= sign <= "\u036f")
    return "".join(
        sign
        for sign in unicodedata.normalize("NFC", plain)
        if unicodedata.category(sign) not in ("Cf", "Mn", "Me")
    )


def separate_at_signs(text: str) -> str:
    return "".join(sign if sign.isalnum() else " " for sign in text)


def join_at_signs(text: str) -> str:
    return "".join(sign if sign.isalnum() or sign.isspace() else "" for sign in text)


def is_wide(letter: str) -> bool:
    """Return whether ``letter`` belongs to a script that is written without spaces."""
    return (
        "\u3005" <= letter <= "\u30ff" or "\u3400" <= letter <= "\u9fff" or letter >= "\U00020000"
    )


def is_kana(letter: str) -> bool:
    return "\u3040" <= letter <= "\u30ff"
