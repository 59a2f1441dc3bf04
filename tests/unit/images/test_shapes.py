"""A frame is cropped around its content or padded to the clip's shape before it is sent."""

import asyncio
import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from bot.domain.jobs.pictures import has_shape
from bot.domain.jobs.request import AspectRatio, InputImage, PictureFit
from bot.media.image_worker.shaping import crop_image, find_content_middle, fit_image
from bot.media.images import ProcessImageDecoder

WIDE, TALL = (16, 9), (9, 16)


def draw_thing(size: tuple[int, int], middle: tuple[int, int]) -> Image.Image:
    """Return a plain picture with something detailed and red at one place."""
    image = Image.new("RGB", size, (120, 160, 200))
    draw = ImageDraw.Draw(image)
    for step in range(5):
        reach = 50 - step * 10
        box = (middle[0] - reach, middle[1] - reach, middle[0] + reach, middle[1] + reach)
        draw.ellipse(box, fill=(200, 20, 20) if step % 2 else (250, 240, 60))
    return image


@pytest.mark.parametrize("middle", [(300, 80), (300, 300), (300, 520)])
def test_crop_follows_the_content(middle: tuple[int, int]) -> None:
    """[images-F2]"""
    cropped = crop_image(draw_thing((600, 600), middle), WIDE)
    assert cropped.size == (600, 338)
    colors = {color for _, color in cropped.getcolors(100_000) or []}
    assert (250, 240, 60) in colors
    top = [cropped.getpixel((300, row)) for row in range(cropped.height)]
    assert sum(color != (120, 160, 200) for color in top) >= 99  # all of it, not a part


def test_crop_across_follows_the_content() -> None:
    """[images-F2]"""
    cropped = crop_image(draw_thing((900, 600), (780, 300)), TALL)
    assert cropped.size == (338, 600)
    row = [cropped.getpixel((place, 300)) for place in range(cropped.width)]
    assert sum(color != (120, 160, 200) for color in row) >= 99


def test_plain_picture_is_cut_around_its_middle() -> None:
    assert find_content_middle(Image.new("RGB", (600, 600), (9, 9, 9))) == (0.5, 0.5)


@settings(max_examples=40)
@given(st.integers(64, 900), st.integers(64, 900), st.sampled_from([WIDE, TALL]), st.booleans())
def test_the_shape_is_right_and_nothing_is_scaled(
    width: int, height: int, ratio: tuple[int, int], is_cropped: bool
) -> None:
    image = Image.new("RGB", (width, height), (1, 2, 3))
    shaped = (crop_image if is_cropped else fit_image)(image, ratio)
    name = AspectRatio(f"{ratio[0]}:{ratio[1]}")
    assert has_shape(InputImage("", "", *shaped.size, ""), name)
    if is_cropped:
        assert shaped.width <= width
        assert shaped.height <= height
    else:
        assert shaped.width >= width
        assert shaped.height >= height


def test_fitting_shows_everything_and_has_no_black_bars() -> None:
    """[images-F2]"""
    image = draw_thing((600, 600), (300, 300))
    fitted = fit_image(image, WIDE)
    assert fitted.size == (1067, 600)
    assert fitted.crop((233, 0, 833, 600)).tobytes() == image.tobytes()
    assert fitted.getpixel((5, 300)) == (120, 160, 200)  # the color of its edge
    busy = Image.effect_noise((600, 600), 120).convert("RGB")
    left = fit_image(busy, WIDE).getpixel((5, 300))
    assert isinstance(left, tuple)
    assert min(left[:3]) > 60


@pytest.mark.parametrize("fit", PictureFit)
async def test_the_worker_stores_what_is_sent(tmp_path: Path, fit: PictureFit) -> None:
    """[images-F2]"""
    source = tmp_path / "prepared.png"
    await asyncio.to_thread(draw_thing((800, 600), (400, 300)).save, source)
    shaped = await ProcessImageDecoder().shape_image(source, tmp_path, AspectRatio.PORTRAIT, fit)
    assert has_shape(shaped, AspectRatio.PORTRAIT)
    stored = Image.open(io.BytesIO(await asyncio.to_thread((tmp_path / shaped.path).read_bytes)))
    assert stored.size == (shaped.width, shaped.height)
    assert stored.format == "PNG"
