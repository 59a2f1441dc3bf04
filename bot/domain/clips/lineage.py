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

_END: Final = 0
_WAY: Final = 1
_NEXT: Final = 2
_SIBLING: Final = 3
_REST: Final = 4


@dataclass(frozen=True, slots=True)
class Row:
    """One clip of a tree as it is shown.

    ``depth`` counts the branchings above it: clips that merely continue one another stand at one
    depth. ``rank`` says how telling it is, 0 the most; ``orphan`` that what it continued is gone.
    """

    clip: Clip
    depth: int
    rank: int
    orphan: bool = False


def root_of(clip: Clip) -> int:
    """Return the number of the first clip of the tree that ``clip`` belongs to."""
    return clip.id if clip.parent_clip_id is None else (clip.root_clip_id or clip.parent_clip_id)


def rows(clips: Iterable[Clip], asked: int) -> list[Row]:
    """Return the tree that ``clips`` make, each before what continues it, around clip ``asked``.

    Clips whose parent is not among them (it was deleted, or is not for the reader) stand at the
    first depth as orphans.
    """
    by_id = {clip.id: clip for clip in sorted(clips, key=lambda each: each.id)}
    below: dict[int | None, list[Clip]] = {}
    for clip in by_id.values():
        parent = clip.parent_clip_id if clip.parent_clip_id in by_id else None
        below.setdefault(parent, []).append(clip)
    ranks = _ranks(by_id, below, asked)
    found: list[Row] = []
    # not by recursion: what is stored decides how deep it is
    waiting = [(clip, 0) for clip in reversed(below.get(None, []))]
    while waiting:
        clip, depth = waiting.pop()
        orphan = clip.parent_clip_id is not None and clip.parent_clip_id not in by_id
        found.append(Row(clip, depth, ranks.get(clip.id, _REST), orphan))
        children = below.get(clip.id, [])
        deeper = depth + (len(children) > 1)
        waiting += [(child, deeper) for child in reversed(children)]
    return found


def shortened(tree: Sequence[Row], most: int) -> list[Row]:
    """Return the ``most`` most telling rows of ``tree``, in the tree's own order."""
    if len(tree) <= most:
        return list(tree)

    def telling_first(place: int) -> tuple[int, int]:
        rank = tree[place].rank
        return (rank, -place if rank == _WAY else place)  # of the way, what is near

    telling = sorted(range(len(tree)), key=telling_first)
    return [tree[place] for place in sorted(telling[:most])]


def _ranks(
    by_id: dict[int, Clip], below: dict[int | None, list[Clip]], asked: int
) -> dict[int, int]:
    ranks: dict[int, int] = {}
    here = by_id.get(asked)
    if here is not None:
        ranks |= {clip.id: _SIBLING for clip in below.get(here.parent_clip_id, [])}
        ranks |= {clip.id: _NEXT for clip in below.get(asked, [])}
    while here is not None and ranks.get(here.id) != _WAY:
        ranks[here.id] = _WAY
        above = by_id.get(here.parent_clip_id or 0)
        if above is None:
            ranks[here.id] = _END
        here = above
    if asked in by_id:
        ranks[asked] = _END
    return ranks
