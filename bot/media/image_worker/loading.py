"""Loads the frames of an image file one at a time, also from damaged files.

Every viewer shows a photo even if its last bytes are missing. So a partly decoded image is used if
most of it is there. To find missing rows, the memory is filled with one value before decoding: rows
that still have only that value were not decoded.
"""

import contextlib
import itertools
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from PIL import Image, ImageChops, ImageFile, PngImagePlugin
from PIL.AvifImagePlugin import AvifImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from bot.media.image_worker.containers import FileFacts, copy_without_metadata
from bot.media.image_worker.rejection import ImageRejected

MAX_PIXELS: Final = {
    "JPEG": 210_000_000,
    "HEIF": 210_000_000,
    "PNG": 80_000_000,
    "GIF": 64_000_000,
    "WEBP": 80_000_000,
    "AVIF": 80_000_000,
}
"""Roughly what fits into the memory of the process. The decoder may still run out of it."""
_TARGET_SIDE: Final = 4096
_MIN_SHARE: Final = 0.75
"""The share of an image's rows that must be there for it to be used."""
_NEARLY_WHOLE: Final = 0.98
"""From this share on, the member is not told that rows are missing."""
_END_MARKER: Final = b"\xff\xd9"
_ARBITRARY_DATA: Final = b"\x55\x92\x3c" * 2000
_SAMPLE_SIDE: Final = 512
_MIN_SCANS: Final = 5
"""Scans of a progressive JPEG after which only fine detail is missing."""
_MAX_COEFFICIENT_BYTES: Final = 330 * 1024**2
"""For progressive JPEGs, which are in memory as a whole before the first row is decoded."""
_MAX_FRAMES: Final = 60
_PILLOW_PIXELS: Final = {"WEBP": 20_000_000, "AVIF": 20_000_000, "HEIF": 32_000_000}
"""Above these sizes Pillow's decoders need too much memory, so FFmpeg is used."""
_SENTINEL: Final = {
    "RGB": (1, 254, 3),
    "RGBA": (1, 254, 3, 252),
    "CMYK": (1, 254, 3, 252),
    "LA": (1, 252),
}
_WIDE_RAW_MODE: Final = ";16B"


@dataclass(frozen=True, slots=True)
class LoadedImage:
    """One frame, possibly decoded at a fraction of ``original_size``.

    ``is_upright`` says that the decoder has already applied the file's orientation.
    """

    image: Image.Image
    original_size: tuple[int, int]
    profile: bytes | None = None
    is_animated: bool = False
    is_cut_off: bool = False
    is_upright: bool = False


def load_image(path: Path, kind: str, facts: FileFacts, scratch: Path) -> Generator[LoadedImage]:
    """Yield the frames of the image in ``path``, of long animations only the first ones."""
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    PngImagePlugin.MAX_TEXT_CHUNK = 8 * 1024**2  # color profiles count as text
    Image.MAX_IMAGE_PIXELS = max(MAX_PIXELS.values())
    match kind:
        case "JPEG":
            yield _load_jpeg(path, scratch)
        case "PNG":
            yield from _load_frames(PngImageFile(path))
        case "GIF":
            yield from _load_gif(GifImageFile(path))
        case _:
            yield from _load_modern(path, kind, facts)


def _load_jpeg(path: Path, scratch: Path) -> LoadedImage:
    try:
        opened = JpegImageFile(path)
    except Exception:  # Pillow fails on malformed EXIF blocks, which are not needed
        opened = JpegImageFile(copy_without_metadata(path, scratch))
    original_size = opened.size
    if opened.width * opened.height > MAX_PIXELS["JPEG"]:
        return LoadedImage(Image.new("L", (1, 1)), original_size)  # the caller rejects its size
    is_progressive = bool(opened.info.get("progressive"))
    if is_progressive:
        _require_coefficient_memory(opened)
    profile = opened.info.get("icc_profile")
    _reduce_detail(opened, _TARGET_SIDE)
    with contextlib.suppress(OSError):
        opened.load()
        return LoadedImage(opened, original_size, profile)
    opened.close()
    data = path.read_bytes().rstrip(b"\xff")
    if is_progressive:
        share = 1.0 if data.count(b"\xff\xda") >= _MIN_SCANS else 0.0
    else:
        share = _measure_jpeg_share(data)
    if share < _MIN_SHARE:
        raise ImageRejected("image_broken")
    opened = JpegImageFile(BytesIO(data + _END_MARKER))
    _reduce_detail(opened, _TARGET_SIDE)
    opened.load()
    image = opened.crop((0, 0, opened.width, int(share * opened.height)))
    return LoadedImage(image, original_size, profile, is_cut_off=share < _NEARLY_WHOLE)


