# /// script
# requires-python = ">=3.11"
# dependencies = ["discord.py>=2.7,<3"]
# ///
"""A bot of discord.py. The two lines with ``os.environ`` lead it to the sandbox."""

import os

import discord
import yarl
from discord import app_commands

discord.http.Route.BASE = os.environ["DISCORD_API_URL"]
discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(os.environ["DISCORD_GATEWAY_URL"])


class WaveView(discord.ui.View):
    @discord.ui.button(label="Wave", custom_id="wave")
    async def wave(
        self, interaction: discord.Interaction, button: "discord.ui.Button[WaveView]"
    ) -> None:
        await interaction.response.send_message("You waved.", ephemeral=True)


class GreetingBot(discord.Client):
    def __init__(self) -> None:
        super().__init__(intents=discord.Intents(guilds=True))
        self.tree = app_commands.CommandTree(self)

    async def setup_hook(self) -> None:
        self.tree.command(description="Greet somebody")(greet)
        await self.tree.sync()


async def greet(interaction: discord.Interaction, person: discord.User) -> None:
    await interaction.response.send_message(f"Hello, {person.mention}!", view=WaveView())


GreetingBot().run(os.environ["DISCORD_TOKEN"])
