"""Turns a request into the plan that is sent and charged, or refuses it.

If a request breaks a rule, Google answers 400 without a reason. So every documented rule is checked
here, before anything is spent. A refusal contains the nearest request that would be accepted, which
a button can offer.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import Final

from bot.domain.billing.money import Micros
from bot.domain.errors import PersonPolicyUnsatisfiable, PromptTooLong, RuleBroken
from bot.domain.jobs.people_policy import UnsatisfiableRule, choose_person_generation
from bot.domain.jobs.prompt import measure_fitting_length
from bot.domain.jobs.request import (
    AspectRatio,
    GenerationMode,
    Resolution,
    SourceClip,
    VideoPlan,
    VideoRequest,
)
from bot.domain.jobs.source_access import SourceAccess, find_source_access, may_send_copy
from bot.domain.jobs.source_violations import (
    Violation,
    choose_added_seconds,
    choose_source_resolution,
)
from bot.domain.jobs.violations import (
    RuleContext,
    can_follow_person_rule,
    choose_aspect_ratio,
    choose_seconds,
    find_violations,
)
from bot.domain.models import ModelSpec
from bot.domain.typed_text import has_visible_text

__all__ = ["OptionChoice", "RuleContext", "find_plan", "list_choices", "resolve_plan"]

_MAX_FIXES: Final = 12


@dataclass(frozen=True, slots=True)
class OptionChoice:
    """A value that an option can have with the rest of the request unchanged, and its price.

    ``model`` would make the clip. ``is_usual_model`` says whether the same model would be used
    without this option.
    """

    value: str
    price: Micros
    model: str
    is_usual_model: bool = True


def resolve_plan(request: VideoRequest, context: RuleContext) -> VideoPlan:
    """Return the plan for ``request``, on the cheapest suitable model unless it names one.

    Raises `RuleBroken` or a subclass. Its ``nearest`` request, if any, has a plan.
    """
    plan = find_plan(request, context)
    if plan is not None:
        return plan
    raise _build_refusal(request, context)


def list_choices(
    request: VideoRequest, option: str, context: RuleContext
) -> tuple[OptionChoice, ...]:
    """Return the values that ``option`` can have with the rest of ``request`` unchanged.

    ``option`` is ``model``, ``aspect_ratio``, ``resolution``, ``duration`` or ``videos``. The
    prompt may still be empty. Only values that `resolve_plan` accepts are returned: first those
    that keep the usual model, then the others, the cheapest first.

    Raises `ValueError` for any other option.
    """
    if not has_visible_text(request.prompt):
        request = request.evolve(prompt="…")
    usual = find_plan(request, context)
    plans = (
        (value, find_plan(variant, context))
        for value, variant in _vary_option(request, option, context)
    )
    choices = [
        OptionChoice(
            value,
            plan.price,
            plan.model,
            is_usual_model=option == "model" or usual is None or plan.model == usual.model,
        )
        for value, plan in plans
        if plan is not None
    ]
    return tuple(sorted(choices, key=lambda choice: (not choice.is_usual_model, choice.price)))


def _vary_option(
    request: VideoRequest, option: str, context: RuleContext
) -> Iterator[tuple[str, VideoRequest]]:
    models = [model for model in context.models if request.model in (None, model.id)]
    match option:
        case "model":
            for model in context.models:
                yield model.id, request.evolve(model=model.id)
        case "aspect_ratio":
            for ratio in AspectRatio:
                yield ratio, request.evolve(aspect_ratio=ratio)
        case "resolution":
            for resolution in Resolution:
                yield resolution, request.evolve(resolution=resolution)
        case "duration":
            for seconds in sorted(_list_lengths(request.mode, models)):
                yield str(seconds), request.evolve(seconds=seconds)
        case "videos":
            for videos in range(1, max((model.max_videos for model in models), default=0) + 1):
                yield str(videos), request.evolve(videos=videos)
        case _:
            raise ValueError(f"no choices for {option}")


def _list_lengths(mode: GenerationMode, models: Iterable[ModelSpec]) -> set[int]:
    """Return the values of the option ``duration``; for an extension, the seconds that it adds."""
    if mode is GenerationMode.EXTENSION:
        rules = [model.extension for model in models if model.extension is not None]
        return {seconds for rule in rules for seconds in rule.offered_lengths}
    return {seconds for model in models for seconds in model.lengths}


def find_plan(request: VideoRequest, context: RuleContext) -> VideoPlan | None:
    """Return the plan for ``request``, `None` if it breaks a rule of every model."""
    plans = [
        (_preference_key(request, model, plan, context), plan)
        for model in context.models
        if request.model in (None, model.id)
        and next(find_violations(request, model, context), None) is None
        for plan in (_build_plan(request, model, context),)
    ]
    return min(plans, key=itemgetter(0))[1] if plans else None


def _preference_key(
    request: VideoRequest, model: ModelSpec, plan: VideoPlan, context: RuleContext
) -> tuple[bool, bool, bool, int]:
    """Return a sort key that ends with the price; `min` keeps the catalog's order among equals.

    An extension prefers the clip's model, then that model's family. An edit prefers a model that
    can use the clip's interaction at Google. Among those, models that need no copy of the clip are
    preferred.
    """
    source = request.source
    if source is None:
        return (False, False, False, plan.price)
    access = find_source_access(source, model, now=context.now, region=context.region)
    is_copied = access is SourceAccess.COPY
    is_other_model = model.id != source.model
    if request.is_edit:
        return (is_copied or is_other_model, False, is_copied, plan.price)
    origin = next((model for model in context.models if model.id == source.model), None)
    # the id of a model that is no longer offered still names its family: veo-3.1-…
    family = origin.family if origin else "-".join(source.model.split("-")[:2])
    return (is_other_model, model.family != family, is_copied, plan.price)


def _build_plan(request: VideoRequest, model: ModelSpec, context: RuleContext) -> VideoPlan:
    mode = request.mode
    person_generation = choose_person_generation(
        model, mode, context.region, context.person_rule, preferred=context.preferred_person_rule
    )
    assert not isinstance(person_generation, UnsatisfiableRule), "checked by find_violations"
    source, extension = request.source, model.extension
    videos = request.videos or 1
    if source is not None:
        resolution = choose_source_resolution(request, model)
        ratio = source.aspect_ratio
        seconds = result_seconds = source.seconds
        if mode is GenerationMode.EXTENSION and extension is not None:
            seconds = choose_added_seconds(request, extension)
            result_seconds += seconds
    else:
        native = model.native_resolution if model.resolutions else None
        resolution = request.resolution or native
        ratio = choose_aspect_ratio(request, model)
        seconds = result_seconds = request.seconds or choose_seconds(request, model)
        if request.preceding is not None:
            result_seconds += request.preceding.seconds
    return VideoPlan(
        model=model.id,
        route=model.route,
        mode=mode,
        prompt=request.prompt.strip(),
        aspect_ratio=ratio,
        resolution=resolution,
        seconds=seconds,
        result_seconds=result_seconds,
        videos=videos,
        price=model.compute_price(resolution, seconds, videos),
        negative_prompt=(request.negative_prompt or "").strip() or None,
        seed=request.seed,
        person_generation=person_generation,
        image=request.image,
        last_frame=request.last_frame,
        references=request.references,
        source=source,
        with_cuts=request.with_cuts,
        full_take=request.full_take,
        preceding=request.preceding,
    )


def _build_refusal(request: VideoRequest, context: RuleContext) -> RuleBroken:
    if not context.models:
        return RuleBroken("no_model", "model")
    alternative = _find_nearest(request, context)
    nearest = alternative[0] if alternative is not None else None
    usual_plan = find_plan(request, replace(context, person_rule=None))
    if usual_plan is not None:  # only the rule for people prevents it
        usual_model = next(model for model in context.models if model.id == usual_plan.model)
        return _build_policy_refusal(request, usual_model, context, nearest)
    if request.model is not None:
        model = next((model for model in context.models if model.id == request.model), None)
        if model is None:
            return _build_model_refusal(request.model, context, nearest)
    elif alternative is not None:
        model = alternative[1]
    else:
        model = _find_closest_model(request, context)
    violations = list(find_violations(request, model, context))
    violation = violations[0]
    if nearest is None:  # name what cannot be fixed: fixing the rest would not help
        violation = next(
            (candidate for candidate in violations if candidate.fix is None), violation
        )
    if violation.rule == "mode_unsupported" and request.model is None:
        if request.is_edit:
            return RuleBroken("edit_unavailable", "model")
        return RuleBroken("mode_unavailable", "model", mode=request.mode)
    return _build_error(violation, request, model, context, nearest)


def _build_model_refusal(
    model_id: str, context: RuleContext, nearest: VideoRequest | None
) -> RuleBroken:
    """Return why a requested model is not offered: Google shut it down, or it is unknown."""
    retired = next((model for model in context.retired_models if model.id == model_id), None)
    if retired is None:
        shown = model_id[:_MAX_SHOWN_MODEL_LENGTH]
        return RuleBroken("model_unavailable", "model", nearest=nearest, model=shown)
    values = {"model": retired.name, "date": str(retired.retires)}
    successor = next((model for model in context.models if model.id == retired.replaced_by), None)
    if successor is None:
        return RuleBroken("model_retired", "model", nearest=nearest, **values)
    return RuleBroken(
        "model_replaced", "model", nearest=nearest, replacement=successor.name, **values
    )


def _find_closest_model(request: VideoRequest, context: RuleContext) -> ModelSpec:
    """Return the model whose refusal is most useful: it has the mode and is on the clip's route."""
    source = request.source

    def mismatch_key(model: ModelSpec) -> tuple[bool, bool, bool]:
        wrong_route = source is not None and not _may_use_source(model, source, context)
        breaks_person_rule = not can_follow_person_rule(model, request.mode, context)
        return (request.mode not in model.modes, wrong_route, breaks_person_rule)

    return min(context.models, key=mismatch_key)