def _reduce_detail(opened: JpegImageFile, side: int) -> None:
    """Let the decoder reduce the image by 2, 4 or 8, but not below ``side``."""
    opened.draft("RGB" if opened.mode == "YCbCr" else opened.mode, (side, side))


def _measure_jpeg_share(data: bytes) -> float:
    """Return the share of rows that a truncated JPEG contains.

    Bytes appended to the data change only the rows that are missing. So the first row that differs
    between two endings is the first missing one.
    """
    samples = []
    for end in (_END_MARKER, _ARBITRARY_DATA + _END_MARKER):
        opened = JpegImageFile(BytesIO(data + end))
        _reduce_detail(opened, _SAMPLE_SIDE)
        opened.load()
        samples.append(opened)
    box = ImageChops.difference(samples[0], samples[1]).getbbox(alpha_only=False)
    return 1.0 if box is None else box[1] / samples[0].height


def _require_coefficient_memory(opened: JpegImageFile) -> None:
    layers = [(wide, high) for _, wide, high, _ in opened.layer]
    most = max(wide for wide, _ in layers) * max(high for _, high in layers)
    share = sum(wide * high for wide, high in layers) / most
    per_pixel = 2 * share
    if opened.width * opened.height * per_pixel > _MAX_COEFFICIENT_BYTES:
        raise ImageRejected(
            "image_too_large",
            width=opened.width,
            height=opened.height,
            megapixels=int(_MAX_COEFFICIENT_BYTES / per_pixel / 1_000_000),
        )


def _load_as_far_as_possible(
    opened: ImageFile.ImageFile, fill: int | tuple[int, ...]
) -> tuple[Image.Image, float]:
    """Return the image without its missing rows, and the share of rows that are there.

    ``fill`` is the value of pixels that were not decoded. Raises `ImageRejected`.
    """
    try:
        opened.load()
    except (OSError, EOFError, SyntaxError, IndexError, ValueError) as error:
        opened.tile = []
        present = _list_present_rows(opened, fill)
        share = sum(present) / len(present)
        if share < _MIN_SHARE:
            raise ImageRejected("image_broken") from error
        return _drop_missing_rows(opened, present), share
    return opened, 1.0


def _list_present_rows(image: Image.Image, fill: int | tuple[int, ...]) -> list[bool]:
    present = [False] * image.height
    if image.mode.startswith("I"):
        return present
    bands = image.split() if len(image.getbands()) > 1 else (image,)
    fills = fill if isinstance(fill, tuple) else (fill,)
    for band, value in zip(bands, fills, strict=True):
        plain = band if band.mode != "P" else Image.frombytes("L", band.size, band.tobytes())
        table = [0 if level == value else 255 for level in range(256)]
        rows = plain.convert("L").point(table).getprojection()[1]
        present = [was or bool(row) for was, row in zip(present, rows, strict=True)]
    return present


def _drop_missing_rows(image: Image.Image, present: list[bool]) -> Image.Image:
    """Cut off missing rows at the bottom; in interlaced images, fill others with the row above."""
    height = len(present) - present[::-1].index(True)
    cut = image.crop((0, 0, image.width, height))
    for row in range(1, height):
        if not present[row]:
            cut.paste(cut.crop((0, row - 1, cut.width, row)), (0, row))
    cut.info = image.info
    return cut


def _load_frames(opened: Any) -> Iterator[LoadedImage]:
    """Yield the frames of a PNG. Of an animated one, those that a browser shows."""
    profile = opened.info.get("icc_profile")
    original_size = opened.size
    if opened.width * opened.height > MAX_PIXELS[opened.format]:
        yield LoadedImage(Image.new("L", (1, 1)), original_size)
        return
    count = getattr(opened, "n_frames", 1)
    is_animated = bool(getattr(opened, "is_animated", False))
    if not is_animated or count < 2:
        _narrow_color_key(opened)
        fill = _SENTINEL.get(opened.mode, 1)
        opened.im = Image.new(opened.mode, opened.size, fill).im
        image, share = _load_as_far_as_possible(opened, fill)
        yield LoadedImage(image, original_size, profile, is_cut_off=share < _NEARLY_WHOLE)
        return
    first = 1 if opened.info.get("default_image") else 0
    for number in range(first, min(count, first + _MAX_FRAMES)):
        try:
            opened.seek(number)
            opened.load()
        except (OSError, EOFError, SyntaxError, ValueError):
            if number == first:
                raise
            return
        yield LoadedImage(opened, original_size, profile, is_animated=True)


