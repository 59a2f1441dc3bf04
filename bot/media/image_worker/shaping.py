"""Changes an image to the clip's aspect ratio, so that Google does not crop or pad it."""

from pathlib import Path
from typing import Final

from PIL import Image, ImageChops, ImageFilter, ImageStat

_PROFILE_SIDE: Final = 256
"""Detail is measured on a copy of this size, because finer detail is noise."""
_UNIFORM_SPREAD: Final = 12.0
"""Standard deviation, of 255, below which an image's edge counts as one color."""


def shape_image(
    source: Path, ratio: tuple[int, int], *, is_cropped: bool
) -> tuple[Image.Image, bool]:
    """Return an image in the aspect ratio ``ratio``, and whether its file is lossless.

    ``source`` must be a file that this program has written.
    """
    with Image.open(source, formats=("JPEG", "PNG")) as opened:
        is_lossless = opened.format == "PNG"
        image = opened.convert("RGB")
    return (crop_image if is_cropped else fit_image)(image, ratio), is_lossless


def crop_image(image: Image.Image, ratio: tuple[int, int]) -> Image.Image:
    """Crop ``image`` to ``ratio`` around the center of its detail."""
    width = min(image.width, round(image.height * ratio[0] / ratio[1]))
    height = min(image.height, round(image.width * ratio[1] / ratio[0]))
    middle_x, middle_y = find_content_middle(image)
    left = min(max(round(middle_x * image.width - width / 2), 0), image.width - width)
    top = min(max(round(middle_y * image.height - height / 2), 0), image.height - height)
    return image.crop((left, top, left + width, top + height))


def fit_image(image: Image.Image, ratio: tuple[int, int]) -> Image.Image:
    """Return all of ``image`` on a canvas in ``ratio``.

    The bars get the color of the image's edges if those have a single color, or else a blurred
    enlargement of the image. Google would animate bars with hard edges as part of the scene.
    """
    width = max(image.width, round(image.height * ratio[0] / ratio[1]))
    height = max(image.height, round(image.width * ratio[1] / ratio[0]))
    canvas = _build_background(image, (width, height))
    canvas.paste(image, ((width - image.width) // 2, (height - image.height) // 2))
    return canvas


def find_content_middle(image: Image.Image) -> tuple[float, float]:
    """Return the center of the detail in ``image``, as shares of its width and height."""
    gray = image.convert("L")
    gray.thumbnail((_PROFILE_SIDE, _PROFILE_SIDE), Image.Resampling.BOX)
    detail = ImageChops.difference(gray, gray.filter(ImageFilter.GaussianBlur(3)))
    noise = ImageStat.Stat(detail).median[0]
    detail = detail.point([max(0, value - noise - 1) for value in range(256)]).convert("F")
    columns = detail.resize((detail.width, 1), Image.Resampling.BOX)
    rows = detail.resize((1, detail.height), Image.Resampling.BOX)
    return (
        _find_middle([_read_gray(columns, (place, 0)) for place in range(columns.width)]),
        _find_middle([_read_gray(rows, (0, place)) for place in range(rows.height)]),
    )


def _read_gray(image: Image.Image, place: tuple[int, int]) -> float:
    value = image.getpixel(place)
    return float(value) if isinstance(value, int | float) else 0.0


def _find_middle(weights: list[float]) -> float:
    total = sum(weights)
    if total <= 0.0:
        return 0.5
    return (
        sum((place + 0.5) * weight for place, weight in enumerate(weights)) / total / len(weights)
    )


def _build_background(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    if size[0] > image.width:
        edges = [(0, 0, 1, image.height), (image.width - 1, 0, image.width, image.height)]
    else:
        edges = [(0, 0, image.width, 1), (0, image.height - 1, image.width, image.height)]
    strips = [image.crop(edge) for edge in edges]
    both = Image.new("RGB", (strips[0].width * 2, strips[0].height))
    for place, strip in enumerate(strips):
        both.paste(strip, (place * strip.width, 0))
    statistics = ImageStat.Stat(both)
    if max(statistics.stddev) < _UNIFORM_SPREAD:
        red, green, blue = (round(value) for value in statistics.mean)
        return Image.new("RGB", size, (red, green, blue))
    small = crop_center(image, size)
    small.thumbnail((_PROFILE_SIDE, _PROFILE_SIDE), Image.Resampling.BOX)
    blurred = small.filter(ImageFilter.GaussianBlur(_PROFILE_SIDE / 20))
    return blurred.resize(size, Image.Resampling.BICUBIC)


def crop_center(image: Image.Image, ratio: tuple[int, int]) -> Image.Image:
    width = max(1, min(image.width, round(image.height * ratio[0] / ratio[1])))
    height = max(1, min(image.height, round(image.width * ratio[1] / ratio[0])))
    left, top = (image.width - width) // 2, (image.height - height) // 2
    return image.crop((left, top, left + width, top + height))
