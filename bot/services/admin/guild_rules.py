"""The rules of a server's admins, and the operator's pause of the whole bot.

A request needs them in many places, so they are read once, as a `GuildContext`, and passed along.
"""

import json
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from bot.domain.clips.age_restriction import require_may_show
from bot.domain.clips.clip import Clip
from bot.domain.errors import NotAllowed, RequestsPaused
from bot.domain.guild import WHOLE_BOT_ID, ExtendPermission, GuildRules
from bot.domain.jobs.job import Job, Origin
from bot.domain.jobs.people_policy import (
    choose_preferred_rule,
    pick_strictest,
    resolve_person_rule,
)
from bot.domain.jobs.request import PersonRule, VideoRequest
from bot.domain.moderation.request_block import RequestBlock
from bot.domain.moderation.word_list import NO_WORD_RULES, WordRules
from bot.domain.ports import Clock
from bot.domain.showcase.post import AuditAction, AuditEntry
from bot.store.guilds import GuildStore

if TYPE_CHECKING:
    # needed by requests only, and not by programs such as `clapper pause`
    from bot.services.moderation.word_lists import WordListService


_REVIEW_FIELDS: Final = ("review_scope", "trusted_role", "review_channel")
_PAUSE_FIELDS: Final = ("paused", "pause_reason")
_COUNTED_FIELDS: Final = frozenset({"age_restricted_only", "word_list_version"})
"""Fields whose changes have audit entries of their own."""


@dataclass(frozen=True, slots=True)
class ChannelContext:
    """What the rules need to know about a channel; ``parent_channel_id`` is set for threads.

    If it is unknown whether the channel is age-restricted, ``age_restricted`` is set and
    ``shows_age_restricted`` is not. ``is_for_adults`` is set if Discord lets only adults ask here:
    in age-restricted channels, and with commands and buttons in direct messages of the bot.
    """

    age_restricted: bool = False
    shows_age_restricted: bool = False
    is_for_adults: bool = False
    direct_message: bool = False
    parent_channel_id: int | None = None


