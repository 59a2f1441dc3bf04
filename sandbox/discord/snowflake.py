"""Snowflakes: ids that contain their creation time.

discord.py reads creation times from ids, and shards by ``(guild_id >> 22) % shards``. So ids use
the sandbox's clock, and each guild's id gets a different millisecond.

Layout: https://docs.discord.com/developers/reference#snowflakes
"""

from collections.abc import Callable

EPOCH_MS = 1_420_070_400_000
_TIME_SHIFT = 22


class SnowflakeGenerator:
    """Generates unique, increasing ids."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._last = 0

    def next_id(self) -> int:
        """Return a new id for this moment."""
        self._last = max(first_snowflake_at(self._now()), self._last + 1)
        return self._last

    def next_guild_id(self) -> int:
        """Return a new id in a separate millisecond, so that guilds are spread over shards."""
        following = ((self._last >> _TIME_SHIFT) + 1) << _TIME_SHIFT
        self._last = max(first_snowflake_at(self._now()), following)
        return self._last


def first_snowflake_at(seconds: float) -> int:
    """Return the lowest id of a moment in unix seconds."""
    return max(0, int(seconds * 1000) - EPOCH_MS) << _TIME_SHIFT
