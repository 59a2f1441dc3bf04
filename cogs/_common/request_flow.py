"""The one way from a wish to an accepted job, whatever it was asked with.

Command, button, form, menu and reply all end here: the bot's permissions are checked, then the
rules, then the price; what needs a yes becomes an offer, and what does not fit is answered with the
nearest request that would.
"""

import random
from typing import Final

from bot.domain.clips.clip import Clip
from bot.domain.errors import NotAllowed, RuleBroken
from bot.domain.guild import ExtendPermission
from bot.domain.jobs.job import Job, Origin
from bot.domain.jobs.request import VideoPlan, VideoRequest
from bot.i18n.catalogs import translate
from bot.i18n.formatting import format_eta, format_money
from bot.services.admin.guild_rules import ServerRulesService
from bot.services.jobs.requests import AcceptedRequest, ChannelContext, RequestService
from bot.ui.clip_card import ModelInfoSource
from bot.ui.custom_ids import ActionButton, ButtonAction
from bot.ui.error_messages import describe_error
from bot.ui.text_lists import format_remaining_quota
from cogs._common.answers import InteractionAnswer
from cogs._common.context import Requester, require_permissions
from cogs._common.pending import PendingConfirmation, PendingConfirmations

_MAX_SEED: Final = 2**32


class RequestFlow:
    """Asks for a job on behalf of a person."""

    def __init__(
        self,
        *,
        request_service: RequestService,
        server_rules: ServerRulesService,
        confirmations: PendingConfirmations,
        model_info: ModelInfoSource,
    ) -> None:
        self._request_service = request_service
        self._server_rules = server_rules
        self._confirmations = confirmations
        self._model_info = model_info

    async def submit_request(
        self,
        request: VideoRequest,
        *,
        requester: Requester,
        origin: Origin,
        channel_context: ChannelContext,
        answer: InteractionAnswer,
        confirmed: PendingConfirmation | None = None,
    ) -> None:
        """Bring ``request`` as far as it goes: accepted, offered for a yes, or refused.

        ``agreed`` is the offer that was said yes to; what became dearer since is offered again.

        Raises the `Refused` tree and `StoreAway`, except for a broken rule, whose answer may carry
        a button for the nearest request.
        """
        require_permissions(requester)
        origin = await self._server_rules.apply_guild_language(origin)
        try:
            plan = await self._request_service.plan_video(request, origin, channel_context)
        except RuleBroken as broken:
            await self._suggest_nearest(broken, origin, channel_context, answer)
            return
        if confirmed is None or not confirmed.covers_plan(plan):
            check = await self._request_service.check_price(plan, origin)
            if check.needs_confirmation or confirmed is not None:
                changed = "" if confirmed is None else translate("ask.changed", origin.locale)
                question = translate(
                    "ask.confirm", origin.locale, what=self._describe_plan(plan, origin.locale)
                )
                lines = [
                    changed,
                    question,
                    format_remaining_quota(check.quota_status, origin.locale),
                ]
                await answer.send_text(
                    "\n".join(line for line in lines if line),
                    self._build_confirm_buttons(
                        PendingConfirmation(request, origin, channel_context, plan)
                    ),
                )
                return
        accepted = await self._request_service.submit(plan, origin)
        await answer.confirm_accepted(self._format_accepted(accepted, origin.locale))

    async def extend_clip(
        self,
        clip: Clip,
        prompt: str,
        *,
        requester: Requester,
        origin: Origin,
        channel_context: ChannelContext,
        answer: InteractionAnswer,
    ) -> None:
        """Ask for a clip to be made longer, where the server lets this person.

        Raises `NotAllowed` and what `ask` raises.
        """
        if origin.guild_id is not None and clip.user_id != origin.user_id:
            rules = await self._server_rules.get_rules(origin.guild_id)
            if rules.extend_by is ExtendPermission.REQUESTER:
                raise NotAllowed("extend")
        await self.submit_request(
            VideoRequest(prompt=prompt, source=clip.as_source()),
            requester=requester,
            origin=origin,
            channel_context=channel_context,
            answer=answer,
        )

    async def repeat_job(
        self,
        job: Job,
        *,
        requester: Requester,
        origin: Origin,
        channel_context: ChannelContext,
        answer: InteractionAnswer,
    ) -> None:
        """Ask for the same with a new seed: the old one would not even promise the same clip."""
        request = job.plan.as_request()
        if request.seed is not None:
            request = request.evolve(seed=random.randrange(_MAX_SEED))
        await self.submit_request(
            request,
            requester=requester,
            origin=origin,
            channel_context=channel_context,
            answer=answer,
        )

    async def _suggest_nearest(
        self,
        error: RuleBroken,
        origin: Origin,
        channel_context: ChannelContext,
        answer: InteractionAnswer,
    ) -> None:
        text = describe_error(error, origin.locale)
        if error.nearest is None:
            await answer.send_text(text)
            return
        nearest = await self._request_service.plan_video(error.nearest, origin, channel_context)
        offered = translate(
            "ask.nearest", origin.locale, what=self._describe_plan(nearest, origin.locale)
        )
        offer = PendingConfirmation(error.nearest, origin, channel_context, nearest)
        await answer.send_text(
            f"{text}\n{offered}", self._build_confirm_buttons(offer, label_key="button.nearest")
        )

    def _build_confirm_buttons(
        self, confirmation: PendingConfirmation, *, label_key: str = "button.accept"
    ) -> list[ActionButton]:
        number = self._confirmations.add(confirmation)
        locale = confirmation.origin.locale
        return [
            ActionButton(
                ButtonAction.ACCEPT, number, label=translate(label_key, locale), primary=True
            ),
            ActionButton(ButtonAction.DECLINE, number, label=translate("button.decline", locale)),
        ]

    def _format_accepted(self, accepted: AcceptedRequest, locale: str) -> str:
        job = accepted.job
        lines = [
            translate(
                "ask.accepted", locale, job=job.id, what=self._describe_plan(job.plan, locale)
            )
        ]
        if accepted.place > 1:
            lines.append(translate("ask.place", locale, place=accepted.place))
        if accepted.eta is not None:
            lines.append(format_eta(*accepted.eta, locale))
        lines.append(format_remaining_quota(accepted.quota_status, locale))
        return "\n".join(line for line in lines if line)

    def _describe_plan(self, plan: VideoPlan, locale: str) -> str:
        parts = [
            self._model_info.get_display_name(plan.model),
            translate("seconds", locale, count=plan.seconds),
            plan.aspect_ratio,
            *([plan.resolution] if plan.resolution else []),
            *([translate("ask.videos", locale, count=plan.videos)] if plan.videos > 1 else []),
            f"**{format_money(plan.price, locale)}**",
        ]
        return " · ".join(parts)
