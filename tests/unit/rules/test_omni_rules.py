"""Gemini Omni's limits, checked against values copied by hand from Google's page.

The tables come from Google's page of Gemini Omni and the third parties that the catalog names as
its sources. They are not read from the catalog.
"""

from dataclasses import replace
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.errors import PersonPolicyUnsatisfiable, RuleBroken, SourceNotExtendable
from bot.domain.jobs.plan_resolution import find_plan, list_choices, resolve_plan
from bot.domain.jobs.request import (
    MODEL_MODES,
    AspectRatio,
    GenerationMode,
    GoogleRoute,
    OperatorRegion,
    PersonRule,
    Resolution,
    SourceClip,
    VideoPlan,
    VideoRequest,
)
from bot.domain.jobs.source_access import EXPIRY_MARGIN_S, SourceAccess, find_source_access
from bot.domain.jobs.violations import RuleContext
from tests.unit.rules.examples import (
    CATALOG,
    FAST_31,
    GEMINI,
    LANDSCAPE,
    NOW,
    OMNI,
    OMNI_11,
    OMNI_12,
    PORTRAIT,
    VEO_31,
    asked,
    clip,
    model,
    omni_clip,
)

TEXT, IMAGE, FRAMES, REFERENCES, EXTENSION, EDIT = MODEL_MODES
SEVEN: Final = (LANDSCAPE,) * 7
CLOSED: Final = (OperatorRegion.EU, OperatorRegion.UK, OperatorRegion.CH)

LONGEST: Final[dict[str, dict[GenerationMode, int]]] = {
    OMNI_12: {TEXT: 15, IMAGE: 15, REFERENCES: 15, FRAMES: 10},
    OMNI_11: {TEXT: 10, IMAGE: 10, REFERENCES: 10, FRAMES: 10},
}
LONGEST_EDITED: Final = {OMNI_12: 15, OMNI_11: 10}
TOKENS_A_SECOND: Final = {"360p": 1931, "720p": 5792, "1080p": 8688, "4k": 17376}
DOLLARS_A_MILLION: Final = {OMNI_12: 12.0, OMNI_11: 17.5}


def omni(**changes: Any) -> RuleContext:
    return RuleContext(**{"models": OMNI, "now": NOW, **changes})


def everything(**changes: Any) -> RuleContext:
    return RuleContext(**{"models": (*GEMINI, *OMNI), "now": NOW, **changes})


def edit(source: SourceClip | None = None, **changes: Any) -> VideoRequest:
    return asked(source=source or omni_clip(), is_edit=True, **changes)


def refusal(request: VideoRequest, context: RuleContext) -> RuleBroken:
    with pytest.raises(RuleBroken) as refused:
        resolve_plan(request, context)
    return refused.value


# What Google takes.


def require_google_takes(plan: VideoPlan, context: RuleContext) -> None:
    """Check ``plan`` against Google's limits for Omni, without the catalog."""
    assert plan.videos == 1
    assert plan.seed is None
    assert plan.person_generation is None
    assert plan.resolution in TOKENS_A_SECOND
    assert len(plan.references) <= 6
    source = plan.source
    if source is None:
        assert 3 <= plan.seconds <= LONGEST[plan.model][plan.mode]
        assert plan.last_frame is None or plan.image is not None
    else:
        require_reachable(source, context)
        assert plan.image is None
        assert plan.last_frame is None
        assert plan.aspect_ratio is source.aspect_ratio
        if plan.mode is EDIT:
            assert source.seconds <= LONGEST_EDITED[plan.model]
            assert plan.seconds == source.seconds
        else:
            assert plan.model == OMNI_11
            assert plan.resolution != "4k"
            assert not plan.references
            assert 3 <= plan.seconds <= 10
            assert source.seconds <= 30
            assert source.seconds + plan.seconds == plan.result_seconds <= 40
    tokens = TOKENS_A_SECOND[str(plan.resolution)] * plan.seconds
    bill = tokens * DOLLARS_A_MILLION[plan.model]  # in millionths of a dollar
    assert bill <= plan.price - 10_000 <= 1.04 * bill


def require_reachable(source: SourceClip, context: RuleContext) -> None:
    """Google has the request that made ``source``, or takes a copy of it here."""
    kept_until = source.interaction_expires_at
    if (
        source.route is GoogleRoute.OMNI
        and source.interaction_id is not None
        and (kept_until is None or kept_until > NOW)
    ):
        return
    assert source.path is not None
    assert context.region not in CLOSED


