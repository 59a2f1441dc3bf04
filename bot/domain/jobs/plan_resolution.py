"""Turns what a member asks for into what will be sent and charged, or says why it cannot be.

Everything here happens before a cent is spent, and Google's own answer to a request that does not
fit is a 400 that names nothing: so each rule of the documentation is checked here, and a refusal
carries the nearest request that would be accepted, so that it can be offered with one button.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from bot.domain.billing.money import Micros
from bot.domain.errors import PersonPolicyUnsatisfiable, PromptTooLong, RuleBroken
from bot.domain.jobs.people_policy import UnsatisfiableRule, choose_person_generation
from bot.domain.jobs.prompt import check_prompt_length as check_prompt
from bot.domain.jobs.request import AspectRatio, Resolution, VideoPlan, VideoRequest
from bot.domain.jobs.violations import (
    RuleContext,
    Violation,
    choose_aspect_ratio,
    default_seconds,
    find_violations,
)
from bot.domain.models import ModelSpec

__all__ = ["OptionChoice", "RuleContext", "list_choices", "resolve_plan"]

_MAX_FIXES: Final = 12


@dataclass(frozen=True, slots=True)
class OptionChoice:
    """A value that an option can take with everything else as asked, and what that would cost."""

    value: str
    price: Micros


def resolve_plan(request: VideoRequest, offer: RuleContext) -> VideoPlan:
    """Return the plan for ``request``: the cheapest model that can do it unless one is named.

    Raises `RuleBroken` or one of its kinds; its ``nearest``, where there is one, resolves.
    """
    fitting = _find_plan(request, offer)
    if fitting is not None:
        return fitting
    raise _build_refusal(request, offer)


def list_choices(
    request: VideoRequest, option: str, offer: RuleContext
) -> tuple[OptionChoice, ...]:
    """Return the values that ``option`` can take with the rest of ``request`` as it stands.

    ``option`` is ``model``, ``aspect_ratio``, ``resolution``, ``duration`` or ``videos``; the
    prompt may still be empty. Only values that `resolve` accepts are returned.
    """
    if not request.prompt.strip():
        request = request.evolve(prompt="…")
    found = []
    for value, asked in _vary_option(request, option, offer):
        plan = _find_plan(asked, offer)
        if plan is not None:
            found.append(OptionChoice(value=value, price=plan.price))
    return tuple(found)


def _vary_option(
    request: VideoRequest, option: str, offer: RuleContext
) -> Iterator[tuple[str, VideoRequest]]:
    models = [each for each in offer.models if request.model in (None, each.id)]
    match option:
        case "model":
            for model in offer.models:
                yield model.id, request.evolve(model=model.id)
        case "aspect_ratio":
            for ratio in AspectRatio:
                yield ratio, request.evolve(aspect_ratio=ratio)
        case "resolution":
            for resolution in Resolution:
                yield resolution, request.evolve(resolution=resolution)
        case "duration":
            for seconds in sorted({length for model in models for length in model.lengths}):
                yield str(seconds), request.evolve(seconds=seconds)
        case "videos":
            for videos in range(1, max((model.max_videos for model in models), default=0) + 1):
                yield str(videos), request.evolve(videos=videos)
        case _:
            raise ValueError(f"no choices for {option}")


def _find_plan(request: VideoRequest, offer: RuleContext) -> VideoPlan | None:
    """Return the plan on the preferred model that can do exactly this."""
    plans = [
        (_preference_key(request, model, plan, offer), plan)
        for model in offer.models
        if request.model in (None, model.id)
        and next(find_violations(request, model, offer), None) is None
        for plan in (_build_plan(request, model, offer),)
    ]
    return min(plans, key=lambda each: each[0])[1] if plans else None


def _preference_key(
    request: VideoRequest, model: ModelSpec, plan: VideoPlan, offer: RuleContext
) -> tuple[bool, bool, int]:
    """Sort key: an extension stays with its clip's model or family; then the price decides.

    `min` keeps the first of equals, so the order of the catalogue breaks ties.
    """
    source = request.source
    if source is None:
        return (False, False, plan.price)
    origin = next((each for each in offer.models if each.id == source.model), None)
    # A model that is no longer offered still tells its family in its id: veo-3.1-…
    family = origin.family if origin else "-".join(source.model.split("-")[:2])
    return (model.id != source.model, model.family != family, plan.price)


def _build_plan(request: VideoRequest, model: ModelSpec, offer: RuleContext) -> VideoPlan:
    """Return the plan of a request that breaks no rule on ``model``."""
    mode = request.mode
    value = choose_person_generation(model, mode, offer.region, offer.person_rule)
    if isinstance(value, UnsatisfiableRule):
        raise AssertionError("the person rule is checked first")  # noqa: TRY004 - not a type
    source, extension = request.source, model.extension
    videos = request.videos or 1
    if source is not None and extension is not None:
        resolution: Resolution | None = extension.resolution
        ratio = source.aspect_ratio
        seconds = extension.added_seconds
        result = source.seconds + seconds
    else:
        native = model.native_resolution if model.resolutions else None
        resolution = request.resolution or native
        ratio = choose_aspect_ratio(request, model)
        seconds = result = request.seconds or default_seconds(request, model)
    return VideoPlan(
        model=model.id,
        route=model.route,
        mode=mode,
        prompt=request.prompt.strip(),
        aspect_ratio=ratio,
        resolution=resolution,
        seconds=seconds,
        result_seconds=result,
        videos=videos,
        price=Micros(model.price_per_second(resolution) * seconds * videos),
        negative_prompt=(request.negative_prompt or "").strip() or None,
        seed=request.seed,
        person_generation=value,
        image=request.image,
        last_frame=request.last_frame,
        references=request.references,
        source=source,
    )


def _build_refusal(request: VideoRequest, offer: RuleContext) -> RuleBroken:
    """Return the refusal of a request that fits no model, with the nearest one that does."""
    if not offer.models:
        return RuleBroken("no_model", "model")
    settled = _find_nearest(request, offer)
    nearest = settled[0] if settled is not None else None
    if request.model is not None:
        model = next((each for each in offer.models if each.id == request.model), None)
        if model is None:
            return RuleBroken("model_unavailable", "model", nearest=nearest, model=request.model)
    elif settled is not None:
        model = settled[1]
    else:
        model = _find_most_able(request, offer)
    breach = next(find_violations(request, model, offer))
    return _build_error(breach, request, model, offer, nearest)


def _find_most_able(request: VideoRequest, offer: RuleContext) -> ModelSpec:
    """Return the model whose refusal says most: one that has the mode, on the clip's route."""
    source = request.source

    def mismatch_key(model: ModelSpec) -> tuple[bool, bool, bool]:
        wrong_route = source is not None and model.route is not source.route
        unkept = isinstance(
            choose_person_generation(model, request.mode, offer.region, offer.person_rule),
            UnsatisfiableRule,
        )
        return (request.mode not in model.modes, wrong_route, unkept)

    return min(offer.models, key=mismatch_key)


