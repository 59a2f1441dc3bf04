"""A yes is a yes to what was shown: what became dearer meanwhile is asked for again."""

from collections.abc import Sequence
from typing import Any
from unittest.mock import AsyncMock, Mock

import discord
import pytest

from bot.domain.billing.limits import Standing
from bot.domain.billing.money import Micros
from bot.domain.jobs.job import Origin
from bot.domain.jobs.request import VideoPlan, VideoRequest
from bot.i18n.catalogs import say
from bot.services.jobs.requests import Accepted, PriceCheck, Surroundings
from bot.ui.custom_ids import ActionButton
from cogs._common.pending import Offer, Offers
from cogs._common.request_flow import Asking
from tests.unit.cards.test_cards import Titles
from tests.unit.words.examples import ORIGIN, PLAN, a_job, a_plan

REQUEST, HERE = VideoRequest(PLAN.prompt), Surroundings()
DEARER = a_plan(price=Micros(PLAN.price + 1))


class Till:
    """Plans as it is told to, and takes what is submitted."""

    def __init__(self, plan: VideoPlan) -> None:
        self.now = plan
        self.taken: list[VideoPlan] = []

    async def plan(self, *_: Any) -> VideoPlan:
        return self.now

    async def price_check(self, plan: VideoPlan, _: Origin) -> PriceCheck:
        return PriceCheck(plan.price, Standing(), needs_confirmation=plan.price >= PLAN.price)

    async def submit(self, plan: VideoPlan, origin: Origin) -> Accepted:
        self.taken.append(plan)
        return Accepted(a_job(plan=plan, origin=origin), place=1, eta=None, left=Standing())


class Said:
    """Keeps what was answered."""

    def __init__(self) -> None:
        self.text = ""
        self.buttons: Sequence[ActionButton] = ()

    async def say(self, text: str, buttons: Sequence[ActionButton] = ()) -> None:
        self.text, self.buttons = text, buttons

    async def accepted(self, text: str) -> None:
        self.text = text


async def ask(till: Till, agreed: Offer | None = None) -> Said:
    said, servers = Said(), Mock(at_home=AsyncMock(side_effect=lambda origin: origin))
    asking = Asking(requests=till, servers=servers, offers=Offers(), abilities=Titles())  # type: ignore[arg-type]
    await asking.ask(
        REQUEST,
        asker=Mock(spec=discord.Interaction, app_permissions=discord.Permissions.all()),
        origin=ORIGIN,
        surroundings=HERE,
        answer=said,
        agreed=agreed,
    )
    return said


async def test_a_costly_request_is_asked_for_with_its_price() -> None:
    till = Till(PLAN)
    said = await ask(till)
    assert "$0.80" in said.text
    assert len(said.buttons) == 2
    assert till.taken == []


@pytest.mark.parametrize("now", [PLAN, a_plan(price=Micros(1))])
async def test_a_yes_holds_for_the_price_that_was_shown_or_less(now: VideoPlan) -> None:
    till = Till(now)
    await ask(till, Offer(REQUEST, ORIGIN, HERE, PLAN))
    assert till.taken == [now]


@pytest.mark.parametrize("now", [DEARER, a_plan(model="veo-3.1-generate-preview")])
async def test_what_changed_since_is_asked_for_again(now: VideoPlan) -> None:
    till = Till(now)
    said = await ask(till, Offer(REQUEST, ORIGIN, HERE, PLAN))
    assert till.taken == []
    assert said.text.startswith(say("ask.changed"))
    assert len(said.buttons) == 2
