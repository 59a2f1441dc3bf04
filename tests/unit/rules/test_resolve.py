"""Which model a request gets, its price, the offers after a refusal, and the choices."""

from typing import Any

import pytest

from bot.config.model_catalog import load_catalog
from bot.domain.billing.money import Micros
from bot.domain.errors import (
    PersonPolicyUnsatisfiable,
    PromptTooLong,
    RuleBroken,
    SourceNotExtendable,
)
from bot.domain.jobs.plan_resolution import OptionChoice, list_choices, resolve_plan
from bot.domain.jobs.request import (
    MODEL_MODES,
    AspectRatio,
    GenerationMode,
    GoogleRoute,
    OperatorRegion,
    PersonGeneration,
    PersonRule,
    Resolution,
)
from bot.domain.jobs.violations import RuleContext
from tests.unit.rules.examples import (
    CATALOG,
    FAST_3,
    FAST_31,
    LANDSCAPE,
    LITE_31,
    NOW,
    OMNI,
    VEO_2,
    VEO_31,
    asked,
    of_mode,
    offer,
)


def omni(**changes: Any) -> RuleContext:
    return RuleContext(**{"models": OMNI, "now": NOW, **changes})


CHEAPEST = {
    GenerationMode.TEXT: (LITE_31, 400_000),
    GenerationMode.IMAGE: (LITE_31, 400_000),
    GenerationMode.FRAMES: (FAST_31, 800_000),
    GenerationMode.REFERENCES: (FAST_31, 800_000),
    GenerationMode.EXTENSION: (FAST_31, 700_000),
}


@pytest.mark.parametrize("mode", CHEAPEST)
def test_the_cheapest_model_that_can_do_it(mode: GenerationMode) -> None:
    plan = resolve_plan(of_mode(mode), offer())
    assert (plan.model, plan.price) == CHEAPEST[mode]


def test_two_frames_on_lite_are_the_operators_to_offer() -> None:
    """Reports conflict (docs/decisions/0008): off by default, and one row switches it on."""
    row = f'[[model]]\nid = "{LITE_31}"\nmodes = ["text", "image", "frames"]\n'
    models = load_catalog(row).restrict_to(GoogleRoute.GEMINI).models
    plan = resolve_plan(of_mode(GenerationMode.FRAMES), RuleContext(models=models, now=NOW))
    assert (plan.model, plan.seconds, plan.price) == (LITE_31, 8, 400_000)
    with pytest.raises(RuleBroken, match="needs_seconds"):
        resolve_plan(
            of_mode(GenerationMode.FRAMES, model=LITE_31, seconds=4),
            RuleContext(models=models, now=NOW),
        )


def test_equal_prices_are_decided_by_the_catalog() -> None:
    two = RuleContext(models=CATALOG.models, now=NOW)
    assert resolve_plan(asked(), two).model == LITE_31
    assert resolve_plan(asked(), RuleContext(models=CATALOG.models[::-1], now=NOW)).model == (
        "veo-3.1-lite-generate-001"
    )
    # Veo 3 Fast costs the same as Veo 3.1 Fast, which stands first.
    assert resolve_plan(asked(), offer(FAST_31, FAST_3)).model == FAST_31


def test_a_demand_changes_the_cheapest_model() -> None:
    assert resolve_plan(asked(resolution=Resolution.UHD), offer()).model == FAST_31
    assert resolve_plan(asked(seconds=5), offer()).model == VEO_2
    assert resolve_plan(asked(videos=2), offer()).model == VEO_2