def _find_nearest(
    request: VideoRequest, offer: RuleContext
) -> tuple[VideoRequest, ModelSpec] | None:
    """Return the closest request that resolves, and the model it was mended for."""
    found = []
    for model in offer.models:
        settled = _mend_request(request, model, offer)
        if settled is None:
            continue
        if request.model not in (None, model.id):
            settled = settled.evolve(model=model.id)
        price = _build_plan(settled, model, offer).price
        found.append(((_measure_distance(request, settled), price), settled, model))
    if not found:
        return None
    _, settled, model = min(found, key=lambda each: each[0])
    return settled, model


def _mend_request(
    request: VideoRequest, model: ModelSpec, offer: RuleContext
) -> VideoRequest | None:
    """Mend one breach after the other until ``model`` takes the request, if that can be."""
    for _ in range(_MAX_FIXES):
        breach = next(find_violations(request, model, offer), None)
        if breach is None:
            return request
        if breach.fix is None:
            return None
        request = breach.fix
    return None


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
    """Return how far ``other`` is from what was asked, as a person would mind it."""
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
    breach: Violation,
    request: VideoRequest,
    model: ModelSpec,
    offer: RuleContext,
    nearest: VideoRequest | None,
) -> RuleBroken:
    if breach.error_type is PromptTooLong:
        try:
            check_prompt(request.prompt.strip(), limit=model.max_prompt_tokens)
        except PromptTooLong as error:
            return error
    if breach.error_type is PersonPolicyUnsatisfiable:
        return PersonPolicyUnsatisfiable(
            rule=str(offer.person_rule),
            model=model.name,
            mode=request.mode,
            models=_list_complying_models(request, offer),
            nearest=nearest,
        )
    return breach.error_type(breach.rule, breach.parameter, nearest=nearest, **breach.values)


def _list_complying_models(request: VideoRequest, offer: RuleContext) -> list[str]:
    """Return the names of the models that could keep the person rule in this mode."""
    source = request.source
    return [
        model.name
        for model in offer.models
        if request.mode in model.modes
        and (source is None or model.route is source.route)
        and not isinstance(
            choose_person_generation(model, request.mode, offer.region, offer.person_rule),
            UnsatisfiableRule,
        )
    ]
