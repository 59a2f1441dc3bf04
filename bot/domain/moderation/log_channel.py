"""The channel in which a server's audit log is posted (docs/decisions/0051-log-in-a-channel.md)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from bot.domain.showcase.post import AuditEntry

MAX_ENTRIES_LISTED: Final = 20
"""The most entries that one message names one by one."""
FLOOD_LENGTH: Final = 200
"""If more entries than this wait, they become one message that counts them, because ten messages
are read by nobody and the last would be late."""
MAX_ENTRIES_COUNTED: Final = 5000
"""The most entries that are read at once. What is left becomes the next message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogChannel:
    """A server's choice, and the batch of entries whose message may have been sent already.

    ``batch`` is the number of the first entry, and ``batch_channel_id`` where it was to be posted.
    """

    guild_id: int
    channel_id: int
    stopped_at: datetime | None = None
    batch: int | None = None
    batch_channel_id: int | None = None
    batch_at: datetime | None = None
    claimed_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPost:
    """Entries that become one message; more than `MAX_ENTRIES_LISTED` are only counted."""

    guild_id: int
    channel_id: int
    batch: int
    since: datetime
    entries: Sequence[AuditEntry]

    @property
    def nonce(self) -> str:
        """The nonce of its message; it stays the same after a crash."""
        return f"clapper-l{self.batch}"