@dataclass(frozen=True, slots=True)
class GuildContext:
    """Who makes a request, where, and under which rules.

    ``origin`` already has the server's language. Outside of servers ``rules`` are the defaults.
    ``request_block`` is set if the server keeps the member from making clips. With
    ``is_allowed_by_moderator`` a moderator has seen the request.
    """

    origin: Origin
    channel: ChannelContext
    rules: GuildRules
    bot_rules: GuildRules
    word_rules: WordRules = NO_WORD_RULES
    request_block: RequestBlock | None = None
    is_allowed_by_moderator: bool = False

    @property
    def can_ask_moderators(self) -> bool:
        """Whether a request can be shown to moderators; only servers have some."""
        return self.origin.guild_id is not None and self.rules.staff_channel is not None

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
        """The rule for people in the channel; a thread never loosens its channel's."""
        return resolve_person_rule(
            self.rules.person_rule,
            self._channel_person_rule,
            direct_message=self.channel.direct_message,
        )

    @property
    def preferred_person_rule(self) -> PersonRule | None:
        """The rule that is followed if a model can, at no extra cost."""
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
        """Raise `ChannelNotAllowed` if the server does not allow the bot in the channel."""
        self.rules.require_allowed_channel(self.origin.channel_id, self.channel.parent_channel_id)

    def require_age_restricted_channel(self) -> None:
        """Raise `NotAllowed` if the operator or the server allows age-restricted channels only."""
        if self.channel.is_for_adults:
            return
        if self.bot_rules.age_restricted_only:
            raise NotAllowed("age_direct" if self.channel.direct_message else "age_operator")
        if self.rules.age_restricted_only:
            raise NotAllowed("age_server")

    def require_not_blocked(self) -> None:
        """Raise `MemberBlocked` if the server keeps the member from making clips."""
        if self.request_block is not None:
            raise self.request_block.as_error()

    def require_allowed_words(self, request: VideoRequest) -> None:
        """Raise `WordsRefused` if a word list refuses ``request``, or nobody can be asked."""
        can_ask = self.is_allowed_by_moderator or self.can_ask_moderators
        self.word_rules.require_allowed(request, can_ask=can_ask)

    def require_may_show(self, *, age_restricted: bool) -> None:
        """Raise `NotAllowed` if a clip, or what is made from it, may not be shown here."""
        require_may_show(
            age_restricted=age_restricted,
            place_age_restricted=self.channel.shows_age_restricted,
        )

    def require_may_extend(self, clip: Clip) -> None:
        """Raise `NotAllowed` if only the requester of the clip may extend it."""
        is_own = clip.user_id == self.origin.user_id
        if self.rules.extend_by is ExtendPermission.REQUESTER and not is_own:
            raise NotAllowed("extend")

    def require_may_repeat(self, job: Job) -> None:
        """Raise `NotAllowed` if the job may not be repeated, with the same words or others.

        Repeating an extension or edit extends or edits its clip again, so the same rule applies.
        """
        self.require_may_show(age_restricted=job.origin.age_restricted)
        is_own = job.origin.user_id == self.origin.user_id
        is_from_clip = job.plan.parent is not None
        if self.rules.extend_by is ExtendPermission.REQUESTER and is_from_clip and not is_own:
            raise NotAllowed("extend")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerRulesService:
    guilds: GuildStore
    clock: Clock
    word_lists: "WordListService | None" = None
    """`None` in programs that accept no requests."""
    age_restricted_only: bool = False
    """The operator's choice, which no server can loosen."""

    async def load_context(
        self, origin: Origin, channel: ChannelContext = ChannelContext()
    ) -> GuildContext:
        """Return the rules for a request from ``origin``. Raises `DatabaseUnavailable`."""
        guild_id = origin.guild_id
        rules_by_id, block = await self.guilds.load_rules_for_member(
            [WHOLE_BOT_ID, *([] if guild_id is None else [guild_id])], origin.user_id
        )
        rules = GuildRules(WHOLE_BOT_ID) if guild_id is None else rules_by_id[guild_id]
        word_rules = NO_WORD_RULES
        if self.word_lists is not None:
            word_rules = await self.word_lists.load_rules(guild_id, rules.word_list_version)
        return GuildContext(
            rules.apply_language(origin),
            channel,
            rules,
            replace(rules_by_id[WHOLE_BOT_ID], age_restricted_only=self.age_restricted_only),
            word_rules,
            block,
        )

    async def record_words(self, request: VideoRequest, context: GuildContext) -> None:
        """Record the words to log of a request that was accepted."""
        if self.word_lists is not None:
            await self.word_lists.record_use(request, context.word_rules, context.origin)

    async def change_rules(self, guild_id: int, *, actor_id: int, **changes: Any) -> GuildRules:
        """Change some of the rules (fields of `GuildRules`) and return all of them.

        Concurrent changes of other rules are kept, and so are the person rules of other channels.
        `None` removes the person rule of a channel.
        """
        before = await self.guilds.load_rules(guild_id)
        if (channels := changes.get("channel_person_rules")) is not None:
            merged = {**before.channel_person_rules, **channels}
            changes["channel_person_rules"] = {
                channel: rule for channel, rule in merged.items() if rule is not None
            }
        rules, now = replace(before, **changes), self.clock.now()
        entries = [] if guild_id == WHOLE_BOT_ID else _build_audit_entries(before, rules, now)
        await self.guilds.save_rules(
            rules,
            actor_id=actor_id,
            now=now,
            previous=before,
            audit_entries=[replace(entry, actor_id=actor_id) for entry in entries],
        )
        return rules

    async def pause_guild(self, guild_id: int, *, actor_id: int, reason: str | None = None) -> None:
        """Accept no requests and start no jobs in a server; running jobs finish."""
        await self.change_rules(guild_id, actor_id=actor_id, paused=True, pause_reason=reason)

    async def resume_guild(self, guild_id: int, *, actor_id: int) -> None:
        await self.change_rules(guild_id, actor_id=actor_id, paused=False, pause_reason=None)

    async def switch_bot(self, *, enabled: bool, actor_id: int, reason: str | None = None) -> None:
        if enabled:
            await self.resume_guild(WHOLE_BOT_ID, actor_id=actor_id)
        else:
            await self.pause_guild(WHOLE_BOT_ID, actor_id=actor_id, reason=reason)


def _build_audit_entries(before: GuildRules, after: GuildRules, now: datetime) -> list[AuditEntry]:
    """Return the entries about what has changed, without who changed it."""
    entries = []
    if after.age_restricted_only != before.age_restricted_only:
        action = (
            AuditAction.REQUIRE_AGE_RESTRICTION
            if after.age_restricted_only
            else AuditAction.LIFT_AGE_RESTRICTION
        )
        entries.append(AuditEntry(after.guild_id, None, action, now))
    changes = _list_changes(before, after)
    if changes:
        comment = json.dumps(changes)
        action = AuditAction.CHANGE_RULES
        entries.append(AuditEntry(after.guild_id, None, action, now, comment=comment))
    return entries


def _list_changes(before: GuildRules, after: GuildRules) -> dict[str, Any]:
    """Return the new values. What only makes sense together is given together."""
    changed = {
        field.name
        for field in fields(GuildRules)
        if getattr(before, field.name) != getattr(after, field.name)
    } - _COUNTED_FIELDS
    if changed & set(_REVIEW_FIELDS):
        changed |= {*_REVIEW_FIELDS, "staff_channel"}
    if changed & set(_PAUSE_FIELDS):
        changed |= set(_PAUSE_FIELDS)
    values: dict[str, Any] = {
        name: getattr(after, name) for name in sorted(changed - {"channel_person_rules"})
    }
    if "allowed_channels" in values:
        values["allowed_channels"] = sorted(values["allowed_channels"])
    if "channel_person_rules" in changed:
        old, new = before.channel_person_rules, after.channel_person_rules
        values["channel_person_rules"] = {
            channel: new.get(channel)
            for channel in sorted({*old, *new})
            if old.get(channel) != new.get(channel)
        }
    return values
