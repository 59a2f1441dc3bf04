"""Filmstrips in the form that a clip's page shows: a timeline with branches."""

from dataclasses import dataclass

from bot.domain.jobs.request import GenerationMode
from bot.domain.showcase.filmstrip import FilmPart, Filmstrip
from bot.domain.showcase.gallery import GalleryEntry
from bot.domain.showcase.page_paths import build_clip_path
from bot.web.page_texts import PageTexts
from bot.web.query import START_PARAMETER
from bot.web.site import GallerySite
from bot.web.view_models import CardView, build_card_view, format_time


@dataclass(frozen=True, slots=True)
class PartView:
    """A part of a filmstrip. ``step`` and the symbol ``mark`` say how its clip was made.

    ``seek`` is the address at which the shown clip begins with this part, `None` if it does not
    contain it.
    """

    card: CardView
    mark: str
    step: str
    start: str
    end: str
    start_s: int
    end_s: int
    seek: str | None
    is_shown: bool


@dataclass(frozen=True, slots=True)
class FilmstripView:
    """Parts in a row, and how they continue. ``count`` has the clips of all branches."""

    parts: list[PartView]
    branches: list["FilmstripView"]
    count: int


def build_filmstrip_view(
    filmstrip: Filmstrip, shown: GalleryEntry, site: GallerySite, texts: PageTexts
) -> FilmstripView:
    """Return the filmstrip of the clip ``shown`` in the language of ``texts``."""
    return FilmstripView(
        parts=[_build_part_view(part, shown, site, texts) for part in filmstrip.parts],
        branches=[
            build_filmstrip_view(branch, shown, site, texts) for branch in filmstrip.branches
        ],
        count=len(filmstrip.list_parts()),
    )


def _build_part_view(
    part: FilmPart, shown: GalleryEntry, site: GallerySite, texts: PageTexts
) -> PartView:
    mark, step = _name_step(part.entry, texts)
    return PartView(
        card=build_card_view(part.entry, site, texts),
        mark=mark,
        step=step,
        start=format_time(part.start_s),
        end=format_time(part.end_s),
        start_s=part.start_s,
        end_s=part.end_s,
        seek=build_start_path(shown, part.start_s) if part.is_contained else None,
        is_shown=part.entry.clip.id == shown.clip.id,
    )


def build_start_path(shown: GalleryEntry, start_s: int) -> str:
    """Return the path of a clip's page on which it begins at ``start_s``."""
    path = build_clip_path(shown.clip.id)
    return f"{path}?{START_PARAMETER}={start_s}" if start_s else path


def _name_step(entry: GalleryEntry, texts: PageTexts) -> tuple[str, str]:
    if entry.clip.mode is GenerationMode.EDIT:
        return "✎", texts("chain.edit")
    if entry.clip.mode is GenerationMode.CONTINUATION:
        return "⤷", texts("chain.shot")
    if not entry.clip.extension_depth:
        return "", texts("chain.first")
    return "⤷", texts("chain.step", count=entry.clip.extension_depth)
