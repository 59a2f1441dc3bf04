"""Formats user text, times, sizes and money for messages.

Markdown is escaped, mentions become plain words, links are disabled and long texts are truncated.
So nothing that a member typed can ping anyone, look like the bot's own text or exceed the limit of
a message. It cannot spread links either: AutoMod does not check messages of bots.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Final

import discord
from babel.dates import format_date
from babel.numbers import format_currency, format_decimal

from bot.domain.billing.money import Micros, format_usd
from bot.domain.clips.clip import Clip
from bot.domain.jobs.presets import split_presets
from bot.i18n.catalogs import resolve_language, translate
from bot.i18n.translations import to_babel_locale

PROMPT_LIMIT: Final = 350
"""Characters of a prompt on a card. *Details* shows all of it."""
EXCERPT_LIMIT: Final = 120
"""Characters of a prompt in a status message or a list."""
MESSAGE_LIMIT: Final = 1900
"""Characters that the bot puts into a plain message. Discord's limit is 2,000."""

_MENTION_PATTERNS: Final = (
    (re.compile(r"<@!?\d+>"), "@member"),
    (re.compile(r"<@&\d+>"), "@role"),
    (re.compile(r"<#\d+>"), "#channel"),
    (re.compile(r"<a?(:\w{2,32}:)\d+>"), r"\1"),
    (re.compile(r"</([^:>]{1,100}):\d+>"), r"/\1"),
    (re.compile(r"<id:([\w-]{1,30})>"), r"#\1"),
)
_MARKUP_PATTERN: Final = re.compile(r"([\\*_~|`\[\]]|<(?=[@#:/a-zA-Z]))")
"""Escaped here because discord.py's escaping skips the text between a link's brackets."""
_TIMESTAMP_PATTERN: Final = re.compile(r"<t:(-?\d{1,17})(?::[a-zA-Z])?>")
_LINK_PATTERN: Final = re.compile(
    r"(:)(?=//)|(\bdiscord(?:app)?\.(?:gg|gift|new|com/(?:invite|gifts|template)))(?=/)",
    re.IGNORECASE,
)
"""What makes Discord show a link: a scheme, or one of its short addresses without a scheme."""
_LINK_BREAK: Final = "\u200b"
_LINE_MARKUP_PATTERN: Final = re.compile(r"^(\s*)(#{1,6}|-#|[->+]|>>>)(?=\s|$)", re.MULTILINE)
_LINE_NUMBER_PATTERN: Final = re.compile(r"^(\s*\d+)([.)])(?=\s)", re.MULTILINE)


def sanitize_text(text: str) -> str:
    """Return ``text`` without markup, mentions or links that Discord would act on."""
    for pattern, replacement in _MENTION_PATTERNS:
        text = pattern.sub(replacement, text)
    text = _TIMESTAMP_PATTERN.sub(_replace_timestamp, text)
    text = _MARKUP_PATTERN.sub(r"\\\1", text)
    text = _LINK_PATTERN.sub(rf"\g<0>{_LINK_BREAK}", text)
    text = _LINE_MARKUP_PATTERN.sub(r"\1\\\2", text)
    text = _LINE_NUMBER_PATTERN.sub(r"\1\\\2", text)
    return discord.utils.escape_mentions(text)


def _replace_timestamp(match: re.Match[str]) -> str:
    """Return a timestamp that a member typed as plain text, so that Discord does not render it."""
    try:
        return f"{datetime.fromtimestamp(int(match[1]), UTC):%Y-%m-%d %H:%M} UTC"
    except (OverflowError, ValueError, OSError):
        return f"t:{match[1]}"


def truncate_text(text: str, limit: int = PROMPT_LIMIT) -> str:
    """Return ``text`` in at most four lines and ``limit`` characters, cut between words."""
    lines = [line for line in text.splitlines() if line.strip()]
    joined = "\n".join(lines) if len(lines) <= 4 else " ".join(lines)
    if len(joined) <= limit:
        return joined
    cut = joined[: limit - 1]
    head, space, _ = cut.rpartition(" ")
    return f"{head if space and len(head) > limit // 2 else cut}…"


