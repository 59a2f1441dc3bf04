"""What a server's admins decide for it, and the operator's switch over everything.

A request needs them at many points, so they are read once, as a `GuildContext`, and handed along.
"""

from dataclasses import dataclass, replace
from typing import Any, Final

from bot.domain.clips.age_restriction import require_may_show
from bot.domain.clips.clip import Clip
from bot.domain.errors import NotAllowed, RequestsPaused
from bot.domain.guild import ExtendPermission, GuildRules
from bot.domain.jobs.job import Job, Origin
from bot.domain.jobs.people_policy import (
    choose_preferred_rule,
    pick_strictest,
    resolve_person_rule,
)
from bot.domain.jobs.request import PersonRule
from bot.domain.ports import Clock
from bot.store.guilds import GuildStore

WHOLE_BOT_ID: Final = 0
"""The id under which the operator's switch over the whole bot is stored."""


@dataclass(frozen=True, slots=True)
class ChannelContext:
    """What the rules need to know about a channel; ``parent_channel_id`` is a thread's.

    ``age_restricted`` is also set if it is not known, ``shows_age_restricted`` only if it is.
    """

    age_restricted: bool = False
    shows_age_restricted: bool = False
    direct_message: bool = False
    parent_channel_id: int | None = None


@dataclass(frozen=True, slots=True)
class GuildContext:
    """Who asks, where, and what the server and the operator have decided there.

    ``origin`` already has the server's language. Outside of a server ``rules`` are the defaults.
    """

    origin: Origin
    channel: ChannelContext
    rules: GuildRules
    bot_rules: GuildRules

    @property
    def pause(self) -> RequestsPaused | None:
        for rules in (self.bot_rules, self.rules):
            if rules.paused:
                return RequestsPaused(
                    by_operator=rules is self.bot_rules, reason=rules.pause_reason
                )
        return None

    @property
    def person_rule(self) -> PersonRule | None:
        """The rule about people in the channel; a thread never loosens its channel's."""
        return resolve_person_rule(
            self.rules.person_rule,
            self._channel_person_rule,
            direct_message=self.channel.direct_message,
        )

    @property
    def preferred_person_rule(self) -> PersonRule | None:
        """The rule that is followed where a model can without costing more."""
        return choose_preferred_rule(
            self._channel_person_rule,
            age_restricted=self.channel.age_restricted,
            direct_message=self.channel.direct_message,
        )

    @property
    def _channel_person_rule(self) -> PersonRule | None:
        channels = (self.origin.channel_id, self.channel.parent_channel_id)
        by_channel = self.rules.channel_person_rules
        return pick_strictest(*(by_channel.get(channel) for channel in channels if channel))

    def require_allowed_channel(self) -> None:
        """Raise `ChannelNotAllowed` where the server does not let the bot be used."""
        self.rules.require_allowed_channel(self.origin.channel_id, self.channel.parent_channel_id)

    def require_may_show(self, *, age_restricted: bool) -> None:
        """Raise `NotAllowed` if a clip, or what is made from it, may not be shown here."""
        require_may_show(
            age_restricted=age_restricted,
            place_age_restricted=self.channel.shows_age_restricted,
        )

    def require_may_extend(self, clip: Clip) -> None:
        """Raise `NotAllowed` where only the requester of a clip may extend it."""
        is_own = clip.user_id == self.origin.user_id
        if self.rules.extend_by is ExtendPermission.REQUESTER and not is_own:
            raise NotAllowed("extend")

    def require_may_repeat(self, job: Job) -> None:
        """Raise `NotAllowed` where a job may not be made once more, with its words or others.

        To repeat an extension or edit is to extend or edit its clip.
        """
        self.require_may_show(age_restricted=job.origin.age_restricted)
        is_own = job.origin.user_id == self.origin.user_id
        is_from_clip = job.plan.source is not None
        if self.rules.extend_by is ExtendPermission.REQUESTER and is_from_clip and not is_own:
            raise NotAllowed("extend")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerRulesService:
    guilds: GuildStore
    clock: Clock

    async def load_context(
        self, origin: Origin, channel: ChannelContext = ChannelContext()
    ) -> GuildContext:
        """Return what holds where ``origin`` asks. Raises `DatabaseUnavailable`."""
        guild_id = origin.guild_id
        found = await self.guilds.load_rules_of(
            [WHOLE_BOT_ID, *([] if guild_id is None else [guild_id])]
        )
        rules = GuildRules(WHOLE_BOT_ID) if guild_id is None else found[guild_id]
        return GuildContext(rules.apply_language(origin), channel, rules, found[WHOLE_BOT_ID])

    async def change_rules(self, guild_id: int, *, actor_id: int, **changes: Any) -> GuildRules:
        """Change some of the rules (fields of `GuildRules`) and return all of them.

        Concurrent changes of other rules are kept, and so are other channels' person rules; a
        channel's rule of `None` is removed.
        """
        before = await self.guilds.load_rules(guild_id)
        if (channels := changes.get("channel_person_rules")) is not None:
            merged = {**before.channel_person_rules, **channels}
            changes["channel_person_rules"] = {
                channel: rule for channel, rule in merged.items() if rule is not None
            }
        rules = replace(before, **changes)
        await self.guilds.save_rules(
            rules, actor_id=actor_id, now=self.clock.now(), previous=before
        )
        return rules

    async def pause_guild(self, guild_id: int, *, actor_id: int, reason: str | None = None) -> None:
        """Accept and start nothing new in a server; running jobs finish."""
        await self.change_rules(guild_id, actor_id=actor_id, paused=True, pause_reason=reason)

    async def resume_guild(self, guild_id: int, *, actor_id: int) -> None:
        await self.change_rules(guild_id, actor_id=actor_id, paused=False, pause_reason=None)

    async def switch_bot(self, *, enabled: bool, actor_id: int, reason: str | None = None) -> None:
        if enabled:
            await self.resume_guild(WHOLE_BOT_ID, actor_id=actor_id)
        else:
            await self.pause_guild(WHOLE_BOT_ID, actor_id=actor_id, reason=reason)
