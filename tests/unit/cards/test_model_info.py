"""Cards offer only what an available model can do with the clip now, and until when."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from bot.config.model_catalog import load_catalog
from bot.domain.clips.clip import Clip
from bot.domain.jobs.remakes import Remake, build_remake
from bot.domain.jobs.request import (
    AspectRatio,
    GenerationMode,
    GoogleRoute,
    OperatorRegion,
    Resolution,
)
from bot.ui.model_info import ModelInfo, find_end
from tests.unit.words.examples import NOW, a_clip, a_plan

OMNI = {
    "model": "gemini-omni-1.2-flash",
    "route": GoogleRoute.OMNI,
    "interaction_id": "v1_abc",
    "interaction_expires_at": NOW + timedelta(days=55),
}


def info(*routes: GoogleRoute, region: OperatorRegion = OperatorRegion.ELSEWHERE) -> ModelInfo:
    models = load_catalog().restrict_to(*routes).models
    directory: Any = SimpleNamespace(
        catalog=load_catalog(),
        list_offered=lambda mode=None: tuple(
            model for model in models if mode is None or mode in model.modes
        ),
    )
    return ModelInfo(model_directory=directory, region=region)


def test_without_omni_nothing_can_be_edited() -> None:
    veo = info(GoogleRoute.GEMINI, GoogleRoute.VERTEX)
    assert veo.is_extendable(a_clip(), NOW)
    assert not veo.is_editable(a_clip(), NOW)


def test_clips_of_every_model_can_be_edited_by_their_bytes() -> None:
    omni = info(GoogleRoute.OMNI)
    for route in (GoogleRoute.GEMINI, GoogleRoute.VERTEX):
        assert omni.is_editable(a_clip(route=route), NOW)
        assert omni.is_extendable(a_clip(route=route), NOW)


@pytest.mark.parametrize("region", [OperatorRegion.EU, OperatorRegion.UK, OperatorRegion.CH])
def test_where_google_takes_no_copies_only_its_own_record_counts(region: OperatorRegion) -> None:
    omni = info(GoogleRoute.OMNI, region=region)
    assert not omni.is_editable(a_clip(), NOW)
    assert not omni.is_extendable(a_clip(), NOW)
    own = a_clip(**OMNI)
    assert omni.is_editable(own, NOW)
    assert omni.is_extendable(own, NOW)
    later = NOW + timedelta(days=56)
    assert not omni.is_editable(own, later)
    assert find_end(omni.is_editable, own, NOW) == own.interaction_expires_at
    assert find_end(info(GoogleRoute.OMNI).is_editable, own, NOW) is None


@pytest.mark.parametrize(
    ("changes", "editable", "extendable"),
    [
        ({"seconds": 15}, True, True),
        ({"seconds": 16}, False, True),
        ({"seconds": 30}, False, True),
        ({"seconds": 38}, False, False),
        ({"mode": GenerationMode.EDIT}, True, True),
    ],
)
def test_the_length_decides(changes: dict[str, Any], editable: bool, extendable: bool) -> None:
    clip, omni = a_clip(**OMNI, **changes), info(GoogleRoute.OMNI)
    assert omni.is_editable(clip, NOW) is editable
    assert omni.is_extendable(clip, NOW) is extendable


def test_the_end_is_that_of_what_google_keeps() -> None:
    veo, clip = info(GoogleRoute.GEMINI), a_clip()
    assert find_end(veo.is_extendable, clip, NOW) == clip.remote_expires_at
    both = info(GoogleRoute.GEMINI, GoogleRoute.OMNI)
    assert find_end(both.is_extendable, clip, NOW) is None

    def never(_clip: Clip, _now: object) -> bool:
        return True

    assert find_end(never, a_clip(remote_expires_at=None), NOW) is None


@pytest.mark.parametrize(
    ("routes", "changes", "remakes"),
    [
        ([GoogleRoute.GEMINI], {}, [Remake.FULL_HD, Remake.UPRIGHT]),
        ([GoogleRoute.GEMINI], {"resolution": Resolution.P1080}, [Remake.ULTRA_HD, Remake.UPRIGHT]),
        ([GoogleRoute.GEMINI], {"resolution": Resolution.UHD}, [Remake.UPRIGHT]),
        ([GoogleRoute.GEMINI], {"seconds": 4}, [Remake.UPRIGHT]),  # 1080p needs 8 s
        (
            [GoogleRoute.GEMINI],
            {"aspect_ratio": AspectRatio.PORTRAIT},
            [Remake.FULL_HD, Remake.WIDE],
        ),
        ([GoogleRoute.OMNI], {}, []),  # the plan's model is not offered here
        (
            [GoogleRoute.OMNI],
            {"model": OMNI["model"], "route": GoogleRoute.OMNI, "seconds": 5},
            [Remake.FULL_HD, Remake.UPRIGHT],
        ),
    ],
)
def test_remakes_are_what_the_same_model_can_do(
    routes: list[GoogleRoute], changes: dict[str, Any], remakes: list[Remake]
) -> None:
    plan = a_plan(**changes)
    assert info(*routes).list_remakes(plan, NOW) == remakes
    for remake in remakes:
        request = build_remake(plan, remake)
        assert request != plan.as_request()
        assert (request.prompt, request.model, request.seconds) == (
            plan.prompt,
            plan.model,
            plan.seconds,
        )


def test_an_extension_keeps_its_clips_shape() -> None:
    source = a_clip(**OMNI).as_source()
    changes = {"model": "gemini-omni-1.2-flash", "route": GoogleRoute.OMNI, "source": source}
    plan = a_plan(mode=GenerationMode.EXTENSION, seconds=4, **changes)
    assert Remake.UPRIGHT not in info(GoogleRoute.OMNI).list_remakes(plan, NOW)
