"""What somebody looks for among their clips, and the page they are shown."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from bot.domain.clips.clip import Clip

Extendable = Callable[[Clip, datetime], bool]
"""Tells whether a clip can be made longer at a time."""
MOST_WORDS: Final = 30
"""Characters of the words that are looked for: the page's buttons carry them."""


class Only(StrEnum):
    """A kind of clips that a history is narrowed to."""

    EXTENDABLE = "extendable"
    SHOWCASED = "showcased"


class Way(StrEnum):
    """Which page of a history comes next."""

    OLDER = "older"
    NEWER = "newer"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is looked for; what is ``None`` is left open.

    ``model`` is a part of a model's id, ``words`` a part of the prompt, in any case of letters.
    """

    model: str | None = None
    words: str | None = None
    only: Only | None = None

    def fits(self, clip: Clip, *, now: datetime, extendable: Extendable) -> bool:
        """Return whether a clip is one of those, as far as the clip itself tells.

        Whether it is showcased does not stand in the clip.
        """
        if self.model is not None and self.model.casefold() not in clip.model.casefold():
            return False
        if self.words and self.words.casefold() not in clip.prompt.casefold():
            return False
        return self.only is not Only.EXTENDABLE or extendable(clip, now)


EVERYTHING: Final = Wanted()


@dataclass(frozen=True, slots=True)
class Turn:
    """A page to turn to: clips older or newer than the number ``clip_id``."""

    way: Way
    clip_id: int
    wanted: Wanted = EVERYTHING


@dataclass(frozen=True, slots=True)
class Page:
    """A page, the newest clip first, and the pages on either side of it, where there are any."""

    clips: tuple[Clip, ...]
    wanted: Wanted = EVERYTHING
    newer: Turn | None = None
    older: Turn | None = None
