"""What a server's admins decide for it, and the operator's switch over everything."""

from dataclasses import replace
from typing import Any

from bot.domain.guild import WHOLE_BOT_ID, GuildRules
from bot.domain.jobs.job import Origin
from bot.domain.ports import Clock
from bot.store.guilds import GuildStore


class ServerRulesService:
    """Reads and changes servers' rules."""

    def __init__(self, *, guilds: GuildStore, clock: Clock) -> None:
        self._guilds = guilds
        self._clock = clock

    async def get_rules(self, guild_id: int) -> GuildRules:
        """Return a server's rules; the defaults where it has chosen nothing."""
        return await self._guilds.load_rules(guild_id)

    async def apply_guild_language(self, origin: Origin) -> Origin:
        """Return ``origin`` with the language its server has chosen for public messages."""
        if origin.guild_id is None:
            return origin
        return (await self.get_rules(origin.guild_id)).apply_language(origin)

    async def require_open(self, origin: Origin, *, parent_channel_id: int | None) -> None:
        """Raise `ChannelNotAllowed` where the server does not let the bot be used there."""
        if origin.guild_id is not None:
            rules = await self.get_rules(origin.guild_id)
            rules.require_allowed_channel(origin.channel_id, parent_channel_id)

    async def change_rules(self, guild_id: int, *, actor_id: int, **changes: Any) -> GuildRules:
        """Change some of the rules (fields of `GuildRules`) and return them all.

        Only these are written: others that somebody else changes meanwhile stay. Rules of channels
        are added to those that are there.
        """
        before = await self._guilds.load_rules(guild_id)
        if (channels := changes.get("channel_person_rules")) is not None:
            changes["channel_person_rules"] = {**before.channel_person_rules, **channels}
        rules = replace(before, **changes)
        await self._guilds.save_rules(
            rules, actor_id=actor_id, now=self._clock.now(), previous=before
        )
        return rules

    async def pause_guild(self, guild_id: int, *, actor_id: int, reason: str | None = None) -> None:
        """Accept and start nothing new here; what runs may finish."""
        await self.change_rules(guild_id, actor_id=actor_id, paused=True, pause_reason=reason)

    async def resume_guild(self, guild_id: int, *, actor_id: int) -> None:
        """Accept and start again."""
        await self.change_rules(guild_id, actor_id=actor_id, paused=False, pause_reason=None)

    async def switch_bot(self, *, enabled: bool, actor_id: int, reason: str | None = None) -> None:
        """Switch the whole bot off or on; running jobs finish."""
        await self.change_rules(
            WHOLE_BOT_ID,
            actor_id=actor_id,
            paused=not enabled,
            pause_reason=None if enabled else reason,
        )
