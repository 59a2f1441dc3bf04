"""Request blocks: members whom a server keeps from making clips.

A showcase block (`/showcase block`) is something else: it keeps a member's clips out of the
showcase, and they can still make some.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bot.domain.errors import MemberBlocked


class BlockLength(StrEnum):
    """How long a request block lasts, as admins choose it."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    FOREVER = "forever"
    """Until an admin ends it."""

    @property
    def duration(self) -> timedelta | None:
        """How long it lasts, `None` for ever."""
        return _DURATIONS.get(self)


_DURATIONS = {
    BlockLength.HOUR: timedelta(hours=1),
    BlockLength.DAY: timedelta(days=1),
    BlockLength.WEEK: timedelta(weeks=1),
    BlockLength.MONTH: timedelta(days=30),
}


@dataclass(frozen=True, slots=True)
class RequestBlock:
    """A member whom a server keeps from making clips, until ``ends_at`` by the database's clock.

    Without ``ends_at`` it lasts until an admin ends it. The member is shown the ``reason``.
    """

    guild_id: int
    user_id: int
    ends_at: datetime | None = None
    reason: str | None = None

    def as_error(self) -> MemberBlocked:
        """Return the refusal of a request by the blocked member."""
        return MemberBlocked(ends_at=self.ends_at, reason=self.reason)
