"""The images, videos and words of an interaction's input, and the roles that tags give them.

An image without a tag is not a first frame but a reference. A tag for missing media is refused.
"""

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Any, Final

from PIL import Image

from sandbox.google.omni.refusals import InteractionRefused, invalid_request
from sandbox.google.overlay import open_image

_IMAGE_TYPES: Final = frozenset(
    {"image/png", "image/jpeg", "image/webp", "image/heic", "image/heif"}
)
_VIDEO_TYPES: Final = frozenset(
    {"video/mp4", "video/mov", "video/webm", "video/mpeg", "video/wmv", "video/flv", "video/3gpp"}
)
_ROLE: Final = re.compile(
    r"<(FIRST_FRAME|LAST_FRAME|IMAGE_REF_\d+|VIDEO_REF_\d+)>(?:@(?:Image|Video)(\d+))?"
)
_ANY_TAG: Final = re.compile(r"<[A-Z_]+\d*>(?:@\w+)?")
_GROUP: Final = re.compile(r"\[#[^\]]*\]")


@dataclass(frozen=True, slots=True)
class MediaContent:
    """An image or video in the input: its bytes, or the address of a file."""

    kind: str
    mime_type: str
    data: bytes | None
    uri: str | None


@dataclass(frozen=True, slots=True)
class InputContent:
    """The whole input: the unchanged words, and the media in their order."""

    text: str
    media: tuple[MediaContent, ...]

    @property
    def pictures(self) -> list[MediaContent]:
        """The images, in the order in which ``@Image1`` counts them."""
        return [item for item in self.media if item.kind == "image"]

    @property
    def videos(self) -> list[MediaContent]:
        """The videos."""
        return [item for item in self.media if item.kind == "video"]

    @property
    def prompt(self) -> str:
        """The words without tags."""
        return " ".join(_ANY_TAG.sub(" ", _GROUP.sub(" ", self.text)).split())


@dataclass(frozen=True, slots=True)
class MediaRoles:
    """What each image is for."""

    first_frame: MediaContent | None
    last_frame: MediaContent | None
    references: tuple[MediaContent, ...]


def read_content(value: Any, *, only_bucket: bool) -> InputContent:
    """Return the input of a body; with ``only_bucket`` media must be in Cloud Storage.

    Raises InteractionRefused.
    """
    if value is None or isinstance(value, str):
        return InputContent(value or "", ())
    if isinstance(value, dict):
        value = [value]
    if not isinstance(value, list):
        raise invalid_request("Invalid value for 'input'.")
    items: list[Any] = []
    for item in value:
        if isinstance(item, dict) and item.get("type") == "user_input":
            content = item.get("content")
            items += content if isinstance(content, list) else [content]
        else:
            items.append(item)
    parts = [_read_item(item, only_bucket=only_bucket) for item in items]
    return InputContent(
        text="\n".join(part for part in parts if isinstance(part, str)),
        media=tuple(part for part in parts if isinstance(part, MediaContent)),
    )


def assign_roles(content: InputContent) -> MediaRoles:
    """Give each image the role in its tag. Raises InteractionRefused."""
    pictures = content.pictures
    tags = {match[1]: match[2] for match in _ROLE.finditer(content.text)}
    if "LAST_FRAME" in tags and "FIRST_FRAME" not in tags:
        raise invalid_request("<LAST_FRAME> must be used in combination with <FIRST_FRAME>.")
    left = list(range(len(pictures)))

    def take(tag: str) -> MediaContent | None:
        if tag not in tags:
            return None
        number = tags[tag]
        index = int(number) - 1 if number else left[0] if left else -1
        if index not in left:
            raise _no_such_media(tag)
        left.remove(index)
        return pictures[index]

    first, last = take("FIRST_FRAME"), take("LAST_FRAME")
    _check_references(tags, left, len(content.videos))
    numbered = sorted(
        (tag for tag in tags if tag.startswith("IMAGE_REF_") and tags[tag]),
        key=lambda tag: int(tag.rpartition("_")[2]),
    )
    named = [int(tags[tag]) - 1 for tag in numbered]
    order = [*named, *(index for index in left if index not in named)]
    return MediaRoles(first, last, tuple(pictures[index] for index in order))


def _check_references(tags: dict[str, str], left: list[int], videos: int) -> None:
    """Raise InteractionRefused for a numbered tag without its image or video."""
    for tag, number in tags.items():
        kind, _, position = tag.rpartition("_REF_")
        if kind == "IMAGE":
            is_there = int(number) - 1 in left if number else int(position) < len(left)
        elif kind == "VIDEO":
            is_there = int(number or position) <= videos - (not number)
        else:
            continue
        if not is_there:
            raise _no_such_media(tag)


def _no_such_media(tag: str) -> InteractionRefused:
    kind = "a video" if tag.startswith("VIDEO") else "an image"
    return invalid_request(f"<{tag}> names {kind} that is not there.")


def _read_item(item: Any, *, only_bucket: bool) -> str | MediaContent:
    if isinstance(item, str):
        return item
    kind = item.get("type") if isinstance(item, dict) else None
    if kind == "text":
        return str(item.get("text", ""))
    types = {"image": _IMAGE_TYPES, "video": _VIDEO_TYPES}.get(str(kind))
    if types is None:
        raise invalid_request(f"Content of type '{kind}' is not supported by this model.")
    mime_type = item.get("mime_type")
    if mime_type not in types:
        raise invalid_request(f"Unsupported MIME type: {mime_type}.")
    data, uri = item.get("data"), item.get("uri")
    if (data is None) == (uri is None):
        raise invalid_request(f"Give either `data` or `uri` for content of type '{kind}'.")
    if only_bucket and not (isinstance(uri, str) and uri.startswith("gs://")):
        raise invalid_request("Only Cloud Storage URIs (gs://…) are supported for media inputs.")
    decoded = None if data is None else _decode(data)
    if kind == "image" and decoded is not None:
        check_image(decoded)
    return MediaContent(str(kind), str(mime_type), decoded, uri)


def _decode(data: Any) -> bytes:
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, TypeError, ValueError) as error:
        raise invalid_request("Base64 decoding of `data` failed.") from error


def check_image(data: bytes) -> None:
    """Raise InteractionRefused for bytes that are not an image."""
    try:
        open_image(data)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise invalid_request("Unable to process input image.") from error
