"""Texts about what is done with a member's images."""

from typing import Final

from bot.domain.jobs.pictures import NoteKind, PictureNote
from bot.i18n.catalogs import translate

_GOOD_SIZE: Final = "1280×720"


def format_picture_note(note: PictureNote, locale: str | None = None) -> str:
    """Return one line about the image of one option."""
    key = f"image_note.{note.kind}"
    if note.kind is NoteKind.CROPPED:
        key += ".sides" if note.is_cut_at_sides else ".top_bottom"
    elif note.kind is NoteKind.TRAIT:
        key = f"image_note.{note.trait}"
    return translate(
        key,
        locale,
        option=translate(f"name.option.{note.option}", locale),
        size=f"{note.width}×{note.height}",
        good=_GOOD_SIZE,
        ratio=str(note.aspect_ratio or ""),
        percent=note.cut_percent,
    )
