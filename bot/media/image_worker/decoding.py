"""Decodes an untrusted file as a person would see it: upright, opaque and in sRGB.

The process has little memory. So large images are decoded at half their size if their format
allows it, and are reduced in strips.
"""

import contextlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from PIL import Image, ImageChops, ImageStat, UnidentifiedImageError

from bot.media.image_worker.colors import convert_to_srgb
from bot.media.image_worker.containers import FileFacts, read_facts
from bot.media.image_worker.file_kinds import require_readable_kind
from bot.media.image_worker.loading import MAX_PIXELS, LoadedImage, load_image
from bot.media.image_worker.orientation import turn_upright
from bot.media.image_worker.rejection import ImageRejected

MAX_SIDE: Final = 4096
_STRIP_PIXELS: Final = 4_000_000
_DIRECT_PIXELS: Final = 32_000_000
"""Larger images are reduced in strips."""
_VISIBLE_ALPHA: Final = 8
_VISIBLE_SPREAD: Final = 16
"""Levels of 255 by which an image's colors must differ, or it counts as one color."""
_WHITE: Final = (255, 255, 255)
_BLACK: Final = (0, 0, 0)


@dataclass(frozen=True, slots=True)
class DecodedImage:
    """A decoded image.

    ``traits`` names the changes that its owner may not expect. ``original_size`` is the size before
    it was reduced, as seen upright.
    """

    image: Image.Image
    is_lossless: bool
    original_size: tuple[int, int]
    traits: set[str] = field(default_factory=set)


def decode_image(source: Path, scratch: Path) -> DecodedImage:
    """Decode ``source``, with ``scratch`` as a temporary file. Raises `ImageRejected`."""
    kind = require_readable_kind(source)
    try:
        facts, path = read_facts(source, kind, scratch)
        _require_size(facts.size, kind)
        return _decode_as(path, kind, facts, scratch)
    except (ImageRejected, MemoryError):
        raise
    except Image.DecompressionBombError as error:
        raise ImageRejected("image_needs_memory") from error
    except UnidentifiedImageError as error:
        raise ImageRejected("image_broken") from error
    except Exception as error:  # decoders raise anything on broken files
        raise ImageRejected("image_broken") from error
    finally:
        scratch.unlink(missing_ok=True)


def _require_size(size: tuple[int, int] | None, kind: str) -> None:
    if size is not None and size[0] * size[1] > MAX_PIXELS[kind]:
        raise ImageRejected(
            "image_too_large",
            width=size[0],
            height=size[1],
            megapixels=MAX_PIXELS[kind] // 1_000_000,
        )


def _decode_as(path: Path, kind: str, facts: FileFacts, scratch: Path) -> DecodedImage:
    traits: set[str] = set()
    chosen: Image.Image | None = None
    loaded: LoadedImage | None = None
    count = 0
    with contextlib.closing(load_image(path, kind, facts, scratch)) as frames:
        for loaded in frames:
            count += 1
            _require_size(loaded.original_size, kind)
            if loaded.is_cut_off:
                traits.add("cut_off")
            frame = convert_to_srgb(_shrink(loaded.image), loaded.profile, facts.signal)
            is_visible = not _is_transparent(frame)
            if is_visible and (chosen is None or not loaded.is_animated):
                chosen, place = frame, count
            if is_visible and (not loaded.is_animated or not _is_flat(_flatten(frame, set()))):
                chosen, place = frame, count
                break
    if loaded is None:
        raise ImageRejected("image_broken")
    if chosen is None:
        raise ImageRejected("image_empty")
    if loaded.is_animated:
        traits.add("first_frame" if place == 1 else "later_frame")
    orientation = 1 if loaded.is_upright else facts.orientation
    upright = turn_upright(_flatten(chosen, traits), orientation)
    width, height = loaded.original_size
    if orientation >= 5:
        width, height = height, width
    return DecodedImage(upright, kind in ("PNG", "GIF"), (width, height), traits)


def _shrink(image: Image.Image) -> Image.Image:
    """Return ``image`` without a palette, with 8 bits per channel and sides up to `MAX_SIDE`."""
    pixels = image.width * image.height
    factor = 1
    if pixels > _DIRECT_PIXELS:
        factor = max(2, round(max(image.size) / MAX_SIDE))
        rows = max(1, _STRIP_PIXELS // image.width // factor) * factor
        small: Image.Image | None = None
        for top in range(0, image.height, rows):
            box = (0, top, image.width, min(top + rows, image.height))
            strip = _simplify(image.crop(box)).reduce(factor)
            if small is None:
                size = (strip.width, -(-image.height // factor))
                small = Image.new(strip.mode, size)
            small.paste(strip, (0, top // factor))
        assert small is not None
        image = small
    else:
        image = _simplify(image)
    if max(image.size) > MAX_SIDE:
        image.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.LANCZOS, reducing_gap=None)
    return image


def _simplify(image: Image.Image) -> Image.Image:
    """Return ``image`` as RGB, RGBA, L, LA or CMYK."""
    if image.mode.startswith(("I", "F")):
        # Scale 16 bits to 8, because a plain conversion would clip to white.
        wide = image.convert("I")
        gray = wide.point(lambda value: value / 256).convert("L")
        if not isinstance(key := image.info.get("transparency"), int):
            return gray
        # Compare all 16 bits, because colors with the same upper 8 bits are different colors.
        above = wide.point(lambda value: value * 255 - key * 255).convert("L")
        below = wide.point(lambda value: value * -255 + key * 255).convert("L")
        gray.putalpha(ImageChops.lighter(above, below))
        return gray
    if image.mode in ("RGB", "L", "1") and "transparency" in image.info:
        return image.convert("RGBA")
    if image.mode in ("P", "PA"):
        return image.convert("RGBA" if image.has_transparency_data else "RGB")
    if image.mode in ("RGB", "RGBA", "L", "LA", "CMYK"):
        return image
    if image.mode == "1":
        return image.convert("L")
    return image.convert("RGBA" if "A" in image.mode.upper() else "RGB")


def _is_transparent(image: Image.Image) -> bool:
    if image.mode != "RGBA":
        return False
    _, most = image.getchannel("A").getextrema()
    return isinstance(most, int | float) and most < _VISIBLE_ALPHA


def _is_flat(image: Image.Image) -> bool:
    """Return whether an RGB image looks like a single color."""
    # In the thumbnail, single pixels of another color do not count.
    small = image.copy()
    small.thumbnail((512, 512), Image.Resampling.BOX)
    return all(high - low < _VISIBLE_SPREAD for low, high in ImageStat.Stat(small).extrema)


def _flatten(image: Image.Image, traits: set[str]) -> Image.Image:
    """Return ``image`` on white, or on black if it could not be seen on white."""
    if image.mode != "RGBA":
        return image
    alpha = image.getchannel("A")
    least, _ = alpha.getextrema()
    if least == 255:
        return image.convert("RGB")
    flat, trait = _paste_on(image, alpha, _WHITE), "on_white"
    if _is_flat(flat):
        dark = _paste_on(image, alpha, _BLACK)
        if not _is_flat(dark):
            flat, trait = dark, "on_black"
    if isinstance(least, int | float) and least < 255 - _VISIBLE_ALPHA:
        traits.add(trait)
    return flat


def _paste_on(image: Image.Image, alpha: Image.Image, color: tuple[int, int, int]) -> Image.Image:
    flat = Image.new("RGB", image.size, color)
    flat.paste(image.convert("RGB"), mask=alpha)
    return flat