@pytest.mark.parametrize(
    ("model", "resolution", "seconds", "videos", "price"),
    [
        (VEO_31, "720p", 4, 1, 1_600_000),
        (VEO_31, "1080p", 8, 1, 3_200_000),
        (VEO_31, "4k", 8, 1, 4_800_000),
        (FAST_31, "720p", 6, 1, 600_000),
        (FAST_31, "1080p", 8, 1, 960_000),
        (FAST_31, "4k", 8, 1, 2_400_000),
        (LITE_31, "720p", 4, 1, 200_000),
        (LITE_31, "1080p", 8, 1, 640_000),
        (FAST_3, "1080p", 8, 1, 960_000),
        (VEO_2, None, 5, 2, 5_000_000),
    ],
)
def test_price(model: str, resolution: str | None, seconds: int, videos: int, price: int) -> None:
    wanted = Resolution(resolution) if resolution else None
    request = asked(model=model, resolution=wanted, seconds=seconds, videos=videos)
    plan = resolve_plan(request, offer())
    assert plan.price == price
    assert plan.charged_seconds == seconds * videos


def test_a_prompt_over_the_limit_is_refused_with_its_characters() -> None:
    """People cannot count tokens. [people-M19]"""
    with pytest.raises(PromptTooLong) as refused:
        resolve_plan(asked(prompt="a " * 1024 + "🦊" * 25), offer(FAST_31))
    assert refused.value.values == {"characters": 2073, "most": 2048, "excess": 25}
    assert refused.value.nearest is None
    resolve_plan(asked(prompt="a " * 1024), offer(FAST_31))


def test_a_negative_prompt_over_the_limit_is_refused() -> None:
    with pytest.raises(RuleBroken) as refused:
        resolve_plan(asked(negative_prompt="fog " * 1025), offer())
    assert refused.value.rule == "negative_prompt_too_long"
    assert (refused.value.values["characters"], refused.value.values["most"]) == (4100, 4096)


def test_a_model_that_is_not_offered() -> None:
    with pytest.raises(RuleBroken) as refused:
        resolve_plan(asked(model=VEO_31), offer(LITE_31, FAST_31))
    assert refused.value.rule == "model_unavailable"
    nearest = refused.value.nearest
    assert nearest is not None
    assert resolve_plan(nearest, offer(LITE_31, FAST_31)).model == LITE_31


def test_resolve_without_offered_models() -> None:
    with pytest.raises(RuleBroken, match="no_model"):
        resolve_plan(asked(), RuleContext(models=(), now=NOW))


def test_nearest_keeps_the_named_model_where_it_can() -> None:
    with pytest.raises(RuleBroken) as refused:
        resolve_plan(asked(model=LITE_31, resolution=Resolution.P1080, seconds=4), offer())
    assert refused.value.parameter == "duration"
    assert refused.value.nearest == asked(model=LITE_31, resolution=Resolution.P1080, seconds=8)


def test_nearest_changes_the_model_rather_than_the_mode() -> None:
    request = asked(model=LITE_31, references=(LANDSCAPE,))
    with pytest.raises(RuleBroken) as refused:
        resolve_plan(request, offer())
    assert refused.value.nearest == request.evolve(model=FAST_31)


def test_nearest_length() -> None:
    with pytest.raises(RuleBroken) as refused:
        resolve_plan(asked(model=VEO_31, seconds=30), offer())
    assert refused.value.nearest == asked(model=VEO_31, seconds=8)


def test_the_default_model_is_one_that_keeps_the_person_rule() -> None:
    plan = resolve_plan(asked(), offer(person_rule=PersonRule.NOBODY))
    assert plan.model == VEO_2
    assert plan.person_generation is PersonGeneration.DONT_ALLOW


def test_a_named_model_that_cannot_keep_the_person_rule() -> None:
    rules = offer(person_rule=PersonRule.NOBODY)
    with pytest.raises(PersonPolicyUnsatisfiable) as refused:
        resolve_plan(asked(model=VEO_31), rules)
    assert refused.value.models == ("Veo 2",)
    assert refused.value.nearest == asked(model=VEO_2)
    assert resolve_plan(refused.value.nearest, rules).model == VEO_2


