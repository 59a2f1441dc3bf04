"""A bot of discord.py alone that only acknowledges `/video generate`: what the library costs.

It takes its settings from the environment of the sandbox, as the real bot does.
"""

import asyncio
import os

import discord
import yarl
from discord import app_commands

video = app_commands.Group(name="video", description="Video")


@video.command(name="generate", description="Generate")
async def acknowledge(interaction: discord.Interaction, prompt: str) -> None:
    """Say "thinking…" and nothing more."""
    await interaction.response.defer(ephemeral=True, thinking=True)


class BareBot(discord.AutoShardedClient):
    """Connects with the same intents as the real bot and registers one command."""

    def __init__(self) -> None:
        discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False
        intents = discord.Intents(guilds=True, guild_messages=True, guild_reactions=True)
        super().__init__(
            intents=intents,
            member_cache_flags=discord.MemberCacheFlags.none(),
            chunk_guilds_at_startup=False,
            max_messages=None,
        )
        self.tree = app_commands.CommandTree(self)
        self.tree.add_command(video)

    async def setup_hook(self) -> None:
        """Register the command. discord.py calls this after the login."""
        await self.tree.sync()


async def run_bare_bot() -> None:
    """Run until the process is ended."""
    discord.http.Route.BASE = os.environ["DISCORD_API_URL"]
    gateway = yarl.URL(os.environ["DISCORD_GATEWAY_URL"])
    discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = gateway
    async with BareBot() as bot:
        await bot.start(os.environ["DISCORD_TOKEN"])


if __name__ == "__main__":
    asyncio.run(run_bare_bot())
