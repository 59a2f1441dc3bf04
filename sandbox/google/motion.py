"""Turns a clip spec into frames.

Without images, a clip shows a scene. A given image is the first frame, and is zoomed slowly under
drifting orbs. A last frame is faded in at the end. An extension fades from its source's last frame
into a scene for its own prompt.
"""

from collections.abc import Iterator

import av
import numpy as np
from PIL import Image

from sandbox.google.clip_spec import FRAME_RATE, ClipSpec, ImageFit, RenderStyle, SourceUse
from sandbox.google.overlay import build_caption, build_reference_cards, fit_image, open_image
from sandbox.google.pixels import frame_from_image, plane_pixels
from sandbox.google.scene import (
    GlowingOrbs,
    LandscapeScene,
    Levels,
    Planes,
    choose_light,
    paint_plain,
)

_CANVAS_SIDE = 640
"""Longer side, in pixels, of the canvas that scenes are painted on before being scaled up."""

_PLAIN_SIDE = 320
"""The same for the plain pattern, which is scaled up without smoothing."""

_STILL_SIDE = 1280
"""Longer side of the canvas when a given image must stay sharp."""

_TRANSITION_SECONDS = 2.5
"""How long an extension fades from its source's last frame to its own scene."""

_LAST_IMAGE_SECONDS = 2.0
"""How long before the end the last frame starts to fade in."""


def paint_frames(
    spec: ClipSpec, origin: Image.Image | None, start: float
) -> Iterator[av.VideoFrame]:
    """Return the frames of a clip, yuv420p at full size, without timestamps.

    ``origin`` is the first frame (the given image, or the source's last frame). ``start`` is the
    scene's time in seconds at the first frame, which is later for extensions.
    """
    size = (spec.width, spec.height)
    is_scene = spec.look is RenderStyle.SCENE
    overlays = build_reference_cards(spec.references, size)
    if (card := build_caption(spec.prompt, size)) is not None and is_scene:
        overlays.append(card)
    arrival = None if spec.last_frame is None else open_image(spec.last_frame)
    has_images = origin is not None or arrival is not None
    canvas = _canvas_size(spec, _STILL_SIDE if has_images and is_scene else _CANVAS_SIDE)
    grain = _FilmGrain(spec) if spec.min_bytes else None
    # The first and last frames of a clip made from images are exactly those images; an extension
    # shows its caption once the source's has faded.
    first_covered = 0 if origin is None else 1
    if spec.source is not None:
        first_covered = round(_TRANSITION_SECONDS * FRAME_RATE)
    painter = _FramePainter(spec, canvas, origin, arrival, start)
    for index in range(spec.frames):
        frame = painter.paint_frame(index).reformat(
            width=spec.width,
            height=spec.height,
            format="yuv420p",
            dst_colorspace="ITU709",
            interpolation="BICUBIC" if is_scene else "POINT",
        )
        if first_covered <= index < spec.frames - (arrival is not None):
            for overlay in overlays:
                overlay.blend(frame)
        if grain is not None and index:
            grain.blend(frame, index)
        yield frame


def repaint_frames(spec: ClipSpec, frames: Iterator[av.VideoFrame]) -> Iterator[av.VideoFrame]:
    """Yield a source's frames at the clip's size; for an edit in other light, captioned."""
    size = (spec.width, spec.height)
    is_edit = spec.source_use is SourceUse.EDIT
    overlays = build_reference_cards(spec.references, size) if is_edit else []
    is_scene = spec.look is RenderStyle.SCENE
    card = build_caption(spec.prompt, size, covers_another=True) if is_edit and is_scene else None
    if card is not None:
        overlays.append(card)
    light, blue, red = choose_light(spec.prompt, spec.variation)
    for source in frames:
        scaled = source.reformat(*size, format="yuv420p", dst_colorspace="ITU709")
        # A copy: the decoder still predicts from its own frame, and an equal format is not copied.
        frame = av.VideoFrame.from_ndarray(scaled.to_ndarray(), format="yuv420p")
        if is_edit:
            for index, (factor, shift) in enumerate(((light, 0), (1.0, blue), (1.0, red))):
                pixels = plane_pixels(frame, index)
                levels = pixels * np.float32(factor) + np.float32(shift)
                pixels[:] = np.clip(levels, 16, 235).astype(np.uint8)
        for overlay in overlays:
            overlay.blend(frame)
        yield frame


def _canvas_size(spec: ClipSpec, longer: int) -> tuple[int, int]:
    longest = max(spec.width, spec.height)
    scale = min(longer, longest) / longest
    return round(spec.width * scale / 2) * 2, round(spec.height * scale / 2) * 2


