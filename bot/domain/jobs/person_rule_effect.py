"""What a rule for people costs: a model that can promise it may be dearer, or there may be none.

Whoever chooses a rule is told before, and whoever asks for a clip before they pay.
"""

from dataclasses import dataclass, replace

from bot.domain.billing.money import Micros
from bot.domain.jobs.plan_resolution import find_plan
from bot.domain.jobs.request import GenerationMode, PersonRule, VideoPlan, VideoRequest
from bot.domain.jobs.violations import RuleContext, can_follow_person_rule


@dataclass(frozen=True, slots=True)
class PersonRuleEffect:
    """A request would be made otherwise without the ``rule``; ``usual_plan`` is how."""

    rule: PersonRule
    usual_plan: VideoPlan


@dataclass(frozen=True, slots=True)
class PersonRuleCost:
    """What a rule means for every clip from a prompt alone, and for extensions.

    ``price`` is that of the cheapest clip on one of ``models`` that can promise the rule (`None`
    without any), ``usual_price`` the cheapest without the rule. Extensions are `prevents_extending`
    if the rule is what stops them.
    """

    models: tuple[str, ...]
    price: Micros | None
    usual_price: Micros | None
    prevents_extending: bool

    @property
    def is_noticeable(self) -> bool:
        return self.price != self.usual_price or self.prevents_extending


def find_rule_effect(
    request: VideoRequest, plan: VideoPlan, context: RuleContext
) -> PersonRuleEffect | None:
    """Return what the rule for people changes about ``plan``: its model or price, or nothing."""
    if context.person_rule is None:
        return None
    usual_plan = find_plan(request, replace(context, person_rule=None))
    if usual_plan is None or _is_same_offer(usual_plan, plan):
        return None
    return PersonRuleEffect(context.person_rule, usual_plan)


def assess_person_rule(context: RuleContext) -> PersonRuleCost:
    """Return what the rule of ``context`` means for the clips that can be made there."""
    request = VideoRequest(prompt="…")
    plan = find_plan(request, context)
    usual_plan = find_plan(request, replace(context, person_rule=None))
    extending = [model for model in context.models if GenerationMode.EXTENSION in model.modes]
    return PersonRuleCost(
        models=tuple(
            model.name
            for model in context.models
            if GenerationMode.TEXT in model.modes
            and can_follow_person_rule(model, GenerationMode.TEXT, context)
        ),
        price=None if plan is None else plan.price,
        usual_price=None if usual_plan is None else usual_plan.price,
        prevents_extending=bool(extending)
        and not any(
            can_follow_person_rule(model, GenerationMode.EXTENSION, context) for model in extending
        ),
    )


def _is_same_offer(plan: VideoPlan, other: VideoPlan) -> bool:
    return plan.model == other.model and plan.price == other.price
