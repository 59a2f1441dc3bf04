"""The colors of a scene by time of day."""

import colorsys
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

Color = tuple[float, float, float]
"""Red, green, blue, each 0..1."""


class DayPhase(StrEnum):
    """The time of day."""

    DAWN = "dawn"
    DAY = "day"
    DUSK = "dusk"
    NIGHT = "night"


def color_from_hsv(hue: float, saturation: float, value: float) -> Color:
    """Return a color by hue (in turns; wraps), saturation and value (0..1)."""
    return colorsys.hsv_to_rgb(hue % 1.0, min(saturation, 1.0), min(value, 1.0))


def color_planes(color: Color) -> npt.NDArray[np.float32]:
    """Return a color as (3, 1, 1) values 0..255, which broadcast over planes."""
    return np.array(color, dtype=np.float32).reshape(3, 1, 1) * 255


@dataclass(frozen=True, slots=True)
class ScenePalette:
    """The colors of the sky from top to horizon, of the light, and of the far and near land."""

    zenith: Color
    middle: Color
    horizon: Color
    light: Color
    far: Color
    near: Color


def build_palette(phase: DayPhase, hue: float) -> ScenePalette:
    """Return the colors of a time of day, varied by ``hue`` (0..1)."""
    turn = (hue - 0.5) * 0.16
    free = hue
    match phase:
        case DayPhase.DAWN:
            sky = (color_from_hsv(0.62 + turn, 0.45, 0.62), color_from_hsv(0.92 + turn, 0.34, 0.90))
            rest = (color_from_hsv(0.08 + turn, 0.42, 1.0), color_from_hsv(0.11, 0.30, 1.0))
        case DayPhase.DAY:
            sky = (color_from_hsv(0.58 + turn, 0.72, 0.78), color_from_hsv(0.55 + turn, 0.45, 0.93))
            rest = (color_from_hsv(0.13 + turn, 0.18, 1.0), color_from_hsv(0.14, 0.16, 1.0))
        case DayPhase.DUSK:
            sky = (color_from_hsv(0.72 + turn, 0.62, 0.40), color_from_hsv(0.95 + turn, 0.62, 0.80))
            rest = (color_from_hsv(0.07 + turn, 0.72, 1.0), color_from_hsv(0.10, 0.55, 1.0))
        case DayPhase.NIGHT:
            sky = (
                color_from_hsv(0.66 + turn, 0.80, 0.12),
                color_from_hsv(0.62 + turn * 2, 0.72, 0.26),
            )
            rest = (color_from_hsv(0.50 + turn * 3, 0.55, 0.46), color_from_hsv(0.15, 0.10, 1.0))
    dim = 0.45 if phase is DayPhase.NIGHT else 1.0
    far = color_from_hsv(free * 0.5 + 0.45, 0.38, 0.62 * dim + 0.08)
    near = color_from_hsv(free * 0.5 + 0.38, 0.62, 0.16 * dim + 0.03)
    return ScenePalette(sky[0], sky[1], rest[0], rest[1], far, near)
