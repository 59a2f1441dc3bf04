"""The chips above the wall: links that narrow a search, or widen it again."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from bot.domain.showcase.gallery import ClipLength, ClipShape, GallerySearch
from bot.web.clip_counts import CountedClips
from bot.web.page_texts import PageTexts

_MAX_MODELS: Final = 8


@dataclass(frozen=True, slots=True)
class Chip:
    """A link to ``search``. ``count`` says to how many clips, `None` if not all were counted."""

    label: str
    search: GallerySearch
    is_chosen: bool
    count: int | None


@dataclass(frozen=True, slots=True)
class ChipGroup:
    label: str
    chips: Sequence[Chip]


def build_chips(
    search: GallerySearch,
    counted: CountedClips,
    texts: PageTexts,
    get_model_name: Callable[[str], str],
) -> list[ChipGroup]:
    """Return the chips for shape, length and model that lead to clips, and those chosen now.

    A group in which there is nothing to choose is left out.
    """
    models = {model: get_model_name(model) for model in _list_models(search, counted)}
    choices: dict[str, Mapping[Any, str]] = {
        "shape": {shape: texts(f"shape.{shape}") for shape in ClipShape},
        "length": {length: texts(f"length.{length}") for length in ClipLength},
        "model": dict(sorted(models.items(), key=lambda model: model[1])),
    }
    groups = []
    for field, labels in choices.items():
        chips = [
            _build_chip(search, counted, field, value, label) for value, label in labels.items()
        ]
        chips = [chip for chip in chips if chip.is_chosen or chip.count != 0]
        if len(chips) > 1 or any(chip.is_chosen for chip in chips):
            groups.append(ChipGroup(texts(f"filter.{field}"), chips))
    return groups


def _list_models(search: GallerySearch, counted: CountedClips) -> list[str]:
    """Return the ids of the models with the most clips, and of the one that is chosen."""
    clips: dict[str, int] = {}
    for group in counted.groups:
        clips[group.model] = clips.get(group.model, 0) + group.count
    models = sorted(clips, key=lambda model: (-clips[model], model))[:_MAX_MODELS]
    return list(dict.fromkeys([*models, *filter(None, [search.model])]))


def _build_chip(
    search: GallerySearch, counted: CountedClips, field: str, value: object, label: str
) -> Chip:
    chosen: dict[str, Any] = {field: value}
    widened: dict[str, Any] = {field: None}
    narrowed = replace(search, **chosen)
    is_chosen = narrowed == search
    return Chip(
        label=label,
        search=replace(search, **widened) if is_chosen else narrowed,
        is_chosen=is_chosen,
        count=None if counted.is_partial else counted.count(narrowed),
    )
