"""Turns a spec into frames: where a clip begins, how it moves, and where it ends.

Without pictures a clip is a scene and nothing else. A given image is the first frame, from which
a slow zoom sets out under drifting orbs; a last frame is where the picture arrives; an extension
sets out from its source's last frame and passes over into the scene of its own prompt.
"""

from collections.abc import Iterator

import av
import numpy as np
from PIL import Image

from sandbox.google.clips import FRAME_RATE, ClipSpec, Fit, Look
from sandbox.google.overlay import caption, fitted, opened, references
from sandbox.google.pixels import frame_of, plane_pixels
from sandbox.google.scene import Levels, Orbs, Planes, Scene, plain

_CANVAS = 640
"""Longer side, in pixels, of the canvas that scenes are painted on before being scaled up."""

_SKETCH = 320
"""The same for the plain pattern, which is scaled up without smoothing."""

_STILL = 1280
"""Longer side of the canvas when a given picture has to stay sharp."""

_PASSAGE_SECONDS = 2.5
"""How long an extension takes from its source's picture to its own scene."""

_ARRIVAL_SECONDS = 2.0
"""How long before the end the last frame begins to appear."""


def frames(spec: ClipSpec, origin: Image.Image | None, start: float) -> Iterator[av.VideoFrame]:
    """The frames of a clip, yuv420p at full size, without timestamps.

    ``origin`` is the picture the clip sets out from (the given image, or the source's last frame)
    and ``start`` the time in seconds at which the scene is entered, so that an extension's scene
    is not the beginning of another clip's.
    """
    size = (spec.width, spec.height)
    painted = spec.look is Look.SCENE
    overlays = references(spec.references, size)
    if (card := caption(spec.prompt, size)) is not None and painted:
        overlays.append(card)
    arrival = None if spec.last_frame is None else opened(spec.last_frame)
    stills = origin is not None or arrival is not None
    canvas = _canvas(spec, _STILL if stills and painted else _CANVAS)
    noise = _Noise(spec) if spec.min_bytes else None
    # The first and the last frame of a clip made from pictures are those pictures, untouched; an
    # extension waits until the source's own caption has gone.
    first_covered = 0 if origin is None else 1
    if spec.source is not None:
        first_covered = round(_PASSAGE_SECONDS * FRAME_RATE)
    painter = _Painter(spec, canvas, origin, arrival, start)
    for index in range(spec.frames):
        frame = painter.paint(index).reformat(
            width=spec.width,
            height=spec.height,
            format="yuv420p",
            dst_colorspace="ITU709",
            interpolation="BICUBIC" if painted else "POINT",
        )
        if first_covered <= index < spec.frames - (arrival is not None):
            for overlay in overlays:
                overlay.blend(frame)
        if noise is not None and index:
            noise.blend(frame, index)
        yield frame


def _canvas(spec: ClipSpec, longer: int) -> tuple[int, int]:
    longest = max(spec.width, spec.height)
    scale = min(longer, longest) / longest
    return round(spec.width * scale / 2) * 2, round(spec.height * scale / 2) * 2


