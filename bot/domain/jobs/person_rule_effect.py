"""What a rule for people costs: models that can promise it may be more expensive, or missing.

Admins are told before they choose a rule, and members before they pay.
"""

from dataclasses import dataclass, replace

from bot.domain.billing.money import Micros
from bot.domain.jobs.request import GenerationMode, PersonRule, VideoPlan, VideoRequest
from bot.domain.jobs.takes import find_request_plan
from bot.domain.jobs.violations import RuleContext, can_follow_person_rule
from bot.domain.models import ModelSpec


@dataclass(frozen=True, slots=True)
class PersonRuleEffect:
    """The ``rule`` changes the plan of a request; without it, that would be ``usual_plan``."""

    rule: PersonRule
    usual_plan: VideoPlan


@dataclass(frozen=True, slots=True)
class RemainingOffer:
    """What remains possible of one kind of request under a rule.

    ``models`` can promise the rule, and ``price`` is the lowest of theirs for the usual request.
    ``usual_price`` is the lowest without the rule. A price is `None` if no model can do it.
    """

    models: tuple[str, ...] = ()
    price: Micros | None = None
    usual_price: Micros | None = None

    @property
    def is_prevented(self) -> bool:
        """Whether the rule makes such requests impossible."""
        return self.price is None and self.usual_price is not None


@dataclass(frozen=True, slots=True)
class PersonRuleCost:
    """What a rule means for clips from a prompt alone, for extensions and for edits.

    ``unpromised`` are the models that have no parameter for people and cannot promise the rule.
    """

    rule: PersonRule | None
    clips: RemainingOffer
    extensions: RemainingOffer = RemainingOffer()
    edits: RemainingOffer = RemainingOffer()
    unpromised: tuple[str, ...] = ()

    @property
    def is_noticeable(self) -> bool:
        offers = (self.clips, self.extensions, self.edits)
        return any(offer.price != offer.usual_price for offer in offers)


def find_rule_effect(
    request: VideoRequest, plan: VideoPlan, context: RuleContext
) -> PersonRuleEffect | None:
    """Return how the rule for people changes the model or price of ``plan``, if it does."""
    if context.person_rule is None:
        return None
    usual_plan = find_request_plan(request, replace(context, person_rule=None))
    if usual_plan is None or _is_same_offer(usual_plan, plan):
        return None
    return PersonRuleEffect(context.person_rule, usual_plan)


def assess_person_rule(context: RuleContext) -> PersonRuleCost:
    """Return what the rule of ``context`` means for the clips that can be made there."""
    return PersonRuleCost(
        rule=context.person_rule,
        clips=_assess_mode(GenerationMode.TEXT, context),
        extensions=_assess_mode(GenerationMode.EXTENSION, context),
        edits=_assess_mode(GenerationMode.EDIT, context),
        unpromised=tuple(
            model.name
            for model in context.models
            if model.route.is_omni
            and not can_follow_person_rule(model, GenerationMode.TEXT, context)
        ),
    )


def _assess_mode(mode: GenerationMode, context: RuleContext) -> RemainingOffer:
    capable = [model for model in context.models if mode in model.modes]
    complying = [model for model in capable if can_follow_person_rule(model, mode, context)]
    return RemainingOffer(
        models=tuple(model.name for model in complying),
        price=min((_price_usual_request(model, mode) for model in complying), default=None),
        usual_price=min((_price_usual_request(model, mode) for model in capable), default=None),
    )


def _price_usual_request(model: ModelSpec, mode: GenerationMode) -> Micros:
    """Return the price of a clip of the usual length; for an extension, of the added seconds."""
    seconds, resolution = model.default_seconds, model.native_resolution
    if mode is GenerationMode.EXTENSION and model.extension is not None:
        seconds = model.extension.added_seconds
        resolution = next(iter(model.extension.offered_resolutions), resolution)
    return model.compute_price(resolution, seconds, 1)


def _is_same_offer(plan: VideoPlan, other: VideoPlan) -> bool:
    return plan.model == other.model and plan.price == other.price
