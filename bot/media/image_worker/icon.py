"""Draws a server's icon for web pages, and finds the color that stands out in it."""

import colorsys
from pathlib import Path
from typing import Final

from PIL import Image

from bot.media.image_worker.shaping import crop_center

_QUALITY: Final = 86
_SAMPLE_SIDE: Final = 48
"""Colors are counted in a copy of this size, because finer detail does not matter."""
_COLORS: Final = 16
_MIN_SATURATION: Final = 0.25
_MIN_VALUE: Final = 0.2


def write_icon(image: Image.Image, destination: Path, side: int) -> int | None:
    """Write the middle of an RGB ``image`` as a square WebP of ``side`` pixels.

    Returns its accent as 0xRRGGBB.
    """
    square = crop_center(image, (1, 1)).resize((side, side), Image.Resampling.LANCZOS)
    clean = Image.new("RGB", square.size)  # drops the metadata that Pillow keeps with an image
    clean.paste(square)
    clean.save(destination, "WEBP", quality=_QUALITY, method=4)
    return find_accent(clean)


def find_accent(image: Image.Image) -> int | None:
    """Return the color with the most vivid area of ``image``, `None` if it is gray."""
    sample = image.resize((_SAMPLE_SIDE, _SAMPLE_SIDE), Image.Resampling.BOX)
    counted = sample.quantize(_COLORS).convert("RGB").getcolors(_SAMPLE_SIDE**2) or []
    best, accent = 0.0, None
    for count, color in counted:
        assert isinstance(color, tuple)
        red, green, blue = (int(channel) for channel in color)
        _, saturation, value = colorsys.rgb_to_hsv(red / 255, green / 255, blue / 255)
        score = count * saturation * value
        if saturation >= _MIN_SATURATION and value >= _MIN_VALUE and score > best:
            best, accent = score, red << 16 | green << 8 | blue
    return accent