def maybe(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values


IMAGES = st.sampled_from([LANDSCAPE, PORTRAIT])
SOURCES = st.builds(
    lambda made_by, **changes: omni_clip(model=made_by.id, route=made_by.route, **changes),
    made_by=st.sampled_from([model(OMNI_12), model(OMNI_11), model(VEO_31)]),
    mode=st.sampled_from(MODEL_MODES),
    aspect_ratio=st.sampled_from(AspectRatio),
    resolution=maybe(st.sampled_from(Resolution)),
    seconds=st.integers(3, 42),
    path=st.sampled_from(["clips/7.mp4", None]),
    interaction_id=st.sampled_from(["v1_abc", None]),
    interaction_expires_at=maybe(st.floats(NOW - 1000, NOW + 1000)),
)
REQUESTS = st.builds(
    VideoRequest,
    prompt=st.just("a fox"),
    negative_prompt=maybe(st.just("fog")),
    model=st.sampled_from([None, None, OMNI_12, OMNI_11]),
    aspect_ratio=maybe(st.sampled_from(AspectRatio)),
    resolution=maybe(st.sampled_from(Resolution)),
    seconds=maybe(st.integers(1, 17)),
    seed=st.sampled_from([None, None, None, 7]),
    videos=st.sampled_from([None, None, 1, 2]),
    image=maybe(IMAGES),
    last_frame=maybe(IMAGES),
    references=st.sampled_from([(), (), SEVEN[:1], SEVEN[:6], SEVEN]),
    source=maybe(SOURCES),
    is_edit=st.booleans(),
)
CONTEXTS = st.builds(omni, region=st.sampled_from(OperatorRegion))


@given(REQUESTS, CONTEXTS)
def test_what_the_rules_accept_google_takes(request: VideoRequest, context: RuleContext) -> None:
    try:
        plan = resolve_plan(request, context)
    except RuleBroken as refused:
        if refused.nearest is not None:
            require_google_takes(resolve_plan(refused.nearest, context), context)
    else:
        require_google_takes(plan, context)


@given(REQUESTS, CONTEXTS)
def test_a_wrong_number_always_has_a_way_out(request: VideoRequest, context: RuleContext) -> None:
    """If nothing near works, the clip itself is the reason, and the refusal says so."""
    if find_plan(request, context) is None:
        refused = refusal(request, context)
        is_named = request.model is not None and refused.rule == "mode_unsupported"
        assert refused.nearest or is_named or isinstance(refused, SourceNotExtendable)


# Lengths, resolutions, references.


@pytest.mark.parametrize("mode", [TEXT, IMAGE, FRAMES, REFERENCES])
@pytest.mark.parametrize("model_id", [OMNI_12, OMNI_11])
def test_any_whole_number_of_seconds_between(model_id: str, mode: GenerationMode) -> None:
    inputs: dict[GenerationMode, dict[str, Any]] = {
        IMAGE: {"image": LANDSCAPE},
        FRAMES: {"image": LANDSCAPE, "last_frame": LANDSCAPE},
        REFERENCES: {"references": SEVEN[:6]},
    }
    request = asked(model=model_id, **inputs.get(mode, {}))
    longest = LONGEST[model_id][mode]
    offered = sorted(int(each.value) for each in list_choices(request, "duration", omni()))
    assert offered == list(range(3, longest + 1))
    assert refusal(request.evolve(seconds=longest + 1), omni()).nearest == request.evolve(
        seconds=longest
    )
    assert refusal(request.evolve(seconds=2), omni()).nearest == request.evolve(seconds=3)
    assert resolve_plan(request, omni()).seconds == 8


def test_two_frames_name_their_own_limit() -> None:
    frames = asked(model=OMNI_12, image=LANDSCAPE, last_frame=LANDSCAPE, seconds=12)
    refused = refusal(frames, omni())
    assert refused.rule == "needs_fewer_seconds"
    assert refused.values["most"] == 10


@pytest.mark.parametrize("resolution", Resolution)
@pytest.mark.parametrize("model_id", [OMNI_12, OMNI_11])
def test_four_resolutions_at_four_prices(model_id: str, resolution: Resolution) -> None:
    plan = resolve_plan(asked(model=model_id, resolution=resolution, seconds=10), omni())
    require_google_takes(plan, omni())


def test_without_a_wish_it_is_720p_and_the_cheaper_model() -> None:
    plan = resolve_plan(asked(), omni())
    assert (plan.model, plan.resolution, plan.price) == (OMNI_12, Resolution.P720, 570_000)


def test_six_references() -> None:
    assert len(resolve_plan(asked(references=SEVEN[:6]), omni()).references) == 6
    refused = refusal(asked(references=SEVEN), omni())
    assert (refused.rule, refused.parameter) == ("too_many_references", "reference_7")
    assert refused.nearest == asked(references=SEVEN[:6])


def test_veo_takes_three_references_so_four_are_omnis() -> None:
    assert resolve_plan(asked(references=SEVEN[:4]), everything()).model == OMNI_12


def test_no_seed_but_a_negative_prompt() -> None:
    assert resolve_plan(asked(negative_prompt="fog"), omni()).negative_prompt == "fog"
    assert refusal(asked(seed=3), omni()).rule == "seed_unsupported"


def test_a_prompt_of_tags_alone_is_empty_for_omni() -> None:
    assert refusal(asked(prompt="<FIRST_FRAME> @Image1"), omni()).rule == "prompt_only_tags"
    assert refusal(asked(prompt=" "), omni()).rule == "prompt_empty"


# Extensions.


@pytest.mark.parametrize("added", [3, 7, 10])
def test_a_member_chooses_what_an_extension_adds(added: int) -> None:
    plan = resolve_plan(asked(source=omni_clip(seconds=12), seconds=added), omni())
    assert (plan.model, plan.seconds, plan.result_seconds) == (OMNI_11, added, 12 + added)
    assert plan.price == added * 102_000 + 10_000


def test_an_extension_adds_seven_seconds_unless_asked_otherwise() -> None:
    assert resolve_plan(asked(source=omni_clip()), omni()).seconds == 7
    choices = list_choices(asked(source=omni_clip()), "duration", omni())
    assert [int(each.value) for each in choices] == list(range(3, 11))


@pytest.mark.parametrize(("seconds", "nearest"), [(1, 3), (2, 3), (11, 10), (60, 10)])
def test_the_nearest_extension_adds_the_nearest_number(seconds: int, nearest: int) -> None:
    request = asked(source=omni_clip(), seconds=seconds)
    refused = refusal(request, omni())
    assert refused.rule == "extension_length_range"
    assert (refused.values["least"], refused.values["most"]) == (3, 10)
    assert refused.nearest == request.evolve(seconds=nearest)


@pytest.mark.parametrize(("seconds", "rule"), [(30, None), (31, "source_too_long")])
def test_a_clip_of_up_to_thirty_seconds_goes_on(seconds: int, rule: str | None) -> None:
    request = asked(source=omni_clip(seconds=seconds), seconds=10)
    if rule is None:
        assert resolve_plan(request, omni()).result_seconds == 40
        return
    refused = refusal(request, omni())
    assert (refused.rule, refused.values["most"]) == (rule, 30)


def test_an_operators_own_limit_leaves_what_fits() -> None:
    extension = model(OMNI_11).extension
    assert extension is not None
    tight = replace(
        model(OMNI_11), extension=replace(extension, max_input_seconds=38, max_result_seconds=40)
    )
    context = omni(models=(tight,))
    request = asked(source=omni_clip(seconds=35), seconds=9)
    refused = refusal(request, context)
    assert (refused.rule, refused.values["most"]) == ("extension_too_long", 5)
    assert refused.nearest == request.evolve(seconds=5)
    assert resolve_plan(request.evolve(seconds=None), context).seconds == 5
    full = refusal(asked(source=omni_clip(seconds=38)), context)
    assert (full.rule, full.values["most"]) == ("source_too_long", 37)


@pytest.mark.parametrize(
    ("made_in", "extended_in"),
    [
        (None, Resolution.P720),
        (Resolution.P360, Resolution.P360),
        (Resolution.P1080, Resolution.P1080),
        (Resolution.UHD, Resolution.P1080),  # 4k extensions fail at Google
    ],
)
def test_an_extension_is_made_as_sharp_as_its_clip(
    made_in: Resolution | None, extended_in: Resolution
) -> None:
    plan = resolve_plan(asked(source=omni_clip(resolution=made_in)), omni())
    assert plan.resolution is extended_in


def test_an_extension_in_4k_is_refused_with_the_next_best() -> None:
    request = asked(source=omni_clip(), resolution=Resolution.UHD)
    refused = refusal(request, omni())
    assert refused.rule == "extension_resolution_not_offered"
    assert refused.nearest == request.evolve(resolution=Resolution.P1080)


def test_an_extension_stays_with_its_family() -> None:
    veo = clip(model=VEO_31, expires_at=NOW + 3600)
    assert resolve_plan(asked(source=veo), everything()).model == VEO_31
    fast = clip(model=FAST_31, expires_at=NOW + 3600)
    assert resolve_plan(asked(source=fast), everything()).model == FAST_31
    assert resolve_plan(asked(source=omni_clip()), everything()).model == OMNI_11


def test_a_veo_clip_that_google_deleted_goes_on_at_omni() -> None:
    old = clip(model=VEO_31, expires_at=NOW - 1)
    assert resolve_plan(asked(source=old), everything()).model == OMNI_11
    assert refusal(asked(source=old), RuleContext(GEMINI, NOW)).rule == "source_expired"


# Edits.


def test_an_edit_costs_its_clips_length_and_keeps_its_shape() -> None:
    source = omni_clip(seconds=12, aspect_ratio=AspectRatio.PORTRAIT, resolution=Resolution.P1080)
    plan = resolve_plan(edit(source, references=SEVEN[:2]), omni())
    assert plan.mode is EDIT
    assert (plan.seconds, plan.result_seconds) == (12, 12)
    assert plan.aspect_ratio is AspectRatio.PORTRAIT
    assert plan.resolution is Resolution.P1080
    assert plan.price == 12 * 105_000 + 10_000


@pytest.mark.parametrize(
    ("source", "edited_by"),
    [
        (omni_clip(model=OMNI_11), OMNI_11),
        (omni_clip(model=OMNI_12), OMNI_12),
        # what is sent as a copy goes to the cheapest
        (omni_clip(model=OMNI_11, interaction_id=None), OMNI_12),
        (omni_clip(model=OMNI_11, interaction_expires_at=NOW - 1), OMNI_12),
        (clip(), OMNI_12),
        # too long for the model that made it
        (omni_clip(model=OMNI_11, mode=EXTENSION, seconds=13), OMNI_12),
    ],
)
def test_which_model_edits(source: SourceClip, edited_by: str) -> None:
    assert resolve_plan(edit(source), everything()).model == edited_by


@pytest.mark.parametrize(
    ("changes", "rule", "mended"),
    [
        ({"image": LANDSCAPE}, "edit_excludes_frames", {"image": None}),
        ({"last_frame": LANDSCAPE}, "edit_excludes_frames", {"last_frame": None}),
        (
            {"aspect_ratio": AspectRatio.PORTRAIT},
            "edit_aspect_ratio",
            {"aspect_ratio": None},
        ),
        ({"seconds": 8}, "edit_length", {"seconds": None}),
        ({"references": SEVEN}, "too_many_references", {"references": SEVEN[:6]}),
        ({"videos": 2}, "videos_not_offered", {"videos": 1}),
    ],
)
def test_what_an_edit_does_not_take(
    changes: dict[str, Any], rule: str, mended: dict[str, Any]
) -> None:
    refused = refusal(edit(**changes), omni())
    assert refused.rule == rule
    assert refused.nearest == edit(**changes).evolve(**mended)


@pytest.mark.parametrize(("seconds", "most"), [(16, 15), (40, 15)])
def test_a_long_clip_is_not_edited(seconds: int, most: int) -> None:
    refused = refusal(edit(omni_clip(seconds=seconds)), omni())
    assert isinstance(refused, SourceNotExtendable)
    assert (refused.rule, refused.values["most"]) == ("edit_source_too_long", most)


def test_a_named_model_that_edits_less_gives_way_to_one_that_can() -> None:
    request = edit(omni_clip(seconds=13), model=OMNI_11)
    refused = refusal(request, omni())
    assert (refused.rule, refused.values["most"]) == ("edit_source_too_long", 10)
    assert refused.nearest == request.evolve(model=OMNI_12)


def test_without_omni_nothing_can_be_edited_and_that_is_said() -> None:
    refused = refusal(edit(clip()), RuleContext(GEMINI, NOW))
    assert (refused.rule, refused.nearest) == ("edit_unavailable", None)
    named = refusal(edit(clip(), model=VEO_31), RuleContext(GEMINI, NOW))
    assert named.rule == "mode_unsupported"
    missing = RuleContext((model("veo-2.0-generate-001"),), NOW)
    assert refusal(asked(source=clip()), missing).rule == "mode_unavailable"


# How the clip is reached, and where the operator is.


@pytest.mark.parametrize(
    ("changes", "access"),
    [
        ({}, SourceAccess.INTERACTION),
        ({"interaction_expires_at": None}, SourceAccess.INTERACTION),
        ({"interaction_expires_at": NOW + EXPIRY_MARGIN_S + 1}, SourceAccess.INTERACTION),
        ({"interaction_expires_at": NOW + EXPIRY_MARGIN_S}, SourceAccess.COPY),
        ({"interaction_id": None}, SourceAccess.COPY),
        ({"route": GoogleRoute.VERTEX_OMNI}, SourceAccess.COPY),
        ({"path": None}, SourceAccess.INTERACTION),
        # the file's own end does not matter
        ({"expires_at": NOW - 1, "remote_uri": None}, SourceAccess.INTERACTION),
    ],
)
def test_how_omni_gets_at_a_clip(changes: dict[str, Any], access: SourceAccess) -> None:
    source = omni_clip(**changes)
    found = find_source_access(source, model(OMNI_12), now=NOW, region=OperatorRegion.ELSEWHERE)
    assert found is access


@pytest.mark.parametrize("region", CLOSED)
@pytest.mark.parametrize("is_edit", [True, False])
def test_no_copies_where_google_takes_none(region: OperatorRegion, is_edit: bool) -> None:
    """The refusal comes before anything is spent, with what still works."""
    context = everything(region=region)
    own = asked(source=omni_clip(), is_edit=is_edit)
    resolve_plan(own, context)
    refused = refusal(
        asked(source=omni_clip(interaction_expires_at=NOW - 1), is_edit=is_edit), context
    )
    assert (refused.rule, refused.values["days"]) == ("source_region", 55)
    assert refused.nearest is None
    if is_edit:
        assert refusal(edit(clip()), context).rule == "source_region"


def test_in_a_cloud_project_there_is_no_way_around_the_region() -> None:
    cloud = replace(model(OMNI_12), id="cloud", route=GoogleRoute.VERTEX_OMNI)
    context = RuleContext((cloud,), NOW, region=OperatorRegion.EU)
    source = omni_clip(model="cloud", route=GoogleRoute.VERTEX_OMNI)
    assert refusal(edit(source), context).rule == "source_region_never"
    assert resolve_plan(edit(source), replace(context, region=OperatorRegion.MENA)).model == "cloud"


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"path": None, "interaction_expires_at": NOW - 1}, "source_expired"),
        ({"path": None, "interaction_id": None}, "source_gone"),
    ],
)
def test_a_clip_that_is_nowhere(changes: dict[str, Any], rule: str) -> None:
    refused = refusal(edit(omni_clip(**changes)), omni())
    assert refused.rule == rule
    if rule == "source_expired":  # of the request, not of the file
        assert refused.values["expired_at"] == NOW - 1


