"""Making a clip again, larger or in the other shape, with one click."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Final

from bot.domain.jobs.request import AspectRatio, Resolution, VideoPlan, VideoRequest
from bot.domain.jobs.violations import RuleContext, find_violations
from bot.domain.models import ModelSpec


class Remake(StrEnum):
    FULL_HD = "full_hd"
    ULTRA_HD = "ultra_hd"
    UPRIGHT = "upright"
    WIDE = "wide"


_RATIOS: Final = {Remake.UPRIGHT: AspectRatio.PORTRAIT, Remake.WIDE: AspectRatio.LANDSCAPE}
_RESOLUTIONS: Final = {Remake.FULL_HD: Resolution.P1080, Remake.ULTRA_HD: Resolution.UHD}


def build_remake(plan: VideoPlan, remake: Remake) -> VideoRequest:
    """Return the request for ``plan`` with one change. It is a new clip, paid as any other."""
    request = plan.as_request()
    if remake in _RATIOS:
        return request.evolve(aspect_ratio=_RATIOS[remake])
    return request.evolve(resolution=_RESOLUTIONS[remake])


def list_remakes(plan: VideoPlan, model: ModelSpec, context: RuleContext) -> Iterator[Remake]:
    """Yield what ``model`` can do: the next larger resolution, and the other shape."""
    sizes = list(Resolution)
    size = sizes.index(plan.resolution or model.native_resolution)
    larger = next((each for each, to in _RESOLUTIONS.items() if sizes.index(to) > size), None)
    other = Remake.WIDE if plan.aspect_ratio is AspectRatio.PORTRAIT else Remake.UPRIGHT
    for remake in (larger, None if plan.parent else other):
        if remake is not None:
            request = build_remake(plan, remake)
            if next(find_violations(request, model, context), None) is None:
                yield remake
