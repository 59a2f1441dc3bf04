"""The filmstrip of a public clip: its lineage as far as it is public, in parts with their seconds.

An extension has the clip that it continues in it, unchanged. So the parts that led to a clip by
extensions alone can be played from that clip. An edit changes all of the clip it was made from.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from bot.domain.clips.lineage import build_lineage, elide_rows
from bot.domain.jobs.request import GenerationMode
from bot.domain.showcase.gallery import GalleryEntry

MAX_PARTS: Final = 24
"""How many parts are shown: first those that led to the clip, then what was made from it."""


@dataclass(frozen=True, slots=True)
class LineageLink:
    """A clip of a lineage, public or not, with the clip it was made from and how."""

    id: int
    parent_id: int | None
    mode: GenerationMode


@dataclass(frozen=True, slots=True)
class FilmPart:
    """What a clip of a filmstrip adds to the part before it; all of the clip if it was edited.

    The seconds are those of its own clip. ``is_contained`` says that the clip whose filmstrip this
    is has the same at the same place.
    """

    entry: GalleryEntry
    start_s: int
    is_contained: bool

    @property
    def end_s(self) -> int:
        return self.entry.clip.seconds


@dataclass(frozen=True, slots=True)
class Filmstrip:
    """Parts in a row, then the filmstrips that continue the last of them in different ways."""

    parts: tuple[FilmPart, ...]
    branches: tuple["Filmstrip", ...] = ()

    def list_parts(self) -> list[FilmPart]:
        """Return all parts, each after the one that it continues."""
        return [*self.parts, *(part for branch in self.branches for part in branch.list_parts())]


def build_filmstrip(
    entries: Iterable[GalleryEntry], links: Iterable[LineageLink], shown_id: int
) -> Filmstrip:
    """Return the filmstrip of the clip ``shown_id``, which must be among ``entries``.

    It begins with the earliest public clip that led to the shown one, and has what was made from
    that. A clip whose parent is not public follows the nearest public one before it.
    """
    by_id = {link.id: link for link in links}
    public = {entry.clip.id: entry for entry in entries}
    first_id = _find_first(by_id, public, shown_id)
    family = {
        clip_id: entry
        for clip_id, entry in public.items()
        if _find_first(by_id, public, clip_id) == first_id
    }
    listed = _choose_entries(by_id, family, shown_id)
    ways = {clip_id: next(_trace_back(by_id, listed, clip_id), None) for clip_id in listed}
    led_here = dict(_trace_back(by_id, listed, shown_id)) | {shown_id: True}
    followers: dict[int, list[int]] = {}
    for clip_id, way in ways.items():
        if way is not None:
            followers.setdefault(way[0], []).append(clip_id)

    def build_part(clip_id: int) -> FilmPart:
        entry, way = listed[clip_id], ways[clip_id]
        previous_s = listed[way[0]].clip.seconds if way is not None and way[1] else 0
        start_s = previous_s if previous_s < entry.clip.seconds else 0
        return FilmPart(entry, start_s, is_contained=led_here.get(clip_id, False))

    def build_strip(clip_id: int) -> Filmstrip:
        parts, following = [build_part(clip_id)], followers.get(clip_id, [])
        while len(following) == 1:
            [next_id] = following
            parts.append(build_part(next_id))
            following = followers.get(next_id, [])
        # the way to the shown clip first, so that it is one line
        ordered = sorted(following, key=lambda each: (each not in led_here, each))
        return Filmstrip(tuple(parts), tuple(build_strip(each) for each in ordered))

    return build_strip(first_id)


def _trace_back(
    by_id: Mapping[int, LineageLink], listed: Collection[int], clip_id: int
) -> Iterator[tuple[int, bool]]:
    """Yield the listed clips that led to a clip, nearest first.

    With each comes whether only extensions were made since, so that it is still there unchanged.
    """
    is_unchanged, link = True, by_id.get(clip_id)
    # a clip is younger than its parent, so this ends whatever the rows say
    while link is not None and link.parent_id is not None and link.parent_id < link.id:
        is_unchanged = is_unchanged and link.mode.contains_parent
        if link.parent_id in listed:
            yield link.parent_id, is_unchanged
        link = by_id.get(link.parent_id)


def _find_first(by_id: Mapping[int, LineageLink], public: Collection[int], clip_id: int) -> int:
    """Return the earliest public clip that led to a clip, or the clip itself."""
    first_id = clip_id
    for earlier_id, _ in _trace_back(by_id, public, clip_id):
        first_id = earlier_id
    return first_id


def _choose_entries(
    by_id: Mapping[int, LineageLink], family: Mapping[int, GalleryEntry], shown_id: int
) -> dict[int, GalleryEntry]:
    """Return the entries that are shown, the most relevant of a large family."""
    clips = [
        replace(entry.clip, parent_clip_id=next(_trace_back(by_id, family, clip_id), (None,))[0])
        for clip_id, entry in family.items()
    ]
    rows = elide_rows(build_lineage(clips, shown_id), MAX_PARTS)
    return {row.clip.id: family[row.clip.id] for row in rows}
