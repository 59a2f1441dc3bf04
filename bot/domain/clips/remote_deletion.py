"""Deletions at Google that are still due because the clips were deleted here."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from bot.domain.jobs.request import GoogleRoute

FIRST_RETRY_AFTER: Final = timedelta(seconds=10)
LONGEST_RETRY: Final = timedelta(hours=6)
GIVE_UP_AFTER: Final = timedelta(days=7)
"""Google deletes it by itself after 1 to 55 days, as set in its project."""


@dataclass(frozen=True, slots=True)
class RemoteDeletion:
    """One operation to be deleted on a route; ``attempts`` includes the current one."""

    route: GoogleRoute
    operation: str
    requested_at: datetime
    attempts: int

    def is_last_attempt(self, now: datetime) -> bool:
        return now - self.requested_at >= GIVE_UP_AFTER


def compute_retry_delay(attempts: int) -> timedelta:
    """Return how long to wait after ``attempts`` failed ones."""
    doublings = min(max(attempts - 1, 0), 16)
    return min(LONGEST_RETRY, FIRST_RETRY_AFTER * (1 << doublings))
