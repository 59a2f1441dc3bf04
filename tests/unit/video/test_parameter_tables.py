"""Google's two parameter tables: allowed values are sent with the right types, others never."""

from typing import Any

import pytest

from bot.domain.errors import PersonPolicyUnsatisfiable, RuleBroken
from bot.domain.jobs.people_policy import UnsatisfiableRule, choose_person_generation
from bot.domain.jobs.plan_resolution import resolve_plan
from bot.domain.jobs.request import (
    GenerationMode,
    GoogleRoute,
    InputImage,
    OperatorRegion,
    PersonRule,
    SourceClip,
    VideoRequest,
)
from bot.domain.jobs.violations import RuleContext
from bot.domain.ports import VideoModels
from tests.unit.rules.examples import LANDSCAPE, LITE_31, PORTRAIT, clip, model
from tests.unit.rules.test_parameters import CELLS, COLUMNS, LITE
from tests.unit.rules.test_people import TABLE
from tests.unit.video.conftest import CATALOG, Stage, model_of

MODE_INPUTS: dict[GenerationMode, dict[str, Any]] = {
    GenerationMode.TEXT: {},
    GenerationMode.IMAGE: {"image": LANDSCAPE},
    GenerationMode.FRAMES: {"image": LANDSCAPE, "last_frame": LANDSCAPE},
    GenerationMode.REFERENCES: {"references": (LANDSCAPE,)},
    GenerationMode.EXTENSION: {"source": clip()},
}


class RealInputs:
    """Real images and a real clip instead of the tables' examples."""

    def __init__(self, landscape: InputImage, portrait: InputImage, source: SourceClip) -> None:
        self._real = {LANDSCAPE: landscape, PORTRAIT: portrait}
        self._source = source

    def build_request(self, model_id: str, what: dict[str, Any]) -> VideoRequest:
        request = VideoRequest(**{"prompt": "a fox", "model": model_id, **what})
        return request.evolve(
            image=self._real.get(request.image) if request.image else None,
            last_frame=self._real.get(request.last_frame) if request.last_frame else None,
            references=tuple(self._real[image] for image in request.references),
            source=self._source if request.source else None,
        )


async def create_inputs(stage: Stage, adapter: VideoModels | None = None) -> RealInputs:
    adapter = adapter or stage.create_gemini()
    stage.configure(outcome="done")
    plan, path = stage.build_plan(model=model_of(adapter)), stage.data_dir / f"{adapter.route}.mp4"
    source = stage.build_source(plan, await stage.make_clip(adapter, plan, path), path)
    stage.configure(outcome="failed")
    landscape, portrait = await stage.store_image(), await stage.store_image((36, 64))
    return RealInputs(landscape, portrait, source)


def build_expected_parameters(request: VideoRequest, model_id: str) -> dict[str, Any]:
    """Return the parameters of the document, independently of the adapter."""
    is_extension, is_veo_2 = request.source is not None, model_id.startswith("veo-2")
    ratio = request.aspect_ratio
    if ratio is None and request.image is not None:
        ratio = request.image.aspect_ratio
    parameters: dict[str, Any] = {
        "sampleCount": request.videos or 1,
        "durationSeconds": 8 if is_extension else request.seconds or 8,
        "aspectRatio": str(ratio or "16:9"),
        "resolution": None if is_veo_2 else str(request.resolution or "720p"),
        "negativePrompt": request.negative_prompt,
        "seed": request.seed,
    }
    return {name: value for name, value in parameters.items() if value is not None}


async def test_parameter_table_on_the_wire(stage: Stage) -> None:
    inputs, gemini = await create_inputs(stage), stage.create_gemini()
    context = RuleContext(
        models=CATALOG.restrict_to(GoogleRoute.GEMINI).models, now=stage.clock.clock.now()
    )
    rows = [(name, what, rule) for column, what, rule in CELLS for name in COLUMNS[column]]
    rows += [(LITE_31, what, rule) for what, rule in LITE]
    for model_id, what, rule in rows:
        request, before = inputs.build_request(model_id, what), stage.submit_count
        if rule is not None:
            with pytest.raises(RuleBroken):
                resolve_plan(request, context)
            assert stage.submit_count == before
            continue
        await gemini.submit(resolve_plan(request, context), job_id=1)
        assert stage.submit_count == before + 1
        assert stage.last_body["parameters"] == build_expected_parameters(request, model_id), (
            model_id,
            what,
        )
        assert [type(value) for value in stage.last_body["parameters"].values()] == [
            type(value) for value in build_expected_parameters(request, model_id).values()
        ]
        instance = stage.last_body["instances"][0]
        assert ("image" in instance) == (request.image is not None)
        assert ("lastFrame" in instance) == (request.last_frame is not None)
        assert len(instance.get("referenceImages", [])) == len(request.references)
        assert ("video" in instance) == (request.source is not None)
    # The sandbox's Google has its own table and refused nothing.
    assert not stage.google.refusals


@pytest.mark.parametrize("region", OperatorRegion)
async def test_person_table_on_the_wire(stage: Stage, region: OperatorRegion) -> None:
    vertex = stage.create_vertex()
    vertex_inputs = await create_inputs(stage, vertex)
    gemini_inputs, adapters = (
        await create_inputs(stage),
        {GoogleRoute.GEMINI: stage.create_gemini()},
    )
    stage.configure(region=str(region))
    extended = set[str]()
    for ids, mode, _, _ in TABLE:
        for model_id in ids:
            veo = model(model_id)
            if veo.route.is_omni:  # has no such parameter
                continue
            adapter = adapters.get(veo.route, vertex)
            for rule in (None, *PersonRule):
                inputs = vertex_inputs if veo.route is GoogleRoute.VERTEX else gemini_inputs
                request = inputs.build_request(model_id, MODE_INPUTS[mode])
                context = RuleContext(
                    models=(veo,),
                    now=stage.clock.clock.now(),
                    region=region,
                    person_rule=rule,
                )
                before = stage.submit_count
                value = choose_person_generation(veo, mode, region, rule)
                if isinstance(value, UnsatisfiableRule):
                    with pytest.raises(PersonPolicyUnsatisfiable):
                        resolve_plan(request, context)
                    assert stage.submit_count == before
                    continue
                await adapter.submit(resolve_plan(request, context), job_id=1)
                assert stage.submit_count == before + 1
                assert stage.last_body["parameters"].get("personGeneration") == value
                if "video" in stage.last_body["instances"][0]:
                    extended.add(model_id)
    assert extended == {
        spec.id
        for spec in CATALOG.restrict_to(GoogleRoute.GEMINI, GoogleRoute.VERTEX).models
        if GenerationMode.EXTENSION in spec.modes
    }
    assert not stage.google.refusals
