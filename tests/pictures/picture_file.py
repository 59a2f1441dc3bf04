"""Writes pictures into `docs/pictures`, small enough to be kept in the repository."""

import io
from pathlib import Path
from typing import Final

from PIL import Image

FOLDER: Final = Path(__file__).parents[2] / "docs" / "pictures"
_QUALITY: Final = 82
"""WebP's; small text is still as clear as on the screen."""


def save_picture(screenshot: bytes, name: str, *, max_width: int | None = None) -> Path:
    """Save a screenshot as ``docs/pictures/NAME.webp`` and return its path.

    What lies to the right of ``max_width`` pixels is cut off.
    """
    picture = Image.open(io.BytesIO(screenshot)).convert("RGB")
    if max_width is not None and picture.width > max_width:
        picture = picture.crop((0, 0, max_width, picture.height))
    path = FOLDER / f"{name}.webp"
    picture.save(path, "WEBP", quality=_QUALITY, method=6)
    return path