def _may_use_source(model: ModelSpec, source: SourceClip, context: RuleContext) -> bool:
    """Return whether ``model`` accepts clips like ``source``, even if its file is gone."""
    if model.route is source.route:
        return True
    return model.route.is_omni and may_send_copy(model.route, context.region)


def _find_nearest(
    request: VideoRequest, context: RuleContext
) -> tuple[VideoRequest, ModelSpec] | None:
    candidates = []
    for model in context.models:
        fixed = _fix_request(request, model, context)
        if fixed is None:
            continue
        if request.model not in (None, model.id):
            fixed = fixed.evolve(model=model.id)
        price = _build_plan(fixed, model, context).price
        candidates.append(((_measure_distance(request, fixed), price), fixed, model))
    if not candidates:
        return None
    _, fixed, model = min(candidates, key=itemgetter(0))
    return fixed, model


def _fix_request(
    request: VideoRequest, model: ModelSpec, context: RuleContext
) -> VideoRequest | None:
    for _ in range(_MAX_FIXES):
        violation = next(find_violations(request, model, context), None)
        if violation is None:
            return request
        if violation.fix is None:
            return None
        request = violation.fix
    return None


_MAX_SHOWN_MODEL_LENGTH: Final = 40
_DIFFERENCE_WEIGHTS: Final = {
    "model": 4.0,
    "aspect_ratio": 3.0,
    "resolution": 2.0,
    "negative_prompt": 2.0,
    "seed": 1.0,
    "videos": 1.0,
    "image": 5.0,
    "last_frame": 5.0,
}