def format_excerpt(prompt: str, limit: int = EXCERPT_LIMIT) -> str:
    """Return a sanitized prompt in one line of at most ``limit`` characters before escaping."""
    return sanitize_text(truncate_text(" ".join(prompt.split()), limit))


def format_prompt(prompt: str, limit: int = PROMPT_LIMIT) -> str:
    """Return a sanitized and truncated prompt for a card. Its presets are always kept."""
    body, presets = split_presets(prompt)
    return sanitize_text(f"{truncate_text(body, limit)} {presets}".strip())


def format_timestamp(moment: datetime, style: discord.utils.TimestampStyle = "t") -> str:
    """Return a Discord timestamp, which each reader sees in their own time zone."""
    return discord.utils.format_dt(moment, style)


def format_eta(earliest: datetime, latest: datetime, locale: str | None) -> str:
    """Return an estimate as a range, or as one time if the range is under a minute."""
    if latest - earliest < timedelta(minutes=1):
        return translate("eta.about", locale, when=format_timestamp(latest, "R"))
    start, end = format_timestamp(earliest), format_timestamp(latest)
    return translate("eta.range", locale, soon=start, late=end)


def build_jump_link(clip: Clip) -> str | None:
    """Return the link to the message of a clip, or `None` if it was never posted."""
    if clip.message_id is None:
        return None
    guild = clip.guild_id if clip.guild_id is not None else "@me"
    return f"https://discord.com/channels/{guild}/{clip.channel_id}/{clip.message_id}"


def format_clip_number(clip_id: int, link: str | None) -> str:
    """Return a clip's number, as a link if there is one."""
    return f"#{clip_id}" if link is None else f"[#{clip_id}]({link})"


def list_clip_numbers(clips: Iterable[Clip], locale: str | None) -> str:
    return join_list((f"#{clip.id}" for clip in clips), locale)


def join_fitting_lines(lines: Sequence[str], limit: int = MESSAGE_LIMIT) -> str:
    """Return as many whole lines as fit into ``limit`` characters, with "…" if some do not."""
    fitting: list[str] = []
    length = 0
    for line in lines:
        length += len(line) + 1
        if length > limit:
            fitting.append("…")
            break
        fitting.append(line)
    return "\n".join(fitting)


def split_text(text: str, limit: int = MESSAGE_LIMIT) -> list[str]:
    """Return all of ``text``, sanitized, in parts of at most ``limit`` characters.

    It is cut before it is sanitized. So no escape is split, and markup at the start of a part is
    escaped too.
    """
    parts = []
    while text:
        length = min(len(text), limit)
        while len(sanitize_text(text[:length])) > limit:
            length = length * 3 // 4
        if length < len(text):  # between words if possible
            length = text.rfind(" ", length // 2, length) + 1 or length
        parts.append(sanitize_text(text[:length]))
        text = text[length:]
    return parts


def format_mebibytes(size: int, locale: str | None) -> str:
    number = format_decimal(round(size / 2**20, 1), format="0.0", locale=_to_babel_locale(locale))
    return f"{number} MiB"


def format_money(amount: Micros, locale: str | None) -> str:
    """Return an amount in the notation of the language: ``$0.40``, ``0,40 $``.

    Google's bills have six decimals. They are rounded to four.
    """
    amount = Micros(round(amount, -2))
    if resolve_language(locale) == "en":
        return format_usd(amount)
    dollars = Decimal(amount) / 1_000_000
    in_cents = dollars == dollars.quantize(Decimal("0.01"))
    return format_currency(
        dollars, "USD", locale=_to_babel_locale(locale), decimal_quantization=in_cents
    )


def join_list(items: Iterable[str], locale: str | None) -> str:
    return translate("list.separator", locale).join(items)


def join_sentences(first: str, second: str, locale: str | None) -> str:
    """Return two sentences after one another, with a space in languages that write one."""
    return translate("list.sentences", locale, first=first, second=second)


def format_labeled(label: str, text: str, locale: str | None) -> str:
    """Return ``text`` after its label and the colon of the language."""
    return translate("list.labeled", locale, label=label, text=text)


def format_day(day: date, locale: str | None) -> str:
    return format_date(day, format="long", locale=_to_babel_locale(locale))


def _to_babel_locale(locale: str | None) -> str:
    return to_babel_locale(resolve_language(locale))
