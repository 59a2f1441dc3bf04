"""Turns requests by commands, buttons, forms, menus and replies into accepted jobs.

The bot's permissions are checked first, then the server's rules, the model's rules and the price.
If the price needs a confirmation, the bot asks. If a rule is broken, it offers the nearest request.
"""

import random
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final, Self

import discord
import structlog

from bot.discord.api_errors import DISCORD_ERRORS, summarize_error
from bot.discord.user_install import guild_of
from bot.domain.billing.money import Micros
from bot.domain.clips.clip import Clip
from bot.domain.errors import (
    ClapperError,
    ContentRefused,
    ContentUnchecked,
    DiscordUnavailable,
    ImageRefused,
    RuleBroken,
    WordsRefused,
)
from bot.domain.jobs.announcement import NotifyChoice
from bot.domain.jobs.job import Job, Origin
from bot.domain.jobs.pictures import PictureNote
from bot.domain.jobs.request import InputImage, VideoPlan, VideoRequest
from bot.domain.moderation.word_list import WordMatch
from bot.i18n.catalogs import translate
from bot.services.admin.guild_rules import ChannelContext, GuildContext, ServerRulesService
from bot.services.clips.draft_frames import DraftFrames
from bot.services.jobs.requests import AcceptedRequest, PreparedRequest, RequestService
from bot.services.loop_turns import LoopTurns
from bot.services.moderation.questions import QuestionDesk
from bot.store.member_preferences import MemberPreferenceStore
from bot.ui.components import ActionButton
from bot.ui.error_messages import describe_error
from bot.ui.picture_notes import format_picture_note
from bot.ui.questions import describe_asked
from cogs._common.answers import InteractionAnswer, PrivateAnswer, respond_with
from cogs._common.context import (
    Requester,
    build_channel_context,
    build_origin,
    may_moderate,
    require_permissions,
)
from cogs._common.options import choose_resolution
from cogs._common.pending import PendingConfirmation, RefusedRequest
from cogs._common.request_offers import RequestOffers

_log: Final = structlog.get_logger(__name__)

_MAX_SEED: Final = 2**32


@dataclass(frozen=True, slots=True)
class RequestSource:
    """Who asks, where, and how they are answered. ``context`` is set if it is already loaded."""

    requester: Requester
    origin: Origin
    channel: ChannelContext
    answer: InteractionAnswer
    context: GuildContext | None = None

    @classmethod
    def from_interaction(
        cls, interaction: discord.Interaction, *, dedupe_key: str | None = None
    ) -> Self:
        """Return the source for a command, button or form that is answered privately."""
        return cls(
            interaction,
            build_origin(interaction, dedupe_key=dedupe_key),
            build_channel_context(interaction),
            PrivateAnswer(interaction),
        )

    def with_locale(self, locale: str) -> Self:
        origin, context = replace(self.origin, locale=locale), self.context
        context = None if context is None else replace(context, origin=origin)
        return replace(self, origin=origin, context=context)


