"""Greeting a server that the bot has joined, once: a row in the database decides.

Discord tells of a server again after each outage and to each process, and an invitation may come
while no process runs. So it is the time of joining that makes a server new, and the row that makes
it greeted; a process that dies between row and message leaves a server without the guide, which
`/help` shows at any time, rather than with two.
"""

from datetime import datetime, timedelta
from typing import Final

from bot.domain.ports import Clock
from bot.store.guilds import WelcomeStore

NEW_GUILD_PERIOD: Final = timedelta(days=1)


class WelcomeService:
    """Decides who is greeted."""

    def __init__(self, *, welcomed_guilds: WelcomeStore, clock: Clock) -> None:
        self._welcomed_guilds = welcomed_guilds
        self._clock = clock

    def is_newly_joined(self, joined_at: datetime | None) -> bool:
        """Return whether the bot has come to a server so lately that it should say hello."""
        return joined_at is not None and self._clock.now() - joined_at < NEW_GUILD_PERIOD

    async def claim(self, guild_id: int) -> bool:
        """Return whether the caller, and nobody else ever, is to post the guide.

        Raises `StoreAway`.
        """
        return await self._welcomed_guilds.claim(guild_id, now=self._clock.now())
