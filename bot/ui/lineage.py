"""The tree of a clip as a message: what it grew from and what grew from it. Pure text, no I/O."""

from collections.abc import Sequence
from typing import Final

from bot.domain.clips.clip import Clip
from bot.domain.clips.lineage import Row, shortened
from bot.i18n.catalogs import say
from bot.i18n.formatting import excerpt, jump_link

MOST: Final = 3800
"""Characters of the message, whose text may have 4,000."""
_DEEPEST: Final = 8
"""Indentation that a phone still shows; deeper rows say by number what they continue."""


def tree(rows: Sequence[Row], clip: Clip, locale: str | None) -> str:
    """Return as much of a tree as a message holds, the most telling rows for sure."""
    title = say("chain.title", locale, clip=f"#{clip.id}", count=len(rows))
    if len(rows) == 1:
        return "\n".join([title, _line(rows[0], None, clip, locale), say("chain.alone", locale)])
    most = len(rows)
    while True:
        kept = shortened(rows, most)
        lines = [title]
        before: Row | None = None
        for row in kept:
            lines.append(_line(row, before, clip, locale))
            before = row
        if most < len(rows):
            lines.append(say("chain.more", locale, count=len(rows) - most))
        text = "\n".join(lines)
        if len(text) <= MOST:
            return text
        # rows are of about one length: leave out what is over, and at least one
        most -= max(1, (len(text) - MOST) * most // len(text))


def _line(row: Row, before: Row | None, asked: Clip, locale: str | None) -> str:
    clip = row.clip
    name = f"#{clip.id}" if clip.message_id is None else f"[#{clip.id}]({jump_link(clip)})"
    here = clip.id == asked.id
    parts = [f"**▶ {name}**" if here else name, say("seconds", locale, count=clip.seconds)]
    parts.append(f"<@{clip.user_id}>")
    if row.orphan:
        parts.append(say("chain.orphan", locale, parent=f"#{clip.parent_clip_id}"))
    elif clip.parent_clip_id is not None and (
        before is None or before.clip.id != clip.parent_clip_id
    ):
        parts.append(say("chain.from", locale, parent=f"#{clip.parent_clip_id}"))
    mark = "●" if clip.parent_clip_id is None else "↳"
    indent = "\u2003" * min(row.depth, _DEEPEST)
    return f"{indent}{mark} {' · '.join(parts)}: {excerpt(clip.prompt, 50)}"
