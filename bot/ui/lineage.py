"""A clip's lineage as text: the clips it was made from, and those made from it."""

from collections.abc import Sequence
from typing import Final

from bot.domain.clips.clip import Clip
from bot.domain.clips.lineage import LineageRow, elide_rows
from bot.domain.jobs.request import GenerationMode
from bot.i18n.catalogs import translate
from bot.i18n.formatting import build_jump_link, format_clip_number, format_excerpt, format_labeled

MAXIMUM_LENGTH: Final = 3800
"""Characters of the message. Discord allows 4,000."""
_MAXIMUM_INDENT: Final = 8
"""The deepest indentation that fits on a phone. Deeper rows name their parent."""


def format_lineage(rows: Sequence[LineageRow], clip: Clip, locale: str | None) -> str:
    """Return as many rows as fit into a message, leaving out the least relevant."""
    title = translate("chain.title", locale, clip=f"#{clip.id}", count=len(rows))
    if len(rows) == 1:
        line = _format_row(rows[0], None, clip, locale)
        return "\n".join([title, line, translate("chain.alone", locale)])
    limit = len(rows)
    while True:
        lines = [title]
        previous: LineageRow | None = None
        for row in elide_rows(rows, limit):
            lines.append(_format_row(row, previous, clip, locale))
            previous = row
        if limit < len(rows):
            lines.append(translate("chain.more", locale, count=len(rows) - limit))
        text = "\n".join(lines)
        if len(text) <= MAXIMUM_LENGTH:
            return text
        # rows have similar lengths, so drop the same share of rows as of characters
        limit -= max(1, (len(text) - MAXIMUM_LENGTH) * limit // len(text))


def _format_row(
    row: LineageRow, previous: LineageRow | None, requested: Clip, locale: str | None
) -> str:
    clip = row.clip
    name = format_clip_number(clip.id, build_jump_link(clip))
    if clip.id == requested.id:
        name = f"**▶ {name}**"
    parent = clip.parent_clip_id
    parts = [
        name,
        *([] if parent is None else [_name_edge(row, locale)]),
        translate("seconds", locale, count=clip.seconds),
        f"<@{clip.user_id}>",
    ]
    if row.is_orphan:
        parts.append(translate("chain.orphan", locale, parent=f"#{parent}"))
    elif parent is not None and (previous is None or previous.clip.id != parent):
        parts.append(translate("chain.from", locale, parent=f"#{parent}"))
    bullet = get_edge_mark(clip)
    indent = "\u2003" * min(row.depth, _MAXIMUM_INDENT)
    line = format_labeled(" · ".join(parts), format_excerpt(clip.prompt, 50), locale)
    return f"{indent}{bullet} {line}"


def get_edge_mark(clip: Clip) -> str:
    """Return the symbol for how a clip was made. The words next to it say the same."""
    if clip.parent_clip_id is None:
        return "●"
    return "✎" if clip.mode is GenerationMode.EDIT else "⤷"


def _name_edge(row: LineageRow, locale: str | None) -> str:
    if row.clip.mode is GenerationMode.EDIT:
        return translate("chain.edited", locale)
    if row.clip.mode.has_first_frame:
        return translate("chain.begins_with_frame", locale)
    if row.added_seconds is None:
        return translate("chain.extended", locale)
    added = translate("seconds", locale, count=row.added_seconds)
    return translate("chain.extended_by", locale, added=added)
