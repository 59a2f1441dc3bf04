"""Each cell of Google's parameter table: allowed values resolve, all others are refused.

The expected values were copied by hand from `veo-doc.zh.txt`, not taken from the catalog.
"""

from typing import Any

import pytest

from bot.domain.errors import RuleBroken
from bot.domain.jobs.plan_resolution import resolve_plan
from bot.domain.jobs.request import AspectRatio, GenerationMode, Resolution
from tests.unit.rules.examples import (
    FAST_3,
    FAST_31,
    LANDSCAPE,
    LITE_31,
    PORTRAIT,
    VEO_2,
    VEO_3,
    VEO_31,
    asked,
    clip,
    of_mode,
    offer,
)

COLUMNS = {"veo 3.1": (VEO_31, FAST_31), "veo 3": (VEO_3, FAST_3), "veo 2": (VEO_2,)}

P360, P720, P1080, UHD = Resolution
WIDE, TALL = AspectRatio
THREE = (LANDSCAPE,) * 3

# cell: column, what is asked for, the rule that refuses it (None: allowed)
CELLS: list[tuple[str, dict[str, Any], str | None]] = [
    *((column, {}, None) for column in COLUMNS),  # prompt
    *((column, {"negative_prompt": "cartoon"}, None) for column in COLUMNS),
    *((column, {"image": LANDSCAPE}, None) for column in COLUMNS),
    *((column, {"image": LANDSCAPE, "last_frame": LANDSCAPE}, None) for column in COLUMNS),
    *((column, {"last_frame": LANDSCAPE}, "last_frame_needs_image") for column in COLUMNS),
    ("veo 3.1", {"references": THREE}, None),
    ("veo 3.1", {"references": THREE[:1]}, None),
    ("veo 3.1", {"references": (*THREE, LANDSCAPE)}, "too_many_references"),
    ("veo 3", {"references": THREE}, "mode_unsupported"),
    ("veo 2", {"references": THREE}, "mode_unsupported"),
    ("veo 3.1", {"source": clip()}, None),
    ("veo 3", {"source": clip()}, "mode_unsupported"),
    ("veo 2", {"source": clip()}, "mode_unsupported"),
    # aspectRatio
    *((column, {"aspect_ratio": WIDE}, None) for column in COLUMNS),
    *((column, {"aspect_ratio": TALL}, None) for column in COLUMNS),
    # resolution
    ("veo 3.1", {"resolution": P360}, "resolution_not_offered"),
    ("veo 3.1", {"resolution": P720}, None),
    ("veo 3.1", {"resolution": P1080}, None),
    ("veo 3.1", {"resolution": P1080, "aspect_ratio": TALL}, None),
    ("veo 3.1", {"resolution": P1080, "seconds": 8}, None),
    ("veo 3.1", {"resolution": P1080, "seconds": 4}, "needs_seconds"),
    ("veo 3.1", {"resolution": P1080, "seconds": 6}, "needs_seconds"),
    ("veo 3.1", {"resolution": UHD, "seconds": 6}, "needs_seconds"),
    ("veo 3.1", {"source": clip(), "resolution": P720}, None),
    ("veo 3.1", {"source": clip(), "resolution": P1080}, "extension_resolution"),
    ("veo 3", {"resolution": P720}, None),
    ("veo 3", {"resolution": P1080, "aspect_ratio": WIDE}, None),
    ("veo 3", {"resolution": P1080, "aspect_ratio": TALL}, "needs_aspect_ratio"),
    ("veo 3", {"resolution": P1080, "image": PORTRAIT}, "needs_aspect_ratio"),
    ("veo 3", {"resolution": UHD}, "resolution_not_offered"),
    ("veo 2", {"resolution": P720}, "resolution_unsupported"),
    ("veo 2", {"resolution": P1080}, "resolution_unsupported"),
    # durationSeconds
    *(("veo 3.1", {"seconds": seconds}, None) for seconds in (4, 6, 8)),
    *(("veo 3", {"seconds": seconds}, None) for seconds in (4, 6, 8)),
    *(("veo 2", {"seconds": seconds}, None) for seconds in (5, 6, 8)),
    *(("veo 3.1", {"seconds": seconds}, "length_not_offered") for seconds in (1, 5, 7, 9)),
    *(("veo 3", {"seconds": seconds}, "length_not_offered") for seconds in (1, 5, 7, 9)),
    *(("veo 2", {"seconds": seconds}, "length_not_offered") for seconds in (4, 7, 9)),
    ("veo 3.1", {"image": LANDSCAPE, "last_frame": LANDSCAPE, "seconds": 4}, "needs_seconds"),
    ("veo 3.1", {"image": LANDSCAPE, "last_frame": LANDSCAPE, "aspect_ratio": TALL}, None),
    ("veo 3.1", {"references": THREE, "seconds": 6}, "needs_seconds"),
    ("veo 3.1", {"references": THREE, "aspect_ratio": TALL}, "needs_aspect_ratio"),
    ("veo 3.1", {"source": clip(), "seconds": 4}, "extension_length"),
    ("veo 3.1", {"source": clip(), "seconds": 8}, None),
    ("veo 3", {"image": LANDSCAPE, "seconds": 4}, None),
    # the remark on seed, and the number of videos
    ("veo 3.1", {"seed": 0}, None),
    ("veo 3", {"seed": 2**32 - 1}, None),
    ("veo 3.1", {"seed": 2**32}, "seed_range"),
    ("veo 3.1", {"seed": -1}, "seed_range"),
    ("veo 2", {"seed": 3}, "seed_unsupported"),
    ("veo 3.1", {"videos": 1}, None),
    ("veo 3.1", {"videos": 2}, "videos_not_offered"),
    ("veo 3", {"videos": 2}, "videos_not_offered"),
    ("veo 2", {"videos": 2}, None),
    ("veo 2", {"videos": 3}, "videos_not_offered"),
    ("veo 2", {"videos": 0}, "videos_not_offered"),
    # options that exclude each other
    ("veo 3.1", {"references": THREE, "image": LANDSCAPE}, "references_exclude_frames"),
    ("veo 3.1", {"references": THREE, "last_frame": LANDSCAPE}, "references_exclude_frames"),
    ("veo 3.1", {"source": clip(), "image": LANDSCAPE}, "extension_excludes_images"),
    ("veo 3.1", {"source": clip(), "references": THREE}, "extension_excludes_images"),
    ("veo 3.1", {"prompt": "  "}, "prompt_empty"),
    # Lite, which came after the document
]
LITE: list[tuple[dict[str, Any], str | None]] = [
    ({"resolution": P1080}, None),
    ({"resolution": P1080, "seconds": 4}, "needs_seconds"),
    ({"resolution": UHD}, "resolution_not_offered"),
    ({"references": THREE}, "mode_unsupported"),
    ({"image": LANDSCAPE, "last_frame": LANDSCAPE}, "mode_unsupported"),
    ({"source": clip()}, "mode_unsupported"),
]