class _Painter:
    """Paints one frame after the other on the canvas."""

    def __init__(
        self,
        spec: ClipSpec,
        canvas: tuple[int, int],
        origin: Image.Image | None,
        arrival: Image.Image | None,
        start: float,
    ) -> None:
        self._spec, self._start = spec, start
        painted = spec.look is Look.SCENE
        self._small = _canvas(spec, _CANVAS if painted else _SKETCH)
        fit = spec.fit if spec.source is None else Fit.CROP
        self._origin = None if origin is None else fitted(origin, canvas, fit)
        self._arrival = None if arrival is None else fitted(arrival, canvas, fit)
        self._canvas = canvas
        width, height = self._small
        self._scene = Scene(spec.prompt, spec.variation, height, width) if painted else None
        self._orbs = Orbs(spec.variation, canvas[1], canvas[0])

    def paint(self, index: int) -> av.VideoFrame:
        """Frame number `index`, planar RGB on a canvas of some size of the right shape."""
        time = index / FRAME_RATE
        scene_weight = self._scene_weight(time)
        arrival_weight = self._arrival_weight(index)
        if scene_weight >= 1 and arrival_weight <= 0:
            return _planar(self._landscape(time))
        if scene_weight >= 1 or self._origin is None:
            still = _packed(self._landscape(time)).resize(self._canvas, Image.Resampling.BILINEAR)
        else:
            still = _zoomed(self._origin, 1 + 0.018 * time)
            if scene_weight > 0:
                other = _packed(self._landscape(time))
                other = other.resize(self._canvas, Image.Resampling.BILINEAR)
                still = Image.blend(still, other, scene_weight)
            elif self._spec.source is None and time > 0:
                still = self._with_orbs(still, time)
        if self._arrival is not None and arrival_weight > 0:
            left = (self._spec.frames - 1 - index) / FRAME_RATE
            still = Image.blend(still, _zoomed(self._arrival, 1 + 0.02 * left), arrival_weight)
        return frame_of(still)

    def _landscape(self, time: float) -> Planes | Levels:
        width, height = self._small
        if self._scene is None:
            return plain(self._spec.variation, height, width, self._start + time)
        return self._scene.paint(self._start + time)

    def _scene_weight(self, time: float) -> float:
        if self._origin is None:
            return 1.0
        if self._scene is None:  # plain: no passage, only what has to be there
            return float(time > 0)
        if self._spec.source is None:
            return 0.0
        return _eased(time / _PASSAGE_SECONDS)

    def _arrival_weight(self, index: int) -> float:
        if self._arrival is None:
            return 0.0
        left = (self._spec.frames - 1 - index) / FRAME_RATE
        return _eased(1 - left / _ARRIVAL_SECONDS)

    def _with_orbs(self, still: Image.Image, time: float) -> Image.Image:
        pixels = np.array(still)
        self._orbs.paint(pixels.transpose(2, 0, 1), time, min(time, 1.0))
        return Image.fromarray(pixels)


class _Noise:
    """Grain so strong that no encoder can make the clip small."""

    def __init__(self, spec: ClipSpec) -> None:
        random = np.random.default_rng(spec.variation)
        self._grain = random.integers(-88, 88, spec.width * spec.height * 2, dtype=np.int16)

    def blend(self, frame: av.VideoFrame, index: int) -> None:
        """Adds another piece of the grain to a frame's luma, in place."""
        pixels = plane_pixels(frame, 0)
        size = pixels.size
        offset = (index * 7919 * 13) % (self._grain.size - size)
        grain = self._grain[offset : offset + size].reshape(pixels.shape)
        pixels[:] = np.clip(pixels + grain, 16, 235).astype(np.uint8)


def _eased(part: float) -> float:
    part = min(max(part, 0.0), 1.0)
    return part * part * (3 - 2 * part)


def _zoomed(image: Image.Image, factor: float) -> Image.Image:
    if factor <= 1:
        return image
    width, height = image.size
    dx, dy = width * (1 - 1 / factor) / 2, height * (1 - 1 / factor) / 2
    box = (dx, dy, width - dx, height - dy)
    return image.resize(image.size, Image.Resampling.BILINEAR, box=box)


def _packed(planes: Planes | Levels) -> Image.Image:
    levels = np.clip(planes, 0, 255).astype(np.uint8)
    return Image.fromarray(np.ascontiguousarray(levels.transpose(1, 2, 0)))


def _planar(planes: Planes | Levels) -> av.VideoFrame:
    _, height, width = planes.shape
    frame = av.VideoFrame(width, height, "gbrp")
    levels = np.clip(planes, 0, 255).astype(np.uint8, copy=False)
    # FFmpeg's planar RGB is stored green, blue, red.
    for index, color in enumerate((1, 2, 0)):
        plane_pixels(frame, index)[:] = levels[color]
    return frame
