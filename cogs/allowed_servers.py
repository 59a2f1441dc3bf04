"""Leaves servers that are not in the operator's ``ALLOWED_SERVERS``.

Discord announces every server at the start of a session. So the bot also leaves servers that it was
added to while it was off.
"""

from dataclasses import dataclass, field
from typing import Final

import discord
import structlog
from discord.ext import commands

from bot.domain.places import PlacePolicy
from bot.i18n.catalogs import translate

_log: Final = structlog.get_logger(__name__)


@dataclass(kw_only=True, eq=False)
class AllowedServersListener(commands.Cog):
    place_policy: PlacePolicy
    _leaving: set[int] = field(default_factory=set, init=False)

    @commands.Cog.listener()
    async def on_guild_join(self, guild: discord.Guild) -> None:
        """Leave a server that is not allowed, and say why if possible."""
        if self.place_policy.may_serve_server(guild.id) or guild.id in self._leaving:
            return
        self._leaving.add(guild.id)
        try:
            await _explain_leaving(guild)
            await guild.leave()
        except (discord.HTTPException, OSError) as error:
            _log.warning("server.leave_failed", guild=guild.id, error=type(error).__name__)
        else:
            _log.warning("server.left", guild=guild.id, name=guild.name, why="ALLOWED_SERVERS")
        finally:
            self._leaving.discard(guild.id)

    @commands.Cog.listener()
    async def on_guild_available(self, guild: discord.Guild) -> None:
        """Handle servers that are announced at the start of a session."""
        await self.on_guild_join(guild)


async def _explain_leaving(guild: discord.Guild) -> None:
    channel = guild.system_channel
    if channel is None or not channel.permissions_for(guild.me).send_messages:
        return
    text = translate("leaving.not_allowed", guild.preferred_locale.value, server=guild.id)
    try:
        await channel.send(text, nonce=f"bye-{guild.id}")
    except (discord.HTTPException, OSError) as error:  # leave anyway
        _log.info("server.explanation_failed", guild=guild.id, error=type(error).__name__)
