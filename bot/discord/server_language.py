"""The language of what a server reads that is not an answer to somebody."""

from dataclasses import dataclass

import discord

from bot.discord.api_errors import convert_discord_errors
from bot.store.guilds import GuildStore


@dataclass(frozen=True, slots=True)
class ServerLanguages:
    """Finds a server's language, also in a process that has no shard of it."""

    client: discord.Client
    guilds: GuildStore

    async def find_locale(self, guild_id: int) -> str:
        """Return the server's choice, or else its language in Discord. Raises `DeliveryError`."""
        rules = await self.guilds.load_rules(guild_id)
        if rules.locale is not None:
            return rules.locale
        guild = self.client.get_guild(guild_id)
        if guild is None:
            async with convert_discord_errors():
                guild = await self.client.fetch_guild(guild_id, with_counts=False)
        return guild.preferred_locale.value
