"""Finds the rules that an extension or an edit breaks."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from bot.domain.errors import RuleBroken, SourceNotExtendable
from bot.domain.jobs.request import (
    GenerationMode,
    OperatorRegion,
    Resolution,
    SourceClip,
    VideoRequest,
)
from bot.domain.jobs.source_access import SourceObstacle, find_source_access
from bot.domain.models import EditRules, ExtensionRules, ModelSpec

_DAY_S: Final = 86_400


@dataclass(frozen=True, slots=True)
class Violation:
    """A broken rule; ``fix`` is the request that follows it, `None` if this model has none."""

    rule: str
    parameter: str
    fix: VideoRequest | None = None
    values: dict[str, str | int] = field(default_factory=dict)
    error_type: type[RuleBroken] = RuleBroken


def find_source_violations(
    request: VideoRequest,
    source: SourceClip,
    model: ModelSpec,
    *,
    now: float,
    region: OperatorRegion,
) -> Iterator[Violation]:
    """Yield why ``model`` cannot use ``source`` in the mode; ``now`` is in Unix seconds."""
    yield from _find_access_violations(source, model, now=now, region=region)
    if request.mode is GenerationMode.EXTENSION and model.extension is not None:
        yield from _find_extension_violations(request, source, model, model.extension)
    elif request.mode is GenerationMode.EDIT and model.edit is not None:
        yield from _find_edit_violations(request, source, model, model.edit)
    if request.aspect_ratio not in (None, source.aspect_ratio):
        yield Violation(
            "edit_aspect_ratio" if request.is_edit else "extension_aspect_ratio",
            "aspect_ratio",
            fix=request.evolve(aspect_ratio=None),
            values={"aspect_ratio": source.aspect_ratio},
        )


def choose_source_resolution(request: VideoRequest, model: ModelSpec) -> Resolution | None:
    """Return the requested resolution of an extension or edit, or the one nearest to the clip's.

    `None` if the model does not have the parameter.
    """
    if request.resolution is not None:
        return request.resolution
    offered = list_source_resolutions(request.mode, model)
    clip_resolution = None if request.source is None else request.source.resolution
    if clip_resolution is None:
        return next(iter(offered), None)
    return find_nearest_resolution(clip_resolution, offered)


def list_source_resolutions(mode: GenerationMode, model: ModelSpec) -> tuple[Resolution, ...]:
    """Return the resolutions that an extension or edit can have, the usual one first."""
    if mode is GenerationMode.EXTENSION and model.extension is not None:
        return model.extension.offered_resolutions or model.resolutions
    return model.resolutions


def find_nearest_resolution(
    wanted: Resolution, offered: tuple[Resolution, ...]
) -> Resolution | None:
    """Return the best of ``offered`` that is not above ``wanted``, or the usual one, if any."""
    order = list(Resolution).index
    smaller = [resolution for resolution in offered if order(resolution) <= order(wanted)]
    return max(smaller, key=order, default=next(iter(offered), None))


def _build_source_violation(rule: str, source: SourceClip, **values: str | int) -> Violation:
    return Violation(
        rule, "clip", values={"clip": source.clip_id, **values}, error_type=SourceNotExtendable
    )


def _find_access_violations(
    source: SourceClip, model: ModelSpec, *, now: float, region: OperatorRegion
) -> Iterator[Violation]:
    match find_source_access(source, model, now=now, region=region):
        case SourceObstacle.OTHER_ROUTE:
            yield _build_source_violation("source_other_route", source, model=model.name)
        case SourceObstacle.GONE:
            yield _build_source_violation("source_gone", source)
        case SourceObstacle.EXPIRED:
            is_omni = model.route.is_omni
            expires_at = source.interaction_expires_at if is_omni else source.expires_at
            yield _build_source_violation("source_expired", source, expired_at=int(expires_at or 0))
        case SourceObstacle.REGION if model.route.keeps_interactions:
            days = (model.keep_interaction_seconds or 0) // _DAY_S
            yield _build_source_violation("source_region", source, model=model.name, days=days)
        case SourceObstacle.REGION:
            yield _build_source_violation("source_region_never", source, model=model.name)
        case _:
            pass


def _find_extension_violations(
    request: VideoRequest, source: SourceClip, model: ModelSpec, limits: ExtensionRules
) -> Iterator[Violation]:
    if limits.resolution is not None and source.resolution not in (None, limits.resolution):
        yield _build_source_violation(
            "source_resolution", source, needs=limits.resolution, has=str(source.resolution)
        )
    if source.mode in limits.refused_sources:
        yield _build_source_violation("source_mode", source, mode=source.mode, model=model.name)
    if limits.max_hops is not None and source.extension_depth >= limits.max_hops:
        yield _build_source_violation(
            "source_too_many_hops", source, hops=source.extension_depth, most=limits.max_hops
        )
    max_added_seconds = limits.max_result_seconds - source.seconds
    fitting = [seconds for seconds in limits.offered_lengths if seconds <= max_added_seconds]
    if source.seconds > limits.max_input_seconds or not fitting:
        yield _build_source_violation(
            "source_too_long",
            source,
            model=model.name,
            seconds=source.seconds,
            most=min(
                limits.max_input_seconds, limits.max_result_seconds - min(limits.offered_lengths)
            ),
        )
        return
    yield from _find_added_length_violations(request, source, model, limits, fitting)
    offered = limits.offered_resolutions
    if request.resolution is not None and offered and request.resolution not in offered:
        if len(offered) == 1:
            yield Violation(
                "extension_resolution",
                "resolution",
                fix=request.evolve(resolution=None),
                values={"resolution": offered[0]},
            )
        else:
            yield _build_resolution_violation(request, request.resolution, model, offered)


def _find_added_length_violations(
    request: VideoRequest,
    source: SourceClip,
    model: ModelSpec,
    limits: ExtensionRules,
    fitting: list[int],
) -> Iterator[Violation]:
    """Yield what is wrong with the seconds to add; ``fitting`` are the possible lengths."""
    requested = request.seconds
    if requested is None or requested == limits.sent_seconds or requested in fitting:
        return
    if requested in limits.offered_lengths:
        yield Violation(
            "extension_too_long",
            "duration",
            fix=request.evolve(seconds=max(fitting)),
            values={
                "clip": source.clip_id,
                "model": model.name,
                "seconds": source.seconds,
                "most": max(fitting),
                "result": limits.max_result_seconds,
            },
        )
    elif len(limits.offered_lengths) == 1:
        yield Violation(
            "extension_length",
            "duration",
            fix=request.evolve(seconds=None),
            values={"seconds": limits.added_seconds},
        )
    else:
        yield Violation(
            "extension_length_range",
            "duration",
            fix=request.evolve(
                seconds=min(fitting, key=lambda seconds: (abs(seconds - requested), seconds))
            ),
            values={
                "model": model.name,
                "least": min(limits.offered_lengths),
                "most": max(limits.offered_lengths),
            },
        )


def choose_added_seconds(request: VideoRequest, limits: ExtensionRules) -> int:
    """Return how many seconds an extension adds: as requested, or as usual if they fit."""
    if request.seconds in limits.offered_lengths:
        return request.seconds
    length = 0 if request.source is None else request.source.seconds
    fitting = [
        seconds
        for seconds in limits.offered_lengths
        if seconds <= limits.added_seconds and length + seconds <= limits.max_result_seconds
    ]
    return max(fitting, default=min(limits.offered_lengths))


def _find_edit_violations(
    request: VideoRequest, source: SourceClip, model: ModelSpec, limits: EditRules
) -> Iterator[Violation]:
    if source.seconds > limits.max_input_seconds:
        yield _build_source_violation(
            "edit_source_too_long",
            source,
            model=model.name,
            seconds=source.seconds,
            most=limits.max_input_seconds,
        )
    if len(request.references) > limits.max_references:
        yield Violation(
            "too_many_references",
            f"reference_{limits.max_references + 1}",
            fix=request.evolve(references=request.references[: limits.max_references]),
            values={"model": model.name, "most": limits.max_references},
        )
    if request.seconds is not None:
        yield Violation(
            "edit_length",
            "duration",
            fix=request.evolve(seconds=None),
            values={"seconds": source.seconds},
        )
    if request.resolution is not None and request.resolution not in model.resolutions:
        yield _build_resolution_violation(request, request.resolution, model, model.resolutions)


def _build_resolution_violation(
    request: VideoRequest, requested: Resolution, model: ModelSpec, offered: tuple[Resolution, ...]
) -> Violation:
    is_extension = request.mode is GenerationMode.EXTENSION
    return Violation(
        "extension_resolution_not_offered" if is_extension else "resolution_not_offered",
        "resolution",
        fix=request.evolve(resolution=find_nearest_resolution(requested, offered)),
        values={"model": model.name, "resolution": requested},
    )
