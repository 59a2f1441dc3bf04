"""What a member reads of a request before and after it is accepted: prices, questions, offers.

Each question has buttons, and what they stand for is kept until one is pressed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.errors import RuleBroken, WordsRefused
from bot.domain.jobs.job import Origin
from bot.domain.jobs.offer_changes import find_offer_changes
from bot.domain.jobs.person_rule_effect import PersonRuleEffect
from bot.domain.jobs.pictures import NoteKind
from bot.domain.jobs.request import VideoPlan, VideoRequest
from bot.domain.typed_text import has_visible_text
from bot.i18n.catalogs import translate
from bot.i18n.formatting import format_eta, format_money
from bot.services.admin.guild_rules import GuildContext
from bot.services.jobs.requests import AcceptedRequest, RequestService
from bot.ui.components import ActionButton, build_button
from bot.ui.custom_ids import ButtonAction
from bot.ui.error_messages import describe_error, describe_error_in_public
from bot.ui.model_info import ModelInfoSource
from bot.ui.offer_text import format_offer_changes
from bot.ui.picture_notes import format_picture_note
from bot.ui.plan_text import describe_plan, explain_plan
from bot.ui.text_lists import format_remaining_quota
from cogs._common.answers import InteractionAnswer
from cogs._common.pending import PendingConfirmation, PendingConfirmations, RefusedRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestOffers:
    request_service: RequestService
    confirmations: PendingConfirmations
    model_info: ModelInfoSource

    async def answer_refused_words(
        self, error: WordsRefused, origin: Origin, answer: InteractionAnswer
    ) -> None:
        """Say that a word list refuses the request, and offer to change the prompt.

        Only an answer that nobody else sees names the word. The form does so in any case.
        """
        locale = origin.locale
        text = describe_error(error, locale)
        if answer.is_public:
            text = describe_error_in_public(error, locale)
        refused = RefusedRequest(error.request, origin.user_id, error.entry)
        await answer.send_text(text, [self.build_rewrite_button(refused, locale)])

    async def ask_for_confirmation(
        self,
        confirmation: PendingConfirmation,
        answer: InteractionAnswer,
        reasons: Sequence[str],
    ) -> None:
        origin = confirmation.origin
        status = await self.request_service.load_quota_status(origin)
        plan_text = describe_plan(confirmation.shown_plan, self.model_info, origin.locale)
        lines = [
            *reasons,
            *(format_picture_note(note, origin.locale) for note in confirmation.shown_notes),
            translate("ask.confirm", origin.locale, what=plan_text),
            *explain_plan(confirmation.shown_plan, origin.locale),
            format_remaining_quota(status, origin.locale),
        ]
        text = "\n".join(line for line in lines if line)
        await answer.send_text(text, self._build_confirm_buttons(confirmation))

    async def suggest_nearest(
        self,
        error: RuleBroken,
        request: VideoRequest,
        context: GuildContext,
        answer: InteractionAnswer,
    ) -> None:
        """Offer the nearest request and say what it leaves out.

        Without one, a refused prompt is kept for the member to edit.
        """
        locale = context.origin.locale
        text = describe_error(error, locale)
        if error.nearest is None:
            is_editable = error.parameter == "prompt" and has_visible_text(request.prompt)
            refused = RefusedRequest(request, context.origin.user_id)
            buttons = [self.build_rewrite_button(refused, locale)] if is_editable else []
            try:
                offer = None if is_editable else self.offer_continuation(request, context)
            except WordsRefused as refusal:
                await self.answer_refused_words(refusal, context.origin, answer)
                return
            if offer is not None:
                offered, buttons = offer
                text = f"{text}\n{offered}"
            await answer.send_text(text, buttons)
            return
        try:
            plan = self.request_service.plan_video(error.nearest, context)
        except RuleBroken:  # more than one rule is broken
            await answer.send_text(text)
            return
        except WordsRefused as refusal:
            await self.answer_refused_words(refusal, context.origin, answer)
            return
        offered = translate(
            "ask.nearest", locale, what=describe_plan(plan, self.model_info, locale)
        )
        changes = format_offer_changes(find_offer_changes(request, error.nearest), locale)
        offered = f"{offered} {changes}" if changes else offered
        confirmation = PendingConfirmation(error.nearest, context.origin, context.channel, plan)
        await answer.send_text(
            f"{text}\n{offered}", self._build_confirm_buttons(confirmation, label_key="nearest")
        )

    def offer_continuation(
        self, request: VideoRequest, context: GuildContext
    ) -> tuple[str, list[ActionButton]] | None:
        locale = context.origin.locale
        found = self.request_service.plan_continuation(request, context)
        if found is None:
            return None
        continued, plan = found
        what = describe_plan(plan, self.model_info, locale)
        lines = [translate("ask.go_on", locale, what=what), *explain_plan(plan, locale)]
        confirmation = PendingConfirmation(continued, context.origin, context.channel, plan)
        return "\n".join(lines), self._build_confirm_buttons(confirmation, label_key="go_on")

    def _build_confirm_buttons(
        self, confirmation: PendingConfirmation, *, label_key: str = "accept"
    ) -> list[ActionButton]:
        number, locale = self.confirmations.add(confirmation), confirmation.origin.locale
        fit_buttons = []
        if any(
            note.kind is NoteKind.CROPPED and note.needs_answer for note in confirmation.shown_notes
        ):
            label_key = "accept_cropped"
            fit_buttons = [build_button(ButtonAction.ACCEPT_FITTED, number, locale)]
        return [
            build_button(ButtonAction.ACCEPT, number, locale, key=label_key, primary=True),
            *fit_buttons,
            build_button(ButtonAction.DECLINE, number, locale),
        ]

    def build_rewrite_button(self, refused: RefusedRequest, locale: str) -> ActionButton:
        number = self.confirmations.add(refused)
        return build_button(ButtonAction.REWRITE, number, locale, primary=True)

    def format_accepted(self, accepted: AcceptedRequest, locale: str) -> str:
        job = accepted.job
        plan_text = describe_plan(job.plan, self.model_info, locale)
        lines = [
            translate("ask.accepted", locale, job=job.id, what=plan_text),
            *explain_plan(job.plan, locale),
        ]
        if accepted.place:
            lines.append(translate("ask.place", locale, place=accepted.place))
        if accepted.eta is not None:
            lines.append(format_eta(*accepted.eta, locale))
        lines.append(format_remaining_quota(accepted.quota_status, locale))
        return "\n".join(line for line in lines if line)

    def describe_rule_effect(self, effect: PersonRuleEffect, plan: VideoPlan, locale: str) -> str:
        return translate(
            "ask.person_rule",
            locale,
            rule=translate(f"people.{effect.rule}", locale),
            model=self.model_info.get_display_name(plan.model),
            price=format_money(plan.price, locale),
            usual=format_money(effect.usual_plan.price, locale),
        )
