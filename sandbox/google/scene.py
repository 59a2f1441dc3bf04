"""Paints moving landscapes instead of Veo's videos.

Clips must be recognizable, so a prompt and seed always give the same frames, and others give
different ones. A scene has a sky, a light, clouds, terrain in four layers and glowing orbs. All are
drawn with one random generator on a small canvas that the encoder scales up. Words in the prompt
choose the terrain and the time of day. Frames are float32 planes in the order red, green, blue,
with values from 0 to 255.
"""

import math
import re
from collections.abc import Callable
from enum import StrEnum
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from sandbox.google.palette import DayPhase, build_palette, color_from_hsv, color_planes

Plane = npt.NDArray[np.float32]
"""One value per pixel: (height, width), or a row or column that broadcasts to it."""
Planes = npt.NDArray[np.float32]
Levels = npt.NDArray[np.uint8]
"""Three planes: (3, height, width)."""
Pixels = npt.NDArray[np.float32] | npt.NDArray[np.uint8]
"""Planes that may already be bytes."""

T = TypeVar("T")


class TerrainKind(StrEnum):
    """The land below the horizon."""

    HILLS = "hills"
    SEA = "sea"
    CITY = "city"


_TERRAIN_WORDS = {
    TerrainKind.SEA: "sea ocean wave waves beach water lake river ship boat fish whale island surf",
    TerrainKind.CITY: (
        "city street neon skyline tower car robot building train traffic urban cyberpunk"
    ),
    TerrainKind.HILLS: (
        "hill hills mountain forest meadow garden field valley desert tree snow lion puppy"
    ),
}
_DAY_PHASE_WORDS = {
    DayPhase.NIGHT: (
        "night moon moonlight stars star space galaxy neon midnight dark firefly aurora"
    ),
    DayPhase.DUSK: "dusk sunset evening golden autumn fire lava candle",
    DayPhase.DAWN: "dawn sunrise morning mist fog blossom spring pink",
    DayPhase.DAY: "day noon sunny summer bright sky blue",
}


def _choose_by_words(words: set[str], table: dict[T, str]) -> T | None:
    scores = {item: len(words & set(known.split())) for item, known in table.items()}
    best = max(scores, key=lambda item: scores[item])
    return best if scores[best] else None


_LIGHTS = {
    DayPhase.NIGHT: (0.45, 22, -12),
    DayPhase.DUSK: (0.8, -18, 22),
    DayPhase.DAWN: (0.95, -6, 12),
    DayPhase.DAY: (1.2, -4, -4),
}


