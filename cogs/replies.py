"""A reply to a clip extends it: the reply's text says what happens next."""

import re
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from typing import Final

import discord
import structlog
from discord.ext import commands

from bot.domain.clips.clip import Clip
from bot.domain.errors import AlreadyAccepted, ClapperError, DatabaseUnavailable, RequestRefused
from bot.domain.ports import Clock
from bot.i18n.catalogs import translate
from bot.i18n.translations import list_languages
from bot.services.admin.guild_rules import GuildContext, ServerRulesService
from bot.store.jobs.jobs import JobStore
from bot.ui.components import ActionButton, build_button
from bot.ui.custom_ids import ButtonAction
from bot.ui.error_messages import describe_error
from cogs._common.answers import ReplyAnswer
from cogs._common.clip_lookup import ClipFinder, build_clip_choice
from cogs._common.context import build_channel_context, build_message_origin
from cogs._common.request_flow import RequestFlow, RequestSource

_log: Final = structlog.get_logger(__name__)
_IGNORED_PUNCTUATION: Final = " .!。！…"
"""What is ignored around a word."""
_HintTimes = OrderedDict[tuple[int, int], float]
_MAX_REMEMBERED_HINTS: Final = 10_000
_HINT_INTERVAL_S: Final = 24 * 3600.0


@dataclass(kw_only=True, eq=False)
class ReplyListener(commands.Cog):
    client: discord.Client
    request_flow: RequestFlow
    server_rules: ServerRulesService
    jobs: JobStore
    clip_finder: ClipFinder
    clock: Clock
    _last_hint_at: _HintTimes = field(default_factory=OrderedDict, init=False)

    @commands.Cog.listener()
    async def on_message(self, message: discord.Message) -> None:
        target = message.reference.resolved if message.reference is not None else None
        me = self.client.user
        if me is None or message.author.bot or not isinstance(target, discord.Message):
            return
        is_pinged = me.id in message.raw_mentions or me in message.mentions
        if target.author.id != me.id and not is_pinged:
            return
        source = await self._load_source(message)
        async with self._report_errors(message, source.origin.locale):
            await self._answer_reply(message, target, me.id, source, is_pinged=is_pinged)

    async def _load_source(self, message: discord.Message) -> RequestSource:
        """Return who asks where; in the server's language, if the database answers."""
        origin, channel = build_message_origin(message), build_channel_context(message)
        context: GuildContext | None = None
        with suppress(DatabaseUnavailable):
            context = await self.server_rules.load_context(origin, channel)
            origin = context.origin
        return RequestSource(message, origin, channel, ReplyAnswer(message), context)

    async def _answer_reply(
        self,
        message: discord.Message,
        target: discord.Message,
        bot_user_id: int,
        source: RequestSource,
        *,
        is_pinged: bool,
    ) -> None:
        answer = source.answer
        is_own = target.author.id == bot_user_id
        clips = await self.clip_finder.find_in_message(target) if is_own else []
        if clips and message.guild is None:  # a message does not tell its author's language
            job = await self.jobs.get(clips[0].job_id)
            source = source if job is None else source.with_locale(job.origin.locale)
        locale = source.origin.locale
        prompt = re.sub(rf"<@!?{bot_user_id}>", " ", message.content).strip()
        if not clips:
            if is_pinged:
                await answer.send_text(translate("reply.not_a_clip", locale))
            return
        clip = clips[0]
        if not prompt and not is_pinged:
            await self._send_hint(message, locale)
        elif len(clips) > 1:
            await answer.send_text(*build_clip_choice(clips, ButtonAction.EXTEND, locale))
        elif not prompt:
            await answer.send_text(translate("reply.empty", locale), _build_buttons(clip, locale))
        elif prompt.lower().strip(_IGNORED_PUNCTUATION) in _list_repeat_words():
            await answer.send_text(translate("reply.again", locale), _build_buttons(clip, locale))
        else:
            await self.request_flow.extend_clip(clip, prompt, source)

    async def _send_hint(self, message: discord.Message, locale: str) -> None:
        """Say, once a day per person and channel, that the bot reads only replies with a ping."""
        key, now = (message.author.id, message.channel.id), self.clock.monotonic()
        if now - self._last_hint_at.get(key, float("-inf")) < _HINT_INTERVAL_S:
            return
        self._last_hint_at[key] = now
        self._last_hint_at.move_to_end(key)
        if len(self._last_hint_at) > _MAX_REMEMBERED_HINTS:
            self._last_hint_at.popitem(last=False)
        await ReplyAnswer(message).send_text(translate("reply.ping_hint", locale))

    @asynccontextmanager
    async def _report_errors(self, message: discord.Message, locale: str) -> AsyncIterator[None]:
        """Answer an error by a reply; Discord may deliver the same message twice."""
        try:
            yield
        except AlreadyAccepted:
            _log.info("reply.repeated", message=message.id)
        except ClapperError as error:
            if not isinstance(error, RequestRefused):
                _log.warning("reply.failed", message=message.id, exc_info=error)
            try:
                await ReplyAnswer(message).send_text(describe_error(error, locale))
            except discord.Forbidden:
                _log.info("reply.answer_forbidden", channel=message.channel.id)


@cache
def _list_repeat_words() -> frozenset[str]:
    lists = (translate("words.again", language) for language in list_languages())
    return frozenset(word.strip() for words in lists for word in words.split(","))


def _build_buttons(clip: Clip, locale: str) -> list[ActionButton]:
    return [
        build_button(ButtonAction.EXTEND, clip.id, locale, primary=True),
        build_button(ButtonAction.REDO, clip.job_id, locale),
    ]
