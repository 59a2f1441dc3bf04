"""How long the model that checks contents has given no verdict, as one process sees it.

The operator is told by `bot.domain.alerts`. A single failure may be a bad minute of Google's, and
says nothing about the model, unless Google refuses it for a reason that lasts.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

AWAY_AFTER: Final = timedelta(minutes=10)
"""How far apart the first and last of the failures in a row must be, if nothing else is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckReading:
    """Checks in a row without a verdict, the last at ``failed_at``.

    ``refusal`` is Google's code if it refuses the model or the account. With
    ``accepts_unchecked`` requests are accepted meanwhile. ``waiting_clips`` are finished and wait.
    """

    model: str
    failing_since: datetime
    failed_at: datetime
    refusal: str | None = None
    accepts_unchecked: bool = False
    waiting_clips: int = 0

    @property
    def is_away(self) -> bool:
        """Whether the operator has to do something."""
        return self.refusal is not None or self.failed_at - self.failing_since >= AWAY_AFTER


@dataclass(slots=True, eq=False)
class CheckFailures:
    """The failures since the last verdict."""

    _since: datetime | None = None
    _last_at: datetime | None = None
    _refusal: str | None = None

    @property
    def are_there(self) -> bool:
        return self._since is not None

    def record_failure(self, now: datetime, *, refusal: str | None) -> None:
        self._since = self._since or now
        self._last_at, self._refusal = now, refusal

    def record_verdict(self) -> None:
        self._since = self._last_at = self._refusal = None

    def read(
        self, model: str, *, accepts_unchecked: bool, waiting_clips: int
    ) -> CheckReading | None:
        """Return the failures, `None` without any."""
        if self._since is None or self._last_at is None:
            return None
        return CheckReading(
            model=model,
            failing_since=self._since,
            failed_at=self._last_at,
            refusal=self._refusal,
            accepts_unchecked=accepts_unchecked,
            waiting_clips=waiting_clips,
        )