def _narrow_color_key(opened: ImageFile.ImageFile) -> None:
    """Reduce a PNG's transparent color from 16 bits per channel to the 8 that Pillow keeps."""
    key = opened.info.get("transparency")
    raw_mode = str(opened.tile[0][3]) if opened.tile else ""
    if isinstance(key, tuple) and _WIDE_RAW_MODE in raw_mode:
        opened.info["transparency"] = tuple(value >> 8 for value in key)


def _load_gif(opened: GifImageFile) -> Iterator[LoadedImage]:
    """Yield the frames, with transparency where no frame has painted, as in browsers.

    Pillow fills such areas with the file's background color.
    """
    is_animated = _has_second_frame(opened)
    painted = Image.new("L", opened.size)
    for number in itertools.count():
        if number == _MAX_FRAMES:
            return
        if number:
            disposed = opened.dispose_extent if opened.disposal_method == 2 else None
            try:
                opened.seek(number)
            except (EOFError, OSError, ValueError, IndexError):
                return
            if disposed:
                painted.paste(0, disposed)
        extent = opened.tile[0][1] if opened.tile else (0, 0, *opened.size)
        if opened.size != painted.size:
            painted = painted.crop((0, 0, *opened.size))
        painted.paste(255, extent)
        if number == 0:
            image, share = _load_gif_frame(opened)
        else:
            try:
                opened.load()
            except (OSError, EOFError, ValueError, IndexError):
                return
            image, share = opened, 1.0
        is_whole = painted.getextrema() == (255, 255)
        if not is_whole:
            image = image.convert("RGBA")
            image.paste((0, 0, 0, 0), mask=painted.point(lambda value: 255 - value))
        yield LoadedImage(
            image,
            opened.size,
            is_animated=is_animated,
            is_cut_off=share < _NEARLY_WHOLE,
        )


def _load_gif_frame(opened: GifImageFile) -> tuple[Image.Image, float]:
    fill = opened.info.get("transparency")
    if not isinstance(fill, int):  # otherwise Pillow already fills the image with it
        fill = 1
        opened.im = Image.new(opened.mode, opened.size, fill).im
    return _load_as_far_as_possible(opened, fill)


def _has_second_frame(opened: GifImageFile) -> bool:
    try:
        return bool(opened.is_animated)
    except (OSError, EOFError, ValueError, IndexError):
        return False


def _load_modern(path: Path, kind: str, facts: FileFacts) -> Iterator[LoadedImage]:
    """Yield the frames of a WebP, AVIF or HEIF file."""
    pixels = 0 if facts.size is None else facts.size[0] * facts.size[1]
    if pixels > _PILLOW_PIXELS[kind]:
        from bot.media.image_worker.video_decoding import load_with_ffmpeg

        yield load_with_ffmpeg(path, kind, facts, _TARGET_SIDE)
        return
    opened: Any
    try:
        opened = _open_modern(path, kind)
    except (OSError, SyntaxError, ValueError, TypeError, IndexError):
        if kind != "AVIF":
            raise
        from bot.media.image_worker.video_decoding import load_with_ffmpeg

        yield load_with_ffmpeg(path, kind, facts, _TARGET_SIDE)
        return
    profile = opened.info.get("icc_profile")
    count = opened.n_frames if kind != "HEIF" else 1
    for number in range(min(count, _MAX_FRAMES)):
        if count > 1:
            opened.seek(number)
        try:
            opened.load()
        except (OSError, EOFError, ValueError):
            if number == 0:
                raise
            return
        yield LoadedImage(
            opened, opened.size, profile, is_animated=count > 1, is_upright=kind == "HEIF"
        )


def _open_modern(path: Path, kind: str) -> ImageFile.ImageFile:
    match kind:
        case "WEBP":
            return WebPImageFile(path)
        case "AVIF":
            return AvifImageFile(path)
    import pillow_heif
    from pillow_heif import HeifImageFile

    pillow_heif.options.THUMBNAILS = False
    pillow_heif.options.DEPTH_IMAGES = False
    pillow_heif.options.AUX_IMAGES = False
    pillow_heif.options.DECODE_THREADS = 1
    opened: ImageFile.ImageFile = HeifImageFile(path)  # type: ignore[no-untyped-call]
    return opened