@pytest.mark.parametrize(
    "changes",
    [
        {"model": VEO_31, "seconds": 30},
        {"model": LITE_31, "references": (LANDSCAPE,)},
        {"model": VEO_31, "resolution": Resolution.P1080, "seconds": 4},
        {"model": VEO_2, "seed": 3},
        {"model": VEO_2, "resolution": Resolution.P1080},
        {"model": LITE_31, "resolution": Resolution.UHD},
        {"model": VEO_31, "videos": 2},
    ],
)
def test_a_refusal_calls_the_model_by_its_name(changes: dict[str, Any]) -> None:
    with pytest.raises(RuleBroken) as refused:
        resolve_plan(asked(**changes), offer())
    named = CATALOG.get(changes["model"])
    assert named is not None
    assert refused.value.values["model"] == named.name


def test_no_model_can_keep_the_person_rule() -> None:
    with pytest.raises(PersonPolicyUnsatisfiable) as refused:
        resolve_plan(of_mode(GenerationMode.REFERENCES), offer(person_rule=PersonRule.NOBODY))
    assert refused.value.models == ()
    assert refused.value.nearest is None


def test_the_region_counts() -> None:
    rules = offer(person_rule=PersonRule.ADULTS, region=OperatorRegion.EU)
    plan = resolve_plan(asked(model=VEO_31), rules)
    assert plan.person_generation is PersonGeneration.ALLOW_ADULT
    with pytest.raises(PersonPolicyUnsatisfiable):
        resolve_plan(asked(model=VEO_31), offer(person_rule=PersonRule.ADULTS))


def test_a_plan_asked_for_again_is_the_same_plan() -> None:
    for mode in CHEAPEST:
        plan = resolve_plan(of_mode(mode, seed=5, negative_prompt=" fog "), offer())
        assert resolve_plan(plan.as_request(), offer()) == plan
    for mode in MODEL_MODES:
        plan = resolve_plan(of_mode(mode, negative_prompt="fog", with_cuts=True), omni())
        assert resolve_plan(plan.as_request(), omni()) == plan


def test_choices_show_what_fits_and_what_it_costs() -> None:
    """The cheapest first; what would change the model comes last and says so. [people-M20]"""
    assert list_choices(asked(prompt="", model=VEO_31), "resolution", offer()) == (
        OptionChoice("720p", Micros(3_200_000), VEO_31),
        OptionChoice("1080p", Micros(3_200_000), VEO_31),
        OptionChoice("4k", Micros(4_800_000), VEO_31),
    )
    lengths = list_choices(asked(), "duration", offer())
    usual = [each for each in lengths if each.is_usual_model]
    assert [each.value for each in usual] == ["4", "6", "8"]
    assert {each.model for each in usual} == {resolve_plan(asked(), offer()).model}
    assert lengths[len(usual) :] == (
        OptionChoice("5", Micros(2_500_000), VEO_2, is_usual_model=False),
    )
    prices = [each.price for each in list_choices(asked(), "model", offer())]
    assert prices == sorted(prices)
    four = asked(model=VEO_31, seconds=4)
    assert [each.value for each in list_choices(four, "resolution", offer())] == ["720p"]
    assert [each.value for each in list_choices(asked(model=VEO_2), "duration", offer())] == [
        "5",
        "6",
        "8",
    ]
    assert list_choices(asked(model=VEO_2), "resolution", offer()) == ()
    models = list_choices(asked(references=(LANDSCAPE,)), "model", offer())
    assert [(each.value, each.price) for each in models] == [
        (FAST_31, 800_000),
        (VEO_31, 3_200_000),
    ]
    assert [each.value for each in list_choices(asked(model=VEO_2), "videos", offer())] == [
        "1",
        "2",
    ]
    ratios = list_choices(of_mode(GenerationMode.REFERENCES), "aspect_ratio", offer())
    assert [each.value for each in ratios] == [AspectRatio.LANDSCAPE]


def test_choices_of_unknown_option() -> None:
    with pytest.raises(ValueError, match="prompt"):
        list_choices(asked(), "prompt", offer())


def test_source_unusable_is_a_broken_rule() -> None:
    assert issubclass(SourceNotExtendable, RuleBroken)
