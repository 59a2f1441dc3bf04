"""Finds the rules of a model that a request breaks, and a fix for each."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from bot.domain.errors import PersonPolicyUnsatisfiable, PromptTooLong
from bot.domain.jobs.people_policy import UnsatisfiableRule, choose_person_generation
from bot.domain.jobs.presets import MAX_PROMPT_CHARACTERS
from bot.domain.jobs.prompt import count_tokens, measure_fitting_length
from bot.domain.jobs.request import (
    AspectRatio,
    GenerationMode,
    OperatorRegion,
    PersonRule,
    Resolution,
    VideoRequest,
)
from bot.domain.jobs.sent_prompt import strip_role_tags
from bot.domain.jobs.source_violations import (
    Violation,
    find_nearest_resolution,
    find_source_violations,
)
from bot.domain.models import ModelSpec
from bot.domain.typed_text import has_visible_text

MAX_SEED: Final = 2**32 - 1


@dataclass(frozen=True, slots=True)
class RuleContext:
    """The circumstances in which rules are checked.

    ``models`` are those that the account can reach; their order breaks ties. ``now`` is in Unix
    seconds. ``person_rule`` is the channel's; ``preferred_person_rule`` is followed if the model
    can. ``retired_models`` are those that Google has shut down, so that a refusal can say so.
    """

    models: tuple[ModelSpec, ...]
    now: float
    region: OperatorRegion = OperatorRegion.ELSEWHERE
    person_rule: PersonRule | None = None
    preferred_person_rule: PersonRule | None = None
    retired_models: tuple[ModelSpec, ...] = ()


def find_violations(
    request: VideoRequest, model: ModelSpec, context: RuleContext
) -> Iterator[Violation]:
    """Yield the rules that ``request`` breaks on ``model``, the most important first."""
    yield from _find_input_violations(request)
    if request.mode not in model.modes:
        values: dict[str, str | int] = {"model": model.name, "mode": request.mode}
        yield Violation("mode_unsupported", "model", values=values)
        return
    if not can_follow_person_rule(model, request.mode, context):
        yield Violation("person_rule", "model", error_type=PersonPolicyUnsatisfiable)
    yield from _find_text_violations(request, model)
    if request.source is not None:
        yield from find_source_violations(
            request, request.source, model, now=context.now, region=context.region
        )
    else:
        yield from _find_picture_violations(request, model)
    videos = request.videos
    if videos is not None and not 1 <= videos <= model.max_videos:
        yield Violation(
            "videos_not_offered",
            "videos",
            fix=request.evolve(videos=model.max_videos if videos > model.max_videos else 1),
            values={"model": model.name, "most": model.max_videos},
        )


def can_follow_person_rule(model: ModelSpec, mode: GenerationMode, context: RuleContext) -> bool:
    """Return whether ``model`` has a value in ``mode`` that satisfies the rule of ``context``."""
    value = choose_person_generation(model, mode, context.region, context.person_rule)
    return not isinstance(value, UnsatisfiableRule)


def _find_input_violations(request: VideoRequest) -> Iterator[Violation]:
    if not has_visible_text(request.prompt):
        yield Violation("prompt_empty", "prompt")
    frames = request.image is not None or request.last_frame is not None
    if request.mode is GenerationMode.EDIT and frames:
        yield Violation(
            "edit_excludes_frames",
            "image" if request.image is not None else "last_frame",
            fix=request.evolve(image=None, last_frame=None),
        )
    elif request.mode is GenerationMode.EXTENSION and (frames or request.references):
        yield Violation(
            "extension_excludes_images",
            "image" if frames else "reference_1",
            fix=request.evolve(image=None, last_frame=None, references=()),
        )
    elif request.references and frames:
        yield Violation(
            "references_exclude_frames",
            "image" if request.image is not None else "last_frame",
            fix=request.evolve(image=None, last_frame=None),
        )
    elif request.last_frame is not None and request.image is None:
        yield Violation(
            "last_frame_needs_image",
            "last_frame",
            fix=request.evolve(image=request.last_frame, last_frame=None),
        )
    if request.seed is not None and not 0 <= request.seed <= MAX_SEED:
        yield Violation(
            "seed_range", "seed", fix=request.evolve(seed=None), values={"most": MAX_SEED}
        )


def _find_text_violations(request: VideoRequest, model: ModelSpec) -> Iterator[Violation]:
    if (
        model.route.is_omni
        and has_visible_text(request.prompt)
        and not has_visible_text(strip_role_tags(request.prompt))
    ):
        yield Violation("prompt_only_tags", "prompt")
    if count_tokens(request.prompt.strip()) > model.max_prompt_tokens:
        yield Violation("prompt_too_long", "prompt", error_type=PromptTooLong)
    elif len(request.prompt) > MAX_PROMPT_CHARACTERS:
        # it would not fit into the form of "Reword and redo"
        values: dict[str, str | int] = {
            "characters": len(request.prompt),
            "most": MAX_PROMPT_CHARACTERS,
        }
        yield Violation("presets_too_long", "prompt", values=values)
    negative = request.negative_prompt
    if negative and not model.negative_prompt:
        yield Violation(
            "negative_prompt_unsupported",
            "negative_prompt",
            fix=request.evolve(negative_prompt=None),
            values={"model": model.name},
        )
    elif negative and count_tokens(negative) > model.max_prompt_tokens:
        fitting = measure_fitting_length(negative, model.max_prompt_tokens)
        yield Violation(
            "negative_prompt_too_long",
            "negative_prompt",
            values={"characters": len(negative), "most": fitting},
        )
    if request.seed is not None and not model.seed:
        yield Violation(
            "seed_unsupported", "seed", fix=request.evolve(seed=None), values={"model": model.name}
        )


def _find_picture_violations(request: VideoRequest, model: ModelSpec) -> Iterator[Violation]:
    named: dict[str, str | int] = {"model": model.name}
    if len(request.references) > model.max_references:
        yield Violation(
            "too_many_references",
            f"reference_{model.max_references + 1}",
            fix=request.evolve(references=request.references[: model.max_references]),
            values={**named, "most": model.max_references},
        )
    if request.resolution is not None and request.resolution not in model.resolutions:
        yield _build_resolution_violation(request, model, request.resolution)
        return
    for condition in model.find_conditions(request.mode, _choose_resolution(request, model)):
        when: dict[str, str | int] = {**named, "when": condition.when}
        if condition.resolution not in (None, _choose_resolution(request, model)):
            yield Violation(
                "needs_resolution",
                "resolution",
                fix=request.evolve(resolution=condition.resolution),
                values={**when, "resolution": str(condition.resolution)},
            )
        longest = condition.max_seconds
        if longest is not None and (request.seconds or 0) > longest:
            yield Violation(
                "needs_fewer_seconds",
                "duration",
                fix=request.evolve(seconds=longest),
                values={**when, "most": longest},
            )
        needed = condition.seconds
        if needed is not None and request.seconds not in (None, needed):
            yield Violation(
                "needs_seconds",
                "duration",
                fix=request.evolve(seconds=needed),
                values={**when, "seconds": needed},
            )
        if condition.aspect_ratio not in (None, choose_aspect_ratio(request, model)):
            # rather reduce the resolution than change the shape
            depends_on_mode = condition.when is request.mode
            yield Violation(
                "needs_aspect_ratio",
                "aspect_ratio",
                fix=(
                    request.evolve(aspect_ratio=condition.aspect_ratio)
                    if depends_on_mode
                    else request.evolve(resolution=model.native_resolution)
                ),
                values={**when, "aspect_ratio": str(condition.aspect_ratio)},
            )
    seconds = request.seconds
    if seconds is not None and seconds not in model.lengths:
        yield Violation(
            "length_not_offered",
            "duration",
            fix=request.evolve(
                seconds=min(model.lengths, key=lambda length: abs(length - seconds))
            ),
            values={**named, "seconds": seconds},
        )
    if choose_aspect_ratio(request, model) not in model.aspect_ratios:
        yield Violation(
            "aspect_ratio_not_offered",
            "aspect_ratio",
            fix=request.evolve(aspect_ratio=model.aspect_ratios[0]),
            values=named,
        )


def _build_resolution_violation(
    request: VideoRequest, model: ModelSpec, requested: Resolution
) -> Violation:
    if not model.resolutions:
        return Violation(
            "resolution_unsupported",
            "resolution",
            fix=request.evolve(resolution=None),
            values={"model": model.name},
        )
    return Violation(
        "resolution_not_offered",
        "resolution",
        fix=request.evolve(resolution=find_nearest_resolution(requested, model.resolutions)),
        values={"model": model.name, "resolution": requested},
    )


def choose_aspect_ratio(request: VideoRequest, model: ModelSpec) -> AspectRatio:
    """Return the requested aspect ratio, or the one that the mode or the image implies."""
    if request.aspect_ratio is not None:
        return request.aspect_ratio
    for condition in model.find_conditions(request.mode, _choose_resolution(request, model)):
        if condition.when is request.mode and condition.aspect_ratio is not None:
            return condition.aspect_ratio
    if request.image is not None and request.image.aspect_ratio in model.aspect_ratios:
        return request.image.aspect_ratio
    return model.aspect_ratios[0]


def _choose_resolution(request: VideoRequest, model: ModelSpec) -> Resolution:
    return request.resolution or model.native_resolution


def choose_seconds(request: VideoRequest, model: ModelSpec) -> int:
    """Return the length for a request that names none: what its mode or resolution needs."""
    conditions = model.find_conditions(request.mode, _choose_resolution(request, model))
    needed = (condition.seconds for condition in conditions if condition.seconds is not None)
    longest = [
        condition.max_seconds for condition in conditions if condition.max_seconds is not None
    ]
    return next(needed, min([model.default_seconds, *longest]))
