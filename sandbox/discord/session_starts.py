"""Limits how many sessions a bot starts: in a day, and every five seconds.

After 1,000 in a day, Discord resets the bot's token. Within five seconds it
accepts one IDENTIFY of each bucket of shards. A shard's bucket is its id modulo
``max_concurrency``.

https://docs.discord.com/developers/events/gateway#session-start-limit-object
"""

from sandbox.clock import SandboxClock

STARTS_PER_DAY = 1000
IDENTIFY_INTERVAL_S = 5.0
"""Discord's time between two IDENTIFYs of one bucket."""
_DAY_S = 24 * 3600.0


class SessionStartLimit:
    """Counts IDENTIFYs, whether they start a session or are refused.

    If ``identify_interval_s`` is above 0, faster IDENTIFYs of a bucket get an invalid session. It
    is 0 unless a test sets it, because every restart of a bot would wait.
    """

    def __init__(self, clock: SandboxClock) -> None:
        self._clock = clock
        self._remaining = STARTS_PER_DAY
        self._resets_at = clock.now() + _DAY_S
        self.max_concurrency = 1
        self.identify_interval_s = 0.0
        self._last_starts: dict[int, float] = {}

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

    def start_session(self, shard_id: int) -> bool:
        """Record that a shard starts a session, and return whether it may do so now."""
        bucket, now = shard_id % self.max_concurrency, self._clock.now()
        if now - self._last_starts.get(bucket, float("-inf")) < self.identify_interval_s:
            return False
        self._last_starts[bucket] = now
        return True

    def to_payload(self) -> dict[str, int]:
        """Return the ``session_start_limit`` of ``GET /gateway/bot``."""
        self._renew()
        return {
            "total": STARTS_PER_DAY,
            "remaining": max(self._remaining, 0),
            "reset_after": round((self._resets_at - self._clock.now()) * 1000),
            "max_concurrency": self.max_concurrency,
        }

    def _renew(self) -> None:
        now = self._clock.now()
        if now >= self._resets_at:
            self._remaining = STARTS_PER_DAY
            self._resets_at = now + _DAY_S
