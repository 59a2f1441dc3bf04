"""Which rules a request breaks that starts from another clip: an extension or an edit."""

from collections.abc import Iterator
from dataclasses import dataclass, field

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


@dataclass(frozen=True, slots=True)
class Violation:
    """A broken rule, and the request with it fixed (`None`: impossible on this model)."""

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
    """Yield what keeps ``model``, which has the mode, from working on ``source``.

    ``now`` is in Unix seconds.
    """
    access = find_source_access(source, model, now=now, region=region)
    if isinstance(access, SourceObstacle):
        yield _build_source_violation(
            access, source, **_list_obstacle_values(access, source, model)
        )
    if request.mode is GenerationMode.EXTENSION and model.extension is not None:
        yield from _find_extension_violations(request, source, model.extension)
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
    """Return the resolution of an extension or edit: the one asked for, the clip's, or the usual.

    `None` if the model does not take the parameter.
    """
    offered = list_source_resolutions(request.mode, model)
    clip_resolution = None if request.source is None else request.source.resolution
    if request.resolution is not None:
        return request.resolution
    return clip_resolution if clip_resolution in offered else next(iter(offered), None)


def list_source_resolutions(mode: GenerationMode, model: ModelSpec) -> tuple[Resolution, ...]:
    """Return what an extension or edit can have, the usual one first."""
    if mode is GenerationMode.EXTENSION and model.extension is not None:
        return model.extension.offered_resolutions or model.resolutions
    return model.resolutions


def _build_source_violation(rule: str, source: SourceClip, **values: str | int) -> Violation:
    return Violation(
        rule, "clip", values={"clip": source.clip_id, **values}, error_type=SourceNotExtendable
    )


def _list_obstacle_values(
    obstacle: SourceObstacle, source: SourceClip, model: ModelSpec
) -> dict[str, str | int]:
    match obstacle:
        case SourceObstacle.OTHER_ROUTE:
            return {"model": model.name}
        case SourceObstacle.EXPIRED:
            expires_at = source.expires_at or source.interaction_expires_at or 0
            return {"expired_at": int(expires_at)}
        case _:
            return {}


def _find_extension_violations(
    request: VideoRequest, source: SourceClip, limits: ExtensionRules
) -> Iterator[Violation]:
    if limits.resolution is not None and source.resolution not in (None, limits.resolution):
        yield _build_source_violation(
            "source_resolution", source, needs=limits.resolution, has=str(source.resolution)
        )
    if source.mode in limits.refused_sources:
        yield _build_source_violation("source_mode", source, mode=source.mode)
    if limits.max_hops is not None and source.extension_depth >= limits.max_hops:
        yield _build_source_violation(
            "source_too_many_hops", source, hops=source.extension_depth, most=limits.max_hops
        )
    room = limits.max_result_seconds - source.seconds
    if source.seconds > limits.max_input_seconds or room < min(limits.offered_lengths):
        yield _build_source_violation(
            "source_too_long",
            source,
            seconds=source.seconds,
            most=limits.max_input_seconds,
            result=limits.max_result_seconds,
        )
    elif request.seconds not in (None, limits.sent_seconds, *limits.offered_lengths):
        yield Violation(
            "extension_length",
            "duration",
            fix=request.evolve(seconds=None),
            values={"seconds": limits.added_seconds},
        )
    elif (request.seconds or 0) > room:
        yield Violation(
            "extension_too_long",
            "duration",
            fix=request.evolve(seconds=choose_added_seconds(request.evolve(seconds=None), limits)),
            values={"seconds": source.seconds, "most": room, "result": limits.max_result_seconds},
        )
    offered = limits.offered_resolutions
    if request.resolution is not None and offered and request.resolution not in offered:
        yield Violation(
            "extension_resolution",
            "resolution",
            fix=request.evolve(resolution=None),
            values={"resolution": offered[0]},
        )


def choose_added_seconds(request: VideoRequest, limits: ExtensionRules) -> int:
    """Return how many seconds an extension adds: those asked for, or the usual ones that fit."""
    if request.seconds in limits.offered_lengths:
        return request.seconds
    length = 0 if request.source is None else request.source.seconds
    fitting = [
        seconds
        for seconds in limits.offered_lengths
        if seconds <= limits.added_seconds and length + seconds <= limits.max_result_seconds
    ]
    return max(fitting, default=limits.added_seconds)


def _find_edit_violations(
    request: VideoRequest, source: SourceClip, model: ModelSpec, limits: EditRules
) -> Iterator[Violation]:
    if source.seconds > limits.max_input_seconds:
        yield _build_source_violation(
            "edit_source_too_long",
            source,
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
        yield Violation(
            "resolution_not_offered",
            "resolution",
            fix=request.evolve(resolution=None),
            values={"model": model.name, "resolution": request.resolution},
        )
