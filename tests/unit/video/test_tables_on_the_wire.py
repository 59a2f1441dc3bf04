"""The document's two tables, on the wire: what Google received is what the cell says, types
included, and what a cell refuses never reached it.
"""

from typing import Any

import pytest

from bot.domain.errors import PersonPolicyUnsatisfiable, RuleBroken
from bot.domain.jobs.people_policy import UnsatisfiableRule, choose_person_generation
from bot.domain.jobs.plan_resolution import RuleContext, resolve_plan
from bot.domain.jobs.request import (
    GenerationMode,
    GoogleRoute,
    InputImage,
    OperatorRegion,
    PersonRule,
    SourceClip,
    VideoRequest,
)
from bot.domain.ports import VideoModels
from tests.unit.rules.given import LANDSCAPE, LITE_31, PORTRAIT, clip, model
from tests.unit.rules.test_parameters import CELLS, COLUMNS, LITE
from tests.unit.rules.test_people import TABLE
from tests.unit.video.conftest import CATALOGUE, Stage, model_of

WHAT: dict[GenerationMode, dict[str, Any]] = {
    GenerationMode.TEXT: {},
    GenerationMode.IMAGE: {"image": LANDSCAPE},
    GenerationMode.FRAMES: {"image": LANDSCAPE, "last_frame": LANDSCAPE},
    GenerationMode.REFERENCES: {"references": (LANDSCAPE,)},
    GenerationMode.EXTENSION: {"source": clip()},
}


class Inputs:
    """Real pictures and a real clip in the places of the tables' stand-ins."""

    def __init__(self, landscape: InputImage, portrait: InputImage, source: SourceClip) -> None:
        self._real = {LANDSCAPE: landscape, PORTRAIT: portrait}
        self._source = source

    def request(self, model_id: str, what: dict[str, Any]) -> VideoRequest:
        made = VideoRequest(**{"prompt": "a fox", "model": model_id, **what})
        return made.evolve(
            image=self._real.get(made.image) if made.image else None,
            last_frame=self._real.get(made.last_frame) if made.last_frame else None,
            references=tuple(self._real[each] for each in made.references),
            source=self._source if made.source else None,
        )


async def inputs(stage: Stage, adapter: VideoModels | None = None) -> Inputs:
    adapter = adapter or stage.gemini()
    stage.set(outcome="done")
    plan, path = stage.plan(model=model_of(adapter)), stage.data_dir / f"{adapter.route}.mp4"
    source = stage.source(plan, await stage.made(adapter, plan, path), path)
    stage.set(outcome="failed")
    landscape, portrait = await stage.picture(), await stage.picture((36, 64))
    return Inputs(landscape, portrait, source)


def expected(request: VideoRequest, model_id: str) -> dict[str, Any]:
    """The parameters as the document words them, worked out apart from the adapter."""
    extends, old = request.source is not None, model_id.startswith("veo-2")
    ratio = request.aspect_ratio
    if ratio is None and request.image is not None:
        ratio = request.image.aspect_ratio
    made: dict[str, Any] = {
        "sampleCount": request.videos or 1,
        "durationSeconds": 8 if extends else request.seconds or 8,
        "aspectRatio": str(ratio or "16:9"),
        "resolution": None if old else str(request.resolution or "720p"),
        "negativePrompt": request.negative_prompt,
        "seed": request.seed,
    }
    return {name: value for name, value in made.items() if value is not None}


async def test_every_cell_of_the_parameter_table(stage: Stage) -> None:
    given, gemini = await inputs(stage), stage.gemini()
    offer = RuleContext(
        models=CATALOGUE.restrict_to(GoogleRoute.GEMINI).models, now=stage.clock.clock.now()
    )
    rows = [(each, what, rule) for column, what, rule in CELLS for each in COLUMNS[column]]
    rows += [(LITE_31, what, rule) for what, rule in LITE]
    for model_id, what, rule in rows:
        request, before = given.request(model_id, what), stage.submits
        if rule is not None:
            with pytest.raises(RuleBroken):
                resolve_plan(request, offer)
            assert stage.submits == before
            continue
        await gemini.submit(resolve_plan(request, offer), job_id=1)
        assert stage.submits == before + 1
        assert stage.sent["parameters"] == expected(request, model_id), (model_id, what)
        assert [type(value) for value in stage.sent["parameters"].values()] == [
            type(value) for value in expected(request, model_id).values()
        ]
        instance = stage.sent["instances"][0]
        assert ("image" in instance) == (request.image is not None)
        assert ("lastFrame" in instance) == (request.last_frame is not None)
        assert len(instance.get("referenceImages", [])) == len(request.references)
        assert ("video" in instance) == (request.source is not None)
    # The sandbox's Google keeps a table of its own, and refused none of what was sent.
    assert not stage.google.refusals


@pytest.mark.parametrize("region", OperatorRegion)
async def test_every_cell_of_the_person_table(stage: Stage, region: OperatorRegion) -> None:
    vertex = stage.vertex()
    on_vertex = await inputs(stage, vertex)
    given, adapters = await inputs(stage), {GoogleRoute.GEMINI: stage.gemini()}
    stage.set(region=str(region))
    extended = set[str]()
    for ids, mode, _, _ in TABLE:
        for model_id in ids:
            veo = model(model_id)
            adapter = adapters.get(veo.route, vertex)
            for rule in (None, *PersonRule):
                there = on_vertex if veo.route is GoogleRoute.VERTEX else given
                request = there.request(model_id, WHAT[mode])
                offer = RuleContext(
                    models=(veo,),
                    now=stage.clock.clock.now(),
                    region=region,
                    person_rule=rule,
                )
                before = stage.submits
                value = choose_person_generation(veo, mode, region, rule)
                if isinstance(value, UnsatisfiableRule):
                    with pytest.raises(PersonPolicyUnsatisfiable):
                        resolve_plan(request, offer)
                    assert stage.submits == before
                    continue
                await adapter.submit(resolve_plan(request, offer), job_id=1)
                assert stage.submits == before + 1
                assert stage.sent["parameters"].get("personGeneration") == value
                if "video" in stage.sent["instances"][0]:
                    extended.add(model_id)
    assert extended == {
        each.id for each in CATALOGUE.models if GenerationMode.EXTENSION in each.modes
    }
    assert not stage.google.refusals