def _measure_distance(requested: VideoRequest, other: VideoRequest) -> float:
    distance = sum(
        weight
        for name, weight in _DIFFERENCE_WEIGHTS.items()
        if getattr(requested, name) != getattr(other, name)
    )
    distance += 5.0 * (len(requested.references) - len(other.references))
    if requested.seconds is not None and other.seconds != requested.seconds:
        distance += 1.0 + abs(requested.seconds - (other.seconds or requested.seconds)) / 10
    return distance


def _build_error(
    violation: Violation,
    request: VideoRequest,
    model: ModelSpec,
    context: RuleContext,
    nearest: VideoRequest | None,
) -> RuleBroken:
    if violation.error_type is PromptTooLong:
        prompt = request.prompt.strip()
        fitting = measure_fitting_length(prompt, model.max_prompt_tokens)
        return PromptTooLong(characters=len(prompt), fitting=fitting)
    if violation.error_type is PersonPolicyUnsatisfiable:
        return _build_policy_refusal(request, model, context, nearest)
    return violation.error_type(
        violation.rule, violation.parameter, nearest=nearest, **violation.values
    )


def _build_policy_refusal(
    request: VideoRequest, model: ModelSpec, context: RuleContext, nearest: VideoRequest | None
) -> PersonPolicyUnsatisfiable:
    return PersonPolicyUnsatisfiable(
        rule=str(context.person_rule),
        model=model.name,
        mode=request.mode,
        models=_list_complying_models(request, context),
        nearest=nearest,
    )


def _list_complying_models(request: VideoRequest, context: RuleContext) -> list[str]:
    source = request.source
    return [
        model.name
        for model in context.models
        if request.mode in model.modes
        and (source is None or _may_use_source(model, source, context))
        and can_follow_person_rule(model, request.mode, context)
    ]
