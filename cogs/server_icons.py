"""Notices when the icons of servers may have changed."""

from dataclasses import dataclass

import discord
from discord.ext import commands

from bot.services.showcase.server_icons import ServerIcons


@dataclass(kw_only=True, eq=False)
class ServerIconListener(commands.Cog):
    server_icons: ServerIcons

    @commands.Cog.listener()
    async def on_shard_ready(self, _shard_id: int) -> None:
        """Look at what may have changed before this session."""
        self.server_icons.request_refresh()

    @commands.Cog.listener()
    async def on_guild_update(self, before: discord.Guild, after: discord.Guild) -> None:
        if before.icon != after.icon:
            self.server_icons.request_refresh()
