"""Counts the sessions that a bot starts. After 1,000 in a day, Discord resets its token.

https://docs.discord.com/developers/events/gateway#session-start-limit-object
"""

from sandbox.clock import SandboxClock

STARTS_PER_DAY = 1000
_DAY_S = 24 * 3600.0


class SessionStartLimit:
    """Counts IDENTIFYs, whether they start a session or are refused."""

    def __init__(self, clock: SandboxClock) -> None:
        self._clock = clock
        self._remaining = STARTS_PER_DAY
        self._resets_at = clock.now() + _DAY_S

    def set_remaining(self, remaining: int, reset_after_s: float | None = None) -> None:
        """Set the remaining number and the seconds until the next 1,000 (None: as before)."""
        self._remaining = remaining
        if reset_after_s is not None:
            self._resets_at = self._clock.now() + reset_after_s

    def count_identify(self) -> bool:
        """Count an IDENTIFY and return whether it was allowed."""
        self._renew()
        self._remaining -= 1
        return self._remaining >= 0

    def to_payload(self) -> dict[str, int]:
        """Return the ``session_start_limit`` of ``GET /gateway/bot``."""
        self._renew()
        return {
            "total": STARTS_PER_DAY,
            "remaining": max(self._remaining, 0),
            "reset_after": round((self._resets_at - self._clock.now()) * 1000),
            "max_concurrency": 1,
        }

    def _renew(self) -> None:
        now = self._clock.now()
        if now >= self._resets_at:
            self._remaining = STARTS_PER_DAY
            self._resets_at = now + _DAY_S
