"""A confirmation covers only the price that was shown; a higher price is asked about again."""

from collections.abc import Sequence
from unittest.mock import AsyncMock, Mock

import discord
import pytest

from bot.domain.billing.limits import QuotaStatus
from bot.domain.billing.money import Micros
from bot.domain.guild import GuildRules
from bot.domain.jobs.job import Origin
from bot.domain.jobs.request import VideoPlan, VideoRequest
from bot.i18n.catalogs import translate
from bot.services.admin.guild_rules import ChannelContext, GuildContext
from bot.services.jobs.requests import AcceptedRequest, PreparedRequest
from bot.ui.components import ActionButton
from cogs._common.pending import PendingConfirmation, PendingConfirmations
from cogs._common.request_flow import RequestFlow, RequestSource
from cogs._common.request_offers import RequestOffers
from tests.unit.cards.test_cards import Titles
from tests.unit.words.examples import ORIGIN, PLAN, a_job, a_plan

REQUEST, HERE = VideoRequest(PLAN.prompt), ChannelContext()
DEARER = a_plan(price=Micros(PLAN.price + 1))


class FakeRequestService:
    """Returns the given plans and accepts what is submitted."""

    def __init__(self, plan: VideoPlan) -> None:
        self.current_plan = plan
        self.accepted_plans: list[VideoPlan] = []

    async def require_open(self, context: GuildContext) -> None:
        pass

    async def prepare_request(self, request: VideoRequest, _: GuildContext) -> PreparedRequest:
        return PreparedRequest(request, self.current_plan)

    async def shape_pictures(self, prepared: PreparedRequest) -> VideoPlan:
        return prepared.plan

    def needs_confirmation(self, plan: VideoPlan, _: GuildContext) -> bool:
        return plan.price >= PLAN.price

    def find_rule_effect(self, *_: object) -> None:
        return None

    async def load_quota_status(self, _: Origin) -> QuotaStatus:
        return QuotaStatus()

    async def submit(self, plan: VideoPlan, origin: Origin) -> AcceptedRequest:
        self.accepted_plans.append(plan)
        return AcceptedRequest(
            a_job(plan=plan, origin=origin), place=1, eta=None, quota_status=QuotaStatus()
        )


class RecordingAnswer:
    """Records what was answered."""

    is_public = False

    def __init__(self) -> None:
        self.text = ""
        self.buttons: Sequence[ActionButton] = ()

    async def send_text(self, text: str, buttons: Sequence[ActionButton] = ()) -> None:
        self.text, self.buttons = text, buttons

    async def confirm_accepted(self, text: str) -> None:
        self.text = text


async def ask(
    till: FakeRequestService, agreed: PendingConfirmation | None = None
) -> RecordingAnswer:
    said = RecordingAnswer()
    asking = RequestFlow(
        request_service=till,  # type: ignore[arg-type]
        server_rules=AsyncMock(),
        offers=RequestOffers(
            request_service=till,  # type: ignore[arg-type]
            confirmations=PendingConfirmations(),
            model_info=Titles(),
        ),
        member_preferences=AsyncMock(),
        question_desk=AsyncMock(),
        draft_frames=AsyncMock(),
    )
    requester = Mock(spec=discord.Interaction, app_permissions=discord.Permissions.all())
    context = GuildContext(ORIGIN, HERE, GuildRules(1), GuildRules(0))
    source = RequestSource(requester, ORIGIN, HERE, said, context)
    await asking.submit_request(REQUEST, source, confirmed=agreed)
    return said


async def test_costly_request_asks_with_its_price() -> None:
    till = FakeRequestService(PLAN)
    said = await ask(till)
    assert "$0.80" in said.text
    assert len(said.buttons) == 2
    assert till.accepted_plans == []


@pytest.mark.parametrize("now", [PLAN, a_plan(price=Micros(1))])
async def test_confirmation_covers_shown_price_or_less(now: VideoPlan) -> None:
    till = FakeRequestService(now)
    await ask(till, PendingConfirmation(REQUEST, ORIGIN, HERE, PLAN))
    assert till.accepted_plans == [now]


@pytest.mark.parametrize("now", [DEARER, a_plan(model="veo-3.1-generate-preview")])
async def test_changed_price_needs_new_confirmation(now: VideoPlan) -> None:
    till = FakeRequestService(now)
    said = await ask(till, PendingConfirmation(REQUEST, ORIGIN, HERE, PLAN))
    assert till.accepted_plans == []
    assert said.text.startswith(translate("ask.changed"))
    assert len(said.buttons) == 2
