"""The tree of a clip: what it grew from, and everything that was made by extending it.

A tree can be large (anyone may extend anything, twenty times over) and a message is small, so its
rows are ranked from the most to the least telling: the first clip and the one that was asked for,
the way between them, what continues it, its siblings, then the rest. Whoever shows the tree takes
as many rows as fit.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from bot.domain.clips.clip import Clip

_ENDPOINT: Final = 0
_ANCESTOR: Final = 1
_CONTINUATION: Final = 2
_SIBLING: Final = 3
_UNRELATED: Final = 4


@dataclass(frozen=True, slots=True)
class LineageRow:
    """One clip of a tree as it is shown.

    ``depth`` counts the branchings above it: clips that merely continue one another stand at one
    depth. ``rank`` says how telling it is, 0 the most; ``orphan`` that what it continued is gone.
    """

    clip: Clip
    depth: int
    rank: int
    is_orphan: bool = False


def find_root_id(clip: Clip) -> int:
    """Return the number of the first clip of the tree that ``clip`` belongs to."""
    return clip.id if clip.parent_clip_id is None else (clip.root_clip_id or clip.parent_clip_id)


def build_lineage(clips: Iterable[Clip], selected_id: int) -> list[LineageRow]:
    """Return the tree that ``clips`` make, each before what continues it, around clip ``asked``.

    Clips whose parent is not among them (it was deleted, or is not for the reader) stand at the
    first depth as orphans.
    """
    by_id = {clip.id: clip for clip in sorted(clips, key=lambda each: each.id)}
    below: dict[int | None, list[Clip]] = {}
    for clip in by_id.values():
        parent = clip.parent_clip_id if clip.parent_clip_id in by_id else None
        below.setdefault(parent, []).append(clip)
    ranks = _rank_clips(by_id, below, selected_id)
    found: list[LineageRow] = []
    # not by recursion: what is stored decides how deep it is
    waiting = [(clip, 0) for clip in reversed(below.get(None, []))]
    while waiting:
        clip, depth = waiting.pop()
        orphan = clip.parent_clip_id is not None and clip.parent_clip_id not in by_id
        found.append(LineageRow(clip, depth, ranks.get(clip.id, _UNRELATED), orphan))
        children = below.get(clip.id, [])
        deeper = depth + (len(children) > 1)
        waiting += [(child, deeper) for child in reversed(children)]
    return found


def elide_rows(lineage: Sequence[LineageRow], limit: int) -> list[LineageRow]:
    """Return the ``most`` most telling rows of ``tree``, in the tree's own order."""
    if len(lineage) <= limit:
        return list(lineage)

    def relevance_key(place: int) -> tuple[int, int]:
        rank = lineage[place].rank
        return (rank, -place if rank == _ANCESTOR else place)  # of the way, what is near

    telling = sorted(range(len(lineage)), key=relevance_key)
    return [lineage[place] for place in sorted(telling[:limit])]


def _rank_clips(
    by_id: dict[int, Clip], below: dict[int | None, list[Clip]], asked: int
) -> dict[int, int]:
    ranks: dict[int, int] = {}
    here = by_id.get(asked)
    if here is not None:
        ranks |= {clip.id: _SIBLING for clip in below.get(here.parent_clip_id, [])}
        ranks |= {clip.id: _CONTINUATION for clip in below.get(asked, [])}
    while here is not None and ranks.get(here.id) != _ANCESTOR:
        ranks[here.id] = _ANCESTOR
        above = by_id.get(here.parent_clip_id or 0)
        if above is None:
            ranks[here.id] = _ENDPOINT
        here = above
    if asked in by_id:
        ranks[asked] = _ENDPOINT
    return ranks
