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
from bot.domain.errors import AlreadyAccepted, ClapperError, Refused, StoreAway
from bot.domain.jobs.job import Origin
from bot.domain.ports import Clock
from bot.i18n.catalogs import languages, say
from bot.services.admin.guild_rules import Servers
from bot.services.clips.library import Library
from bot.ui.custom_ids import Action, ActionButton
from bot.ui.error_messages import error_text
from cogs._common.answers import ReplyAnswer
from cogs._common.clip_lookup import clips_of, which_of
from cogs._common.context import origin_of_message, surroundings_of
from cogs._common.request_flow import Asking

_log: Final = structlog.get_logger(__name__)
_AROUND: Final = " .!。！…"
"""What may stand around a word without making it another."""
_MOST_HINTED: Final = 10_000
_HINT_AGAIN_S: Final = 24 * 3600.0


class Replies(commands.Cog):
    """Listens for replies to the bot's own messages."""

    def __init__(
        self,
        *,
        client: discord.Client,
        asking: Asking,
        servers: Servers,
        library: Library,
        clock: Clock,
    ) -> None:
        self._client = client
        self._asking = asking
        self._servers = servers
        self._library = library
        self._clock = clock
        self._hinted: OrderedDict[tuple[int, int], float] = OrderedDict()

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
        origin = await self._origin(message)
        async with self._telling(message, origin.locale):
            await self._answer(message, target, me.id, origin, pinged=pinged)

    async def _origin(self, message: discord.Message) -> Origin:
        """Return where a reply comes from, in its server's language as far as that is known."""
        origin = origin_of_message(message)
        with suppress(StoreAway):
            return await self._servers.at_home(origin)
        return origin

    async def _answer(
        self,
        message: discord.Message,
        target: discord.Message,
        me: int,
        origin: Origin,
        *,
        pinged: bool,
    ) -> None:
        answer = ReplyAnswer(message)
        clips = await clips_of(target, self._library) if target.author.id == me else []
        if clips and message.guild is None:  # a message does not say which language its writer has
            asked = await self._library.job(clips[0].job_id)
            origin = replace(origin, locale=asked.origin.locale)
        locale = origin.locale
        prompt = re.sub(rf"<@!?{me}>", " ", message.content).strip()
        if not clips:
            if pinged:
                await answer.say(say("reply.not_a_clip", locale))
            return
        clip = clips[0]
        if not prompt and not pinged:
            await self._hint(message, locale)
        elif len(clips) > 1:
            await answer.say(*which_of(clips, Action.EXTEND, locale))
        elif not prompt:
            await answer.say(say("reply.empty", locale), _ways_on(clip, locale))
        elif prompt.lower().strip(_AROUND) in _again():
            await answer.say(say("reply.again", locale), _ways_on(clip, locale))
        else:
            await self._asking.extend(
                clip,
                prompt,
                asker=message,
                origin=origin,
                surroundings=surroundings_of(message),
                answer=answer,
            )

    async def _hint(self, message: discord.Message, locale: str) -> None:
        """Say once a day to each person in a channel that without ping nobody hears the text."""
        whom, now = (message.author.id, message.channel.id), self._clock.monotonic()
        if whom in self._hinted and now - self._hinted[whom] < _HINT_AGAIN_S:
            return
        self._hinted[whom] = now
        self._hinted.move_to_end(whom)
        if len(self._hinted) > _MOST_HINTED:
            self._hinted.popitem(last=False)
        await ReplyAnswer(message).say(say("reply.ping_hint", locale))

    @asynccontextmanager
    async def _telling(self, message: discord.Message, locale: str) -> AsyncIterator[None]:
        """Answer what goes wrong by a reply; Discord may deliver the same message twice."""
        try:
            yield
        except AlreadyAccepted:
            _log.info("message delivered twice", message=message.id)
        except ClapperError as fault:
            if not isinstance(fault, Refused):
                _log.warning("reply failed", message=message.id, exc_info=fault)
            try:
                await ReplyAnswer(message).say(error_text(fault, locale))
            except discord.Forbidden:
                _log.info("may not answer here", channel=message.channel.id)


@cache
def _again() -> frozenset[str]:
    """Return what asks for the same once more, in whatever language it is written."""
    lists = (say("words.again", spoken) for spoken in languages())
    return frozenset(word.strip() for words in lists for word in words.split(","))


def _ways_on(clip: Clip, locale: str) -> list[ActionButton]:
    return [
        ActionButton(Action.EXTEND, clip.id, label=say("button.extend", locale), primary=True),
        ActionButton(Action.REDO, clip.job_id, label=say("button.redo", locale)),
    ]