def cases() -> list[Any]:
    rows = [(model, what, rule) for column, what, rule in CELLS for model in COLUMNS[column]]
    rows += [(LITE_31, what, rule) for what, rule in LITE]
    return [pytest.param(*row, id=f"{row[0]} {_named(row[1])}") for row in rows]


def _named(what: dict[str, Any]) -> str:
    return " ".join(
        name if name in ("image", "last_frame", "source") else f"{name}={value!s:.12}"
        for name, value in what.items()
    )


@pytest.mark.parametrize(("model", "what", "rule"), cases())
def test_cell(model: str, what: dict[str, Any], rule: str | None) -> None:
    request = asked(model=model, **what)
    if rule is None:
        assert resolve_plan(request, offer()).model == model
        return
    with pytest.raises(RuleBroken) as refused:
        resolve_plan(request, offer())
    assert refused.value.rule == rule
    if refused.value.nearest is not None:
        resolve_plan(refused.value.nearest, offer())


@pytest.mark.parametrize("model", [VEO_31, FAST_31, LITE_31, VEO_3, FAST_3, VEO_2])
def test_defaults_of_the_document(model: str) -> None:
    plan = resolve_plan(asked(model=model), offer())
    assert plan.aspect_ratio is WIDE
    assert plan.resolution is (None if model == VEO_2 else P720)
    assert (plan.seconds, plan.result_seconds, plan.videos) == (8, 8, 1)
    assert plan.person_generation is None


@pytest.mark.parametrize("mode", [GenerationMode.FRAMES, GenerationMode.REFERENCES])
def test_modes_that_need_the_full_length_get_it(mode: GenerationMode) -> None:
    assert resolve_plan(of_mode(mode), offer()).seconds == 8


def test_aspect_ratio_follows_the_given_image() -> None:
    assert resolve_plan(asked(image=PORTRAIT), offer()).aspect_ratio is TALL
    assert resolve_plan(asked(image=LANDSCAPE), offer()).aspect_ratio is WIDE
    assert resolve_plan(asked(image=PORTRAIT, aspect_ratio=WIDE), offer()).aspect_ratio is WIDE


def test_references_are_landscape_whatever_the_image() -> None:
    assert resolve_plan(asked(references=(PORTRAIT,)), offer()).aspect_ratio is WIDE