@dataclass(frozen=True, slots=True)
class Quote:
    """The plan for a request. ``warning`` has to be shown before the price is paid."""

    request: VideoRequest
    plan: VideoPlan
    warning: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestFlow:
    request_service: RequestService
    server_rules: ServerRulesService
    offers: RequestOffers
    member_preferences: MemberPreferenceStore
    question_desk: QuestionDesk
    draft_frames: DraftFrames
    turns: LoopTurns = field(default_factory=LoopTurns)

    async def submit_request(
        self,
        request: VideoRequest,
        source: RequestSource,
        *,
        confirmed: PendingConfirmation | None = None,
        repeated: Job | None = None,
    ) -> None:
        """Submit ``request``, or ask for a confirmation if it needs one.

        ``repeated`` is the job that it repeats. ``confirmed`` is the confirmation that the member
        accepted. If the price has risen since, they are asked again. Raises `RequestRefused` and
        `DatabaseUnavailable`. A broken rule is answered here, because the answer may have a button
        for the nearest request, and so are words of a word list, which can be changed.
        """
        require_permissions(source.requester)
        context = await self._load_context(source)
        if repeated is not None:
            context.require_may_repeat(repeated)
        await self._submit_in_context(request, context, source.answer, confirmed)

    async def suggest_nearest(self, error: RuleBroken, source: RequestSource) -> None:
        """Answer an ``error`` in the options themselves. Raises the errors of `submit_request`."""
        require_permissions(source.requester)
        context = await self._load_context(source)
        await self.request_service.require_open(context)
        request = error.nearest or VideoRequest("")
        await self.offers.suggest_nearest(error, request, context, source.answer)

    async def extend_clip(
        self,
        clip: Clip,
        prompt: str,
        source: RequestSource,
        *,
        seconds: int | None = None,
        resolution: str | None = None,
    ) -> None:
        """Request an extension of a clip by ``seconds``.

        ``resolution`` is what the member typed. Raises `NotAllowed` and the errors of
        `submit_request`.
        """
        request = VideoRequest(prompt=prompt, source=clip.as_source(), seconds=seconds)
        await self._submit_for_clip(clip, request, source, resolution)

    async def edit_clip(
        self,
        clip: Clip,
        prompt: str,
        source: RequestSource,
        *,
        references: Sequence[InputImage] = (),
        resolution: str | None = None,
        model: str | None = None,
    ) -> None:
        """Request an edit of a clip with ``references``. Raises the errors of `extend_clip`."""
        request = VideoRequest(
            prompt=prompt,
            source=clip.as_source(),
            is_edit=True,
            references=tuple(references),
            model=model,
        )
        await self._submit_for_clip(clip, request, source, resolution)

    async def quote(self, clip: Clip, request: VideoRequest, source: RequestSource) -> Quote:
        """Return the plan and price of ``request`` for ``clip`` without submitting it.

        Raises `RuleBroken` and the errors of `extend_clip`.
        """
        await self.require_may_extend(clip, source)
        context = await self._load_context(source)
        context.require_may_show(age_restricted=clip.age_restricted)
        plan = self.request_service.plan_video(request, context)
        effect = self.request_service.find_rule_effect(request, plan, context)
        locale = context.origin.locale
        warning = "" if effect is None else self.offers.describe_rule_effect(effect, plan, locale)
        return Quote(request, plan, warning)

    async def submit_quoted(self, quote: Quote, source: RequestSource) -> None:
        """Submit a quote whose price was accepted. Raises the errors of `submit_request`."""
        confirmed = PendingConfirmation(quote.request, source.origin, source.channel, quote.plan)
        await self.submit_request(quote.request, source, confirmed=confirmed)

    async def require_may_extend(self, clip: Clip, source: RequestSource) -> None:
        """Check all that does not depend on the prompt. Raises the errors of `extend_clip`."""
        require_permissions(source.requester)
        context = await self._load_context(source)
        context.require_may_extend(clip)
        await self.request_service.require_open(context)

    async def offer_request(
        self, request: VideoRequest, source: RequestSource, *, repeated: Job | None = None
    ) -> None:
        """Show the price of ``request`` and ask whether to submit it.

        Raises the errors of `submit_request`.
        """
        require_permissions(source.requester)
        context = await self._load_context(source)
        if repeated is not None:
            context.require_may_repeat(repeated)
        await self._submit_in_context(request, context, source.answer, must_ask=True)

    async def repeat_job(self, job: Job, source: RequestSource) -> None:
        """Submit the same request with a new seed. The old one might give the same clip again."""
        request = job.plan.as_request()
        if request.seed is not None:
            request = request.evolve(seed=random.randrange(_MAX_SEED))
        await self.submit_request(request, source, repeated=job)

    async def make_in_full(
        self, take: Job, draft: Clip, source: RequestSource, shown_price: Micros | None
    ) -> None:
        """Request a draft in full. Asks if it costs more than ``shown_price``.

        Raises the errors of `submit_request`, and `RecordNotFound` if its file is gone.
        """
        require_permissions(source.requester)
        context = await self._load_context(source)
        context.require_may_repeat(take)
        context.require_may_show(age_restricted=draft.age_restricted)
        request = self.request_service.choose_full_request(take, draft, context)
        if request.image is not None and not request.image.path:
            frame = await self.draft_frames.take_first_frame(draft)
            request = request.evolve(image=frame)
        must_ask = True
        with suppress(RuleBroken, WordsRefused):  # answered below
            price = self.request_service.plan_video(request, context).price
            must_ask = shown_price is None or price > shown_price
        await self._submit_in_context(request, context, source.answer, must_ask=must_ask)

    async def cancel_job(self, interaction: discord.Interaction, job_id: int) -> None:
        """Cancel a job for its requester or a moderator, and show the result."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        result = await self.request_service.cancel(
            job_id,
            user_id=interaction.user.id,
            moderator=may_moderate(interaction),
            guild_id=guild_of(interaction),
        )
        await respond_with(interaction, f"cancel.{result}", job=job_id)

    async def _load_context(self, source: RequestSource) -> GuildContext:
        if source.context is not None:
            return source.context
        await self.turns.take_turn()  # acknowledgements of others come first
        return await self.server_rules.load_context(source.origin, source.channel)

    async def _submit_for_clip(
        self, clip: Clip, request: VideoRequest, source: RequestSource, resolution: str | None
    ) -> None:
        require_permissions(source.requester)
        context = await self._load_context(source)
        context.require_may_extend(clip)
        try:
            request = choose_resolution(request, resolution)
        except RuleBroken as error:
            await self.request_service.require_open(context)
            await self.offers.suggest_nearest(error, request, context, source.answer)
        else:
            await self._submit_in_context(request, context, source.answer)

    async def _submit_in_context(
        self,
        request: VideoRequest,
        context: GuildContext,
        answer: InteractionAnswer,
        confirmed: PendingConfirmation | None = None,
        *,
        must_ask: bool = False,
    ) -> None:
        await self.request_service.require_open(context)
        if request.parent is not None:
            context.require_may_show(age_restricted=request.parent.age_restricted)
        try:
            prepared = await self.request_service.prepare_request(request, context)
        except RuleBroken as error:
            await self.offers.suggest_nearest(error, request, context, answer)
            return
        except WordsRefused as error:
            await self.offers.answer_refused_words(error, context.origin, answer)
            return
        except (ImageRefused, DiscordUnavailable) as error:
            error.prompt = request.prompt
            raise
        plan, locale = prepared.plan, context.origin.locale
        known_notes = () if confirmed is None else confirmed.shown_notes
        new_notes = [note for note in prepared.notes if note not in known_notes]
        is_changed = confirmed is not None and not confirmed.covers_plan(plan)
        effect = self.request_service.find_rule_effect(prepared.request, plan, context)
        is_new = confirmed is None and (
            must_ask
            or effect is not None
            or plan.takes is not None  # the price of the full clip is told, too
            or self.request_service.needs_confirmation(plan, context)
        )
        if is_changed or is_new or any(note.needs_answer for note in new_notes):
            confirmation = PendingConfirmation(
                prepared.request, context.origin, context.channel, plan, prepared.notes
            )
            reasons = [translate("ask.changed", locale)] if is_changed else []
            if effect is not None:
                reasons.append(self.offers.describe_rule_effect(effect, plan, locale))
            await self.offers.ask_for_confirmation(confirmation, answer, reasons)
            return
        try:
            plan = await self.request_service.shape_pictures(prepared)
        except ImageRefused as error:
            error.prompt = request.prompt
            raise
        match = context.word_rules.find_question(prepared.request)
        if match is not None:
            await self._ask_moderators(replace(prepared, plan=plan), match, context, answer)
            return
        try:
            accepted = await self.request_service.submit(plan, context.origin)
        except (ContentRefused, ContentUnchecked) as error:
            refused = RefusedRequest(prepared.request, context.origin.user_id)
            button = self.offers.build_rewrite_button(refused, locale)
            await answer.send_text(describe_error(error, locale), [button])
            return
        await self._confirm_accepted(accepted, answer, context.origin.locale, new_notes)
        await self.server_rules.record_words(prepared.request, context)

    async def _ask_moderators(
        self,
        prepared: PreparedRequest,
        match: WordMatch,
        context: GuildContext,
        answer: InteractionAnswer,
    ) -> None:
        """Let moderators decide about the request. If none can be asked, it is refused."""
        locale = context.origin.locale
        try:
            question = await self.question_desk.ask(prepared.request, prepared.plan, match, context)
        except WordsRefused as error:
            await self.offers.answer_refused_words(error, context.origin, answer)
            return
        try:
            await answer.confirm_accepted(describe_asked(question, match, locale))
        except (*DISCORD_ERRORS, ClapperError) as error:  # a message in the channel says it too
            _log.warning("question.answer_failed", error=summarize_error(error))

    async def _confirm_accepted(
        self,
        accepted: AcceptedRequest,
        answer: InteractionAnswer,
        locale: str,
        notes: Sequence[PictureNote],
    ) -> None:
        """Say that the request is accepted.

        Errors are only logged, because they would look like a failure of the request.
        """
        job = accepted.job
        try:
            choice = await self.member_preferences.load_notify_choice(job.origin.user_id)
            text = self.offers.format_accepted(accepted, locale)
            text = "\n".join([text, *(format_picture_note(note, locale) for note in notes)])
            if choice is NotifyChoice.DIRECT_MESSAGE_REFUSED:
                text += "\n" + translate("notify.direct_refused", locale)
            await answer.confirm_accepted(text)
        except (*DISCORD_ERRORS, ClapperError) as error:
            _log.warning("acceptance.answer_failed", job_id=job.id, error=summarize_error(error))
        except Exception:
            _log.exception("acceptance.answer_failed", job_id=job.id)

    async def offer_continuation(
        self, request: VideoRequest, source: RequestSource
    ) -> tuple[str, list[ActionButton]] | None:
        """Return the offer to go on from the last frame instead. Raises `WordsRefused`."""
        return self.offers.offer_continuation(request, await self._load_context(source))
