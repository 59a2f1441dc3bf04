"""Checks the images in a request by their content, whatever their declared type.

Veo accepts JPEG and PNG up to 20 MB (Vertex AI documentation, "Veo on Vertex AI API", ``image``).
"""

import base64
import binascii
import io
from dataclasses import dataclass
from typing import Final

from PIL import Image

from sandbox.google.errors import InvalidArgument
from sandbox.google.payload_fields import PayloadFields

MAX_IMAGE_BYTES: Final = 20 * 1024 * 1024
MAX_IMAGE_PIXELS: Final = 64_000_000
"""A limit against decompression bombs. Google does not document its own."""

_FORMATS: Final = {"image/jpeg": "JPEG", "image/png": "PNG"}


@dataclass(frozen=True, slots=True)
class SubmittedImage:
    """A JPEG or PNG that can be decoded."""

    data: bytes
    mime_type: str


def read_image(fields: PayloadFields) -> SubmittedImage:
    """Return the image in an Image object's fields. Raises InvalidArgument."""
    text = fields.text("bytesBase64Encoded")
    if not text:
        raise InvalidArgument(f"Image bytes are missing in `{fields.path}`.")
    mime_type = fields.text("mimeType")
    if mime_type not in _FORMATS:
        raise InvalidArgument(
            f"Unsupported MIME type in `{fields.path}`: {mime_type or 'none given'}. "
            "Supported types are image/jpeg and image/png."
        )
    data = decode_base64(text, fields.field_path("bytesBase64Encoded"))
    if len(data) > MAX_IMAGE_BYTES:
        raise InvalidArgument(f"The image in `{fields.path}` exceeds the size limit of 20 MB.")
    _check_image(data, _FORMATS[mime_type])
    return SubmittedImage(data, mime_type)


def decode_base64(text: str, path: str) -> bytes:
    """Return the bytes of a base64 text. Raises InvalidArgument."""
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidArgument(
            f"Invalid value at '{path}' (TYPE_BYTES), Base64 decoding failed for \"{text[:32]}\"."
        ) from error


def _check_image(data: bytes, expected: str) -> None:
    try:
        with Image.open(io.BytesIO(data), formats=["JPEG", "PNG"]) as image:
            actual, (width, height) = image.format, image.size
            if width * height <= MAX_IMAGE_PIXELS:
                image.load()
    except (OSError, ValueError, SyntaxError, Warning, Image.DecompressionBombError) as error:
        raise _unusable_image() from error
    if actual != expected or width * height > MAX_IMAGE_PIXELS:
        raise _unusable_image()


def _unusable_image() -> InvalidArgument:
    return InvalidArgument(
        "Unable to process input image. Please retry or report in "
        "https://developers.generativeai.google/guide/troubleshooting"
    )
