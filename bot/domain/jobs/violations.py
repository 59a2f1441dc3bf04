"""Which rules of one model a request violates, and what would fix each."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from bot.domain.errors import (
    PersonPolicyUnsatisfiable,
    PromptTooLong,
    RuleBroken,
    SourceNotExtendable,
)
from bot.domain.jobs.people_policy import UnsatisfiableRule, choose_person_generation
from bot.domain.jobs.presets import MAX_PROMPT_CHARACTERS
from bot.domain.jobs.prompt import count_tokens, measure_fitting_length
from bot.domain.jobs.request import (
    AspectRatio,
    GenerationMode,
    GoogleRoute,
    OperatorRegion,
    PersonRule,
    Resolution,
    SourceClip,
    VideoRequest,
)
from bot.domain.models import ExtensionRules, ModelSpec
from bot.domain.typed_text import has_visible_text

EXPIRY_MARGIN_S: Final = 120.0
"""A file that Google deletes in fewer seconds is not used: the job may have to queue."""

MAX_SEED: Final = 2**32 - 1


@dataclass(frozen=True, slots=True)
class RuleContext:
    """What applies here and now.

    ``models`` are those that the account can reach, in the order that breaks ties; ``now`` is in
    Unix seconds; ``person_rule`` is the channel's, ``preferred_person_rule`` one that is followed
    only by a model that can.
    """

    models: tuple[ModelSpec, ...]
    now: float
    region: OperatorRegion = OperatorRegion.ELSEWHERE
    person_rule: PersonRule | None = None
    preferred_person_rule: PersonRule | None = None


@dataclass(frozen=True, slots=True)
class Violation:
    """A broken rule, and the request with it fixed (`None`: impossible on this model)."""

    rule: str
    parameter: str
    fix: VideoRequest | None = None
    values: dict[str, str | int] = field(default_factory=dict)
    error_type: type[RuleBroken] = RuleBroken


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
    if request.source is not None and model.extension is not None:
        yield from _find_source_violations(
            request, request.source, model, model.extension, context.now
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
    """Return whether Google takes a value in ``mode`` that follows the rule of ``context``."""
    value = choose_person_generation(model, mode, context.region, context.person_rule)
    return not isinstance(value, UnsatisfiableRule)


def _find_input_violations(request: VideoRequest) -> Iterator[Violation]:
    if not has_visible_text(request.prompt):
        yield Violation("prompt_empty", "prompt")
    frames = request.image is not None or request.last_frame is not None
    if request.source is not None and (frames or request.references):
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
    if count_tokens(request.prompt.strip()) > model.max_prompt_tokens:
        yield Violation("prompt_too_long", "prompt", error_type=PromptTooLong)
    elif (
        len(request.prompt) > MAX_PROMPT_CHARACTERS
    ):  # it would not fit into the form that edits it
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
    for condition in model.find_conditions(request.mode, _effective_resolution(request, model)):
        when: dict[str, str | int] = {**named, "when": condition.when}
        if condition.resolution not in (None, _effective_resolution(request, model)):
            yield Violation(
                "needs_resolution",
                "resolution",
                fix=request.evolve(resolution=condition.resolution),
                values={**when, "resolution": str(condition.resolution)},
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
            # reduce the resolution rather than turn or crop the picture
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
            fix=request.evolve(seconds=min(model.lengths, key=lambda s: abs(s - seconds))),
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
    order = list(Resolution).index
    smaller = [offered for offered in model.resolutions if order(offered) < order(requested)]
    best = max(smaller, key=order) if smaller else model.resolutions[0]
    return Violation(
        "resolution_not_offered",
        "resolution",
        fix=request.evolve(resolution=best),
        values={"model": model.name, "resolution": requested},
    )


def _find_source_violations(
    request: VideoRequest, source: SourceClip, model: ModelSpec, limits: ExtensionRules, now: float
) -> Iterator[Violation]:
    def build_source_violation(rule: str, **values: str | int) -> Violation:
        return Violation(
            rule, "clip", values={"clip": source.clip_id, **values}, error_type=SourceNotExtendable
        )

    if model.route is not source.route:
        yield build_source_violation("source_other_route", model=model.name)
    has_bytes = model.route is GoogleRoute.VERTEX and source.path is not None
    if source.remote_uri is None and not has_bytes:
        yield build_source_violation("source_gone")
    if source.expires_at is not None and source.expires_at - EXPIRY_MARGIN_S <= now:
        yield build_source_violation("source_expired", expired_at=int(source.expires_at))
    if source.resolution not in (None, limits.resolution):
        yield build_source_violation(
            "source_resolution", needs=limits.resolution, has=str(source.resolution)
        )
    if source.mode in limits.refused_sources:
        yield build_source_violation("source_mode", mode=source.mode)
    if limits.max_hops is not None and source.extension_depth >= limits.max_hops:
        yield build_source_violation(
            "source_too_many_hops", hops=source.extension_depth, most=limits.max_hops
        )
    if (
        source.seconds > limits.max_input_seconds
        or source.seconds + limits.added_seconds > limits.max_result_seconds
    ):
        yield build_source_violation(
            "source_too_long",
            seconds=source.seconds,
            most=limits.max_input_seconds,
            result=limits.max_result_seconds,
        )
    if request.aspect_ratio not in (None, source.aspect_ratio):
        yield Violation(
            "extension_aspect_ratio",
            "aspect_ratio",
            fix=request.evolve(aspect_ratio=None),
            values={"aspect_ratio": source.aspect_ratio},
        )
    if request.resolution not in (None, limits.resolution):
        yield Violation(
            "extension_resolution",
            "resolution",
            fix=request.evolve(resolution=None),
            values={"resolution": limits.resolution},
        )
    if request.seconds not in (None, limits.added_seconds, limits.sent_seconds):
        yield Violation(
            "extension_length",
            "duration",
            fix=request.evolve(seconds=None),
            values={"seconds": limits.added_seconds},
        )


def choose_aspect_ratio(request: VideoRequest, model: ModelSpec) -> AspectRatio:
    """Return the requested aspect ratio, or the one that follows from the mode or the image."""
    if request.aspect_ratio is not None:
        return request.aspect_ratio
    for condition in model.find_conditions(request.mode, _effective_resolution(request, model)):
        if condition.when is request.mode and condition.aspect_ratio is not None:
            return condition.aspect_ratio
    if request.image is not None and request.image.aspect_ratio in model.aspect_ratios:
        return request.image.aspect_ratio
    return model.aspect_ratios[0]


def _effective_resolution(request: VideoRequest, model: ModelSpec) -> Resolution:
    return request.resolution or model.native_resolution


def choose_seconds(request: VideoRequest, model: ModelSpec) -> int:
    """Return the length of a request without one: what the mode or resolution needs, if any."""
    conditions = model.find_conditions(request.mode, _effective_resolution(request, model))
    needed = (condition.seconds for condition in conditions if condition.seconds is not None)
    return next(needed, model.default_seconds)
