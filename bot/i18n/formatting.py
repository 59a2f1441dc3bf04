"""Puts what people typed, times and sizes into words that are safe to show.

Markdown is escaped, mentions become readable words, long texts are folded: nothing that a person
wrote can ping anyone, pose as the bot's own words or break a message's limit.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

import discord
from babel.numbers import format_currency, format_decimal

from bot.domain.billing.money import Micros, format_usd
from bot.domain.clips.clip import Clip
from bot.domain.jobs.presets import split_presets
from bot.i18n.catalogs import resolve_language, translate
from bot.i18n.translations import to_babel_locale

PROMPT_LIMIT: Final = 350
"""Characters of a prompt that a card shows; the rest stands under Details."""
EXCERPT_LIMIT: Final = 120
"""Characters of a prompt in a status line or a list."""
MESSAGE_LIMIT: Final = 1900
"""Characters of a plain message that we fill, below Discord's 2,000."""

_MENTION_PATTERNS: Final = (
    (re.compile(r"<@!?\d+>"), "@member"),
    (re.compile(r"<@&\d+>"), "@role"),
    (re.compile(r"<#\d+>"), "#channel"),
    (re.compile(r"<a?(:\w{2,32}:)\d+>"), r"\1"),
    (re.compile(r"</([^:>]{1,100}):\d+>"), r"/\1"),
    (re.compile(r"<id:([\w-]{1,30})>"), r"#\1"),
)
_MARKUP_PATTERN: Final = re.compile(r"([\\*_~|`\[\]]|<(?=[@#:/a-zA-Z]))")
"""Each of them, always: discord.py's own escaping leaves what stands between a link's brackets."""
_TIMESTAMP_PATTERN: Final = re.compile(r"<t:(-?\d{1,17})(?::[a-zA-Z])?>")
_LINE_MARKUP_PATTERN: Final = re.compile(r"^(\s*)(#{1,6}|-#|[->+]|>>>)(?=\s|$)", re.MULTILINE)
_LINE_NUMBER_PATTERN: Final = re.compile(r"^(\s*\d+)([.)])(?=\s)", re.MULTILINE)


def sanitize_text(text: str) -> str:
    """Return what a person typed as plain text: no markup, and no mention that Discord resolves."""
    for pattern, instead in _MENTION_PATTERNS:
        text = pattern.sub(instead, text)
    text = _TIMESTAMP_PATTERN.sub(_replace_timestamp, text)
    text = _MARKUP_PATTERN.sub(r"\\\1", text)
    text = _LINE_MARKUP_PATTERN.sub(r"\1\\\2", text)
    text = _LINE_NUMBER_PATTERN.sub(r"\1\\\2", text)
    return discord.utils.escape_mentions(text)


def _replace_timestamp(match: re.Match[str]) -> str:
    """Return the time of a timestamp in words: Discord would show it as the bot's own."""
    try:
        return f"{datetime.fromtimestamp(int(match[1]), UTC):%Y-%m-%d %H:%M} UTC"
    except (OverflowError, ValueError, OSError):
        return f"t:{match[1]}"


def truncate_text(text: str, limit: int = PROMPT_LIMIT) -> str:
    """Return ``text`` on few lines and in at most ``most`` characters, cut at a word."""
    lines = [line for line in text.splitlines() if line.strip()]
    joined = "\n".join(lines) if len(lines) <= 4 else " ".join(lines)
    if len(joined) <= limit:
        return joined
    cut = joined[: limit - 1]
    head, space, _ = cut.rpartition(" ")
    return f"{head if space and len(head) > limit // 2 else cut}…"


def format_excerpt(prompt: str, limit: int = EXCERPT_LIMIT) -> str:
    """Return a prompt on one line, short and harmless."""
    return sanitize_text(truncate_text(" ".join(prompt.split()), limit))


def format_prompt(prompt: str, limit: int = PROMPT_LIMIT) -> str:
    """Return a prompt as a card shows it: harmless, folded, and never without its presets."""
    body, added = split_presets(prompt)
    return sanitize_text(f"{truncate_text(body, limit)} {added}".strip())


def format_timestamp(moment: datetime, style: discord.utils.TimestampStyle = "t") -> str:
    """Return a time that every reader sees in their own time zone."""
    return discord.utils.format_dt(moment, style)


def format_eta(earliest: datetime, latest: datetime, locale: str | None) -> str:
    """Return an estimate as the range it is, or as one time where the range is narrow."""
    if latest - earliest < timedelta(minutes=1):
        return translate("eta.about", locale, when=format_timestamp(latest, "R"))
    return translate(
        "eta.range", locale, soon=format_timestamp(earliest), late=format_timestamp(latest)
    )


def build_jump_link(clip: Clip) -> str:
    """Return the link to the message of a clip; it works in every client."""
    place = clip.guild_id if clip.guild_id is not None else "@me"
    return f"https://discord.com/channels/{place}/{clip.channel_id}/{clip.message_id or ''}"


def join_fitting_lines(lines: Sequence[str], limit: int = MESSAGE_LIMIT) -> str:
    """Return as many whole lines as one message holds."""
    kept: list[str] = []
    length = 0
    for line in lines:
        length += len(line) + 1
        if length > limit:
            kept.append("…")
            break
        kept.append(line)
    return "\n".join(kept)


def split_text(text: str, limit: int = MESSAGE_LIMIT) -> list[str]:
    """Return what a person typed, whole and harmless, cut into parts that fit a message each.

    It is cut before it is made harmless: a part begins a line, and an escape is not torn.
    """
    found = []
    while text:
        length = min(len(text), limit)
        while len(sanitize_text(text[:length])) > limit:
            length = length * 3 // 4
        if length < len(text):  # rather between words
            length = text.rfind(" ", length // 2, length) + 1 or length
        found.append(sanitize_text(text[:length]))
        text = text[length:]
    return found


def format_mebibytes(size: int, locale: str | None) -> str:
    """Return a size in bytes as people read it."""
    number = format_decimal(round(size / 2**20, 1), format="0.0", locale=_to_babel_locale(locale))
    return f"{number} MiB"


def format_money(amount: Micros, locale: str | None) -> str:
    """Return an amount of money as the language writes it: ``$0.40``, ``0,40 $``."""
    if resolve_language(locale) == "en":
        return format_usd(amount)
    dollars = Decimal(amount) / 1_000_000
    in_cents = dollars == dollars.quantize(Decimal("0.01"))
    return format_currency(
        dollars, "USD", locale=_to_babel_locale(locale), decimal_quantization=in_cents
    )


def join_list(items: Iterable[str], locale: str | None) -> str:
    """Return a list in one line, its parts apart as the language has them."""
    return translate("list.separator", locale).join(items)


def _to_babel_locale(locale: str | None) -> str:
    return to_babel_locale(resolve_language(locale))
