"""Whether webhook events arrive, so that polls may be seldom (docs/decisions/0025)."""

import asyncio
from typing import Final

from bot.domain.ports import Clock

SELDOM_INTERVAL_S: Final = 30.0
"""The interval of polls while events arrive."""
TRUSTED_FOR_S: Final = 600.0
"""How long an event proves that the next one will arrive."""


class EventTrust:
    """Trusts events after one that came before the poll that saw the same end.

    The first end of which no event came in time ends the trust, for every job of this process at
    once. So events that stop arriving delay one job.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._trusted_until = float("-inf")
        self.lost = asyncio.Event()
        """Set as long as events are not trusted."""
        self.lost.set()

    @property
    def is_trusted(self) -> bool:
        if self._clock.monotonic() >= self._trusted_until:
            self.lost.set()
        return not self.lost.is_set()

    def record_end(self, *, was_announced: bool) -> None:
        """Record that a poll has seen an end, and whether an event had announced it."""
        if was_announced:
            self._trusted_until = self._clock.monotonic() + TRUSTED_FOR_S
            self.lost.clear()
        else:
            self._trusted_until = float("-inf")
            self.lost.set()