def choose_light(prompt: str, variation: int) -> tuple[float, int, int]:
    """Return the effect of an edit: a factor for the light, and shifts of blue and red."""
    phase = _choose_by_words(set(re.findall(r"[a-z]+", prompt.lower())), _DAY_PHASE_WORDS)
    if phase is not None:
        return _LIGHTS[phase]
    blue, red = (12 + variation // 16 % 13, 12 + variation // 256 % 13)
    return 1.0, blue if variation & 1 else -blue, red if variation & 2 else -red


def _build_cloud_texture(random: np.random.Generator, height: int, width: int) -> Plane:
    """Soft noise that tiles in x: octaves of periodic waves with random directions."""
    # At half the resolution: the noise is soft enough.
    x = np.linspace(0, 2 * np.pi, width // 2, endpoint=False, dtype=np.float32)[None, :]
    y = np.linspace(0, 2 * np.pi, height // 2, dtype=np.float32)[:, None]
    total = np.zeros((height // 2, width // 2), dtype=np.float32)
    for octave in range(1, 7):
        for _ in range(3):
            across = int(random.integers(1, 2 + octave * 2))
            down = np.float32(random.uniform(1, 2 + octave * 3))
            wobble = np.float32(random.uniform(0.5, 1.6))
            phase = random.uniform(0, 2 * np.pi, 2).astype(np.float32)
            line = across * x + phase[0] + wobble * np.sin(across * x + phase[1])
            total += np.sin(line + down * y) / np.float32(octave)
    low, high = float(total.min()), float(total.max())
    total = (total - low) / np.float32(high - low)
    return total.repeat(2, axis=0).repeat(2, axis=1)


def _pixel_grid(height: int, width: int) -> tuple[Plane, Plane]:
    """Return the pixel centers as a column of y and a row of x, both in units of the height."""
    y = (np.arange(height, dtype=np.float32) + np.float32(0.5)) / np.float32(height)
    x = (np.arange(width, dtype=np.float32) + np.float32(0.5)) / np.float32(height)
    return y[:, None], x[None, :]


class GlowingOrbs:
    """Glowing orbs that drift over any frame of ``height`` by ``width`` pixels."""

    def __init__(self, variation: int, height: int, width: int) -> None:
        random = np.random.default_rng((variation, 1))
        self._height, self._aspect = height, width / height
        self._y, self._x = _pixel_grid(height, width)
        self._orbs = random.random((11, 5)).tolist()
        hue = float(random.random())
        self._colors = [
            color_planes(color_from_hsv(hue + 0.18 * float(other), 0.45, 1.0))
            for other in random.random(11)
        ]
        self._drift = float(random.choice([-1.0, 1.0]) * random.uniform(0.018, 0.035))

    def paint_orbs(self, picture: Pixels, time: float, strength: float) -> None:
        """Paint the orbs at a time in seconds on (3, height, width) planes; strength 0..1."""
        for index, (x, y, size, speed, phase) in enumerate(self._orbs):
            radius = 0.02 + 0.05 * size * size
            cx = (x * self._aspect + self._drift * time * (1 + 2 * speed)) % (self._aspect + 0.2)
            cx -= 0.1
            cy = 0.25 + 0.65 * y + 0.035 * math.sin(time * (0.4 + speed) + 6.28 * phase)
            pulse = 0.55 + 0.45 * math.sin(time * (0.6 + speed) + index)
            rows, columns = (
                self._pixel_range(cy, radius, self._y.size),
                self._pixel_range(cx, radius, self._x.size),
            )
            d2 = (self._x[:, columns] - np.float32(cx)) ** 2
            d2 = d2 + (self._y[rows] - np.float32(cy)) ** 2
            glow = np.exp(d2 * np.float32(-1.6 / radius**2)) * np.float32(0.75 * pulse * strength)
            box = picture[:, rows, columns]
            box[:] = (box + (self._colors[index] - box) * glow).astype(picture.dtype)

    def _pixel_range(self, centre: float, radius: float, limit: int) -> slice:
        first = int((centre - 2.5 * radius) * self._height)
        last = int((centre + 2.5 * radius) * self._height)
        return slice(min(max(first, 0), limit), min(max(last, 0), limit))


class LandscapeScene:
    """A landscape on a canvas of ``height`` by ``width`` pixels; a pure function of the time."""

    def __init__(self, prompt: str, variation: int, height: int, width: int) -> None:
        random = np.random.default_rng(variation)
        words = set(re.findall(r"[a-z]+", prompt.lower()))
        lands, hours = list(TerrainKind), list(DayPhase)
        any_land = lands[int(random.integers(len(lands)))]
        any_hour = hours[int(random.integers(len(hours)))]
        self.terrain = _choose_by_words(words, _TERRAIN_WORDS) or any_land
        self.day_phase = _choose_by_words(words, _DAY_PHASE_WORDS) or any_hour
        self._palette = build_palette(self.day_phase, float(random.random()))
        self._height, self._width = height, width
        aspect = width / height
        self._y, self._x = _pixel_grid(height, width)
        self._horizon = float(random.uniform(0.52, 0.64))
        self._light_at = (float(random.uniform(0.2, 0.8)) * aspect, float(random.uniform(0.2, 0.4)))
        self._light_radius = float(random.uniform(0.055, 0.10))
        self._drift = float(random.choice([-1.0, 1.0]) * random.uniform(0.018, 0.035))
        self._clouds = _build_cloud_texture(random, height, width * 2)
        self._clouds_cover = float(random.uniform(0.46, 0.6))
        self._waves = random.uniform(0, 2 * np.pi, (6, 4)).astype(np.float32)
        self._pitch = random.uniform(0.75, 1.35, (6, 4)).astype(np.float32)
        self._orbs = GlowingOrbs(variation, height, width)
        self._stars = random.random((170, 3)).astype(np.float32)
        self._towers = random.random((4, 64, 2)).astype(np.float32)
        edge = (self._y - 0.5) ** 2 + ((self._x - aspect / 2) / aspect) ** 2
        self._vignette: Plane = (1.0 - 0.55 * edge).astype(np.float32)
        self._sky_base = self._paint_sky()

    def paint_scene(self, time: float) -> Planes:
        """Return the frame at a time in seconds, as a new array of planes."""
        frame = np.repeat(self._sky_base, self._width, axis=2)
        if self.day_phase is DayPhase.NIGHT:
            self._paint_stars(frame, time)
        self._paint_light(frame, time)
        self._paint_clouds(frame, time)
        match self.terrain:
            case TerrainKind.HILLS:
                self._paint_layers(frame, time, self._hill_outline)
            case TerrainKind.CITY:
                self._paint_layers(frame, time, self._roof_outline)
            case TerrainKind.SEA:
                self._paint_layers(frame, time, self._swell_outline)
        self._orbs.paint_orbs(frame, time, 1.0)
        frame *= self._vignette
        return frame

    def _row_count(self, y: float) -> int:
        return min(max(int(y * self._height), 0), self._height)

    def _paint_sky(self) -> Planes:
        along = np.clip(self._y / np.float32(self._horizon + 0.1), 0, 1)
        upper = np.clip(along * 2, 0, 1)
        lower = np.clip(along * 2 - 1, 0, 1)
        colors = self._palette
        sky = (
            color_planes(colors.zenith)
            + (color_planes(colors.middle) - color_planes(colors.zenith)) * upper
        )
        return np.asarray(sky + (color_planes(colors.horizon) - sky) * lower, dtype=np.float32)

    def _light_position(self, time: float) -> tuple[float, float]:
        x, y = self._light_at
        return x + self._drift * time * 0.5, y - 0.006 * time

    def _paint_stars(self, frame: Planes, time: float) -> None:
        rows = (self._stars[:, 0] * self._height * self._horizon).astype(np.intp)
        columns = (self._stars[:, 1] * (self._width - 1)).astype(np.intp)
        twinkle = 0.5 + 0.5 * np.sin(time * (1 + 3 * self._stars[:, 2]) + 40 * self._stars[:, 2])
        frame[:, rows, columns] += (190 * twinkle * self._stars[:, 2]).astype(np.float32)

    def _paint_light(self, frame: Planes, time: float) -> None:
        cx, cy = self._light_position(time)
        rows = self._row_count(self._horizon + 0.15)
        d2 = (self._x - np.float32(cx)) ** 2 + (self._y[:rows] - np.float32(cy)) ** 2
        radius = np.float32(self._light_radius)
        halo = np.float32(0.62) / (1 + d2 / (radius * radius * 6))
        disc = np.clip((radius * radius - d2) * np.float32(self._height / (2 * radius)), 0, 1)
        strength = np.maximum(halo, disc)
        sky = frame[:, :rows]
        sky += (color_planes(self._palette.light) - sky) * strength

    def _paint_clouds(self, frame: Planes, time: float) -> None:
        rows = self._row_count(self._horizon)
        shift = (time * abs(self._drift) * self._height * 1.4) % (self._width * 2)
        whole, part = int(shift), np.float32(shift % 1)
        columns = (np.arange(self._width + 1) + whole) % (self._width * 2)
        cloud = self._clouds[:rows, columns]
        cloud = cloud[:, :-1] * (1 - part) + cloud[:, 1:] * part
        fade = np.sin(np.pi * np.clip(self._y[:rows] / np.float32(self._horizon), 0, 1))
        cover = np.clip((cloud - np.float32(self._clouds_cover)) * 3, 0, 0.75) * fade
        sky = frame[:, :rows]
        pale = color_planes(self._palette.light) * np.float32(
            0.55 if self.day_phase is DayPhase.NIGHT else 0.98
        )
        sky += (pale - sky) * cover

    def _paint_layers(
        self, frame: Planes, time: float, outline: Callable[[int, float], Plane]
    ) -> None:
        """Paint four layers from the far to the near one; `outline` gives a layer's skyline."""
        far, near = color_planes(self._palette.far), color_planes(self._palette.near)
        horizon = color_planes(self._palette.horizon)
        for layer in range(4):
            depth = np.float32((layer + 0.6) / 4)
            line = outline(layer, time)
            top = self._row_count(float(line.min()))
            ground = frame[:, top:]
            below = self._y[top:] - line
            mask = np.clip(below * np.float32(self._height), 0, 1)
            base = far + (near - far) * depth
            base = base + (horizon - base) * np.float32(0.28 * (1 - depth))
            shade = np.clip(1.25 - below * np.float32(1.5), 0.55, 1.25)
            ground += (base * shade - ground) * mask
        if self.terrain is TerrainKind.SEA:
            self._paint_glitter(frame, time)
        if self.terrain is TerrainKind.CITY:
            self._paint_windows(frame, time)

    def _wave_outline(self, layer: int, time: float, speed: float, detail: float) -> Plane:
        phase, pitch = self._waves[layer], self._pitch[layer]
        x = self._x + np.float32(time * speed * (0.4 + layer * 0.5))
        line: Plane = np.sin(x * pitch[0] * np.float32(2.4 * detail) + phase[0])
        line += np.float32(0.5) * np.sin(x * pitch[1] * np.float32(5.3 * detail) + phase[1])
        line += np.float32(0.2) * np.sin(x * pitch[2] * np.float32(13 * detail) + phase[2])
        return line

    def _hill_outline(self, layer: int, time: float) -> Plane:
        level = self._horizon - 0.03 + layer * 0.095
        return np.float32(level) + np.float32(0.055) * self._wave_outline(
            layer, time, self._drift, 1.0
        )

    def _swell_outline(self, layer: int, time: float) -> Plane:
        level = self._horizon + 0.02 + layer * 0.095
        heave = 0.012 * np.sin(time * 0.9 + layer)
        height = np.float32(0.004 + 0.007 * layer)
        speed = 0.10 * (1 if layer % 2 else -1)
        line: Plane = height * self._wave_outline(layer, time, speed, 2.2)
        line += np.float32(level + heave)
        return line

    def _roof_outline(self, layer: int, time: float) -> Plane:
        level = self._horizon + 0.07 + layer * 0.085
        x = (self._x + np.float32(time * self._drift * (0.4 + layer * 0.5))) * np.float32(11)
        tower = np.floor(x).astype(np.intp) % 64
        tall = self._towers[layer, :, 0] ** 2 * np.float32(0.30 - layer * 0.04)
        # A ramp of one pixel between neighbors keeps the edges from jumping as they drift.
        edge = np.clip((x - np.floor(x)) * np.float32(self._height / 11), 0, 1)
        before = tall[(tower - 1) % 64]
        line: Plane = np.float32(level) - (before + (tall[tower] - before) * edge)
        return line

    def _paint_glitter(self, frame: Planes, time: float) -> None:
        cx, _ = self._light_position(time)
        top = self._row_count(self._horizon + 0.02)
        down = self._y[top:] - np.float32(self._horizon)
        path = np.exp(-(((self._x - np.float32(cx)) / (0.05 + down * 0.55)) ** 2))
        ripple = np.sin(down * 190 / (0.4 + down) + np.float32(time * 3))
        ripple = ripple * np.sin(self._x * 31 + down * 60 - np.float32(time * 2))
        sparkle = np.clip(ripple - np.float32(0.25), 0, 1) * path * np.float32(0.9)
        water = frame[:, top:]
        water += (color_planes(self._palette.light) - water) * sparkle

    def _paint_windows(self, frame: Planes, time: float) -> None:
        top = self._row_count(self._horizon + 0.2)
        x = (self._x + np.float32(time * self._drift * 1.9)) * np.float32(44)
        y = self._y[top:] * np.float32(40)
        row, column = np.floor(y).astype(np.intp), np.floor(x).astype(np.intp)
        lit = self._towers[0, (row * 7 + column * 13) % 64, 1] > np.float32(0.66)
        inside = (np.abs(x % 1 - 0.5) < 0.24) & (np.abs(y % 1 - 0.5) < 0.3)
        line = self._roof_outline(3, time)
        glow = (lit & inside & (self._y[top:] > line + np.float32(0.02))).astype(np.float32)
        glow *= np.float32(0.7 if self.day_phase in {DayPhase.NIGHT, DayPhase.DUSK} else 0.3)
        street = frame[:, top:]
        street += (color_planes((1.0, 0.83, 0.5)) - street) * glow


def paint_plain(variation: int, height: int, width: int, time: float) -> Levels:
    """Return a frame that is cheap to paint: one color and a moving bar of another."""
    random = np.random.default_rng(variation)
    first, second = (
        color_planes(color_from_hsv(float(random.random()), 0.6, 0.8)) for _ in range(2)
    )
    frame = np.empty((3, height, width), dtype=np.uint8)
    frame[:] = np.clip(first, 0, 255)
    bar = max(width // 8, 1)
    left = int((float(random.random()) + time / 9) * width) % (width - bar)
    frame[:, height // 4 : height * 3 // 4, left : left + bar] = np.clip(second, 0, 255)
    return frame
