"""Replies to clips: they extend or edit a clip if they say what happens next or what to change.

`bot.domain.jobs.reply_intent` decides which replies may spend by themselves. To others the bot adds
a reaction, and the author confirms by tapping it. If the aim or the clip is unclear, the bot asks
with buttons.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any, Final

import discord
import structlog
from discord.ext import commands

from bot.discord.api_errors import DISCORD_ERRORS, convert_discord_errors, summarize_error
from bot.discord.retries import retry_while_busy
from bot.domain.clips.clip import Clip
from bot.domain.errors import (
    AlreadyAccepted,
    ClapperError,
    DatabaseUnavailable,
    DeliveryError,
    NotAllowed,
    RecordNotFound,
    RequestRefused,
    WordsRefused,
)
from bot.domain.guild import ReplyMode
from bot.domain.jobs.reply_forms import ReplyAim
from bot.domain.jobs.reply_intent import ReplyKind
from bot.domain.ports import Clock
from bot.i18n.catalogs import translate
from bot.services.admin.guild_rules import GuildContext, ServerRulesService
from bot.store.jobs.clips import ClipStore
from bot.store.jobs.jobs import JobStore
from bot.store.showcase.settings import ShowcaseSettingsStore
from bot.ui.components import build_button, find_button_number
from bot.ui.custom_ids import ButtonAction, parse_shown_price
from bot.ui.error_messages import describe_error_in_public
from bot.ui.router import InteractionRouter
from cogs._common.answers import EditedAnswer, ReplyAnswer
from cogs._common.clip_lookup import ClipFinder, build_clip_choice
from cogs._common.clip_reply import ClipReply, is_in_channel, move_to_clip_channel, strip_mentions
from cogs._common.context import (
    build_channel_context,
    build_message_key,
    build_message_origin,
    build_origin,
)
from cogs._common.hint_times import HintTimes
from cogs._common.reply_choice import ReplyChoices, ReplyContent
from cogs._common.request_flow import RequestFlow, RequestSource

_log: Final = structlog.get_logger(__name__)

TAP_EMOJI: Final = "🎬"
"""The bot's reaction to a reply. The author taps it to make the clip."""
_HINT_INTERVAL_S: Final = 24 * 3600.0
_MEANT_FOR_CLIP: Final = (ReplyKind.DIRECTION, ReplyKind.UNCLEAR, ReplyKind.BUTTON)
_JOB_ACTIONS: Final = (ButtonAction.REWORD, ButtonAction.DETAILS, ButtonAction.DELETE)
_CLIP_ACTIONS: Final = (ButtonAction.EXTEND, ButtonAction.EDIT, ButtonAction.SHOWCASE)
_REACTION_CODES: Final = frozenset({90001, 30010, 10008})
"""Errors that a retry cannot fix: the author has blocked the bot, or the message has too many
reactions or is deleted."""


