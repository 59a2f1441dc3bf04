"""What somebody looks for among their clips, and the page they are shown."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from bot.domain.clips.clip import Clip

ExtendableCheck = Callable[[Clip, datetime], bool]
"""Tells whether a clip can be made longer at a time."""
MAX_SEARCH_LENGTH: Final = 30
"""Characters of the words that are looked for: the page's buttons carry them."""


class HistoryKind(StrEnum):
    """A kind of clips that a history is narrowed to."""

    EXTENDABLE = "extendable"
    SHOWCASED = "showcased"


class PageDirection(StrEnum):
    """Which page of a history comes next."""

    OLDER = "older"
    NEWER = "newer"


@dataclass(frozen=True, slots=True)
class HistoryFilter:
    """What is looked for; what is ``None`` is left open.

    ``model`` is a part of a model's id, ``words`` a part of the prompt, in any case of letters.
    """

    model: str | None = None
    search_text: str | None = None
    kind: HistoryKind | None = None

    def matches(self, clip: Clip, *, now: datetime, extendable: ExtendableCheck) -> bool:
        """Return whether a clip is one of those, as far as the clip itself tells.

        Whether it is showcased does not stand in the clip.
        """
        if self.model is not None and self.model.casefold() not in clip.model.casefold():
            return False
        if self.search_text and self.search_text.casefold() not in clip.prompt.casefold():
            return False
        return self.kind is not HistoryKind.EXTENDABLE or extendable(clip, now)


NO_FILTER: Final = HistoryFilter()


@dataclass(frozen=True, slots=True)
class PageRequest:
    """A page to turn to: clips older or newer than the number ``clip_id``."""

    direction: PageDirection
    clip_id: int
    history_filter: HistoryFilter = NO_FILTER


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """A page, the newest clip first, and the pages on either side of it, where there are any."""

    clips: tuple[Clip, ...]
    history_filter: HistoryFilter = NO_FILTER
    newer: PageRequest | None = None
    older: PageRequest | None = None
