"""Answers mentions of the bot: with help, or with an offer and its price.

Nothing is made without a confirmation, except for a clear direction in a reply to somebody's image.
Replies to the bot's own messages are handled in `cogs.replies`.
"""

from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

import discord
import structlog
from discord.ext import commands

from bot.discord.api_errors import DISCORD_ERRORS, summarize_error
from bot.domain.errors import AlreadyAccepted, ClapperError, RequestRefused
from bot.domain.guild import ReplyMode
from bot.domain.jobs.reply_intent import ReplyKind, asks_for_video, read_reply
from bot.domain.jobs.request import VideoRequest
from bot.domain.ports import Clock
from bot.i18n.catalogs import translate
from bot.services.admin.guild_rules import ServerRulesService
from bot.ui.button_words import list_button_words
from bot.ui.error_messages import describe_error, describe_error_in_public
from cogs._common.answers import ReplyAnswer
from cogs._common.clip_reply import MESSAGE_TYPES, strip_mentions
from cogs._common.context import build_channel_context, build_message_origin
from cogs._common.hint_times import HintTimes
from cogs._common.options import describe_attachment, find_images
from cogs._common.pending import ImageDraft, PendingConfirmations
from cogs._common.request_flow import RequestFlow, RequestSource

_log: Final = structlog.get_logger(__name__)
_HELP_INTERVAL_S: Final = 30.0
_OFFER_INTERVAL_S: Final = 5.0


@dataclass(kw_only=True, eq=False)
class MentionListener(commands.Cog):
    client: discord.Client
    request_flow: RequestFlow
    server_rules: ServerRulesService
    confirmations: PendingConfirmations
    clock: Clock
    _help_times: HintTimes = field(init=False)
    _offer_times: HintTimes = field(init=False)

    def __post_init__(self) -> None:
        self._help_times = HintTimes(self.clock, _HELP_INTERVAL_S)
        self._offer_times = HintTimes(self.clock, _OFFER_INTERVAL_S)

    @commands.Cog.listener()
    async def on_message(self, message: discord.Message) -> None:
        me = self.client.user
        if me is None or message.author.bot or message.type not in MESSAGE_TYPES:
            return
        if message.guild is not None and me.id not in message.raw_mentions:
            return
        target = message.reference.resolved if message.reference is not None else None
        if isinstance(target, discord.Message) and target.author.id == me.id:
            return
        try:
            await self._answer(message, target, me.id)
        except DISCORD_ERRORS as error:
            _log.info("mention.answer_failed", message=message.id, error=summarize_error(error))

    async def _answer(
        self,
        message: discord.Message,
        target: discord.Message | discord.DeletedReferencedMessage | None,
        bot_user_id: int,
    ) -> None:
        origin, channel = build_message_origin(message), build_channel_context(message)
        answer = ReplyAnswer(message, self.clock)
        try:
            context = await self.server_rules.load_context(origin, channel)
            context.require_allowed_channel()
            context.require_age_restricted_channel()
        except ClapperError as error:
            if self._is_due(self._help_times, message):
                await answer.send_text(describe_error(error, origin.locale))
            return
        source = RequestSource(message, context.origin, channel, answer, context)
        locale, words = context.origin.locale, strip_mentions(message.content, bot_user_id)
        kind = read_reply(words, list_button_words()).kind
        is_offer = kind in (ReplyKind.DIRECTION, ReplyKind.UNCLEAR) or asks_for_video(words)
        images = find_images(message.attachments)
        is_about_target = isinstance(target, discord.Message) and not images
        if isinstance(target, discord.Message) and is_offer and is_about_target:
            images = await self._find_target_images(target)
            is_hidden = message.guild is not None and not target.content
            if not images and is_hidden and self._is_due(self._help_times, message):
                await answer.send_text(translate("mention.image", locale))
                return
        key = (message.author.id, message.channel.id)
        if is_offer and self._offer_times.is_due(*key):
            if len(images) > 1:
                drafts = [
                    ImageDraft(describe_attachment(image), message.author.id, words)
                    for image in images[:5]
                ]
                await answer.send_text(*self.confirmations.build_image_choice(drafts, locale))
                return
            request = VideoRequest(
                prompt=words, image=describe_attachment(images[0]) if images else None
            )
            may_spend = is_about_target and images and kind is ReplyKind.DIRECTION
            try:
                if may_spend and context.rules.reply_mode is ReplyMode.EXTEND:
                    await self.request_flow.submit_request(request, source)
                else:
                    await self.request_flow.offer_request(request, source)
            except AlreadyAccepted:
                _log.info("mention.repeated", message=message.id)
            except ClapperError as error:
                if not isinstance(error, RequestRefused):
                    _log.warning("mention.failed", message=message.id, exc_info=error)
                await answer.send_text(describe_error_in_public(error, locale))
        elif not is_offer and self._is_due(self._help_times, message):
            await answer.send_text(translate("mention.help", locale))

    async def _find_target_images(self, target: discord.Message) -> list[discord.Attachment]:
        """Return the images of the message that was replied to, if the bot can see them."""
        images = find_images(target.attachments)
        if not images:
            with suppress(*DISCORD_ERRORS):  # a fetched message may have more content
                images = find_images((await target.fetch()).attachments)
        return images

    def _is_due(self, times: HintTimes, message: discord.Message) -> bool:
        return times.is_due(message.author.id, message.channel.id)