@dataclass(kw_only=True, eq=False)
class ReplyListener(commands.Cog):
    client: discord.Client
    router: InteractionRouter
    request_flow: RequestFlow
    server_rules: ServerRulesService
    showcase_settings: ShowcaseSettingsStore
    clips: ClipStore
    jobs: JobStore
    clip_finder: ClipFinder
    clock: Clock
    _hints: HintTimes = field(init=False)
    _choices: ReplyChoices = field(init=False)

    def __post_init__(self) -> None:
        self._hints = HintTimes(self.clock, interval_s=_HINT_INTERVAL_S)
        self._choices = ReplyChoices(self.request_flow)
        self.router.register_button(ButtonAction.EXTEND_BY_REPLY, self.extend_by_button)
        self.router.register_button(ButtonAction.EDIT_BY_REPLY, self.edit_by_button)

    # -- events and buttons

    @commands.Cog.listener()
    async def on_message(self, message: discord.Message) -> None:
        me = self.client.user
        reply = None if me is None else ClipReply.from_message(message, me.id)
        if reply is None:
            return
        source = await self._load_source(message, ReplyAnswer(message, self.clock))
        is_chat = reply.reading.kind in (ReplyKind.REMARK, ReplyKind.WORDLESS)
        async with self._report_errors(message, source, is_silent=is_chat):
            await self._answer_reply(reply, source)

    @commands.Cog.listener()
    async def on_raw_reaction_add(self, payload: discord.RawReactionActionEvent) -> None:
        """Make what a reply asks for when its author taps the bot's reaction."""
        me = self.client.user
        if str(payload.emoji) != TAP_EMOJI or me is None or payload.user_id == me.id:
            return
        if payload.message_author_id not in (None, payload.user_id):
            return
        reply = await self._fetch_reply(payload, me.id)
        if reply is None or reply.message.author.id != payload.user_id:
            return
        answer = ReplyAnswer(reply.message, self.clock, letter="t")
        source = await self._load_source(reply.message, answer, payload.member)
        async with self._report_errors(reply.message, source):
            await self._make_tapped(reply, source)

    async def extend_by_button(self, interaction: discord.Interaction, clip_id: int) -> None:
        """Extend a clip with the words of the reply that the question was about."""
        await self._make_chosen(interaction, clip_id, ReplyAim.EXTEND)

    async def edit_by_button(self, interaction: discord.Interaction, clip_id: int) -> None:
        """Edit a clip with the words and images of the reply that the question was about."""
        await self._make_chosen(interaction, clip_id, ReplyAim.EDIT)

    # -- actions and answers

    async def _answer_reply(self, reply: ClipReply, source: RequestSource) -> None:
        clips = await self._find_clips(reply)
        if not clips:
            await self._answer_status_reply(reply, source)
            return
        source = await self._use_clip_language(reply, clips[0], source)
        is_in_showcase = await self._is_in_showcase(reply.message)
        mode = ReplyMode.EXTEND if source.context is None else source.context.rules.reply_mode
        if mode is ReplyMode.OFF:
            if reply.is_named and self._is_hint_due(reply):
                await source.answer.send_text(translate("reply.off", source.origin.locale))
            return
        if is_in_showcase and not reply.is_named:
            return  # replies in the showcase are usually comments
        if not reply.is_readable:
            if not reply.message.stickers and self._is_hint_due(reply):
                await source.answer.send_text(translate("reply.ping_hint", source.origin.locale))
            return
        reading, is_one = reply.reading, len(clips) == 1
        has_files = bool(reply.message.attachments)
        needs_question = reply.may_be_meant and (not is_one or has_files)
        may_act = is_one and mode is ReplyMode.EXTEND and not reply.content.has_other_files
        if reading.kind is ReplyKind.BUTTON:
            await self._offer_button(reply, clips, source)
        elif reading.kind is ReplyKind.EMPTY and reply.is_named and not _has_files(reply):
            await self._ask_for_words(clips[0], source)
        elif may_act and reading.may_spend and reply.can_use_images:
            await self._act(clips[0], reading.aim, reply.content, source, reply.message)
        elif needs_question or (may_act and reading.needs_choice):
            await self._ask(reply, clips, source)
        else:
            await self._offer_reaction(reply, clips, source)

    async def _make_tapped(self, reply: ClipReply, source: RequestSource) -> None:
        clips = await self._find_clips(reply)
        if not clips:
            return
        source = await self._use_clip_language(reply, clips[0], source)
        aim, content = reply.reading.aim, reply.content
        is_clear = aim is not ReplyAim.EITHER and reply.can_use_images
        if source.context is not None and source.context.rules.reply_mode is ReplyMode.OFF:
            await source.answer.send_text(translate("reply.off", source.origin.locale))
        elif not reply.has_prompt:
            await self._ask_for_words(clips[0], source)
        elif len(clips) > 1 or not is_clear or content.has_other_files:
            await self._ask(reply, clips, source)
        else:
            await self._act(clips[0], aim, content, source, reply.message)
            await self._remove_reaction(reply.message)

    async def _make_chosen(
        self, interaction: discord.Interaction, clip_id: int, aim: ReplyAim
    ) -> None:
        """Make what a pressed button offered. Raises `NotAllowed` for others than the author."""
        await interaction.response.defer()
        me, question = self.client.user, interaction.message
        reply_id = None
        if question is not None and question.reference is not None:
            reply_id = question.reference.message_id
        if me is None or question is None or reply_id is None:
            raise RecordNotFound("clip_in_message")
        async with convert_discord_errors():
            try:
                message = await question.channel.fetch_message(reply_id)
            except discord.NotFound:
                raise RecordNotFound("reply") from None
        if message.author.id != interaction.user.id:
            raise NotAllowed("offer")
        clip = await self.clips.get(clip_id)
        words = strip_mentions(message.content, me.id)
        if clip is None or not words:
            raise RecordNotFound("clip" if clip is None else "reply")
        origin = build_origin(interaction, dedupe_key=build_message_key(message.id))
        origin = replace(origin, request_message_id=message.id)
        channel, answer = build_channel_context(interaction), EditedAnswer(interaction, public=True)
        source = RequestSource(interaction, origin, channel, answer)
        context = await self.server_rules.load_context(origin, source.channel)
        source = replace(source, origin=context.origin, context=context)
        post_source = await self._find_post_source(clip, source, message, interaction.user)
        if post_source is not None:
            data: Mapping[str, Any] = interaction.data or {}
            shown_price = parse_shown_price(str(data.get("custom_id", "")))
            content = ReplyContent.from_message(message, words)
            await self._choices.press(clip, aim, content, post_source, shown_price)

    async def _remove_reaction(self, message: discord.Message) -> None:
        """Remove the bot's reaction. A second tap would be refused by the message's key anyway."""
        me = self.client.user
        try:
            async with convert_discord_errors():
                if me is not None:
                    await message.remove_reaction(TAP_EMOJI, me)
        except DeliveryError as error:
            _log.info("reply.reaction_failed", message=message.id, error=str(error))

    async def _act(
        self,
        clip: Clip,
        aim: ReplyAim,
        content: ReplyContent,
        source: RequestSource,
        message: discord.Message,
    ) -> None:
        """Request what a reply asks for. In the showcase, the clip goes to its original channel."""
        post_source = await self._find_post_source(clip, source, message, message.author)
        if post_source is not None:
            await self._choices.act(clip, aim, content, post_source)

    async def _find_post_source(
        self,
        clip: Clip,
        source: RequestSource,
        message: discord.Message,
        member: discord.abc.User,
    ) -> RequestSource | None:
        """Return the source for the channel to post in, or say that there is none."""
        if not await self._is_in_showcase(message):
            return source
        post_source = move_to_clip_channel(source, message, clip, member)
        if post_source is None:
            channel, locale = f"<#{clip.channel_id}>", source.origin.locale
            text = translate("reply.no_place", locale, channel=channel, clip=clip.id)
            await source.answer.send_text(text)
        return post_source

    async def _ask(
        self,
        reply: ClipReply,
        clips: Sequence[Clip],
        source: RequestSource,
        *,
        text_key: str | None = None,
    ) -> None:
        """Ask which clip is meant or what to do with it, if there is a channel to post in."""
        post_source = await self._find_post_source(
            clips[0], source, reply.message, reply.message.author
        )
        if post_source is not None:
            await self._choices.ask(clips, reply.content, post_source, text_key=text_key)

    async def _offer_reaction(
        self, reply: ClipReply, clips: Sequence[Clip], source: RequestSource
    ) -> None:
        """Add the bot's reaction to a reply. If that fails and it may be a request, ask instead."""
        if not await self._may_extend(reply, clips[0], source):
            return

        async def add_reaction() -> None:
            try:
                await reply.message.add_reaction(TAP_EMOJI)
            except discord.HTTPException as error:
                if error.code not in _REACTION_CODES:
                    raise

        try:
            await retry_while_busy(add_reaction, self.clock)
        except DeliveryError as error:
            _log.info("reply.reaction_failed", message=reply.message.id, error=str(error))
            if reply.may_be_meant:
                await self._ask(reply, clips, source, text_key="reply.unsure")

    async def _may_extend(self, reply: ClipReply, clip: Clip, source: RequestSource) -> bool:
        """Return whether there is a channel to post in.

        Raises the errors of `RequestFlow.extend_clip`.
        """
        post_source = await self._find_post_source(
            clip, source, reply.message, reply.message.author
        )
        if post_source is not None:
            await self.request_flow.require_may_extend(clip, post_source)
        return post_source is not None

    async def _offer_button(
        self, reply: ClipReply, clips: list[Clip], source: RequestSource
    ) -> None:
        """Answer a reply with the words of a button by offering that button."""
        locale, action = source.origin.locale, ButtonAction(reply.reading.button or "")
        clip = clips[0]
        if len(clips) > 1 and action in _CLIP_ACTIONS:
            await source.answer.send_text(*build_clip_choice(clips, action, locale))
            return
        if action in (ButtonAction.EXTEND, ButtonAction.EXTEND_BY_REPLY):
            await self._ask_for_words(clip, source)
            return
        if action in (ButtonAction.REDO, ButtonAction.RETRY):
            extend = build_button(ButtonAction.EXTEND, clip.id, locale, primary=True)
            redo = build_button(ButtonAction.REDO, clip.job_id, locale)
            text, buttons = "reply.again", [extend, redo]
        elif action in (ButtonAction.EDIT, ButtonAction.EDIT_BY_REPLY):
            text, buttons = "reply.press", [build_button(ButtonAction.EDIT, clip.id, locale)]
        elif action in _JOB_ACTIONS:
            text, buttons = "reply.press", [build_button(action, clip.job_id, locale)]
        elif action is ButtonAction.SHOWCASE and clip.guild_id is not None:
            text, buttons = "reply.press", [build_button(action, clip.id, locale)]
        else:
            number = find_button_number(reply.target, action)
            if number is None:
                await self._offer_reaction(reply, [clip], source)
                return
            text, buttons = "reply.press", [build_button(action, number, locale)]
        await source.answer.send_text(translate(text, locale), buttons)

    async def _answer_status_reply(self, reply: ClipReply, source: RequestSource) -> None:
        """Answer a reply to the status message of a clip that is not ready.

        Replies to other messages of the bot, such as a digest, get no answer.
        """
        job_id, locale = find_job_number(reply.target), source.origin.locale
        if job_id is None:
            await self._offer_own_button(reply, locale, source)
            return
        if reply.reading.button in (ButtonAction.CANCEL, ButtonAction.UNDO):
            cancel = build_button(ButtonAction.CANCEL, job_id, locale)
            await source.answer.send_text(translate("reply.press", locale), [cancel])
        elif reply.reading.kind in _MEANT_FOR_CLIP and self._may_use(source):
            await source.answer.send_text(translate("reply.not_ready", locale))

    async def _offer_own_button(self, reply: ClipReply, locale: str, source: RequestSource) -> None:
        """Offer a button of the message itself if the reply has its words, such as "yes"."""
        if reply.reading.button is None or not reply.target.components:
            return
        action = ButtonAction(reply.reading.button)
        number = find_button_number(reply.target, action)
        if number is not None:
            button = build_button(action, number, locale)
            await source.answer.send_text(translate("reply.press", locale), [button])

    async def _ask_for_words(self, clip: Clip, source: RequestSource) -> None:
        """Say what a reply can do to the clip, and offer the same as buttons."""
        locale = source.origin.locale
        buttons = [
            build_button(ButtonAction.EXTEND, clip.id, locale, primary=True),
            build_button(ButtonAction.REDO, clip.job_id, locale),
        ]
        can_edit = await self._choices.can_edit(clip, source)
        if can_edit:
            buttons.insert(1, build_button(ButtonAction.EDIT, clip.id, locale))
        text = translate("reply.empty" if can_edit else "reply.empty_extend", locale)
        await source.answer.send_text(text, buttons)

    # -- lookups and checks

    async def _load_source(
        self,
        message: discord.Message,
        answer: ReplyAnswer,
        member: discord.Member | None = None,
    ) -> RequestSource:
        """Return the source of a request, in the server's language if the database answers."""
        origin, channel = build_message_origin(message, member), build_channel_context(message)
        context: GuildContext | None = None
        with suppress(DatabaseUnavailable):
            context = await self.server_rules.load_context(origin, channel)
            origin = context.origin
        return RequestSource(message, origin, channel, answer, context)

    async def _find_clips(self, reply: ClipReply) -> list[Clip]:
        """Return the clips of the message or, for a status message, of its job."""
        clips = await self.clip_finder.find_in_message(reply.target)
        job_id = find_job_number(reply.target)
        if clips or job_id is None:
            return clips
        return [
            clip for clip in await self.clips.list_for_job(job_id) if clip.message_id is not None
        ]

    async def _use_clip_language(
        self, reply: ClipReply, clip: Clip, source: RequestSource
    ) -> RequestSource:
        """Return ``source`` in the clip's language. Direct messages have no language."""
        if reply.message.guild is not None:
            return source
        job = await self.jobs.get(clip.job_id)
        return source if job is None else source.with_locale(job.origin.locale)

    async def _fetch_reply(
        self, payload: discord.RawReactionActionEvent, bot_user_id: int
    ) -> ClipReply | None:
        """Return the tapped reply if it has the bot's own reaction."""
        known_channel = self.client.get_channel(payload.channel_id)
        channel: discord.abc.Messageable = (
            known_channel
            if isinstance(known_channel, discord.abc.Messageable)
            else self.client.get_partial_messageable(payload.channel_id, guild_id=payload.guild_id)
        )
        try:
            message = await retry_while_busy(
                lambda: channel.fetch_message(payload.message_id), self.clock
            )
        except DeliveryError as error:
            _log.info("reply.fetch_failed", message=payload.message_id, error=str(error))
            return None
        reactions = message.reactions
        if not any(reaction.me and str(reaction.emoji) == TAP_EMOJI for reaction in reactions):
            return None
        return ClipReply.from_message(message, bot_user_id)

    async def _is_in_showcase(self, message: discord.Message) -> bool:
        if message.guild is None:
            return False
        settings = await self.showcase_settings.load_settings(message.guild.id)
        return is_in_channel(message, settings.channel_id)

    def _may_use(self, source: RequestSource) -> bool:
        """Return whether the bot may be used and replies are enabled here."""
        if source.context is None:
            return False
        with suppress(RequestRefused):
            source.context.require_allowed_channel()
            source.context.require_age_restricted_channel()
            return source.context.rules.reply_mode is not ReplyMode.OFF
        return False

    def _is_hint_due(self, reply: ClipReply) -> bool:
        """Return whether a hint is due. There is at most one a day per person and channel."""
        return self._hints.is_due(reply.message.author.id, reply.message.channel.id)

    @asynccontextmanager
    async def _report_errors(
        self, message: discord.Message, source: RequestSource, *, is_silent: bool = False
    ) -> AsyncIterator[None]:
        """Answer an error by a reply, unless ``is_silent``.

        `AlreadyAccepted` is only logged, because Discord may deliver a message twice.
        """
        try:
            yield
        except AlreadyAccepted:
            _log.info("reply.repeated", message=message.id)
        except WordsRefused as error:
            if not is_silent:
                await self.request_flow.offers.answer_refused_words(
                    error, source.origin, source.answer
                )
        except ClapperError as error:
            if not isinstance(error, RequestRefused):
                _log.warning("reply.failed", message=message.id, exc_info=error)
            if not is_silent:
                text = describe_error_in_public(error, source.origin.locale)
                await source.answer.send_text(text)
        except DISCORD_ERRORS as error:
            _log.warning("reply.failed", message=message.id, error=summarize_error(error))


def find_job_number(message: discord.Message) -> int | None:
    """Return the job of a status message, or `None` for any other message."""
    if not message.components:
        return None
    numbers = (
        find_button_number(message, action) for action in (ButtonAction.CANCEL, ButtonAction.UNDO)
    )
    return next((number for number in numbers if number is not None), None)


def _has_files(reply: ClipReply) -> bool:
    return bool(reply.message.attachments or reply.message.stickers)
