"""The accent color of a server's page, and its shades in which every text stays readable.

An admin may choose any color, and an icon may have any. So a page never uses it as it is: it is
made lighter in the dark scheme and darker in the light one until the contrasts of WCAG 2.2 hold
(1.4.3 for text, 1.4.11 for what marks a button or the focus).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

BLACK: Final = 0x000000
WHITE: Final = 0xFFFFFF
TEXT_CONTRAST: Final = 4.5
MARK_CONTRAST: Final = 3.0
POINTED_AT_BRIGHTNESS: Final = 1.09
"""A button is so much brighter while the mouse is over it (`button:hover` in `gallery.css`)."""
_STEPS: Final = 64
_HEX_PATTERN: Final = re.compile(r"(?:#|0x)?([0-9a-f]{6}|[0-9a-f]{3})", re.IGNORECASE | re.ASCII)


class ColorScheme(StrEnum):
    """The two looks of the pages, by the names of CSS (``prefers-color-scheme``)."""

    DARK = "dark"
    LIGHT = "light"


@dataclass(frozen=True, slots=True)
class Backgrounds:
    """The backgrounds of a scheme that are hardest to stand out from, as 0xRRGGBB.

    ``plain`` is the one of `gallery.css`, ``tinted`` one with a picture shining through.
    """

    plain: int
    tinted: int


BACKGROUNDS: Final = {
    ColorScheme.DARK: Backgrounds(plain=0x2A232D, tinted=0x4C464F),
    ColorScheme.LIGHT: Backgrounds(plain=0xEFE7D8, tinted=0xCBC4B7),
}


@dataclass(frozen=True, slots=True)
class AccentShades:
    """What a page uses of an accent in one scheme, as 0xRRGGBB.

    ``fill`` is the color of buttons and of the focus, ``ink`` that of text on it, and ``text`` that
    of links on any background.
    """

    fill: int
    ink: int
    text: int


def build_accent_shades(accent: int, scheme: ColorScheme) -> AccentShades:
    """Return the shades nearest to ``accent``, as 0xRRGGBB, that can be read in ``scheme``."""
    backgrounds = BACKGROUNDS[scheme]
    end = WHITE if scheme is ColorScheme.DARK else BLACK
    shades = [_mix(accent, end, step / _STEPS) for step in range(_STEPS + 1)]
    fill, ink = next(
        (fill, ink)
        for fill in shades
        if compute_contrast(fill, backgrounds.plain) >= MARK_CONTRAST
        for ink in (BLACK, WHITE)
        if _is_readable_on(fill, ink)
    )
    text = next(
        each for each in shades if compute_contrast(each, backgrounds.tinted) >= TEXT_CONTRAST
    )
    return AccentShades(fill=fill, ink=ink, text=text)


def compute_contrast(one: int, other: int) -> float:
    """Return the contrast ratio of two colors, from 1 to 21 (WCAG 2.2, definitions)."""
    darker, lighter = sorted((_compute_luminance(one), _compute_luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def brighten(color: int, factor: float) -> int:
    """Return a color as the CSS filter ``brightness`` changes it."""
    return _join(min(255, round(channel * factor)) for channel in _split(color))


def parse_color(text: str) -> int | None:
    """Return the color that a person wrote as ``#ff8800``, ``ff8800`` or ``#f80``, if it is one."""
    match = _HEX_PATTERN.fullmatch(text.strip())
    if match is None:
        return None
    digits = match[1] if len(match[1]) == 6 else "".join(2 * digit for digit in match[1])
    return int(digits, 16)


def format_color(color: int) -> str:
    """Return a color as CSS and people write it, such as ``#ff8800``."""
    return f"#{color:06x}"


def _is_readable_on(fill: int, ink: int) -> bool:
    pointed_at = brighten(fill, POINTED_AT_BRIGHTNESS)
    return min(compute_contrast(ink, each) for each in (fill, pointed_at)) >= TEXT_CONTRAST


def _compute_luminance(color: int) -> float:
    """Return the relative luminance, from 0 for black to 1 for white (WCAG 2.2, definitions)."""
    parts = [channel / 255 for channel in _split(color)]
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _mix(color: int, other: int, share: float) -> int:
    pairs = zip(_split(color), _split(other), strict=True)
    return _join(round(one + (two - one) * share) for one, two in pairs)


def _split(color: int) -> tuple[int, int, int]:
    return color >> 16 & 255, color >> 8 & 255, color & 255


def _join(channels: Iterable[int]) -> int:
    red, green, blue = channels
    return red << 16 | green << 8 | blue
