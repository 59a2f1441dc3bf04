"""Decodes one image of unknown content, in a process of its own; never imported by the bot.

Image files can be made to break decoders. Here a crash, a loop or a decompression bomb does no
harm: memory, time and file size are limited, and nothing of the bot is in memory. The image is
encoded anew, so that neither metadata nor trailing data survives.

Run as `python -I image_worker.py SOURCE DESTINATION`. Prints one line of JSON: `{"mime_type",
"width", "height"}` or `{"refused": reason, …}`.
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
"""The only decoders that may run, whatever the file claims to be."""
MAX_PIXELS: Final = 64_000_000
"""A larger image is treated as a bomb: 64 megapixels are 256 MB when decoded."""
MAX_SIDE: Final = 4096
MAX_BYTES: Final = 20 * 1024 * 1024 - 64 * 1024
"""Google accepts 20 MB an image; minus a margin."""
MIN_SIDE: Final = 8
_RESIZABLE_MODES: Final = frozenset({"RGB", "RGBA", "L", "LA", "CMYK", "YCbCr"})
_MEMORY_LIMIT_BYTES: Final = 3 * 512 * 1024**2
_CPU_LIMIT_S: Final = 20
_FILE_LIMIT_BYTES: Final = 256 * 1024 * 1024
_JPEG_QUALITIES: Final = (95, 90, 82)


class ImageRejected(Exception):
    """The image cannot be used; ``reason`` and ``values`` go to the member's error message."""

    def __init__(self, reason: str, **values: str | int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.values = values


def apply_process_limits() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_LIMIT_BYTES, _MEMORY_LIMIT_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (_CPU_LIMIT_S, _CPU_LIMIT_S + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_FILE_LIMIT_BYTES, _FILE_LIMIT_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def convert_image(source: Path, destination: Path) -> dict[str, Any]:
    """Write ``source`` to ``destination`` as an image that Veo accepts, and describe it.

    Raises `ImageRejected`.
    """
    try:
        image, lossless = _read_image(source)
    except ImageRejected:
        raise
    except UnidentifiedImageError as error:
        raise ImageRejected("not_an_image") from error
    except (Image.DecompressionBombError, MemoryError) as error:
        raise ImageRejected("image_too_large") from error
    except Exception as error:  # decoders raise anything on broken files
        raise ImageRejected("image_broken") from error
    data, mime_type, image = _encode_image(image, lossless=lossless)
    destination.write_bytes(data)
    return {"mime_type": mime_type, "width": image.width, "height": image.height}


def _read_image(source: Path) -> tuple[Image.Image, bool]:
    """Return the image to send, and whether its file was lossless."""
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
                # Before anything copies it; JPEG's decoder skips the detail altogether.
                opened.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.LANCZOS)
            opened.load()
            image: Image.Image = opened
            with contextlib.suppress(Exception):  # ignore a broken orientation
                image = ImageOps.exif_transpose(opened)
            image = _convert_to_srgb(image, profile)
    if max(image.size) > MAX_SIDE:
        image.thumbnail((MAX_SIDE, MAX_SIDE), Image.Resampling.LANCZOS)
    if min(image.size) < MIN_SIDE:
        raise ImageRejected("image_too_small", width=image.width, height=image.height)
    return image, lossless


def _convert_to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Return the image as 8-bit sRGB, keeping any transparency."""
    has_alpha = image.has_transparency_data
    if image.mode.startswith(("I", "F")):
        # Sixteen bits: a plain conversion would clip to white instead of scaling.
        image = image.convert("I").point(lambda value: value / 256).convert("L")
    if profile and image.mode in ("RGB", "RGBA", "CMYK", "L"):
        with contextlib.suppress(ImageCms.PyCMSError, OSError, ValueError):
            converted = ImageCms.profileToProfile(
                image.convert("RGB") if image.mode == "RGBA" else image,
                ImageCms.ImageCmsProfile(BytesIO(profile)),
                ImageCms.createProfile("sRGB"),
                outputMode="RGB",
            )
            if converted is not None:
                if image.mode == "RGBA":
                    converted.putalpha(image.getchannel("A"))
                image = converted
    mode = "RGBA" if has_alpha else "RGB"
    return image if image.mode == mode else image.convert(mode)


def _encode_image(image: Image.Image, *, lossless: bool) -> tuple[bytes, str, Image.Image]:
    """Return the bytes, their MIME type and the encoded image, as large as `MAX_BYTES` allows."""
    clean = Image.new(image.mode, image.size)
    clean.paste(image)
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


def _save_image(image: Image.Image, image_format: str, **options: Any) -> bytes:
    buffer = BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


def main(arguments: list[str]) -> int:
    """Convert one image and print the answer, never a stack trace."""
    import pillow_heif

    apply_process_limits()
    pillow_heif.register_heif_opener(thumbnails=False)
    source, destination = map(Path, arguments)
    try:
        answer = convert_image(source, destination)
    except ImageRejected as error:
        answer = {"refused": error.reason, **error.values}
    except MemoryError:
        answer = {"refused": "image_too_large"}
    sys.stdout.write(json.dumps(answer))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
