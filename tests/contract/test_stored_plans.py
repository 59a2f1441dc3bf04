"""Plans that earlier programs stored are read, whatever their shape.

`fixtures/plans.json` holds what six commits wrote with their own classes: without a version, with
version 1 (revision 0007), with the source's age restriction (0008), with Omni's fields (0009), and
with drafts (0029), and with the video that a new shot is joined to.
A new shape needs an entry there.
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from bot.domain.billing.money import Micros
from bot.domain.jobs.request import (
    AspectRatio,
    GenerationMode,
    GoogleRoute,
    InputImage,
    PersonGeneration,
    PrecedingVideo,
    Resolution,
    SourceClip,
    TakesOrder,
    VideoPlan,
)
from bot.store.tables.row_mapping import PLAN_VERSION, plan_from_json, plan_to_json

STORED: Final[dict[str, list[dict[str, Any]]]] = json.loads(
    (Path(__file__).parent / "fixtures" / "plans.json").read_text("utf-8")
)
NEWEST: Final = ("834862d", "cf3860d")
"""Two branches that were merged: drafts, and shots that are joined to a video."""
WITH_AGE_RESTRICTION: Final = ("870055b", "de03489", *NEWEST)
WITH_INTERACTIONS: Final = ("de03489", *NEWEST)
WITH_TAKES: Final = ("834862d",)
WITH_PRECEDING: Final = ("cf3860d",)


def _image(number: int) -> InputImage:
    digest = str(number) * 64
    return InputImage(f"inputs/{number}.png", "image/png", 1280, 720, digest)


def build_expected_plans(commit: str) -> list[VideoPlan]:
    """Return the plans that a commit was made to write; the later ones need its fields."""
    has_interactions = commit in WITH_INTERACTIONS
    source = SourceClip(
        clip_id=41,
        model="veo-3.1-generate-preview",
        route=GoogleRoute.GEMINI,
        mode=GenerationMode.TEXT,
        aspect_ratio=AspectRatio.LANDSCAPE,
        resolution=Resolution("720p"),
        seconds=8,
        extension_depth=2,
        remote_uri="https://example.org/files/41",
        expires_at=1_790_000_000.0,
        path="clips/40/40-0.mp4",
        age_restricted=commit in WITH_AGE_RESTRICTION,
        interaction_id="int-41" if has_interactions else None,
        interaction_expires_at=1_790_000_000.0 if has_interactions else None,
    )
    plain = VideoPlan(
        model="veo-3.1-generate-preview",
        route=GoogleRoute.GEMINI,
        mode=GenerationMode.TEXT,
        prompt="A fox says “hello” – 狐",
        aspect_ratio=AspectRatio.LANDSCAPE,
        resolution=Resolution("720p"),
        seconds=8,
        result_seconds=8,
        videos=1,
        price=Micros(3_200_000),
    )
    plans = [
        replace(
            plain,
            videos=2,
            negative_prompt="rain",
            seed=7,
            person_generation=PersonGeneration.ALLOW_ALL,
        ),
        replace(plain, mode=GenerationMode.FRAMES, image=_image(1), last_frame=_image(2)),
        replace(plain, mode=GenerationMode.REFERENCES, references=(_image(3), _image(4))),
        replace(plain, mode=GenerationMode.EXTENSION, seconds=7, result_seconds=15, source=source),
    ]
    if has_interactions:
        edited = replace(source, resolution=None, remote_uri=None, expires_at=None)
        plans.append(
            replace(
                plain,
                model="gemini-omni-flash",
                route=GoogleRoute.OMNI,
                mode=GenerationMode.EDIT,
                resolution=None,
                source=edited,
                with_cuts=True,
            )
        )
    if commit in WITH_TAKES:
        order = TakesOrder(4, Micros(560_000), resolution=Resolution("1080p"), seconds=8)
        plans.append(replace(plain, seed=None, takes=order))
        plans.append(replace(plans[-2], full_take=41))
    if commit in WITH_PRECEDING:
        plans.append(
            replace(
                plain,
                mode=GenerationMode.IMAGE,
                result_seconds=16,
                image=_image(5),
                preceding=PrecedingVideo("clips/40/40-0.mp4", 8, source),
            )
        )
    return plans


@pytest.mark.parametrize("commit", STORED)
def test_plans_of_every_shape_are_read(commit: str) -> None:
    plans = [plan_from_json(json.dumps(stored)) for stored in STORED[commit]]
    assert plans == build_expected_plans(commit)


@pytest.mark.parametrize(
    "plan",
    [plan for commit in NEWEST for plan in build_expected_plans(commit)],
    ids=lambda plan: plan.mode,
)
def test_a_plan_is_stored_with_its_version(plan: VideoPlan) -> None:
    text = plan_to_json(plan)
    assert json.loads(text)["v"] == PLAN_VERSION
    assert plan_from_json(text) == plan


def test_examples_have_every_field_of_today() -> None:
    """A field that is added to the plans is missing here until its shape has an example."""
    newest = [plan for commit in NEWEST for plan in STORED[commit]]
    names = {name for plan in newest for name in plan} - {"v"}
    assert names == set(VideoPlan.__slots__)
    sources = [plan["source"] for plan in newest if "source" in plan]
    assert all(set(source) == set(SourceClip.__slots__) for source in sources)
