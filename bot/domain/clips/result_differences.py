"""Differences between a finished clip and its plan, so that members can be told.

Gemini Omni sometimes ignores a length or shape that was requested, and Google bills what it made.
"""

from dataclasses import dataclass
from typing import Final

from bot.domain.clips.clip import Clip
from bot.domain.jobs.request import AspectRatio, VideoPlan

_RATIO_TOLERANCE: Final = 0.02
"""Google rounds the sides of 16:9 and 9:16 to even numbers."""


@dataclass(frozen=True, slots=True)
class ResultDifferences:
    """The planned values that the clip does not have; `None` where it has them."""

    planned_seconds: int | None = None
    planned_ratio: AspectRatio | None = None

    def __bool__(self) -> bool:
        return self != ResultDifferences()


def find_differences(plan: VideoPlan, clip: Clip) -> ResultDifferences:
    """Compare the clip's length, in whole seconds, and its shape with the plan."""
    across, down = (int(side) for side in plan.aspect_ratio.split(":"))
    planned_shape = across / down
    has_shape = abs(clip.width / clip.height - planned_shape) <= _RATIO_TOLERANCE * planned_shape
    return ResultDifferences(
        planned_seconds=None if clip.seconds == plan.result_seconds else plan.result_seconds,
        planned_ratio=None if has_shape else plan.aspect_ratio,
    )