class _FramePainter:
    """Paints single frames on the canvas."""

    def __init__(
        self,
        spec: ClipSpec,
        canvas: tuple[int, int],
        origin: Image.Image | None,
        arrival: Image.Image | None,
        start: float,
    ) -> None:
        self._spec, self._start = spec, start
        is_scene = spec.look is RenderStyle.SCENE
        self._small = _canvas_size(spec, _CANVAS_SIDE if is_scene else _PLAIN_SIDE)
        fit = spec.fit if spec.source is None else ImageFit.CROP
        self._first_image = None if origin is None else fit_image(origin, canvas, fit)
        self._last_image = None if arrival is None else fit_image(arrival, canvas, fit)
        self._canvas = canvas
        width, height = self._small
        self._scene = (
            LandscapeScene(spec.prompt, spec.variation, height, width) if is_scene else None
        )
        self._orbs = GlowingOrbs(spec.variation, canvas[1], canvas[0])

    def paint_frame(self, index: int) -> av.VideoFrame:
        """Frame number ``index`` in RGB, not yet scaled to the clip's size."""
        time = index / FRAME_RATE
        scene_weight = self._scene_weight(time)
        arrival_weight = self._last_image_weight(index)
        if scene_weight >= 1 and arrival_weight <= 0:
            return _planar_frame(self._paint_landscape(time))
        if scene_weight >= 1 or self._first_image is None:
            still = _pack_planes(self._paint_landscape(time)).resize(
                self._canvas, Image.Resampling.BILINEAR
            )
        else:
            still = _zoom_image(self._first_image, 1 + 0.018 * time)
            if scene_weight > 0:
                other = _pack_planes(self._paint_landscape(time))
                other = other.resize(self._canvas, Image.Resampling.BILINEAR)
                still = Image.blend(still, other, scene_weight)
            elif self._spec.source is None and time > 0:
                still = self._add_orbs(still, time)
        if self._last_image is not None and arrival_weight > 0:
            left = (self._spec.frames - 1 - index) / FRAME_RATE
            still = Image.blend(
                still, _zoom_image(self._last_image, 1 + 0.02 * left), arrival_weight
            )
        return frame_from_image(still)

    def _paint_landscape(self, time: float) -> Planes | Levels:
        width, height = self._small
        if self._scene is None:
            return paint_plain(self._spec.variation, height, width, self._start + time)
        return self._scene.paint_scene(self._start + time)

    def _scene_weight(self, time: float) -> float:
        if self._first_image is None:
            return 1.0
        if self._scene is None:  # the plain style does not fade
            return float(time > 0)
        if self._spec.source is None:
            return 0.0
        return _ease(time / _TRANSITION_SECONDS)

    def _last_image_weight(self, index: int) -> float:
        if self._last_image is None:
            return 0.0
        left = (self._spec.frames - 1 - index) / FRAME_RATE
        return _ease(1 - left / _LAST_IMAGE_SECONDS)

    def _add_orbs(self, still: Image.Image, time: float) -> Image.Image:
        pixels = np.array(still)
        self._orbs.paint_orbs(pixels.transpose(2, 0, 1), time, min(time, 1.0))
        return Image.fromarray(pixels)


class _FilmGrain:
    """Noise that no encoder can compress, for clips of a minimum size."""

    def __init__(self, spec: ClipSpec) -> None:
        random = np.random.default_rng(spec.variation)
        self._grain = random.integers(-88, 88, spec.width * spec.height * 2, dtype=np.int16)

    def blend(self, frame: av.VideoFrame, index: int) -> None:
        """Add a different part of the grain to each frame's luma, in place."""
        pixels = plane_pixels(frame, 0)
        size = pixels.size
        offset = (index * 7919 * 13) % (self._grain.size - size)
        grain = self._grain[offset : offset + size].reshape(pixels.shape)
        pixels[:] = np.clip(pixels + grain, 16, 235).astype(np.uint8)


def _ease(part: float) -> float:
    part = min(max(part, 0.0), 1.0)
    return part * part * (3 - 2 * part)


def _zoom_image(image: Image.Image, factor: float) -> Image.Image:
    if factor <= 1:
        return image
    width, height = image.size
    dx, dy = width * (1 - 1 / factor) / 2, height * (1 - 1 / factor) / 2
    box = (dx, dy, width - dx, height - dy)
    return image.resize(image.size, Image.Resampling.BILINEAR, box=box)


def _pack_planes(planes: Planes | Levels) -> Image.Image:
    levels = np.clip(planes, 0, 255).astype(np.uint8)
    return Image.fromarray(np.ascontiguousarray(levels.transpose(1, 2, 0)))


def _planar_frame(planes: Planes | Levels) -> av.VideoFrame:
    _, height, width = planes.shape
    frame = av.VideoFrame(width, height, "gbrp")
    levels = np.clip(planes, 0, 255).astype(np.uint8, copy=False)
    # FFmpeg's planar RGB is stored green, blue, red.
    for index, color in enumerate((1, 2, 0)):
        plane_pixels(frame, index)[:] = levels[color]
    return frame