# People.


def test_a_rule_leaves_omni_out_unless_the_operator_trusts_google() -> None:
    for rule, open_to in ((PersonRule.EVERYONE, True), (PersonRule.ADULTS, False)):
        assert (find_plan(asked(), omni(person_rule=rule)) is not None) is open_to
    trusted = CATALOG.trust_omni(PersonRule.ADULTS).restrict_to(GoogleRoute.OMNI).models
    for request in (asked(), asked(source=omni_clip()), edit(), asked(image=LANDSCAPE)):
        for kept in (None, PersonRule.EVERYONE, PersonRule.ADULTS):
            plan = resolve_plan(request, omni(models=trusted, person_rule=kept))
            assert plan.person_generation is None
        with pytest.raises(PersonPolicyUnsatisfiable):
            resolve_plan(request, omni(models=trusted, person_rule=PersonRule.NOBODY))


def test_an_age_restricted_channel_has_omni_all_the_same() -> None:
    context = everything(preferred_person_rule=PersonRule.ADULTS)
    assert find_plan(edit(), context) == find_plan(edit(), everything())
    assert find_plan(asked(references=SEVEN[:5]), context) is not None


# Models that Google has shut down.


def test_a_model_that_google_shut_down_names_its_successor() -> None:
    context = omni(retired_models=(model(VEO_31),))
    refused = refusal(asked(model=VEO_31), context)
    assert refused.rule == "model_replaced"
    assert refused.values == {
        "model": "Veo 3.1",
        "date": "2026-10-22",
        "replacement": "Gemini Omni 1.2 Flash",
    }
    assert refused.nearest is not None
    assert resolve_plan(refused.nearest, context).model == OMNI_12


def test_a_successor_that_is_not_offered_is_not_named() -> None:
    context = RuleContext((model(FAST_31),), NOW, retired_models=(model(VEO_31),))
    assert refusal(asked(model=VEO_31), context).rule == "model_retired"
