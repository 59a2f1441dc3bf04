"""A reply to a clip makes it longer: the reply's text says what happens next."""

import re
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from functools import cache
from typing import Final

import discord
import structlog
from discord.ext import commands

from bot.domain.clips.clip import Clip
from bot.domain.errors import AlreadyAccepted, ClapperError, DatabaseUnavailable, RequestRefused
from bot.domain.jobs.job import Origin
from bot.domain.ports import Clock
from bot.i18n.catalogs import list_languages, translate
from bot.services.admin.guild_rules import ServerRulesService
from bot.services.clips.library import ClipLibrary
from bot.ui.custom_ids import ActionButton, ButtonAction
from bot.ui.error_messages import describe_error
from cogs._common.answers import ReplyAnswer
from cogs._common.clip_lookup import build_clip_choice, find_message_clips
from cogs._common.context import build_channel_context, build_message_origin
from cogs._common.request_flow import RequestFlow

_log: Final = structlog.get_logger(__name__)
_IGNORED_PUNCTUATION: Final = " .!。！…"
"""What may stand around a word without making it another."""
_MAX_REMEMBERED_HINTS: Final = 10_000
_HINT_INTERVAL_S: Final = 24 * 3600.0


class ReplyListener(commands.Cog):
    """Listens for replies to the bot's own messages."""

    def __init__(
        self,
        *,
        client: discord.Client,
        request_flow: RequestFlow,
        server_rules: ServerRulesService,
        clip_library: ClipLibrary,
        clock: Clock,
    ) -> None:
        self._client = client
        self._request_flow = request_flow
        self._server_rules = server_rules
        self._clip_library = clip_library
        self._clock = clock
        self._last_hint_at: OrderedDict[tuple[int, int], float] = OrderedDict()

    @commands.Cog.listener()
    async def on_message(self, message: discord.Message) -> None:
        """Extend the clip that ``message`` replies to."""
        target = message.reference.resolved if message.reference is not None else None
        me = self._client.user
        if me is None or message.author.bot or not isinstance(target, discord.Message):
            return
        pinged = me.id in message.raw_mentions or me in message.mentions
        if target.author.id != me.id and not pinged:
            return
        origin = await self._load_origin(message)
        async with self._report_errors(message, origin.locale):
            await self._answer_reply(message, target, me.id, origin, is_pinged=pinged)

    async def _load_origin(self, message: discord.Message) -> Origin:
        """Return where a reply comes from, in its server's language as far as that is known."""
        origin = build_message_origin(message)
        with suppress(DatabaseUnavailable):
            return await self._server_rules.apply_guild_language(origin)
        return origin

    async def _answer_reply(
        self,
        message: discord.Message,
        target: discord.Message,
        bot_user_id: int,
        origin: Origin,
        *,
        is_pinged: bool,
    ) -> None:
        answer = ReplyAnswer(message)
        clips = (
            await find_message_clips(target, self._clip_library)
            if target.author.id == bot_user_id
            else []
        )
        if clips and message.guild is None:  # a message does not say which language its writer has
            asked = await self._clip_library.get_job(clips[0].job_id)
            origin = replace(origin, locale=asked.origin.locale)
        locale = origin.locale
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
            await self._request_flow.extend_clip(
                clip,
                prompt,
                requester=message,
                origin=origin,
                channel_context=build_channel_context(message),
                answer=answer,
            )

    async def _send_hint(self, message: discord.Message, locale: str) -> None:
        """Say once a day to each person in a channel that without ping nobody hears the text."""
        whom, now = (message.author.id, message.channel.id), self._clock.monotonic()
        if whom in self._last_hint_at and now - self._last_hint_at[whom] < _HINT_INTERVAL_S:
            return
        self._last_hint_at[whom] = now
        self._last_hint_at.move_to_end(whom)
        if len(self._last_hint_at) > _MAX_REMEMBERED_HINTS:
            self._last_hint_at.popitem(last=False)
        await ReplyAnswer(message).send_text(translate("reply.ping_hint", locale))

    @asynccontextmanager
    async def _report_errors(self, message: discord.Message, locale: str) -> AsyncIterator[None]:
        """Answer what goes wrong by a reply; Discord may deliver the same message twice."""
        try:
            yield
        except AlreadyAccepted:
            _log.info("message delivered twice", message=message.id)
        except ClapperError as fault:
            if not isinstance(fault, RequestRefused):
                _log.warning("reply failed", message=message.id, exc_info=fault)
            try:
                await ReplyAnswer(message).send_text(describe_error(fault, locale))
            except discord.Forbidden:
                _log.info("may not answer here", channel=message.channel.id)


@cache
def _list_repeat_words() -> frozenset[str]:
    """Return what asks for the same once more, in whatever language it is written."""
    lists = (translate("words.again", spoken) for spoken in list_languages())
    return frozenset(word.strip() for words in lists for word in words.split(","))


def _build_buttons(clip: Clip, locale: str) -> list[ActionButton]:
    return [
        ActionButton(
            ButtonAction.EXTEND, clip.id, label=translate("button.extend", locale), primary=True
        ),
        ActionButton(ButtonAction.REDO, clip.job_id, label=translate("button.redo", locale)),
    ]
