"""A person rule never silently makes a clip more expensive or impossible."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.billing.money import Micros
from bot.domain.errors import PersonPolicyUnsatisfiable
from bot.domain.jobs.people_policy import AGE_RESTRICTED_PREFERENCE
from bot.domain.jobs.person_rule_effect import RemainingOffer, assess_person_rule, find_rule_effect
from bot.domain.jobs.plan_resolution import find_plan, resolve_plan
from bot.domain.jobs.request import (
    MODEL_MODES,
    GoogleRoute,
    OperatorRegion,
    PersonRule,
    VideoRequest,
)
from tests.unit.rules.examples import (
    CATALOG,
    GEMINI,
    LANDSCAPE,
    OMNI,
    VEO_2,
    VERTEX,
    asked,
    clip,
    of_mode,
    offer,
)

TRUSTED = CATALOG.trust_omni(PersonRule.ADULTS).restrict_to(GoogleRoute.OMNI).models

REQUESTS = st.one_of(
    st.builds(of_mode, st.sampled_from(MODEL_MODES)),
    st.builds(asked, seconds=st.sampled_from([4, 5, 6, 8])),
)


def test_a_choice_that_costs_says_what() -> None:
    """Adults only leaves Veo 2 for clips from text, and no extensions. [people-A5]"""
    cost = assess_person_rule(offer(person_rule=PersonRule.ADULTS))
    assert cost.clips.models == ("Veo 2",)
    assert (cost.clips.price, cost.clips.usual_price) == (4_000_000, 400_000)
    assert cost.extensions.is_prevented
    assert cost.is_noticeable
    assert not cost.edits.is_prevented  # there were none before


@pytest.mark.parametrize(
    ("rule", "changes"),
    [
        (PersonRule.EVERYONE, {}),
        (PersonRule.EVERYONE, {"models": (*GEMINI, *OMNI)}),
        (PersonRule.ADULTS, {"region": OperatorRegion.EU}),
        (PersonRule.NOBODY, {"models": VERTEX}),
        (PersonRule.ADULTS, {"models": TRUSTED}),
        (None, {}),
    ],
)
def test_a_choice_that_costs_nothing_says_nothing(
    rule: PersonRule | None, changes: dict[str, object]
) -> None:
    assert not assess_person_rule(offer(person_rule=rule, **changes)).is_noticeable


def test_a_rule_that_no_model_can_promise() -> None:
    cost = assess_person_rule(offer("veo-3.1-generate-preview", person_rule=PersonRule.NOBODY))
    assert cost.clips == RemainingOffer((), None, Micros(3_200_000))
    assert cost.extensions == RemainingOffer((), None, Micros(2_800_000))
    assert cost.extensions.is_prevented


def test_with_an_api_key_alone_a_rule_leaves_nothing() -> None:
    """Gemini Omni has no parameter for people."""
    cost = assess_person_rule(offer(models=OMNI, person_rule=PersonRule.ADULTS))
    assert cost.clips == RemainingOffer((), None, Micros(570_000))
    assert cost.extensions == RemainingOffer((), None, Micros(724_000))
    assert cost.edits == RemainingOffer((), None, Micros(570_000))
    assert cost.unpromised == ("Gemini Omni 1.2 Flash", "Gemini Omni 1.1 Flash")


def test_with_a_cloud_project_a_rule_leaves_clips_and_extensions_but_no_edits() -> None:
    cost = assess_person_rule(offer(models=(*VERTEX, *OMNI), person_rule=PersonRule.NOBODY))
    assert cost.clips.price == 400_000
    assert cost.extensions.price == 700_000
    assert cost.edits.is_prevented


def test_an_operator_who_trusts_google_keeps_adults_but_not_nobody() -> None:
    nobody = assess_person_rule(offer(models=TRUSTED, person_rule=PersonRule.NOBODY))
    assert nobody.clips.is_prevented
    assert nobody.edits.is_prevented
    adults = assess_person_rule(offer(models=TRUSTED, person_rule=PersonRule.ADULTS))
    assert adults.unpromised == ()


def test_more_than_twice_the_price_is_confirmed_with_the_reason() -> None:
    """Only Omni takes five references; with the rule only Veo works, with three."""
    quality = CATALOG.get("veo-3.1-generate-001")
    assert quality is not None
    context = offer(models=(*OMNI, quality), person_rule=PersonRule.ADULTS)
    request = asked(references=(LANDSCAPE,) * 3)
    plan = find_plan(request, context)
    assert plan is not None
    effect = find_rule_effect(request, plan, context)
    assert effect is not None
    assert effect.rule is PersonRule.ADULTS
    assert plan.price > 2 * effect.usual_plan.price
    with pytest.raises(PersonPolicyUnsatisfiable) as refused:
        resolve_plan(asked(references=(LANDSCAPE,) * 5), context)
    assert refused.value.nearest == request


@given(REQUESTS, st.sampled_from([None, *PersonRule]))
def test_a_more_expensive_plan_always_names_the_rules_effect(
    request: VideoRequest, rule: PersonRule | None
) -> None:
    """A member who would pay more because of the rule is asked first. [people-A5]"""
    context = offer(models=(*GEMINI, *OMNI, *VERTEX[:1]), person_rule=rule)
    plan = find_plan(request, context)
    usual = find_plan(request, replace(context, person_rule=None))
    if plan is None or usual is None:
        return
    effect = find_rule_effect(request, plan, context)
    is_same = (plan.model, plan.price) == (usual.model, usual.price)
    assert (effect is None) == is_same
    assert effect is None or effect.usual_plan == usual


@given(REQUESTS, st.sampled_from([None, *PersonRule]))
def test_an_age_restricted_channel_changes_neither_model_nor_price(
    request: VideoRequest, rule: PersonRule | None
) -> None:
    """A rule that nobody chose costs nothing. [people-A6]"""
    plain = offer(person_rule=rule)
    restricted = replace(plain, preferred_person_rule=AGE_RESTRICTED_PREFERENCE)
    plan, there = find_plan(request, plain), find_plan(request, restricted)
    assert (plan is None) == (there is None)
    if plan is not None and there is not None:
        assert (plan.model, plan.price) == (there.model, there.price)


def test_a_refusal_names_the_rule_and_not_what_the_other_model_lacks() -> None:
    """4 s are refused because of the rule, not because Veo 2 makes 5 s. [people-A6]"""
    rules = offer(person_rule=PersonRule.ADULTS)
    with pytest.raises(PersonPolicyUnsatisfiable) as refused:
        resolve_plan(asked(seconds=4), rules)
    assert refused.value.models == ("Veo 2",)
    assert refused.value.nearest is not None
    assert resolve_plan(refused.value.nearest, rules).model == VEO_2


def test_a_refused_extension_names_the_rule() -> None:
    """An extension that the rule prevents says so. [people-A5]"""
    request = VideoRequest(prompt="it jumps", source=clip())
    with pytest.raises(PersonPolicyUnsatisfiable) as refused:
        resolve_plan(request, offer(person_rule=PersonRule.ADULTS))
    assert refused.value.models == ()
    assert refused.value.values["person_rule"] == "adults"
