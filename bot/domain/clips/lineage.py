"""The lineage of a clip: the tree of clips that it was made from and that were made from it.

A tree can be too large for a message, so its rows are ranked by relevance: first the root and the
selected clip, then the clips between them, the children of the selected one, its siblings, and the
rest.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bot.domain.clips.clip import Clip

_ENDPOINT, _ANCESTOR, _CONTINUATION, _SIBLING, _UNRELATED = range(5)


@dataclass(frozen=True, slots=True)
class LineageRow:
    """One clip of a tree.

    ``depth`` counts the branches above it; a chain without branches has one depth. ``rank`` 0 is
    the most relevant. The parent of an orphan is missing. ``added_seconds`` is what an extension
    adds to its parent, `None` for edits, first clips and orphans.
    """

    clip: Clip
    depth: int
    rank: int
    is_orphan: bool = False
    added_seconds: int | None = None


def find_root_id(clip: Clip) -> int:
    return clip.id if clip.parent_clip_id is None else (clip.root_clip_id or clip.parent_clip_id)


def build_lineage(clips: Iterable[Clip], selected_id: int) -> list[LineageRow]:
    """Return the tree of ``clips``, parents before children, ranked for ``selected_id``.

    Clips whose parent is missing (deleted, or not visible to the reader) are orphans at depth 0.
    """
    by_id = {clip.id: clip for clip in sorted(clips, key=lambda clip: clip.id)}
    children_of: dict[int | None, list[Clip]] = {}
    for clip in by_id.values():
        parent = clip.parent_clip_id if clip.parent_clip_id in by_id else None
        children_of.setdefault(parent, []).append(clip)
    ranks = _rank_clips(by_id, children_of, selected_id)
    rows: list[LineageRow] = []
    # a stack, because the tree may be deeper than Python's recursion limit
    stack = [(clip, 0) for clip in reversed(children_of.get(None, []))]
    while stack:
        clip, depth = stack.pop()
        orphan = clip.parent_clip_id is not None and clip.parent_clip_id not in by_id
        rank, added = ranks.get(clip.id, _UNRELATED), _count_added_seconds(clip, by_id)
        rows.append(LineageRow(clip, depth, rank, orphan, added))
        children = children_of.get(clip.id, [])
        child_depth = depth + (len(children) > 1)
        stack += [(child, child_depth) for child in reversed(children)]
    return rows


def elide_rows(lineage: Sequence[LineageRow], limit: int) -> list[LineageRow]:
    """Return the ``limit`` most relevant rows, in their order in the tree."""
    if len(lineage) <= limit:
        return list(lineage)

    def relevance_key(index: int) -> tuple[int, int]:
        rank = lineage[index].rank
        return (rank, -index if rank == _ANCESTOR else index)  # prefer the nearest ancestors

    by_relevance = sorted(range(len(lineage)), key=relevance_key)
    return [lineage[index] for index in sorted(by_relevance[:limit])]


def _count_added_seconds(clip: Clip, by_id: Mapping[int, Clip]) -> int | None:
    parent = by_id.get(clip.parent_clip_id or 0)
    if parent is None or not clip.mode.contains_parent:
        return None
    return clip.seconds - parent.seconds


def _rank_clips(
    by_id: dict[int, Clip], children_of: dict[int | None, list[Clip]], selected_id: int
) -> dict[int, int]:
    ranks: dict[int, int] = {}
    clip = by_id.get(selected_id)
    if clip is not None:
        ranks |= {sibling.id: _SIBLING for sibling in children_of.get(clip.parent_clip_id, [])}
        ranks |= {child.id: _CONTINUATION for child in children_of.get(selected_id, [])}
    while clip is not None and ranks.get(clip.id) != _ANCESTOR:
        ranks[clip.id] = _ANCESTOR
        parent = by_id.get(clip.parent_clip_id or 0)
        if parent is None:
            ranks[clip.id] = _ENDPOINT
        clip = parent
    if selected_id in by_id:
        ranks[selected_id] = _ENDPOINT
    return ranks
