"""The gallery: showcased clips as lists in Discord and on the public web pages.

The web pages show only servers whose admins made their showcase public, and only clips whose
creators added them or consented.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from bot.domain.clips.clip import Clip

MAX_SHORT_SECONDS: Final = 8
"""The longest clip that counts as short."""


class Reach(StrEnum):
    """Where a showcased clip may appear; see `bot.domain.showcase.reach`."""

    NOWHERE = "nowhere"
    SERVER = "server"
    """The server's showcase channel, but not the public gallery."""
    PUBLIC = "public"


@dataclass(frozen=True, slots=True)
class GalleryEntry:
    """One showcased clip.

    If the creator hides the prompt, ``prompt`` is `None` and ``clip.prompt`` is empty. ``votes``
    counts each member once. Moderators can hide an entry from everyone, and lock its votes.
    ``message_id`` is the post in the showcase channel, `None` until it is posted.
    ``public_parent_id`` is the clip that this one continues or changes, if that clip is in the
    public gallery too. ``creator_page`` is the key of the creator's own page, if they have opened
    one. ``is_for_adults`` says that its server allows clips in age-restricted channels only.
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
    reach: Reach = Reach.PUBLIC
    public_parent_id: int | None = None
    creator_page: str | None = None
    is_for_adults: bool = False


class GalleryOrder(StrEnum):
    NEW = "new"
    TOP = "top"


class ClipLength(StrEnum):
    SHORT = "short"
    LONG = "long"


class ClipShape(StrEnum):
    LANDSCAPE = "landscape"
    PORTRAIT = "portrait"


class GalleryPeriod(StrEnum):
    WEEK = "week"
    MONTH = "month"

    @property
    def duration(self) -> timedelta:
        return timedelta(days=7 if self is GalleryPeriod.WEEK else 30)


@dataclass(frozen=True, slots=True)
class GallerySearch:
    """What a visitor searches for; `None` matches everything.

    Every word of ``text`` must occur in a prompt that is not hidden, in any letter case.
    ``creator_page`` is the key of a creator's own page; a key that nobody has matches nothing.
    """

    guild_id: int | None = None
    model: str | None = None
    length: ClipLength | None = None
    text: str | None = None
    order: GalleryOrder = GalleryOrder.NEW
    shape: ClipShape | None = None
    period: GalleryPeriod | None = None
    creator_page: str | None = None


@dataclass(frozen=True, slots=True)
class ClipCount:
    """How many public clips have a model, a shape and a length."""

    model: str
    shape: ClipShape
    length: ClipLength
    count: int


@dataclass(frozen=True, slots=True)
class GalleryPage:
    """A page of the gallery, and the cursor of the next page (`None` for the last)."""

    entries: tuple[GalleryEntry, ...]
    next_cursor: str | None


class CursorInvalid(ValueError):
    """The cursor does not come from a page with this order."""
