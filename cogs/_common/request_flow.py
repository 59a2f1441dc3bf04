"""The one way from a wish to an accepted job, whatever it was asked with.

Command, button, form, menu and reply all end here: the bot's permissions are checked, then the
rules, then the price; what needs a yes becomes an offer, and what does not fit is answered with the
nearest request that would.
"""

import random
from typing import Final

from bot.domain.clips.clip import Clip
from bot.domain.errors import NotAllowed, RuleBroken
from bot.domain.guild import ExtendBy
from bot.domain.jobs.job import Job, Origin
from bot.domain.jobs.request import VideoPlan, VideoRequest
from bot.i18n.catalogs import say
from bot.i18n.formatting import eta, money
from bot.services.admin.guild_rules import Servers
from bot.services.jobs.requests import Accepted, Requests, Surroundings
from bot.ui.clip_card import Abilities
from bot.ui.custom_ids import Action, ActionButton
from bot.ui.error_messages import error_text
from bot.ui.text_lists import left
from cogs._common.answers import Answer
from cogs._common.context import Asker, require_permissions
from cogs._common.pending import Offer, Offers

_MAX_SEED: Final = 2**32


class Asking:
    """Asks for a job on behalf of a person."""

    def __init__(
        self, *, requests: Requests, servers: Servers, offers: Offers, abilities: Abilities
    ) -> None:
        self._requests = requests
        self._servers = servers
        self._offers = offers
        self._abilities = abilities

    async def ask(
        self,
        request: VideoRequest,
        *,
        asker: Asker,
        origin: Origin,
        surroundings: Surroundings,
        answer: Answer,
        agreed: Offer | None = None,
    ) -> None:
        """Bring ``request`` as far as it goes: accepted, offered for a yes, or refused.

        ``agreed`` is the offer that was said yes to; what became dearer since is offered again.

        Raises the `Refused` tree and `StoreAway`, except for a broken rule, whose answer may carry
        a button for the nearest request.
        """
        require_permissions(asker)
        origin = await self._servers.at_home(origin)
        try:
            plan = await self._requests.plan(request, origin, surroundings)
        except RuleBroken as broken:
            await self._answer_broken(broken, origin, surroundings, answer)
            return
        if agreed is None or not agreed.covers(plan):
            check = await self._requests.price_check(plan, origin)
            if check.needs_confirmation or agreed is not None:
                changed = "" if agreed is None else say("ask.changed", origin.locale)
                question = say(
                    "ask.confirm", origin.locale, what=self._described(plan, origin.locale)
                )
                lines = [changed, question, left(check.standing, origin.locale)]
                await answer.say(
                    "\n".join(line for line in lines if line),
                    self._choice(Offer(request, origin, surroundings, plan)),
                )
                return
        accepted = await self._requests.submit(plan, origin)
        await answer.accepted(self._accepted(accepted, origin.locale))

    async def extend(
        self,
        clip: Clip,
        prompt: str,
        *,
        asker: Asker,
        origin: Origin,
        surroundings: Surroundings,
        answer: Answer,
    ) -> None:
        """Ask for a clip to be made longer, where the server lets this person.

        Raises `NotAllowed` and what `ask` raises.
        """
        if origin.guild_id is not None and clip.user_id != origin.user_id:
            rules = await self._servers.rules(origin.guild_id)
            if rules.extend_by is ExtendBy.REQUESTER:
                raise NotAllowed("extend")
        await self.ask(
            VideoRequest(prompt=prompt, source=clip.as_source()),
            asker=asker,
            origin=origin,
            surroundings=surroundings,
            answer=answer,
        )

    async def again(
        self, job: Job, *, asker: Asker, origin: Origin, surroundings: Surroundings, answer: Answer
    ) -> None:
        """Ask for the same with a new seed: the old one would not even promise the same clip."""
        request = job.plan.as_request()
        if request.seed is not None:
            request = request.evolve(seed=random.randrange(_MAX_SEED))
        await self.ask(
            request, asker=asker, origin=origin, surroundings=surroundings, answer=answer
        )

    async def _answer_broken(
        self, broken: RuleBroken, origin: Origin, surroundings: Surroundings, answer: Answer
    ) -> None:
        text = error_text(broken, origin.locale)
        if broken.nearest is None:
            await answer.say(text)
            return
        nearest = await self._requests.plan(broken.nearest, origin, surroundings)
        offered = say("ask.nearest", origin.locale, what=self._described(nearest, origin.locale))
        offer = Offer(broken.nearest, origin, surroundings, nearest)
        await answer.say(f"{text}\n{offered}", self._choice(offer, key="button.nearest"))

    def _choice(self, offer: Offer, *, key: str = "button.accept") -> list[ActionButton]:
        number = self._offers.put(offer)
        locale = offer.origin.locale
        return [
            ActionButton(Action.ACCEPT, number, label=say(key, locale), primary=True),
            ActionButton(Action.DECLINE, number, label=say("button.decline", locale)),
        ]

    def _accepted(self, accepted: Accepted, locale: str) -> str:
        job = accepted.job
        lines = [say("ask.accepted", locale, job=job.id, what=self._described(job.plan, locale))]
        if accepted.place > 1:
            lines.append(say("ask.place", locale, place=accepted.place))
        if accepted.eta is not None:
            lines.append(eta(*accepted.eta, locale))
        lines.append(left(accepted.left, locale))
        return "\n".join(line for line in lines if line)

    def _described(self, plan: VideoPlan, locale: str) -> str:
        parts = [
            self._abilities.title(plan.model),
            say("seconds", locale, count=plan.seconds),
            plan.aspect_ratio,
            *([plan.resolution] if plan.resolution else []),
            *([say("ask.videos", locale, count=plan.videos)] if plan.videos > 1 else []),
            f"**{money(plan.price, locale)}**",
        ]
        return " · ".join(parts)
