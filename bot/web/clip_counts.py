"""Counts clips for the chips of the gallery, at most once a minute for each view."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from bot.domain.ports import Clock
from bot.domain.showcase.gallery import ClipCount, GalleryOrder, GallerySearch
from bot.store.showcase.gallery import MAX_COUNTED, MAX_COUNTED_WITH_TEXT, GalleryStore

_MAX_AGE_S: Final = 60.0
_MAX_VIEWS: Final = 256


@dataclass(frozen=True, slots=True)
class CountedClips:
    """The clips of a view, in groups. If there were too many to count, ``is_partial``."""

    groups: Sequence[ClipCount]
    is_partial: bool

    def count(self, search: GallerySearch) -> int:
        """Return how many of the counted clips have the model, shape and length of ``search``."""
        return sum(
            group.count
            for group in self.groups
            if search.model in (None, group.model)
            and search.shape in (None, group.shape)
            and search.length in (None, group.length)
        )


@dataclass(slots=True)
class ClipCounts:
    """Remembers counts, because they cost more than a page and change slowly."""

    _counted: OrderedDict[GallerySearch, tuple[float, CountedClips]] = field(
        init=False, default_factory=OrderedDict
    )

    async def load(
        self, gallery: GalleryStore, search: GallerySearch, clock: Clock
    ) -> CountedClips:
        """Return the counts of a search, whatever its model, shape, length and order."""
        view = replace(search, model=None, shape=None, length=None, order=GalleryOrder.NEW)
        known = self._counted.get(view)
        if known is not None and clock.monotonic() - known[0] < _MAX_AGE_S:
            return known[1]
        groups = await gallery.count_clips(view, now=clock.now())
        limit = MAX_COUNTED if view.text is None else MAX_COUNTED_WITH_TEXT
        counted = CountedClips(groups, is_partial=sum(each.count for each in groups) >= limit)
        self._counted[view] = (clock.monotonic(), counted)
        self._counted.move_to_end(view)
        if len(self._counted) > _MAX_VIEWS:
            self._counted.popitem(last=False)
        return counted
