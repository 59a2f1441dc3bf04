"""The right to work, as one process knows it: until when, by its own monotonic clock.

The database decides by its clock who is dead; a process cannot read that clock in time when it
was stopped, or the network hung. So it counts from before it asked for the lease, trusts only
80 % of it, and asks itself before every step that the outside would see.
"""

from datetime import timedelta
from typing import Final

from bot.domain.errors import LeaseLost
from bot.domain.ports import Clock

TRUSTED_FRACTION: Final = 0.8
"""The part of a lease that its holder relies on; the rest is for whoever adopts."""


class Lease:
    """One worker's lease; a new one is made when it was lost."""

    def __init__(self, *, worker_id: str, length: timedelta, clock: Clock) -> None:
        self.worker_id = worker_id
        self.length = length
        self._clock = clock
        self._trusted_until = float("-inf")

    def mark_renewed(self, asked_at: float) -> None:
        """Count from ``asked_at`` (monotonic), which is before the database's own count."""
        self._trusted_until = asked_at + TRUSTED_FRACTION * self.length.total_seconds()

    def mark_lost(self) -> None:
        """Trust it no longer."""
        self._trusted_until = float("-inf")

    @property
    def remaining_s(self) -> float:
        """Seconds for which it can be trusted."""
        return max(0.0, self._trusted_until - self._clock.monotonic())

    def require_valid(self) -> None:
        """Raise `LeaseLost` unless the process may act now."""
        if self.remaining_s <= 0:
            raise LeaseLost(f"the lease of worker {self.worker_id} has run out")
