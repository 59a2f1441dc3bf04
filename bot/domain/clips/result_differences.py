"""Whether a finished clip is what was asked for: Gemini Omni sometimes does as it likes.

Where a parameter stands in the wrong place or a model has its own idea, Google makes another length
or shape, and bills it. Members are told, so that nobody has to look for it.
"""

from dataclasses import dataclass
from typing import Final

from bot.domain.clips.clip import Clip
from bot.domain.jobs.request import AspectRatio, VideoPlan

_RATIO_TOLERANCE: Final = 0.02
"""Google rounds the sides of 16:9 and 9:16 to even numbers."""


@dataclass(frozen=True, slots=True)
class ResultDifferences:
    """What differs from the plan; `None` for what is as it was asked for."""

    wished_seconds: int | None = None
    wished_ratio: AspectRatio | None = None

    def __bool__(self) -> bool:
        return self != ResultDifferences()


def find_differences(plan: VideoPlan, clip: Clip) -> ResultDifferences:
    """Compare length and shape with the plan; lengths are whole seconds, so half a one is none."""
    across, up = (int(side) for side in plan.aspect_ratio.split(":"))
    wished_shape = across / up
    has_shape = abs(clip.width / clip.height - wished_shape) <= _RATIO_TOLERANCE * wished_shape
    return ResultDifferences(
        wished_seconds=None if clip.seconds == plan.result_seconds else plan.result_seconds,
        wished_ratio=None if has_shape else plan.aspect_ratio,
    )
