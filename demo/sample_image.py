"""Paints the demo's input image, so that the demo needs no file with somebody else's copyright."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFilter

_IMAGE_SIZE = (1280, 720)
_HORIZON = 0.62
_SKY_STOPS = (
    (0.0, (22, 28, 74)),
    (0.45, (116, 62, 122)),
    (0.78, (238, 126, 96)),
    (1.0, (255, 205, 140)),
)
_SEA_STOPS = ((0.0, (236, 150, 112)), (0.25, (104, 70, 118)), (1.0, (14, 24, 60)))
_SUN_POSITION = (845, 0.545)

Pixels = npt.NDArray[np.float32]
ColorStops = tuple[tuple[float, tuple[int, int, int]], ...]


def paint_sample_image(destination: Path) -> None:
    """Paint a paper boat in a harbor at dusk, 1280x720, as PNG."""
    height = _IMAGE_SIZE[1]
    horizon = int(height * _HORIZON)
    random = np.random.default_rng(7)
    pixels = np.concatenate(
        [_blend_stops(_SKY_STOPS, horizon), _blend_stops(_SEA_STOPS, height - horizon)]
    )
    pixels += _sun_glow(_SUN_POSITION[0], int(height * _SUN_POSITION[1]))
    pixels += _paint_ripples(horizon, random)
    image = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    image = _add_stars_and_sun(image, random)
    image = _add_hills(image, horizon, random)
    image = _add_lanterns(image, horizon)
    image = _add_boat(image, (500, int(height * 0.78)), 132)
    image.save(destination)


def _blend_stops(stops: ColorStops, rows: int) -> Pixels:
    rows_at = np.linspace(0, 1, rows)
    positions = [position for position, _ in stops]
    bands = [
        np.interp(rows_at, positions, [color[band] for _, color in stops]) for band in range(3)
    ]
    column = np.stack(bands, axis=-1).astype(np.float32)
    blended: Pixels = np.repeat(column[:, None, :], _IMAGE_SIZE[0], axis=1)
    return blended


def _sun_glow(x: int, y: int) -> Pixels:
    rows, columns = np.mgrid[0 : _IMAGE_SIZE[1], 0 : _IMAGE_SIZE[0]].astype(np.float32)
    distance = np.hypot(columns - x, (rows - y) * 1.25)
    light = 105 * np.exp(-((distance / 230) ** 2)) + 34 * np.exp(-((distance / 560) ** 2))
    glow: Pixels = (light[..., None] * np.array([1.0, 0.72, 0.42])).astype(np.float32)
    return glow


def _paint_ripples(horizon: int, random: np.random.Generator) -> Pixels:
    width, height = _IMAGE_SIZE
    light = np.zeros((height, width), dtype=np.float32)
    for _ in range(1500):
        depth = float(random.random()) ** 1.6
        y = horizon + 2 + int(depth * (height - horizon - 4))
        near_sun = (
            random.normal(_SUN_POSITION[0], 40 + 150 * depth) if random.random() < 0.62 else None
        )
        x = int(random.random() * width if near_sun is None else near_sun)
        length = int(8 + 70 * depth * float(random.random()))
        strength = (70 if near_sun is not None else 20) * (1 - 0.55 * depth)
        light[y : y + 1 + int(2 * depth), max(x - length, 0) : max(x + length, 0)] += strength
    ripples: Pixels = (light[..., None] * np.array([1.0, 0.78, 0.56])).astype(np.float32)
    return ripples


def _add_stars_and_sun(image: Image.Image, random: np.random.Generator) -> Image.Image:
    draw = ImageDraw.Draw(image, "RGBA")
    for _ in range(90):
        x, y = int(random.random() * _IMAGE_SIZE[0]), int(float(random.random()) ** 1.7 * 260)
        draw.ellipse((x, y, x + 1, y + 1), fill=(255, 250, 235, 60 + int(random.random() * 150)))
    x, y = _SUN_POSITION[0], int(_IMAGE_SIZE[1] * _SUN_POSITION[1])
    draw.ellipse((x - 44, y - 44, x + 44, y + 44), fill=(255, 240, 205, 255))
    return image


def _add_hills(image: Image.Image, horizon: int, random: np.random.Generator) -> Image.Image:
    width = _IMAGE_SIZE[0]
    for rise, color in ((96, (96, 58, 112)), (62, (62, 42, 92)), (34, (34, 28, 70))):
        line = np.zeros(width)
        for octave in range(1, 6):
            phase, pace = random.random() * 6.28, octave * (0.7 + float(random.random()))
            line += np.sin(np.linspace(0, 6.28 * pace, width) + phase) / octave
        ridge = horizon - rise * (0.55 + 0.3 * line) * np.linspace(1.25, 0.35, width)
        outline = [(x, float(min(y, horizon))) for x, y in enumerate(ridge)]
        ImageDraw.Draw(image).polygon([(0, horizon), *outline, (width, horizon)], fill=color)
    return image


def _add_lanterns(image: Image.Image, horizon: int) -> Image.Image:
    light = Image.new("RGB", _IMAGE_SIZE)
    draw = ImageDraw.Draw(light)
    for number in range(9):
        x, y = 60 + number * 47, horizon - 10 - (number * 37) % 17
        draw.ellipse((x - 3, y - 3, x + 3, y + 3), fill=(255, 214, 130))
        draw.line(
            (x, horizon + 4, x, horizon + 44 + (number * 29) % 30), fill=(96, 62, 34), width=3
        )
    halo = light.filter(ImageFilter.GaussianBlur(9))
    lit = np.asarray(image, dtype=np.int16) + np.asarray(light) + 2 * np.asarray(halo, np.int16)
    return Image.fromarray(np.clip(lit, 0, 255).astype(np.uint8))


def _add_boat(image: Image.Image, position: tuple[int, int], size: int) -> Image.Image:
    x, y = position
    boat = Image.new("RGBA", _IMAGE_SIZE)
    draw = ImageDraw.Draw(boat)
    keel = y + size * 0.42
    draw.polygon(
        [(x, y - size), (x - size * 0.62, y), (x, y + size * 0.1)], fill=(250, 240, 226, 255)
    )
    draw.polygon(
        [(x, y - size), (x + size * 0.62, y), (x, y + size * 0.1)], fill=(216, 190, 190, 255)
    )
    left, right = x - size * 1.35, x + size * 1.35
    bow, stern = y - size * 0.16, y - size * 0.16
    hull = [(left, bow), (x, y + size * 0.10), (right, stern), (x + size * 0.8, keel)]
    draw.polygon([*hull, (x - size * 0.8, keel)], fill=(240, 226, 212, 255))
    draw.polygon(
        [(x, y + size * 0.10), (right, stern), (x + size * 0.8, keel), (x, keel)],
        fill=(204, 176, 182, 255),
    )
    mirrored = boat.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    shadow = Image.new("RGBA", _IMAGE_SIZE)
    shadow.paste(mirrored, (0, int(2 * keel) - _IMAGE_SIZE[1]))
    alpha = shadow.getchannel("A").point(lambda value: int(value * 0.3))
    shadow.putalpha(alpha)
    image = image.convert("RGBA")
    image.alpha_composite(shadow.filter(ImageFilter.GaussianBlur(4)))
    image.alpha_composite(boat.filter(ImageFilter.GaussianBlur(0.6)))
    return image.convert("RGB")
