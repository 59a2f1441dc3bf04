"""Decides whether a clip's card says what it cost.

The price is for the person who asked. They read it in the answer to their request and in *Details*.
A card has it where nobody else reads it, and where a server's admins want it.
"""

from contextlib import suppress
from dataclasses import dataclass

from bot.domain.errors import DatabaseUnavailable
from bot.domain.jobs.job import Job, Origin
from bot.store.guilds import GuildStore


@dataclass(frozen=True, slots=True)
class PriceDisplay:
    guilds: GuildStore

    async def is_shown(self, job: Job, origin: Origin) -> bool:
        """Return whether the card of ``job`` has the price in the place of ``origin``."""
        if origin.is_private:
            return origin.user_id == job.origin.user_id
        if origin.guild_id is not None:
            with suppress(DatabaseUnavailable):  # the clip does not wait for it
                return (await self.guilds.load_rules(origin.guild_id)).shows_prices
        return False
