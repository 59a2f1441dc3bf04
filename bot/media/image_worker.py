"""Decodes one picture of unknown content, in a process of its own; never imported by the bot.

Image files are made to break decoders. This program runs them where a crash, a loop or a bomb
harms nobody: with hard limits on memory, time and file size, and without anything of the bot in
its memory. It reads `source`, writes a new file that its own encoder made (so nothing of the old
one survives: no metadata, no trailing data), and says one line of JSON.

Run as `python -I picture_worker.py SOURCE DESTINATION`. Answers `{"mime_type", "width",
"height"}` or `{"refused": reason, …}`.
"""

import contextlib
import json
import resource
import sys
import warnings
from io import BytesIO
from pathlib import Path
from typing import Any, Final

from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

ALLOWED_FORMATS: Final = ("JPEG", "PNG", "WEBP", "GIF", "HEIF", "AVIF")
"""Every decoder that may run, whatever the file says it is."""

MAX_PIXELS: Final = 64_000_000
"""A larger picture is taken for a bomb: 64 megapixels are 256 MB when decoded."""

MAX_SIDE: Final = 4096
MAX_BYTES: Final = 20 * 1024 * 1024 - 64 * 1024
"""Google takes 20 MB an image; with a margin."""

MIN_SIDE: Final = 8
_RESIZABLE_MODES: Final = frozenset({"RGB", "RGBA", "L", "LA", "CMYK", "YCbCr"})
_MEMORY_LIMIT_BYTES: Final = 3 * 512 * 1024**2
_CPU_LIMIT_S: Final = 20
_FILE_LIMIT_BYTES: Final = 256 * 1024 * 1024
_JPEG_QUALITIES: Final = (95, 90, 82)


class ImageRejected(Exception):
    """The file is no picture that may be used; the arguments are reason and values."""

    def __init__(self, reason: str, **values: str | int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.values = values


def apply_process_limits() -> None:
    """Bind this process to its limits."""
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_LIMIT_BYTES, _MEMORY_LIMIT_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_LIMIT_S, _CPU_LIMIT_S + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_FILE_LIMIT_BYTES, _FILE_LIMIT_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def convert_image(source: Path, destination: Path) -> dict[str, Any]:
    """Read ``source``, write what Veo takes to ``destination``, and return what it is.

    Raises `Refused`.
    """
    try:
        picture, lossless = _read_image(source)
    except ImageRejected:
        raise
    except (UnidentifiedImageError, Image.DecompressionBombError) as error:
        bomb = isinstance(error, Image.DecompressionBombError)
        raise ImageRejected("image_too_large" if bomb else "not_an_image") from error
    except MemoryError as error:
        raise ImageRejected("image_too_large") from error
    except Exception as error:  # a decoder raises anything on a broken file
        raise ImageRejected("image_broken") from error
    data, mime_type, picture = _encode_image(picture, lossless=lossless)
    destination.write_bytes(data)
    return {"mime_type": mime_type, "width": picture.width, "height": picture.height}


def _read_image(source: Path) -> tuple[Image.Image, bool]:
    """Return the picture as it is to be sent, and whether its file kept every pixel."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        Image.MAX_IMAGE_PIXELS = MAX_PIXELS
        with Image.open(source, formats=ALLOWED_FORMATS) as opened:
            if opened.width * opened.height > MAX_PIXELS:
                raise ImageRejected("image_too_large", width=opened.width, height=opened.height)
            if min(opened.size) < MIN_SIDE:
                raise ImageRejected("image_too_small", width=opened.width, height=opened.height)
            profile = opened.info.get("icc_profile")
            lossless = opened.format in ("PNG", "GIF")
            if opened.mode in _RESIZABLE_MODES:
                # Before anything makes a copy; for JPEG the decoder skips the detail at once.
                opened.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.LANCZOS)
            opened.load()
            picture: Image.Image = opened
            with contextlib.suppress(Exception):  # a broken orientation is no orientation
                picture = ImageOps.exif_transpose(opened)
            picture = _convert_to_srgb(picture, profile)
    if max(picture.size) > MAX_SIDE:
        picture.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.LANCZOS)
    if min(picture.size) < MIN_SIDE:
        raise ImageRejected("image_too_small", width=picture.width, height=picture.height)
    return picture, lossless


def _convert_to_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """Return the picture as 8-bit sRGB, with its transparency where it has some."""
    transparent = picture.has_transparency_data
    if picture.mode.startswith(("I", "F")):
        # Sixteen bits: scale, where a plain conversion would clip to white.
        picture = picture.convert("I").point(lambda value: value / 256).convert("L")
    if profile and picture.mode in ("RGB", "RGBA", "CMYK", "L"):
        with contextlib.suppress(ImageCms.PyCMSError, OSError, ValueError):
            converted = ImageCms.profileToProfile(
                picture.convert("RGB") if picture.mode == "RGBA" else picture,
                ImageCms.ImageCmsProfile(BytesIO(profile)),
                ImageCms.createProfile("sRGB"),
                outputMode="RGB",
            )
            if converted is not None:
                if picture.mode == "RGBA":
                    converted.putalpha(picture.getchannel("A"))
                picture = converted
    wanted = "RGBA" if transparent else "RGB"
    return picture if picture.mode == wanted else picture.convert(wanted)


def _encode_image(picture: Image.Image, *, lossless: bool) -> tuple[bytes, str, Image.Image]:
    """Return the bytes, their MIME type and the picture in them, as large as fits."""
    clean = Image.new(picture.mode, picture.size)
    clean.paste(picture)
    if lossless or clean.mode == "RGBA":
        data = _save_image(clean, "PNG", compress_level=3)
        if len(data) <= MAX_BYTES:
            return data, "image/png", clean
    if clean.mode == "RGBA":
        flat = Image.new("RGB", clean.size, (255, 255, 255))
        flat.paste(clean, mask=clean.getchannel("A"))
        clean = flat
    while True:
        for quality in _JPEG_QUALITIES:
            data = _save_image(clean, "JPEG", quality=quality, subsampling=0)
            if len(data) <= MAX_BYTES:
                return data, "image/jpeg", clean
        clean = clean.resize((clean.width * 3 // 4, clean.height * 3 // 4))


def _save_image(picture: Image.Image, image_format: str, **options: Any) -> bytes:
    buffer = BytesIO()
    picture.save(buffer, image_format, **options)
    return buffer.getvalue()


def main(arguments: list[str]) -> int:
    """Convert one picture and say what it is; never a stack trace."""
    import pillow_heif

    apply_process_limits()
    pillow_heif.register_heif_opener(thumbnails=False)
    source, destination = map(Path, arguments)
    try:
        said = convert_image(source, destination)
    except ImageRejected as refusal:
        said = {"refused": refusal.reason, **refusal.values}
    except MemoryError:
        said = {"refused": "image_too_large"}
    sys.stdout.write(json.dumps(said))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
