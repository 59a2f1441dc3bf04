"""Limits how often a person gets the same hint."""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

from bot.domain.ports import Clock

_MAX_REMEMBERED: Final = 10_000


@dataclass(eq=False)
class HintTimes:
    """Allows one hint per ``interval_s`` for each person and channel.

    To limit memory, only the latest are remembered.
    """

    clock: Clock
    interval_s: float
    _last_at: OrderedDict[tuple[int, int], float] = field(default_factory=OrderedDict, init=False)

    def is_due(self, user_id: int, channel_id: int) -> bool:
        """Return whether a hint may be given now, and count it if so."""
        key, now = (user_id, channel_id), self.clock.monotonic()
        if now - self._last_at.get(key, float("-inf")) < self.interval_s:
            return False
        self._last_at[key] = now
        self._last_at.move_to_end(key)
        if len(self._last_at) > _MAX_REMEMBERED:
            self._last_at.popitem(last=False)
        return True
