"""Which pictures can be used, and what members are told about how they are changed.

For neither route does Google document what happens to pictures that are transparent, tiny or of
another shape than the clip. So none of them reaches Google. Members learn before they pay what the
bot does with such a picture.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bot.domain.errors import ImageRefused
from bot.domain.jobs.request import AspectRatio, InputImage, PictureFit, VideoRequest

MAX_FILE_BYTES: Final = 64 * 1024 * 1024
"""Larger files are not fetched. Discord's own limits are in MiB too."""
MAX_PIXELS: Final = 210_000_000
"""More than any phone's camera. The decoder has a lower limit for each format."""
MIN_SIDE: Final = 64
SMALL_SIDE: Final = 180
"""A quarter of 720p. Clips of smaller pictures are likely to be blurred, so members are asked."""
MAX_ELONGATION: Final = 4.0
"""The longer side of a frame, as a multiple of the other. A clip would show little of a strip."""
_ASK_ABOVE_CUT: Final = 0.10
_MENTION_ABOVE_CUT: Final = 0.01


class PictureTrait(StrEnum):
    """A change to a picture that its owner might not expect."""

    ON_WHITE = "on_white"
    ON_BLACK = "on_black"
    FIRST_FRAME = "first_frame"
    LATER_FRAME = "later_frame"
    CUT_OFF = "cut_off"


class NoteKind(StrEnum):
    CROPPED = "cropped"
    FITTED = "fitted"
    SMALL = "small"
    TRAIT = "trait"


@dataclass(frozen=True, slots=True)
class ImportedImage(InputImage):
    """A picture that was imported for this request, with what the member should know about it.

    The original size is that of the member's file, turned upright.
    """

    original_width: int = 0
    original_height: int = 0
    traits: frozenset[PictureTrait] = frozenset()


@dataclass(frozen=True, slots=True)
class PictureNote:
    """One fact that the member should know about the picture of ``option``.

    ``cut_percent`` is how much of it a crop removes, at the sides or at top and bottom.
    """

    kind: NoteKind
    option: str
    needs_answer: bool = False
    trait: PictureTrait | None = None
    width: int = 0
    height: int = 0
    aspect_ratio: AspectRatio | None = None
    cut_percent: int = 0
    is_cut_at_sides: bool = False


def list_pictures(request: VideoRequest) -> Iterator[tuple[str, InputImage]]:
    """Yield the pictures of ``request``, each with the name of its option."""
    if request.image is not None:
        yield "image", request.image
    if request.last_frame is not None:
        yield "last_frame", request.last_frame
    for number, image in enumerate(request.references, start=1):
        yield f"reference_{number}", image


def require_usable_size(option: str, width: int, height: int) -> None:
    """Raise `ImageRefused` for a picture that is too large, too small or too long for a clip."""
    if width * height > MAX_PIXELS:
        megapixels = MAX_PIXELS // 1_000_000
        raise ImageRefused("image_too_large", megapixels=megapixels, width=width, height=height)
    if min(width, height) < MIN_SIDE:
        raise ImageRefused("image_too_small", least=MIN_SIDE, width=width, height=height)
    if not option.startswith("reference") and max(width, height) > MAX_ELONGATION * min(
        width, height
    ):
        raise ImageRefused("image_too_thin", most=int(MAX_ELONGATION), width=width, height=height)


def measure_cut(image: InputImage, ratio: AspectRatio) -> float:
    """Return the share of ``image`` that a crop to ``ratio`` removes."""
    across, _, down = ratio.partition(":")
    target_shape = int(across) / int(down)
    shape = image.width / image.height
    return 1.0 - min(target_shape, shape) / max(target_shape, shape)


def has_shape(image: InputImage, ratio: AspectRatio) -> bool:
    """Return whether ``image`` has the shape of ``ratio``, with one pixel of tolerance."""
    across, down = (int(part) for part in ratio.split(":"))
    return (
        abs(image.width - image.height * across / down) <= 1
        or abs(image.height - image.width * down / across) <= 1
    )


def list_picture_notes(request: VideoRequest, ratio: AspectRatio) -> tuple[PictureNote, ...]:
    """Return what the member should know about the pictures of a clip in ``ratio``."""
    notes: list[PictureNote] = []
    for option, image in list_pictures(request):
        if not option.startswith("reference"):  # references keep their shape
            notes += _list_shape_notes(option, image, ratio, request.picture_fit)
        if not isinstance(image, ImportedImage):
            continue
        width, height = image.original_width, image.original_height
        if min(image.width, image.height) < SMALL_SIDE:
            notes.append(
                PictureNote(NoteKind.SMALL, option, needs_answer=True, width=width, height=height)
            )
        notes += [
            PictureNote(NoteKind.TRAIT, option, trait=trait) for trait in sorted(image.traits)
        ]
    return tuple(notes)


def _list_shape_notes(
    option: str, image: InputImage, ratio: AspectRatio, fit: PictureFit | None
) -> Iterator[PictureNote]:
    cut = measure_cut(image, ratio)
    if has_shape(image, ratio) or cut < _MENTION_ABOVE_CUT:
        return
    original = (image.width, image.height)
    if isinstance(image, ImportedImage):
        original = (image.original_width, image.original_height)
    yield PictureNote(
        NoteKind.FITTED if fit is PictureFit.FIT else NoteKind.CROPPED,
        option,
        needs_answer=fit is None and cut > _ASK_ABOVE_CUT,
        width=original[0],
        height=original[1],
        aspect_ratio=ratio,
        cut_percent=round(cut * 100),
        is_cut_at_sides=_is_wider(image, ratio),
    )


def _is_wider(image: InputImage, ratio: AspectRatio) -> bool:
    """Return whether ``image`` is wider than ``ratio``."""
    across, down = (int(part) for part in ratio.split(":"))
    return image.width * down > image.height * across
