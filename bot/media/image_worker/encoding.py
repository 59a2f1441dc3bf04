"""Writes images in a format that Veo accepts, small enough for any request."""

from io import BytesIO
from pathlib import Path
from typing import Any, Final

from PIL import Image

MAX_BYTES: Final = 4608 * 1024
"""Three images in base64 are below 20 MiB, the smallest limit for requests that Google states."""
_JPEG_QUALITIES: Final = (95, 90, 82)


def write_image(image: Image.Image, destination: Path, *, is_lossless: bool) -> dict[str, Any]:
    """Write an RGB ``image`` with at most `MAX_BYTES`, reducing it if needed; describe the file."""
    data, mime_type, size = _encode_image(image, is_lossless=is_lossless)
    destination.write_bytes(data)
    return {"mime_type": mime_type, "width": size[0], "height": size[1]}


def _encode_image(image: Image.Image, *, is_lossless: bool) -> tuple[bytes, str, tuple[int, int]]:
    clean = Image.new("RGB", image.size)  # drops the metadata that Pillow keeps with an image
    clean.paste(image)
    if is_lossless:
        data = _save_image(clean, "PNG", compress_level=3)
        if len(data) <= MAX_BYTES:
            return data, "image/png", clean.size
    while True:
        for quality in _JPEG_QUALITIES:
            data = _save_image(clean, "JPEG", quality=quality, subsampling=0)
            if len(data) <= MAX_BYTES:
                return data, "image/jpeg", clean.size
        clean = clean.resize((clean.width * 3 // 4, clean.height * 3 // 4))


def _save_image(image: Image.Image, image_format: str, **options: Any) -> bytes:
    buffer = BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()
