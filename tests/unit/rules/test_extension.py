"""Which clips can be extended, by which model, and how often."""

from typing import Any

import pytest

from bot.domain.errors import RuleBroken, SourceNotExtendable
from bot.domain.jobs.plan_resolution import resolve_plan
from bot.domain.jobs.request import AspectRatio, GenerationMode, GoogleRoute, Resolution
from bot.domain.jobs.source_access import EXPIRY_MARGIN_S
from bot.domain.jobs.violations import RuleContext
from tests.unit.rules.examples import (
    CATALOG,
    FAST_31,
    LITE_31,
    NOW,
    VEO_2,
    VEO_31,
    asked,
    clip,
    offer,
)

BOTH = RuleContext(models=CATALOG.models, now=NOW)


def test_an_extension_adds_seven_seconds_in_720p_and_the_sources_aspect_ratio() -> None:
    source = clip(aspect_ratio=AspectRatio.PORTRAIT, seconds=15, extension_depth=1)
    plan = resolve_plan(asked(source=source), offer())
    assert plan.mode is GenerationMode.EXTENSION
    assert (plan.seconds, plan.result_seconds) == (7, 22)
    assert plan.resolution is Resolution.P720
    assert plan.aspect_ratio is AspectRatio.PORTRAIT
    assert plan.price == 700_000


@pytest.mark.parametrize(
    ("made_by", "route", "extended_by"),
    [
        (VEO_31, GoogleRoute.GEMINI, VEO_31),
        (FAST_31, GoogleRoute.GEMINI, FAST_31),
        (LITE_31, GoogleRoute.GEMINI, FAST_31),
        ("veo-3.0-generate-001", GoogleRoute.GEMINI, FAST_31),
        (VEO_2, GoogleRoute.GEMINI, FAST_31),
        ("veo-3.1-lite-generate-001", GoogleRoute.VERTEX, "veo-3.1-fast-generate-001"),
        ("veo-3.1-generate-001", GoogleRoute.VERTEX, "veo-3.1-generate-001"),
        ("veo-3.1-of-yesterday", GoogleRoute.GEMINI, FAST_31),
    ],
)
def test_which_model_extends(made_by: str, route: GoogleRoute, extended_by: str) -> None:
    source = clip(model=made_by, route=route)
    assert resolve_plan(asked(source=source), BOTH).model == extended_by


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"expires_at": NOW - 1}, "source_expired"),
        ({"expires_at": NOW + EXPIRY_MARGIN_S}, "source_expired"),
        ({"expires_at": NOW + EXPIRY_MARGIN_S + 1}, None),
        ({"expires_at": None}, None),
        ({"seconds": 141, "extension_depth": 19}, None),
        ({"seconds": 142, "extension_depth": 19}, "source_too_long"),
        ({"seconds": 148, "extension_depth": 20}, "source_too_many_hops"),
        ({"extension_depth": 19}, None),
        ({"extension_depth": 20}, "source_too_many_hops"),
        ({"resolution": Resolution.P1080}, "source_resolution"),
        ({"resolution": Resolution.UHD}, "source_resolution"),
        ({"resolution": None}, None),
        ({"mode": GenerationMode.FRAMES}, "source_mode"),
        ({"mode": GenerationMode.EXTENSION}, None),
        ({"remote_uri": None}, "source_gone"),
        ({"route": GoogleRoute.VERTEX}, "source_other_route"),
    ],
)
def test_which_clips_can_be_extended(changes: dict[str, Any], rule: str | None) -> None:
    request = asked(source=clip(**changes))
    if rule is None:
        resolve_plan(request, offer())
        return
    with pytest.raises(SourceNotExtendable) as refused:
        resolve_plan(request, offer())
    assert refused.value.rule == rule
    assert refused.value.values["clip"] == 7


def test_a_named_model_of_the_other_route_is_replaced_in_the_nearest_request() -> None:
    request = asked(source=clip(), model="veo-3.1-generate-001")
    with pytest.raises(SourceNotExtendable) as refused:
        resolve_plan(request, BOTH)
    assert refused.value.rule == "source_other_route"
    assert refused.value.nearest == request.evolve(model=FAST_31)


@pytest.mark.parametrize(
    ("seconds", "rule"),
    [(8, None), (29, None), (30, None), (31, "source_too_long"), (36, "source_too_long")],
)
def test_vertex_has_its_own_limits(seconds: int, rule: str | None) -> None:
    source = clip(
        model="veo-3.1-generate-001",
        route=GoogleRoute.VERTEX,
        seconds=seconds,
        remote_uri=None,
        expires_at=None,
    )
    if rule is None:
        assert resolve_plan(asked(source=source), BOTH).result_seconds == seconds + 7
        return
    with pytest.raises(SourceNotExtendable, match=rule):
        resolve_plan(asked(source=source), BOTH)


def test_vertex_extends_kept_bytes_but_not_nothing() -> None:
    source = clip(
        model="veo-3.1-generate-001", route=GoogleRoute.VERTEX, remote_uri=None, path=None
    )
    with pytest.raises(SourceNotExtendable, match="source_gone"):
        resolve_plan(asked(source=source), BOTH)


def test_another_aspect_ratio_than_the_sources() -> None:
    request = asked(source=clip(), aspect_ratio=AspectRatio.PORTRAIT)
    with pytest.raises(RuleBroken) as refused:
        resolve_plan(request, offer())
    assert refused.value.rule == "extension_aspect_ratio"
    assert refused.value.nearest == request.evolve(aspect_ratio=None)


def test_twenty_hops_from_eight_seconds_end_at_148() -> None:
    seconds, hop = 8, 0
    while True:
        try:
            plan = resolve_plan(asked(source=clip(seconds=seconds, extension_depth=hop)), offer())
        except SourceNotExtendable:
            break
        seconds, hop = plan.result_seconds, hop + 1
    assert (seconds, hop) == (148, 20)
