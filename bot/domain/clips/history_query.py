"""Searches in the history of clips, page by page."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from bot.domain.clips.clip import Clip

ExtendableCheck = Callable[[Clip, datetime], bool]
"""Returns whether a clip can be extended at a given time."""
MAX_SEARCH_LENGTH: Final = 30
"""In characters; the search text has to fit into the custom id of a page button."""


class HistoryKind(StrEnum):
    EXTENDABLE = "extendable"
    SHOWCASED = "showcased"


class PageDirection(StrEnum):
    OLDER = "older"
    NEWER = "newer"


@dataclass(frozen=True, slots=True)
class HistoryFilter:
    """What to search for, in any letter case; `None` matches everything.

    ``model`` is a part of the model's id, ``search_text`` a part of the prompt.
    """

    model: str | None = None
    search_text: str | None = None
    kind: HistoryKind | None = None

    def matches(self, clip: Clip, *, now: datetime, extendable: ExtendableCheck) -> bool:
        """Return whether a clip matches; `HistoryKind.SHOWCASED` is left to the store."""
        if self.model is not None and self.model.casefold() not in clip.model.casefold():
            return False
        if self.search_text and self.search_text.casefold() not in clip.prompt.casefold():
            return False
        return self.kind is not HistoryKind.EXTENDABLE or extendable(clip, now)


NO_FILTER: Final = HistoryFilter()


@dataclass(frozen=True, slots=True)
class PageRequest:
    """The page of clips that are older or newer than ``clip_id``."""

    direction: PageDirection
    clip_id: int
    history_filter: HistoryFilter = NO_FILTER


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """A page, the newest clip first, and the pages before and after it, if any."""

    clips: tuple[Clip, ...]
    history_filter: HistoryFilter = NO_FILTER
    newer: PageRequest | None = None
    older: PageRequest | None = None
