"""Servers' word lists and the operator's: what a request may say, and admins' changes.

A compiled list is kept until its server's rules name another version, so that requests do not read
it each time. All processes see a change with the next request.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import structlog

from bot.domain.errors import DatabaseUnavailable, WordEntryRefused
from bot.domain.jobs.job import Origin
from bot.domain.jobs.request import VideoRequest
from bot.domain.moderation.word_list import (
    WordAction,
    WordEntry,
    WordList,
    WordListChange,
    WordMatch,
    WordRules,
    parse_entries,
    split_entries,
)
from bot.domain.ports import Clock
from bot.domain.showcase.post import AuditAction, AuditEntry
from bot.store.guilds import GuildStore
from bot.store.moderation.word_lists import WordListStore
from bot.store.showcase.settings import ShowcaseSettingsStore

_log: Final = structlog.get_logger(__name__)

_MAX_KEPT_LISTS: Final = 500


@dataclass(kw_only=True, eq=False)
class WordListService:
    word_lists: WordListStore
    guilds: GuildStore
    audit_log: ShowcaseSettingsStore
    clock: Clock
    operator_list: WordList = field(default_factory=WordList)
    _kept: OrderedDict[int, tuple[int, WordList]] = field(init=False, default_factory=OrderedDict)
    """Compiled lists with their versions, by server; the one used last is at the end."""

    async def load_rules(self, guild_id: int | None, version: int) -> WordRules:
        """Return the lists for requests in a server, or elsewhere (`None`).

        ``version`` is that of the server's list in its rules. Raises `DatabaseUnavailable`.
        """
        if guild_id is None or version == 0:
            return WordRules(self.operator_list)
        kept = self._kept.get(guild_id)
        if kept is None or kept[0] != version:
            entries = await self.word_lists.list_entries(guild_id)
            kept = (version, await asyncio.to_thread(WordList, entries))
        self._kept[guild_id] = kept
        self._kept.move_to_end(guild_id)
        if len(self._kept) > _MAX_KEPT_LISTS:
            self._kept.popitem(last=False)
        return WordRules(self.operator_list, kept[1])

    async def record_use(self, request: VideoRequest, rules: WordRules, origin: Origin) -> None:
        """Record who used which entry to log, and where, for a request that was accepted.

        The server's own are for its admins, in the audit log. The operator's are in the program's
        log, with the entry and never with the prompt. An error does not undo the acceptance.
        """
        for match in rules.find_matches(request):
            if match.entry.action is not WordAction.LOG:
                continue
            place = {"user": origin.user_id, "guild": origin.guild_id, "channel": origin.channel_id}
            if match.by_operator or origin.guild_id is None:
                _log.info("word_list.used", entry=match.entry.text, **place)
                continue
            audit_entry = AuditEntry(
                origin.guild_id,
                origin.user_id,
                AuditAction.USE_WORD,
                self.clock.now(),
                comment=f"{origin.channel_id} {match.entry.text}",
            )
            try:
                await self.audit_log.add_audit_entry(audit_entry)
            except DatabaseUnavailable as error:
                _log.warning("word_list.use_not_recorded", reason=str(error), **place)

    # -- for admins

    async def add_entries(
        self, guild_id: int, typed: str, action: WordAction, *, actor_id: int
    ) -> WordListChange:
        """Add what an admin typed to a server's list. Raises `WordEntryRefused`."""
        entries = parse_entries(typed, action)
        audit_entry = self._build_audit_entry(guild_id, actor_id, f"+{len(entries)}")
        return await self.word_lists.add_entries(guild_id, entries, audit_entry)

    async def add_valid_entries(
        self, guild_id: int, typed: str, action: WordAction, *, actor_id: int
    ) -> tuple[WordListChange | None, Sequence[WordEntryRefused]]:
        """Add what an admin typed, except for what cannot be an entry; return both.

        A form is gone once it is sent, so one bad line must not lose the others.
        """
        entries, refusals = split_entries(typed, action)
        if not entries:
            return None, refusals
        audit_entry = self._build_audit_entry(guild_id, actor_id, f"+{len(entries)}")
        try:
            change = await self.word_lists.add_entries(guild_id, entries, audit_entry)
        except WordEntryRefused as error:
            return None, [error]
        return change, refusals

    async def remove_entries(self, guild_id: int, typed: str, *, actor_id: int) -> WordListChange:
        """Remove what an admin typed from a server's list.

        Raises `WordEntryRefused` if the list has none of it.
        """
        texts = [entry.text for entry in parse_entries(typed)]
        audit_entry = self._build_audit_entry(guild_id, actor_id)
        change = await self.word_lists.remove_entries(guild_id, texts, audit_entry)
        if change.changed == 0:
            raise WordEntryRefused("not_listed", entry=texts[0])
        return change

    async def count_entries(self, guild_id: int) -> int:
        return await self.word_lists.count_entries(guild_id)

    async def list_entries(self, guild_id: int) -> Sequence[WordEntry]:
        return await self.word_lists.list_entries(guild_id)

    async def has_staff_channel(self, guild_id: int) -> bool:
        """Return whether moderators of a server can be asked."""
        return (await self.guilds.load_rules(guild_id)).staff_channel is not None

    async def test_text(self, guild_id: int, text: str) -> list[WordMatch]:
        """Return which entries a request with ``text`` would meet in a server."""
        rules = await self.guilds.load_rules(guild_id)
        word_rules = await self.load_rules(guild_id, rules.word_list_version)
        return word_rules.find_matches(VideoRequest(text))

    def _build_audit_entry(
        self, guild_id: int, actor_id: int, change: str | None = None
    ) -> AuditEntry:
        action, now = AuditAction.CHANGE_WORDS, self.clock.now()
        return AuditEntry(guild_id, actor_id, action, now, comment=change)
