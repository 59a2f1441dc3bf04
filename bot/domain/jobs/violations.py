"""The rules of the models, each as the breach of it: what is wrong, and what would mend it.

One request is looked at on one model. Which model is taken, and what is offered instead, is the
matter of `bot.domain.jobs.plan_resolution`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from bot.domain.errors import PersonRuleUnkept, PromptTooLong, RuleBroken, SourceUnusable
from bot.domain.jobs.people_policy import Unkept, value_to_send
from bot.domain.jobs.prompt import tokens
from bot.domain.jobs.request import (
    AspectRatio,
    PersonRule,
    Region,
    Resolution,
    Route,
    Source,
    VideoRequest,
)
from bot.domain.models import Extension, Model

EXPIRY_MARGIN_S: Final = 120.0
"""Seconds before Google drops a file from which on it is no longer used: the queue takes time."""

MAX_SEED: Final = 2**32 - 1


@dataclass(frozen=True, slots=True)
class Offer:
    """What can be had here and now.

    ``models`` are those that the account can reach, in the order in which equal prices are
    decided; ``now`` is in Unix seconds; ``person_rule`` is the one that holds in the channel.
    """

    models: tuple[Model, ...]
    now: float
    region: Region = Region.ELSEWHERE
    person_rule: PersonRule | None = None


@dataclass(frozen=True, slots=True)
class Breach:
    """A broken rule, and the request with this one breach mended (`None`: not on this model)."""

    rule: str
    parameter: str
    fix: VideoRequest | None = None
    values: dict[str, str | int] = field(default_factory=dict)
    kind: type[RuleBroken] = RuleBroken


def breaches(request: VideoRequest, model: Model, offer: Offer) -> Iterator[Breach]:
    """Yield the rules that ``request`` breaks on ``model``, the most telling first."""
    yield from _input_breaches(request)
    if request.mode not in model.modes:
        values: dict[str, str | int] = {"model": model.name, "mode": request.mode}
        yield Breach("mode_unsupported", "model", values=values)
        return
    if isinstance(value_to_send(model, request.mode, offer.region, offer.person_rule), Unkept):
        yield Breach("person_rule", "model", kind=PersonRuleUnkept)
    yield from _text_breaches(request, model)
    if request.source is not None and model.extension is not None:
        yield from _source_breaches(request, request.source, model, model.extension, offer.now)
    else:
        yield from _picture_breaches(request, model)
    videos = request.videos
    if videos is not None and not 1 <= videos <= model.max_videos:
        yield Breach(
            "videos_not_offered",
            "videos",
            fix=request.evolve(videos=model.max_videos if videos > model.max_videos else 1),
            values={"model": model.name, "most": model.max_videos},
        )


def _input_breaches(request: VideoRequest) -> Iterator[Breach]:
    """Yield what does not fit together on any model."""
    if not request.prompt.strip():
        yield Breach("prompt_empty", "prompt")
    frames = request.image is not None or request.last_frame is not None
    if request.source is not None and (frames or request.references):
        yield Breach(
            "extension_excludes_images",
            "image" if frames else "reference_1",
            fix=request.evolve(image=None, last_frame=None, references=()),
        )
    elif request.references and frames:
        yield Breach(
            "references_exclude_frames",
            "image" if request.image is not None else "last_frame",
            fix=request.evolve(image=None, last_frame=None),
        )
    elif request.last_frame is not None and request.image is None:
        yield Breach(
            "last_frame_needs_image",
            "last_frame",
            fix=request.evolve(image=request.last_frame, last_frame=None),
        )
    if request.seed is not None and not 0 <= request.seed <= MAX_SEED:
        yield Breach("seed_range", "seed", fix=request.evolve(seed=None), values={"most": MAX_SEED})


def _text_breaches(request: VideoRequest, model: Model) -> Iterator[Breach]:
    """Yield what the texts and the seed break."""
    if tokens(request.prompt.strip()) > model.max_prompt_tokens:
        yield Breach("prompt_too_long", "prompt", kind=PromptTooLong)
    negative = request.negative_prompt
    if negative and not model.negative_prompt:
        yield Breach(
            "negative_prompt_unsupported",
            "negative_prompt",
            fix=request.evolve(negative_prompt=None),
            values={"model": model.name},
        )
    elif negative and (count := tokens(negative)) > model.max_prompt_tokens:
        yield Breach(
            "negative_prompt_too_long",
            "negative_prompt",
            values={"tokens": count, "most": model.max_prompt_tokens},
        )
    if request.seed is not None and not model.seed:
        yield Breach(
            "seed_unsupported",
            "seed",
            fix=request.evolve(seed=None),
            values={"model": model.name},
        )


def _picture_breaches(request: VideoRequest, model: Model) -> Iterator[Breach]:
    """Yield what references, resolution, length and aspect ratio break (not for extensions)."""
    named: dict[str, str | int] = {"model": model.name}
    if len(request.references) > model.max_references:
        yield Breach(
            "too_many_references",
            f"reference_{model.max_references + 1}",
            fix=request.evolve(references=request.references[: model.max_references]),
            values={**named, "most": model.max_references},
        )
    if request.resolution is not None and request.resolution not in model.resolutions:
        yield _resolution_breach(request, model, request.resolution)
        return
    for condition in model.conditions_for(request.mode, _resolution(request, model)):
        when: dict[str, str | int] = {**named, "when": condition.when}
        if condition.resolution not in (None, _resolution(request, model)):
            yield Breach(
                "needs_resolution",
                "resolution",
                fix=request.evolve(resolution=condition.resolution),
                values={**when, "resolution": str(condition.resolution)},
            )
        needed = condition.seconds
        if needed is not None and request.seconds not in (None, needed):
            yield Breach(
                "needs_seconds",
                "duration",
                fix=request.evolve(seconds=needed),
                values={**when, "seconds": needed},
            )
        if condition.aspect_ratio not in (None, chosen_ratio(request, model)):
            # A picture is rather made smaller than turned or cropped.
            by_mode = condition.when is request.mode
            yield Breach(
                "needs_aspect_ratio",
                "aspect_ratio",
                fix=(
                    request.evolve(aspect_ratio=condition.aspect_ratio)
                    if by_mode
                    else request.evolve(resolution=model.native_resolution)
                ),
                values={**when, "aspect_ratio": str(condition.aspect_ratio)},
            )
    seconds = request.seconds
    if seconds is not None and seconds not in model.lengths:
        yield Breach(
            "length_not_offered",
            "duration",
            fix=request.evolve(seconds=min(model.lengths, key=lambda each: abs(each - seconds))),
            values={**named, "seconds": seconds},
        )
    if chosen_ratio(request, model) not in model.aspect_ratios:
        yield Breach(
            "aspect_ratio_not_offered",
            "aspect_ratio",
            fix=request.evolve(aspect_ratio=model.aspect_ratios[0]),
            values=named,
        )


def _resolution_breach(request: VideoRequest, model: Model, asked: Resolution) -> Breach:
    if not model.resolutions:
        return Breach(
            "resolution_unsupported",
            "resolution",
            fix=request.evolve(resolution=None),
            values={"model": model.name},
        )
    ladder = list(Resolution)
    smaller = [each for each in model.resolutions if ladder.index(each) < ladder.index(asked)]
    best = max(smaller, key=ladder.index) if smaller else model.resolutions[0]
    return Breach(
        "resolution_not_offered",
        "resolution",
        fix=request.evolve(resolution=best),
        values={"model": model.name, "resolution": asked},
    )


def _source_breaches(
    request: VideoRequest, source: Source, model: Model, limits: Extension, now: float
) -> Iterator[Breach]:
    """Yield why ``source`` cannot be continued by ``model``, or not in this way."""

    def unusable(rule: str, **values: str | int) -> Breach:
        return Breach(rule, "clip", values={"clip": source.clip_id, **values}, kind=SourceUnusable)

    if model.route is not source.route:
        yield unusable("source_other_route", model=model.name)
    has_bytes = model.route is Route.VERTEX and source.path is not None
    if source.remote_uri is None and not has_bytes:
        yield unusable("source_gone")
    if source.expires_at is not None and source.expires_at - EXPIRY_MARGIN_S <= now:
        yield unusable("source_expired", expired_at=int(source.expires_at))
    if source.resolution not in (None, limits.resolution):
        yield unusable("source_resolution", needs=limits.resolution, has=str(source.resolution))
    if source.mode in limits.refused_sources:
        yield unusable("source_mode", mode=source.mode)
    if limits.max_hops is not None and source.hop >= limits.max_hops:
        yield unusable("source_too_many_hops", hops=source.hop, most=limits.max_hops)
    if (
        source.seconds > limits.max_input_seconds
        or source.seconds + limits.added_seconds > limits.max_result_seconds
    ):
        yield unusable(
            "source_too_long",
            seconds=source.seconds,
            most=limits.max_input_seconds,
            result=limits.max_result_seconds,
        )
    if request.aspect_ratio not in (None, source.aspect_ratio):
        yield Breach(
            "extension_aspect_ratio",
            "aspect_ratio",
            fix=request.evolve(aspect_ratio=None),
            values={"aspect_ratio": source.aspect_ratio},
        )
    if request.resolution not in (None, limits.resolution):
        yield Breach(
            "extension_resolution",
            "resolution",
            fix=request.evolve(resolution=None),
            values={"resolution": limits.resolution},
        )
    if request.seconds not in (None, limits.added_seconds, limits.sent_seconds):
        yield Breach(
            "extension_length",
            "duration",
            fix=request.evolve(seconds=None),
            values={"seconds": limits.added_seconds},
        )


def chosen_ratio(request: VideoRequest, model: Model) -> AspectRatio:
    """Return the aspect ratio that is asked for, or follows from the mode or the given image."""
    if request.aspect_ratio is not None:
        return request.aspect_ratio
    for condition in model.conditions_for(request.mode, _resolution(request, model)):
        if condition.when is request.mode and condition.aspect_ratio is not None:
            return condition.aspect_ratio
    if request.image is not None and request.image.aspect_ratio in model.aspect_ratios:
        return request.image.aspect_ratio
    return model.aspect_ratios[0]


def _resolution(request: VideoRequest, model: Model) -> Resolution:
    return request.resolution or model.native_resolution


def default_seconds(request: VideoRequest, model: Model) -> int:
    for condition in model.conditions_for(request.mode, _resolution(request, model)):
        if condition.seconds is not None:
            return condition.seconds
    return model.default_seconds
