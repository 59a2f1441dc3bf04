"""What a server's admins decide for it, and the operator's switch over everything."""

from dataclasses import replace
from typing import Any, Final

from bot.domain.guild import GuildRules
from bot.domain.jobs.job import Origin
from bot.domain.ports import Clock
from bot.store.guilds import GuildStore

EVERYWHERE: Final = 0
"""The number of the bot as a whole, where the operator's switch is kept."""


class Servers:
    """Reads and changes servers' rules."""

    def __init__(self, *, guilds: GuildStore, clock: Clock) -> None:
        self._guilds = guilds
        self._clock = clock

    async def rules(self, guild_id: int) -> GuildRules:
        """Return a server's rules; the defaults where it has chosen nothing."""
        return await self._guilds.rules(guild_id)

    async def at_home(self, origin: Origin) -> Origin:
        """Return ``origin`` with the language its server has chosen for public messages."""
        if origin.guild_id is None:
            return origin
        return (await self.rules(origin.guild_id)).in_its_language(origin)

    async def require_open(self, origin: Origin, *, parent_channel_id: int | None) -> None:
        """Raise `ChannelNotAllowed` where the server does not let the bot be used there."""
        if origin.guild_id is not None:
            rules = await self.rules(origin.guild_id)
            rules.require_open(origin.channel_id, parent_channel_id)

    async def change(self, guild_id: int, *, by: int, **changes: Any) -> GuildRules:
        """Change some of the rules (fields of `GuildRules`) and return them all.

        Only these are written: others that somebody else changes meanwhile stay. Rules of channels
        are added to those that are there.
        """
        before = await self._guilds.rules(guild_id)
        if (channels := changes.get("channel_person_rules")) is not None:
            changes["channel_person_rules"] = {**before.channel_person_rules, **channels}
        rules = replace(before, **changes)
        await self._guilds.save(rules, by=by, now=self._clock.now(), before=before)
        return rules

    async def pause(self, guild_id: int, *, by: int, reason: str | None = None) -> None:
        """Accept and start nothing new here; what runs may finish."""
        await self.change(guild_id, by=by, paused=True, pause_reason=reason)

    async def resume(self, guild_id: int, *, by: int) -> None:
        """Accept and start again."""
        await self.change(guild_id, by=by, paused=False, pause_reason=None)

    async def switch(self, *, on: bool, by: int, reason: str | None = None) -> None:
        """Switch the whole bot off or on; running jobs finish."""
        await self.change(EVERYWHERE, by=by, paused=not on, pause_reason=None if on else reason)
