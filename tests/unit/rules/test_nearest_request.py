"""Every request becomes a valid plan, or its nearest request does."""

from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.errors import PersonPolicyUnsatisfiable, RuleBroken
from bot.domain.jobs.people_policy import VALUES_BY_RULE
from bot.domain.jobs.plan_resolution import list_choices, resolve_plan
from bot.domain.jobs.request import (
    MODEL_MODES,
    AspectRatio,
    GenerationMode,
    OperatorRegion,
    PersonRule,
    Resolution,
    VideoPlan,
    VideoRequest,
)
from bot.domain.jobs.violations import RuleContext
from bot.domain.models import ModelSpec
from tests.unit.rules.examples import CATALOG, LANDSCAPE, NOW, PORTRAIT, clip, model

IMAGES = st.sampled_from([LANDSCAPE, PORTRAIT])


def maybe(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values


SOURCES = st.builds(
    lambda **changes: clip(**changes),
    model=st.sampled_from([each.id for each in CATALOG.models]),
    mode=st.sampled_from(MODEL_MODES),
    aspect_ratio=st.sampled_from(AspectRatio),
    resolution=maybe(st.sampled_from(Resolution)),
    seconds=st.one_of(st.integers(3, 42), st.integers(4, 150)),
    extension_depth=st.integers(0, 21),
    expires_at=maybe(st.floats(NOW - 1000, NOW + 1000)),
    path=st.sampled_from(["clips/7.mp4", "clips/7.mp4", None]),
    interaction_id=st.sampled_from(["v1_abc", None]),
    interaction_expires_at=maybe(st.floats(NOW - 1000, NOW + 1000)),
).map(lambda source: clip_on_its_route(source))


def clip_on_its_route(source: Any) -> Any:
    return replace(source, route=model(source.model).route)


REQUESTS = st.builds(
    VideoRequest,
    prompt=st.sampled_from(["a fox", "a fox " * 700, ""]),
    negative_prompt=maybe(st.just("fog")),
    model=maybe(st.sampled_from([*(each.id for each in CATALOG.models), "veo-9"])),
    aspect_ratio=maybe(st.sampled_from(AspectRatio)),
    resolution=maybe(st.sampled_from(Resolution)),
    seconds=maybe(st.integers(-1, 17)),
    seed=maybe(st.integers(-1, 2**33)),
    videos=maybe(st.integers(-1, 6)),
    image=maybe(IMAGES),
    last_frame=maybe(IMAGES),
    references=st.lists(IMAGES, max_size=7).map(tuple),
    source=maybe(SOURCES),
    is_edit=st.booleans(),
    with_cuts=st.booleans(),
)
OFFERS = st.builds(
    RuleContext,
    models=st.lists(st.sampled_from(CATALOG.models), unique=True).map(tuple),
    now=st.just(NOW),
    region=st.sampled_from(OperatorRegion),
    person_rule=maybe(st.sampled_from(PersonRule)),
)


def refusal_of(request: VideoRequest, offer: RuleContext) -> RuleBroken | None:
    try:
        resolve_plan(request, offer)
    except RuleBroken as refusal:
        return refusal
    return None


def keeps_every_rule(plan: VideoPlan, offer: RuleContext) -> None:
    """Check the plan against the catalog, by other means than the rules' own."""
    taken: ModelSpec = model(plan.model)
    assert taken in offer.models
    assert plan.mode in taken.modes
    assert plan.route is taken.route
    assert plan.aspect_ratio in taken.aspect_ratios
    assert taken.request_price == (10_000 if taken.route.is_omni else 0)
    rate = taken.get_price_per_second(plan.resolution)
    assert plan.price == (rate * plan.seconds + taken.request_price) * plan.videos > 0
    assert 1 <= plan.videos <= taken.max_videos
    assert len(plan.references) <= taken.max_references
    assert plan.last_frame is None or plan.image is not None
    assert plan.seed is None or (taken.seed and 0 <= plan.seed < 2**32)
    assert plan.person_generation is None or not taken.route.is_omni
    if offer.person_rule in (PersonRule.ADULTS, PersonRule.NOBODY):
        assert not taken.route.is_omni
        assert plan.person_generation in VALUES_BY_RULE[offer.person_rule]
        assert plan.person_generation in taken.list_person_values(plan.mode, offer.region)
    if plan.source is not None:
        assert plan.aspect_ratio is plan.source.aspect_ratio
        assert plan.source.route is plan.route or taken.route.is_omni
        if plan.mode is GenerationMode.EDIT:
            assert plan.result_seconds == plan.seconds == plan.source.seconds
            return
        assert taken.extension is not None
        assert plan.result_seconds == plan.source.seconds + plan.seconds
        assert plan.result_seconds <= taken.extension.max_result_seconds
        return
    assert plan.resolution in (taken.resolutions or (None,))
    assert plan.seconds in taken.lengths
    for condition in taken.conditions:
        if condition.when in (plan.mode, plan.resolution):
            assert condition.seconds in (None, plan.seconds)
            assert condition.max_seconds is None or plan.seconds <= condition.max_seconds
            assert condition.aspect_ratio in (None, plan.aspect_ratio)


@given(REQUESTS, OFFERS)
def test_request_or_nearest_resolves(request: VideoRequest, offer: RuleContext) -> None:
    refused = refusal_of(request, offer)
    if refused is None:
        plan = resolve_plan(request, offer)
        keeps_every_rule(plan, offer)
        assert request.model in (None, plan.model)
        # Veo's 8 s with an extension are what it is sent; it adds 7
        assert request.seconds in (None, plan.seconds) or request.seconds == 8
        assert plan.with_cuts == request.with_cuts
        return
    assert refused.rule
    assert refused.parameter
    if refused.nearest is not None:
        assert refused.nearest != request
        assert refused.nearest.is_edit == request.is_edit
        assert refused.nearest.source == request.source
        assert refused.nearest.with_cuts == request.with_cuts
        keeps_every_rule(resolve_plan(refused.nearest, offer), offer)
    if isinstance(refused, PersonPolicyUnsatisfiable):
        assert set(refused.models) <= {each.name for each in offer.models}


@given(REQUESTS, OFFERS)
def test_a_request_without_inputs_or_texts_that_fail_has_a_way_out(
    request: VideoRequest, offer: RuleContext
) -> None:
    """If only numbers are wrong, something near always works."""
    plain = request.evolve(prompt="a fox", source=None, references=(), last_frame=None)
    free = RuleContext(models=offer.models, now=NOW)
    if not offer.models:
        return
    refusal = refusal_of(plain, free)
    assert refusal is None or refusal.nearest is not None


@given(
    REQUESTS, OFFERS, st.sampled_from(["model", "aspect_ratio", "resolution", "duration", "videos"])
)
def test_every_choice_resolves_at_its_price(
    request: VideoRequest, offer: RuleContext, option: str
) -> None:
    request = request.evolve(prompt="a fox")
    values: dict[str, Any] = {
        "model": str,
        "aspect_ratio": AspectRatio,
        "resolution": Resolution,
        "duration": int,
        "videos": int,
    }
    field = "seconds" if option == "duration" else option
    for choice in list_choices(request, option, offer):
        value = values[option](choice.value)
        plan = resolve_plan(request.evolve(**{field: value}), offer)
        assert (plan.price, plan.model) == (choice.price, choice.model)
