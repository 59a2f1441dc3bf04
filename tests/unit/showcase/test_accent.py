"""Whatever accent a server chooses, every text on its page can be read."""

import re
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.showcase.accent import (
    BACKGROUNDS,
    BLACK,
    MARK_CONTRAST,
    POINTED_AT_BRIGHTNESS,
    TEXT_CONTRAST,
    WHITE,
    ColorScheme,
    brighten,
    build_accent_shades,
    compute_contrast,
    format_color,
    parse_color,
)
from bot.web.accents import build_accent_sheet

CSS: Final = (Path(__file__).parents[3] / "bot" / "web" / "static" / "gallery.css").read_text()
NAMES: Final = ("night", "deep", "card", "raised")
"""The backgrounds on which pages write."""
PAGE_TINT: Final = 0.15
"""How much of the accent shines through at the top of a page (the body's gradient)."""

colors = st.integers(BLACK, WHITE)
schemes = st.sampled_from(ColorScheme)


def read_variables(scheme: ColorScheme) -> dict[str, str]:
    """Return the variables of the stylesheet in a scheme."""
    dark, _, rest = CSS.partition("@media (prefers-color-scheme: light)")
    part = dark if scheme is ColorScheme.DARK else rest.partition("\n}\n")[0]
    return dict(re.findall(r"--([\w-]+): ([^;]+);", part))


def lay_over(color: int, background: int, share: float) -> int:
    """Return ``background`` with ``share`` of a color over it."""
    channels = [(color >> bits & 255, background >> bits & 255) for bits in (16, 8, 0)]
    red, green, blue = (round(one * share + two * (1 - share)) for one, two in channels)
    return red << 16 | green << 8 | blue


def list_backgrounds(scheme: ColorScheme) -> list[int]:
    """Return the plain backgrounds of the stylesheet."""
    variables = read_variables(scheme)
    return [int(variables[name].removeprefix("#"), 16) for name in NAMES]


@given(colors, schemes)
def test_text_on_the_accent_is_readable(accent: int, scheme: ColorScheme) -> None:
    """On a button too while the mouse is over it."""
    shades = build_accent_shades(accent, scheme)
    for fill in (shades.fill, brighten(shades.fill, POINTED_AT_BRIGHTNESS)):
        assert compute_contrast(shades.ink, fill) >= TEXT_CONTRAST


@given(colors, schemes)
def test_links_and_marks_stand_out_on_every_background(accent: int, scheme: ColorScheme) -> None:
    """Also where a picture or the accent itself shines through, whatever its color."""
    shades = build_accent_shades(accent, scheme)
    tint = float(read_variables(scheme)["tint"])
    for background in list_backgrounds(scheme):
        assert compute_contrast(shades.fill, background) >= MARK_CONTRAST
        assert compute_contrast(shades.text, background) >= TEXT_CONTRAST
        tinted = lay_over(shades.fill, background, PAGE_TINT)
        assert compute_contrast(shades.text, tinted) >= TEXT_CONTRAST
        for picture in (WHITE, BLACK):
            behind = lay_over(picture, background, tint)
            assert compute_contrast(shades.text, behind) >= TEXT_CONTRAST


@pytest.mark.parametrize("scheme", ColorScheme)
def test_the_hardest_backgrounds_are_those_of_the_stylesheet(scheme: ColorScheme) -> None:
    plain = list_backgrounds(scheme)
    middle = max(plain, key=lambda each: compute_contrast(each, WHITE))
    if scheme is ColorScheme.DARK:
        middle = min(plain, key=lambda each: compute_contrast(each, WHITE))
    assert BACKGROUNDS[scheme].plain == middle
    assert f"brightness({POINTED_AT_BRIGHTNESS})" in CSS


@given(colors)
def test_a_color_is_read_as_it_is_written(color: int) -> None:
    assert parse_color(format_color(color)) == color
    assert parse_color(f" {color:06X} ") == color


@pytest.mark.parametrize(
    ("typed", "color"),
    [("#f80", 0xFF8800), ("0x00ff00", 0x00FF00), ("red", None), ("#ff88", None), ("", None)],
)
def test_what_is_no_color_is_refused(typed: str, color: int | None) -> None:
    assert parse_color(typed) == color


def test_an_accent_that_is_readable_stays_as_it_is() -> None:
    assert build_accent_shades(0xFFB84A, ColorScheme.DARK).fill == 0xFFB84A
    assert build_accent_shades(0xD01030, ColorScheme.LIGHT).fill == 0xD01030


@given(colors)
def test_the_stylesheet_has_only_colors(accent: int) -> None:
    sheet = build_accent_sheet(accent)
    left = re.sub(r"--(lamp|lamp-ink|link):#[0-9a-f]{6};", "", sheet.body)
    rules = [f"@media (prefers-color-scheme:{each}){{:root{{}}}}\n" for each in ColorScheme]
    assert left == "".join(rules)
