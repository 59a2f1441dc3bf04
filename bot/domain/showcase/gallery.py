"""The showcase: what a community shows of its clips, who may put a clip there, and its gallery.

A clip is shown when its maker says so, when a moderator does with the maker's consent, or when
enough members star it. The public gallery on the web is stricter: only servers whose admins turned
it on, and only what the maker showed or let be shown.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from bot.domain.clips.clip import Clip

MAX_SHORT_SECONDS: Final = 8
"""The longest clip that counts as short: what one request makes; all others are chains."""


@dataclass(frozen=True, slots=True)
class GalleryEntry:
    """One showcased clip.

    ``prompt`` is ``None`` where the maker hides it (``clip.prompt`` is empty then, too). ``votes``
    are members, each counted once. ``hidden`` and ``locked`` are moderators' acts: a hidden entry
    is seen by nobody, a locked one keeps its votes as they are. ``message_id`` is the post in the
    showcase channel, ``None`` until it stands there.
    """

    clip: Clip
    guild_id: int
    guild_name: str
    creator_name: str
    prompt: str | None
    votes: int
    showcased_at: datetime
    message_id: int | None
    channel_id: int | None
    hidden: bool
    locked: bool


class GalleryOrder(StrEnum):
    """How a gallery is sorted."""

    NEW = "new"
    TOP = "top"


class ClipLength(StrEnum):
    """How long a clip is: at most `SHORT_SECONDS`, or more."""

    SHORT = "short"
    LONG = "long"


@dataclass(frozen=True, slots=True)
class GallerySearch:
    """What a visitor wants to see; ``None`` does not narrow.

    ``text`` is looked for in the prompts that are not hidden, whatever the case of its letters;
    of several words all must occur.
    """

    guild_id: int | None = None
    model: str | None = None
    length: ClipLength | None = None
    text: str | None = None
    order: GalleryOrder = GalleryOrder.NEW


@dataclass(frozen=True, slots=True)
class GalleryPage:
    """A part of the gallery, and what to ask for the next (``None``: this is the last)."""

    entries: tuple[GalleryEntry, ...]
    next_cursor: str | None


class CursorInvalid(ValueError):
    """A cursor that no page of this order has given out."""
