"""The tree of a clip as a message: what it grew from and what grew from it. Pure text, no I/O."""

from collections.abc import Sequence
from typing import Final

from bot.domain.clips.clip import Clip
from bot.domain.clips.lineage import LineageRow, elided
from bot.i18n.catalogs import translate
from bot.i18n.formatting import build_jump_link, format_excerpt

MAXIMUM_LENGTH: Final = 3800
"""Characters of the message, whose text may have 4,000."""
_MAXIMUM_INDENT: Final = 8
"""Indentation that a phone still shows; deeper rows say by number what they continue."""


def format_lineage(rows: Sequence[LineageRow], clip: Clip, locale: str | None) -> str:
    """Return as much of a tree as a message holds, the most telling rows for sure."""
    title = translate("chain.title", locale, clip=f"#{clip.id}", count=len(rows))
    if len(rows) == 1:
        return "\n".join(
            [
                title,
                _format_lineage_row(rows[0], None, clip, locale),
                translate("chain.alone", locale),
            ]
        )
    most = len(rows)
    while True:
        kept = elided(rows, most)
        lines = [title]
        before: LineageRow | None = None
        for row in kept:
            lines.append(_format_lineage_row(row, before, clip, locale))
            before = row
        if most < len(rows):
            lines.append(translate("chain.more", locale, count=len(rows) - most))
        text = "\n".join(lines)
        if len(text) <= MAXIMUM_LENGTH:
            return text
        # rows are of about one length: leave out what is over, and at least one
        most -= max(1, (len(text) - MAXIMUM_LENGTH) * most // len(text))


def _format_lineage_row(
    row: LineageRow, previous: LineageRow | None, requested: Clip, locale: str | None
) -> str:
    clip = row.clip
    name = f"#{clip.id}" if clip.message_id is None else f"[#{clip.id}]({build_jump_link(clip)})"
    here = clip.id == requested.id
    parts = [f"**▶ {name}**" if here else name, translate("seconds", locale, count=clip.seconds)]
    parts.append(f"<@{clip.user_id}>")
    if row.is_orphan:
        parts.append(translate("chain.orphan", locale, parent=f"#{clip.parent_clip_id}"))
    elif clip.parent_clip_id is not None and (
        previous is None or previous.clip.id != clip.parent_clip_id
    ):
        parts.append(translate("chain.from", locale, parent=f"#{clip.parent_clip_id}"))
    mark = "●" if clip.parent_clip_id is None else "↳"
    indent = "\u2003" * min(row.depth, _MAXIMUM_INDENT)
    return f"{indent}{mark} {' · '.join(parts)}: {format_excerpt(clip.prompt, 50)}"
